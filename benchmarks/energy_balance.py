"""Does energy balance in a run? What sources deliver = what is dissipated + what is stored.

Currents and phases of all devices are recorded at every step. The sources' work is the integral
of current over flux. The other side is made of the devices' own laws, not of the solver's
currents times its voltages, for those balance in any solution of Kirchhoff's equations:

    resistor    R * integral of I^2
    junction    integral of v * I_quasiparticle(v);  C v^2 / 2;  Ic Phi0 / 2 pi * (1 - cos phi)
    capacitor   C v^2 / 2
    inductors   I' L I / 2, couplings included
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from netlist_gen.errors import ConfigurationError
from verification.engine.equations.constants import SIGMA
from verification.engine.lanes.results import Extract
from verification.engine.run import CompiledDeck
from verification.engine.text.deck import ModelCard, PrintRequest
from verification.engine.text.devices import Element
from verification.engine.text.lines import Place
from verification.engine.text.reader import read_deck
from verification.waves.waveforms import Waveforms

FloatArray = NDArray[np.float64]
_PLACE = Place("energy balance", 1)


@dataclass(frozen=True)
class EnergyBalance:
    """Energies of one run from t = 0 to its end, J."""

    sources_J: float
    dissipated_J: float
    stored_J: float

    @property
    def relative_error(self) -> float:
        """|sources - dissipated - stored| over what the sources delivered."""
        return abs(self.sources_J - self.dissipated_J - self.stored_J) / abs(self.sources_J)


def energy_balance(text: str, *, name: str = "deck", step_s: float | None = None) -> EnergyBalance:
    """Run a deck of B, R, L, C, K, I, V and P without noise, and sum up its energies.

    Raises:
        ConfigurationError: other devices, or junctions whose energy has no closed form here.
        DeckError, SimulatorError: as ``CompiledDeck.run``.
    """
    deck = read_deck(text, name=name)
    if step_s is not None:
        deck.transient = replace(deck.transient, step=step_s)
    deck.transient = replace(deck.transient, print_step=deck.transient.step)
    deck.prints = []
    plain = CompiledDeck(deck)
    elements = [e for e in plain.topology.flat.elements if e.kind != "K"]
    for element in elements:
        _check(element, name)
        for kind in {"B": "PV", "C": "V", "V": "PI", "P": "PI"}.get(element.kind, "I"):
            deck.prints.append(PrintRequest(kind, (element.label,), -1, _PLACE))
    compiled = CompiledDeck(deck)
    steps = np.arange(deck.transient.steps)
    every = Extract(sample_s=np.asarray(steps * deck.transient.step), energy=True)
    result = compiled.run(seed=0, extract=every)
    w = result.waveforms
    if w is None:
        raise AssertionError("samples were asked for")
    sources = sum(result.bias_energy_J.values())
    dissipated = stored = 0.0
    for element in elements:
        kind, label = element.kind, element.label
        if kind in "VP":
            current, phase = w.signal(f"I({label})"), w.signal(f"P({label})")
            work = 0.5 * (current[1:] + current[:-1]) * np.diff(phase)
            sources -= SIGMA * float(np.sum(work))
        elif kind == "R":
            dissipated += element.value * _integral(w, w.signal(f"I({label})") ** 2)
        elif kind == "C":
            v = w.signal(f"V({label})")
            stored += 0.5 * element.value * float(v[-1] ** 2 - v[0] ** 2)
        elif kind == "B":
            lost, kept = _junction(element, w)
            dissipated += lost
            stored += kept
    stored += _inductors(plain.topology.flat.elements, w)
    return EnergyBalance(sources, dissipated, stored)


def _check(element: Element, name: str) -> None:
    model = element.model
    if element.kind not in "BRLCIVP":
        raise ConfigurationError(f"{name}: {element.label} has no place in an energy balance")
    if model is not None and (model.cpr != (1.0,) or model.thermal):
        raise ConfigurationError(f"{name}: {element.label} is no junction with a plain sine")


def _integral(w: Waveforms, power: FloatArray) -> float:
    return float(np.sum(0.5 * (power[1:] + power[:-1]) * np.diff(w.time_s)))


def _junction(element: Element, w: Waveforms) -> tuple[float, float]:
    model, area = element.model, element.value
    if model is None:
        raise AssertionError("a junction without model passed the reader")
    v, phase = w.signal(f"V({element.label})"), w.signal(f"P({element.label})")
    lost = _integral(w, v * quasiparticle_current(model, area, v))
    swing = math.cos(phase[0] - model.phi) - math.cos(phase[-1] - model.phi)
    kept = model.icrit * area * SIGMA * swing
    return lost, kept + 0.5 * model.cap * area * float(v[-1] ** 2 - v[0] ** 2)


def quasiparticle_current(model: ModelCard, area: float, v: FloatArray) -> FloatArray:
    """Piecewise linear branch of a junction: r0 below the gap, a step of width delv, rn above."""
    if model.rtype == 0:
        return v * area / model.rn
    low = model.vg - 0.5 * model.delv
    steep = model.icrit * area / (model.icfact * model.delv)
    g0, gn = area / model.r0, area / model.rn
    size = np.abs(v)
    step = np.sign(v) * (g0 * low + steep * (size - low))
    return np.where(size < low, g0 * v, np.where(size < low + model.delv, step, gn * v))


def _inductors(elements: Sequence[Element], w: Waveforms) -> float:
    coils = {e.label: e.value for e in elements if e.kind == "L"}
    ends = {label: w.signal(f"I({label})")[[0, -1]] for label in coils}
    energy = sum(0.5 * coils[label] * current**2 for label, current in ends.items())
    for element in elements:
        if element.kind == "K":
            a, b = element.pair
            mutual = element.value * math.sqrt(coils[a] * coils[b])
            energy = energy + mutual * ends[a] * ends[b]
    return float(np.diff(energy)[0]) if coils else 0.0

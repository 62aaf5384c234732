"""Subjects in a process that differs: at another temperature, or with its capacitances apart.

Temperature: the gap as in JoSIM's junction model, an interpolation of the BCS gap,
``Delta(T) = Delta(0) sqrt(cos(pi/2 (T/Tc)^2))``; the critical current by Ambegaokar and Baratoff
(Phys. Rev. Lett. 10, 486 (1963)), ``Ic Rn = pi Delta(T) / 2e tanh(Delta(T) / 2 kT)``. Shunts and
inductances are taken to stay as they are.

Capacitance: to be varied apart from Ic, all but a thousandth of it stands as a capacitor ``C`` +
name across each junction. Sources and loads share the model, so that theirs is split too.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

from netlist_gen.circuit.elements import Capacitor
from netlist_gen.circuit.model import Cell, Circuit
from netlist_gen.errors import ConfigurationError
from netlist_gen.library.process import JunctionModel, Process
from verification.characterize.subject.model import Subject

NIOBIUM_TC_K = 9.2
"""Critical temperature of niobium films."""

_GAP_RATIO = 1.764
"""Delta(0) / (k Tc), BCS."""

KEPT = 1e-3
"""Share of the capacitance that stays in the model: simulators want one above 0."""


def relative_gap(kelvin: float) -> float:
    """Delta(T) / Delta(0)."""
    return math.sqrt(math.cos(math.pi / 2 * (kelvin / NIOBIUM_TC_K) ** 2))


def relative_critical_current(kelvin: float) -> float:
    """Ic(T) / Ic(0)."""
    if kelvin == 0.0:
        return 1.0
    gap = relative_gap(kelvin)
    return gap * math.tanh(_GAP_RATIO * NIOBIUM_TC_K * gap / (2 * kelvin))


def _with_models(process: Process, change: Callable[[JunctionModel], JunctionModel]) -> Process:
    others = tuple(map(change, process.others))
    return dataclasses.replace(process, model=change(process.model), others=others)


def process_at(process: Process, kelvin: float) -> Process:
    """The process at ``kelvin``: its numbers hold at its own temperature.

    Raises:
        ConfigurationError: a temperature outside 0 <= T < 9 K.
    """
    if not 0.0 <= kelvin < 9.0:
        raise ConfigurationError(f"a temperature of {kelvin:g} K is outside 0 <= T < 9 K")
    at = process.temperature
    if at >= 9.0:
        raise ConfigurationError(
            f"the process {process.name} holds at {at:g} K; its numbers can't be taken to another "
            "temperature from outside 0 <= T < 9 K"
        )
    current = relative_critical_current(kelvin) / relative_critical_current(at)
    gap = relative_gap(kelvin) / relative_gap(at)
    warm = _with_models(
        process,
        lambda model: dataclasses.replace(
            model,
            critical_current=model.critical_current * current,
            gap_voltage=model.gap_voltage * gap,
        ),
    )
    return dataclasses.replace(warm, temperature=kelvin)


def split_capacitance(subject: Subject) -> Subject:
    """The subject with most of the models' capacitance beside the junctions."""
    whole = subject.process

    def kept(model: JunctionModel) -> JunctionModel:
        return dataclasses.replace(model, capacitance=KEPT * model.capacitance)

    return dataclasses.replace(subject, process=_with_models(whole, kept), whole=whole)


def with_capacitors(circuit: Circuit, whole: Process) -> Circuit:
    """The circuit with a capacitor across each junction but the probes, which are in the top.

    Each has what the split models lack of those of the process ``whole``.
    """

    def split(cell: Cell) -> Cell:
        if cell is circuit.top:
            return cell
        extra = (
            Capacitor(
                f"C{j.name}",
                j.plus,
                j.minus,
                (1.0 - KEPT) * whole.model_of(j.model).capacitance * j.area,
            )
            for j in cell.junctions()
        )
        return dataclasses.replace(cell, elements=(*cell.elements, *extra))

    return circuit.changed(split)

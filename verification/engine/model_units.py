"""Are the numbers of a deck's junctions those of any junction? With a wrong unit they are not.

JoSIM takes every number. A public attempt to rebuild a circuit found no quantised steps with a
capacitance of ten times what its process has. What is looked at, and what is made:

* capacitance per critical current: specific capacitance over critical current density. Niobium has
  45 to 100 fF/um2, 0.5 to 100 kA/cm2: 0.45 to 20 pF/mA (Tolpygo et al., IEEE TAS 2016).
* IcRn: at most pi/4 of the gap voltage (Ambegaokar and Baratoff, PRL 10, 486, 1963); self-shunted
  junctions have less, down to 0.1 mV.
* the gap voltage: aluminium's 0.3 mV to niobium nitride's 6 mV.
* the subgap resistance, which is above the normal one.
* beta_c = 2 pi Ic R^2 C / Phi0 of a junction with the resistor across it (McCumber, 1968): circuits
  of single flux quanta are made with 0.3 to 3; above 10 a shunted junction rings like a bare one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from netlist_gen.constants import PHI0, TWO_PI
from verification.engine.equations.plan import shunts
from verification.engine.equations.topology import Topology
from verification.engine.text.deck import ModelCard

CAP_PER_ICRIT = (0.1e-9, 20e-9)
"""F/A that junctions are made with."""
LEAST_ICRN_V = 0.1e-3
"""Least product of critical current and normal resistance, V."""
GAP_V = (0.3e-3, 6e-3)
"""Gap voltages of superconductors, V."""
MOST_BETA_C = 10.0
"""Of a junction with a resistor across it."""


def model_warnings(topology: Topology) -> list[str]:
    """A sentence with the number for each model, and for shunted junctions, out of the ordinary."""
    models: dict[str, ModelCard] = {}
    for model in topology.models:
        models.setdefault(model.name, model)
    found = [words for model in models.values() for words in _of_model(model)]
    worst = _most_beta_c(topology)
    if worst is not None and worst[0] > MOST_BETA_C:
        found.append(
            f"{worst[1]} with the resistor across it has beta_c = {worst[0]:.3g}; shunted "
            f"junctions are made with 0.3 to 3, and ring above {MOST_BETA_C:g}: is the resistor, "
            "or cap of the model, too large?"
        )
    return [f"{topology.flat.deck.name}: {words}" for words in found]


def _of_model(model: ModelCard) -> Iterator[str]:
    name = f"model {model.name}"
    ratio = model.cap / model.icrit
    low, high = CAP_PER_ICRIT
    if model.cap > 0.0 and not low <= ratio <= high:
        yield (
            f"{name}: cap/icrit is {ratio * 1e9:.3g} pF/mA; junctions have {low * 1e9:g} to "
            f"{high * 1e9:g}: is a unit of cap={model.cap:.3g} or icrit={model.icrit:.3g} wrong?"
        )
    product, most = model.rn * model.icrit, math.pi / 4 * model.vg
    if not LEAST_ICRN_V <= product <= most * 1.05:  # rounded values of a card
        yield (
            f"{name}: icrit*rn is {product * 1e3:.3g} mV; junctions have {LEAST_ICRN_V * 1e3:g} "
            f"to {most * 1e3:.3g} (pi/4 of vg): is a unit of icrit={model.icrit:.3g} or "
            f"rn={model.rn:.3g} wrong?"
        )
    if not GAP_V[0] <= model.vg <= GAP_V[1]:
        yield (
            f"{name}: vg is {model.vg * 1e3:.3g} mV; superconductors have {GAP_V[0] * 1e3:g} to "
            f"{GAP_V[1] * 1e3:g}: is its unit wrong?"
        )
    if model.rtype == 1 and model.r0 < model.rn:
        yield (
            f"{name}: the subgap resistance r0={model.r0:.3g} is below the normal one, "
            f"rn={model.rn:.3g}"
        )


def _most_beta_c(topology: Topology) -> tuple[float, str] | None:
    """The largest beta_c of a shunted junction, and its label."""
    across = shunts(topology)
    at = np.flatnonzero(across >= 0)
    if not at.size:
        return None

    def field(of: Callable[[ModelCard], float]) -> NDArray[np.float64]:
        return np.array([of(model) for model in topology.models])[topology.model[at]]

    area = topology.junctions.values[at]
    own = field(lambda model: model.rn if model.rtype == 0 else model.r0) / area
    shunt = topology.resistors.values[across[at]]
    resistance = own * shunt / (own + shunt)
    beta = TWO_PI / PHI0 * field(lambda model: model.icrit) * area * resistance**2
    beta = beta * field(lambda model: model.cap) * area
    worst = int(beta.argmax())
    return float(beta[worst]), topology.junctions.label(int(at[worst]))

"""Synaptic operations, the unit in which the field compares neuromorphic circuits, and its facts.

A synaptic operation is one synapse taking part in one decision: each synapse of a network once in
each window, whether its line carries a pulse or not. So SPINIC (arXiv 2603.04966) counts: 1,024
synapses of a 32 x 32 core, 2,306e9 operations a second. Circuits that count only pulses that arrive
have fewer; both figures are given.
"""

from __future__ import annotations

from dataclasses import dataclass

from netlist_gen.records import Record

COOLINGS_W_PER_W = (300.0, 400.0)
"""Watts at the wall for one at 4.2 K in the field's tables: arXiv 2603.04966, and large plants."""


@dataclass(frozen=True)
class CooledFigures(Record):
    """Operations a second and watt, and J for one, with so many watts at the wall for one cold."""

    cooling_W_per_W: float
    operations_per_s_per_W: float
    J_per_operation: float


@dataclass(frozen=True)
class SynapticFigures(Record):
    """A network in synaptic operations.

    Attributes:
        operations_per_inference: each synapse once for each time step.
        operations_per_s: of those.
        operations_per_s_per_W: at 4.2 K, static and dynamic power.
        J_per_operation: the same the other way round.
        pulses_per_inference: pulses that arrive at synapses, mean over the samples.
        J_per_pulse: energy at 4.2 K over these; None where none arrives.
        cooled: with cooling.
    """

    operations_per_inference: int
    operations_per_s: float
    operations_per_s_per_W: float
    J_per_operation: float
    pulses_per_inference: float
    J_per_pulse: float | None
    cooled: tuple[CooledFigures, ...]


def synaptic_figures(
    synapses: int, steps: int, inferences_per_s: float, at_4K_J: float, pulses: float
) -> SynapticFigures:
    """Figures of a network.

    Args:
        synapses: of it.
        steps: windows of an inference.
        inferences_per_s: at its clock.
        at_4K_J: static and dynamic energy of an inference, without cooling.
        pulses: that arrive at synapses in an inference.
    """
    operations = synapses * steps
    each = at_4K_J / operations
    return SynapticFigures(
        operations_per_inference=operations,
        operations_per_s=operations * inferences_per_s,
        operations_per_s_per_W=1.0 / each,
        J_per_operation=each,
        pulses_per_inference=pulses,
        J_per_pulse=at_4K_J / pulses if pulses else None,
        cooled=tuple(CooledFigures(c, 1.0 / each / c, each * c) for c in COOLINGS_W_PER_W),
    )


@dataclass(frozen=True)
class FieldFigures(Record):
    """What another work says of itself; None where it does not.

    Attributes:
        name: of the work.
        operations_per_s: synaptic operations a second.
        operations_per_s_per_W: at 4.2 K.
        cooled_per_W: with 300 W/W.
        J_per_operation: as it says, at 4.2 K.
        clock_ghz: of it.
        note: what to know of it.
    """

    name: str
    operations_per_s: float | None
    operations_per_s_per_W: float | None
    cooled_per_W: float | None
    J_per_operation: float | None
    clock_ghz: float | None
    note: str


FIELD = (
    FieldFigures(
        "SPINIC, arXiv 2603.04966",
        2306e9,
        93184e9,
        311e9,
        3.21e-15,
        45.0,
        "programmable weights; rates for 32 x 32, a 4 x 4 core of 1,050 junctions was made; "
        "1 / 93,184 GSOPS/W is 10.7 fJ, not 3.21",
    ),
    FieldFigures(
        "SPINIC with ERSFQ",
        None,
        2.69e15,
        8962e9,
        None,
        None,
        "calculated by its authors",
    ),
    FieldFigures(
        "SUSHI, MICRO 2023",
        1355e9,
        32336e9,
        108e9,
        None,
        None,
        "as compared in arXiv 2603.04966",
    ),
    FieldFigures(
        "SuperSNN, arXiv 2509.05532",
        None,
        None,
        None,
        None,
        3.02,
        "a chip of 5,822 junctions, 2.15 mW static: 0.71 pJ a clock; its 6.55 fJ are dynamic",
    ),
    FieldFigures(
        "arXiv 2402.16384",
        None,
        None,
        None,
        None,
        8.92,
        "1.5 nJ an inference with cooling, its synapses are not known",
    ),
)
"""The field's figures, from abstracts and the comparison in arXiv 2603.04966."""

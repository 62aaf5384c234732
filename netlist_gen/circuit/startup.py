"""What makes every neuron of a layer fire in its start-up window: current added to control lines.

A start-up supply adds a threshold flux of ``DesignRules.startup`` for a while: it raises the flux
of the bottom loops by so much and lowers that of the top ones. Its current rises as the layer's
first window begins and is gone before the second does. All neurons of a layer have the same two
sources, in one cell between the ends of their control lines.
"""

from __future__ import annotations

from netlist_gen.circuit.elements import LevelSource
from netlist_gen.circuit.model import Cell, CircuitBuilder
from netlist_gen.circuit.neuron import control_mutual
from netlist_gen.constants import PHI0
from netlist_gen.library.cells import CellLibrary
from netlist_gen.library.design import load_rules

EDGE_S = 10e-12
"""Rise and fall of the current: some ten times as long as a loop takes to follow."""

SETTLE_S = 2e-12
"""From the end of the fall to the next window, in which all is read at rest."""


def startup_cell(
    library: CellLibrary, layer: int, begin_s: float, end_s: float, slowness: float
) -> Cell:
    """The sources of a layer, with ports bc and bd, tc and td: the ends of both control lines.

    Args:
        library: of the neurons.
        layer: its number, part of the name.
        begin_s: when the start-up window begins at the layer's neurons.
        end_s: when the next one does.
        slowness: of the process (``library.design.ClockPhases.slowness``).
    """
    current = load_rules(library.process).startup * PHI0 / control_mutual(library)
    edge = EDGE_S * slowness
    rise = begin_s + 0.5 * edge
    width = end_s - SETTLE_S * slowness - 0.5 * edge - rise
    builder = CircuitBuilder(
        f"startup_L{layer}",
        ("bc", "bd", "tc", "td"),
        kind="startup",
        title=f"start-up supply of layer {layer}: threshold flux added in its first window",
    )
    for name, plus, minus in (("ISB", "bd", "bc"), ("IST", "tc", "td")):
        builder.add(LevelSource(name, plus, minus, current, width, edge, (rise,)))
    return builder.cell()

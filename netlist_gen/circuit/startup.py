"""The start-up supply: current on the control lines of neurons before the first sample.

In the last start-up window every line carries a pulse and every neuron has to fire; in those before
it no line does and none may. A neuron that would do otherwise, or nearly, has a threshold flux
added: the flux of its bottom loops moves by so much and that of the top ones the other way, until
the count is ``DesignRules.startup`` or more past the edge. A flux beyond that is never added: with
much more, pulses alone flip a SQUID before its clock. The currents rise as a window begins and are
gone before the next one does. Fluxes are in steps, so that neurons of a layer share a few cells
between the ends of their control lines.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from netlist_gen.circuit.elements import LevelSource
from netlist_gen.circuit.lasting_neuron import design_site
from netlist_gen.circuit.model import Cell, CircuitBuilder
from netlist_gen.circuit.neuron import NeuronDesign, control_current, coupler_of
from netlist_gen.circuit.sites import NeuronSite
from netlist_gen.library.cells import CellLibrary
from netlist_gen.library.design import load_rules

STEP = 0.04
"""Steps of the flux that is added, Phi0."""

EDGE_S = 10e-12
"""Rise and fall of the current: some ten times as long as a loop takes to follow."""

SETTLE_S = 2e-12
"""From the end of the fall to the next window, in which all is read at rest."""


def startup_steps(design: NeuronDesign, signs: Sequence[int], past: float) -> tuple[int, int]:
    """Steps by which the threshold flux is lowered without pulses, and raised with all of them.

    Args:
        design: of the neuron.
        signs: +1 or -1 for each line.
        past: how far from the edge the count has to be, Phi0.
    """

    def steps(lacking: float) -> int:
        return max(0, math.ceil(lacking / STEP))

    silent, full = (design.unit * (n - design.edge) for n in (0, sum(signs)))
    return steps(past + silent), steps(past - full)


@dataclass(frozen=True)
class StartupSupply:
    """When a layer's supply acts.

    Attributes:
        windows: start-up windows; every neuron fires in the last one, none in the others.
        begin_s: when the first window begins at the layer's neurons.
        end_s: when the second one does, at the earliest.
        period_s: of the windows.
        slowness: of the process (``library.design.ClockPhases.slowness``).
    """

    windows: int
    begin_s: float
    end_s: float
    period_s: float
    slowness: float

    def cell(self, library: CellLibrary, site: NeuronSite) -> Cell | None:
        """The sources of a neuron, with ports bc and bd, tc and td: the ends of its control lines.

        None for one that needs none.

        Raises:
            NetworkError: a neuron that can't be built.
        """
        design = design_site(site, coupler_of(library))
        lowered, raised = startup_steps(design, site.signs, load_rules(library.process).startup)
        moves = {"S": (-lowered, range(self.windows - 1)), "R": (raised, [self.windows - 1])}
        needed = {x: move for x, move in moves.items() if move[0] and move[1]}
        if not needed:
            return None
        name = f"startup_L{site.layer}_{lowered}_{raised}"

        def build() -> Cell:
            title = f"start-up supply of layer {site.layer}: threshold flux added before samples"
            builder = CircuitBuilder(name, ("bc", "bd", "tc", "td"), kind="startup", title=title)
            for letter, (steps, windows) in needed.items():
                self._add(library, builder, letter, steps * STEP, windows)
            return builder.cell()

        return library.own((name, self), build)

    def _add(
        self,
        library: CellLibrary,
        builder: CircuitBuilder,
        letter: str,
        flux: float,
        windows: Sequence[int],
    ) -> None:
        """Two sources that add a threshold flux (Phi0) in some windows."""
        edge = EDGE_S * self.slowness
        rise = self.begin_s + 0.5 * edge
        width = self.end_s - SETTLE_S * self.slowness - 0.5 * edge - rise
        times = tuple(rise + self.period_s * window for window in windows)
        current = control_current(library, abs(flux))
        for side, into in (("B", ("bd", "bc")), ("T", ("tc", "td"))):
            plus, minus = into if flux > 0 else into[::-1]
            builder.add(LevelSource(f"I{letter}{side}", plus, minus, current, width, edge, times))

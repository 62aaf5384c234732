"""The start-up supply: current on the control lines of neurons before the first sample.

In the last start-up window every neuron has to fire, whatever its weights say: a threshold flux of
``DesignRules.startup`` is added, which raises the flux of the bottom loops by so much and lowers
that of the top ones. In those before it none may fire: a neuron that does at n = 0 gets the
threshold of one of theta 1. The currents rise as a window begins and are gone before the next one
does. Neurons of a layer that need the same have their sources in one cell between the ends of
their control lines.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from netlist_gen.circuit.elements import LevelSource
from netlist_gen.circuit.model import Cell, CircuitBuilder
from netlist_gen.circuit.neuron import control_current, library_design
from netlist_gen.circuit.sites import NeuronSite
from netlist_gen.library.cells import CellLibrary
from netlist_gen.library.design import load_rules

EDGE_S = 10e-12
"""Rise and fall of the current: some ten times as long as a loop takes to follow."""

SETTLE_S = 2e-12
"""From the end of the fall to the next window, in which all is read at rest."""


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

    def cell(self, library: CellLibrary, site: NeuronSite) -> Cell:
        """The sources of a neuron, with ports bc and bd, tc and td: the ends of its control lines.

        Raises:
            NetworkError: a neuron that can't be built.
        """
        design = library_design(library, site.name, site.signs, site.theta)
        lowered = design.unit * max(0.0, 0.5 - design.edge)
        name = site.name if lowered else f"L{site.layer}"

        def build() -> Cell:
            builder = CircuitBuilder(
                f"startup_{name}",
                ("bc", "bd", "tc", "td"),
                kind="startup",
                title=f"start-up supply of {name}: threshold flux added before the first sample",
            )
            raised = load_rules(library.process).startup
            moves = [(-lowered, range(self.windows - 1)), (raised, [self.windows - 1])]
            for letter, (flux, windows) in zip("SR", moves, strict=True):
                if flux and windows:
                    self._add(library, builder, letter, flux, windows)
            return builder.cell()

        return library.own(("startup", name, lowered, self), build)

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
        bottom, top = ("bd", "bc"), ("tc", "td")
        for side, nets in (("B", bottom), ("T", top)):
            plus, minus = nets if flux > 0 else nets[::-1]
            name = f"I{letter}{side}"
            builder.add(LevelSource(name, plus, minus, current, width, edge, times))

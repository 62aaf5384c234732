"""What all tasks of a verification share, and how many windows suit a simulator's decks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from netlist_gen.circuit.probe import STEP_S
from netlist_gen.deck.plan import RUNS_PER_TASK, Cut
from netlist_gen.deck.windows import WINDOWS_PER_DECK
from netlist_gen.library.annotations import Annotations
from netlist_gen.library.cells import CellLibrary
from netlist_gen.library.design import ClockPhases
from netlist_gen.library.process import Process

LEAST_WINDOWS = 4
"""Shortest run worth a lane of its own: settling takes the time of less than one window."""
LANES = 8
"""Lanes the embedded engine steps at the cost of about two: decks of one circuit it should have."""

GPU_RUNS = 4096
"""Decks of a neuron in one task where a GPU runs them."""


@dataclass(frozen=True)
class Setup:
    """What all tasks of a campaign share.

    Attributes:
        process: from which each worker builds its cell library.
        phases: clock phases.
        timeout_s: for each deck.
        decks: a directory of decks written before; their text is taken instead of a new one,
            so that an edited deck is judged by the unedited network.
        tolerance_s: of pulses' times by the timed reference; None where it is not asked.
        window_s: of pulses' times by the tables; None where the process has none.
        annotations: extracted values that the circuits have, or None.
        crosstalk: of the cell library.
        notes: of the cell library.
        step_s: of the cell library.
    """

    process: Process
    phases: ClockPhases
    timeout_s: float = 600.0
    decks: Path | None = None
    tolerance_s: float | None = None
    window_s: float | None = None
    annotations: Annotations | None = None
    crosstalk: bool = False
    notes: tuple[str, ...] = ()
    step_s: float = STEP_S

    def library(self) -> CellLibrary:
        """The cells of all decks."""
        return CellLibrary(
            self.process, crosstalk=self.crosstalk, notes=self.notes, step_s=self.step_s
        )


def cut_for(
    windows: int,
    simulator: str,
    pipeline: int | None,
    *,
    usual: bool,
    startup: bool = False,
    sample: int = 1,
    on_gpu: bool = False,
) -> Cut:
    """How windows are cut into decks for a simulator.

    Args:
        windows: how many there are.
        simulator: its name. The embedded engine gets decks so short that its lanes are full, and
            many of them in a task; a program runs one deck at a time.
        pipeline: windows in a deck of the whole network; None is all of them.
        usual: decks of neurons have the length that ``generate`` gives them.
        startup: decks of the whole network begin with start-up windows.
        sample: windows that are not cut apart.
        on_gpu: the embedded engine's lanes run on a GPU: the same decks, more of them in a task.
    """
    embedded = simulator == "embedded"
    # What a sample leaves is cleared by the next one in its deck.
    least = LEAST_WINDOWS if sample == 1 else 2 * sample
    short = min(WINDOWS_PER_DECK, max(least, -(-windows // LANES)))
    return Cut(
        neurons=short if embedded and not usual else WINDOWS_PER_DECK,
        network=pipeline,
        together=GPU_RUNS if on_gpu else RUNS_PER_TASK if embedded else 1,
        startup=startup,
    )

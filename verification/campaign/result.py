"""The result of a verification, as Python has it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from netlist_gen.notebook import html_table
from verification.certificate.coverage import Coverage
from verification.certificate.statement import Certificate, Mutation
from verification.verdict.figures import Accuracy, EnergyFigures
from verification.verdict.measured import Measured
from verification.verdict.outcome import CounterExample, RunVerdict

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Windows:
    """All neuron windows of a run, of each simulator in each scope."""

    measured: tuple[Measured, ...]
    steps: int

    def to_pandas(self) -> pd.DataFrame:
        """A row for each, with these columns.

        scope, simulator, layer, neuron, window, sample, expected and measured (pulses),
        delay_ps, agreed.
        """
        import pandas as pd

        frame = pd.concat([one.frame() for one in self.measured], ignore_index=True)
        frame.insert(5, "sample", frame["window"] // self.steps)
        return frame

    def __len__(self) -> int:
        return sum(one.windows for one in self.measured)

    def __repr__(self) -> str:
        wrong = sum(one.mismatches for one in self.measured)
        return f"<{len(self)} neuron windows, {wrong} wrong; .to_pandas() lists them>"


@dataclass(frozen=True, eq=False, repr=False)
class Verification:
    """The result of a run.

    Attributes:
        verdict: the content of ``verify.json``.
        windows: every neuron window.
        decks: texts of the decks that disagree, by name.
        directory: where the run's files are, or None.
        notes: sentences that a user should read: rows of the ledger that were refused, what a
            manifest doesn't say.
    """

    verdict: RunVerdict
    windows: Windows
    decks: Mapping[str, str]
    directory: Path | None
    notes: tuple[str, ...] = ()

    @property
    def agreed(self) -> bool:
        """Every window compared and equal, no run failed, energy within the tolerance."""
        return self.verdict.agreed

    @property
    def counter_example(self) -> CounterExample | None:
        """The first disagreement."""
        return self.verdict.counter_example

    @property
    def energy(self) -> EnergyFigures:
        """Dynamic, static and at the wall."""
        return self.verdict.energy

    @property
    def coverage(self) -> Coverage | None:
        """What the windows of the first scope met; None where nothing was measured."""
        return self.verdict.coverage[0] if self.verdict.coverage else None

    @property
    def certificate(self) -> Certificate | None:
        """What made windows prove; None where none were made."""
        return self.verdict.certificate

    @property
    def mutation(self) -> Mutation | None:
        """How many faults the windows find; None where none were tried."""
        return self.verdict.mutation

    @property
    def accuracy(self) -> Accuracy | None:
        """Of the reference and as simulated; None without labels."""
        return self.verdict.accuracy

    def __repr__(self) -> str:
        return repr(self.verdict).replace("RunVerdict", "Verification", 1)

    def _repr_html_(self) -> str:
        header = ("scope", "decks", "windows", "mismatches", "failed", "pulses", "energy, J")
        rows = (
            (s.scope, s.decks, s.checked, s.mismatches, s.failed, s.pulses, f"{s.energy_J:.4g}")
            for s in self.verdict.scopes
        )
        return html_table(repr(self)[1:-1], header, rows)

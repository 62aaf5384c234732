"""Energy of each event of a cell, from the work of its bias sources.

A case is run with its first k steps for every k; the work of the cell's bias sources that
step k adds is that event's energy. It is split by bias source: a source of current Ib into a
junction that advances by 2 pi delivers Ib Phi0. Static power is not part of it.
"""

from __future__ import annotations

from dataclasses import dataclass

from netlist_gen.constants import PHI0
from verification.characterize.subject.bench import CELL
from verification.characterize.subject.parameters import element_value, trial
from verification.characterize.subject.stimulus import Case
from verification.characterize.trials.cell import CellUnderTest
from verification.characterize.trials.trial import Response


@dataclass(frozen=True)
class EventEnergy:
    """Energy of one step.

    Attributes:
        case: of the stimulus. event: the step's text. before: the text of the step before it.
        energy_J: work of all bias sources of the cell.
        by_source_J: the same by source (flat label).
    """

    case: str
    event: str
    before: str
    energy_J: float
    by_source_J: dict[str, float]


def event_energies(cell: CellUnderTest) -> list[EventEnergy]:
    """Energy of every distinct event (step, and step before it) of the stimulus.

    None where an output runs: its bias works as long as it does, not once for each event.
    """
    bench = cell.bench
    if bench.turning:
        return []
    parts = [
        (case, k, Case(case.name, case.steps[:k], case.settings))
        for case in cell.cases
        for k in range(len(case.steps) + 1)
    ]
    trials = [trial(bench, part) for _, _, part in parts]
    outcomes = cell.runner.run(bench, trials, cell.watched, energy=True)
    own = [label for label in bench.biases if bench.elements[label][0][:1] == (CELL,)]
    found: list[EventEnergy] = []
    known: set[tuple[str, str, str]] = set()
    before: dict[str, float] = {}
    for (case, k, _), outcome in zip(parts, outcomes, strict=True):
        assert isinstance(outcome, Response)
        work = _work(cell, outcome, own)
        if k:
            step = case.steps[k - 1]
            last = case.steps[k - 2].text if k > 1 else ""
            if (case.name, step.text, last) not in known:
                known.add((case.name, step.text, last))
                parted = {label: work[label] - before[label] for label in own}
                found.append(EventEnergy(case.name, step.text, last, sum(parted.values()), parted))
        before = work
    return found


def _work(cell: CellUnderTest, response: Response, own: list[str]) -> dict[str, float]:
    if response.energy_J:
        return {label: response.energy_J[label] for label in own}
    # A simulator that prints phases only: Ib Phi0 for each advance of the junction fed.
    work = {}
    for label in own:
        path, holder, source = cell.bench.elements[label]
        junction = holder.biased_junction(source)  # type: ignore[arg-type]
        advances = 0
        if junction is not None:
            advances = response.advances("|".join((junction.name, *reversed(path))).upper())
        work[label] = element_value(source) * PHI0 * advances
    return work


def static_power_W(cell: CellUnderTest) -> float:
    """Bias and control currents of the cell times the supply voltage."""
    total = sum(
        abs(element_value(e))
        for path, _, e in cell.bench.elements.values()
        if path[:1] == (CELL,) and type(e).__name__ == "CurrentSource"
    )
    return total * cell.bench.subject.process.supply_voltage

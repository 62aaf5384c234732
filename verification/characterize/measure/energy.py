"""Energy of each event of a cell, from the work of its bias sources.

A case is run with its first k steps for every k; the work of the cell's bias sources that
step k adds is that event's energy. It is split by bias source: a source of current Ib into a
junction that advances by 2 pi delivers Ib Phi0. Static power is not part of it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field

from netlist_gen.circuit.elements import CurrentSource
from netlist_gen.constants import PHI0
from netlist_gen.records import Record
from verification.characterize.subject.bench import flat_label
from verification.characterize.subject.parameters import trial
from verification.characterize.trials.cell import CellUnderTest
from verification.characterize.trials.trial import Response, require


@dataclass(frozen=True)
class StepEnergy(Record):
    """Work of the cell's bias sources for one step after another: of all, and by flat label."""

    event: str
    before: str = field(metadata={"json": "after"})
    energy_J: float = field(metadata={"json": "energy"})
    by_source_J: Mapping[str, float] = field(metadata={"json": None})


def step_energies(cell: CellUnderTest) -> tuple[StepEnergy, ...]:
    """Energy of every distinct event (step, and step before it) of the stimulus.

    None where an output runs: its bias works as long as it does, not once for each event.
    """
    bench = cell.bench
    if bench.turning:
        return ()
    parts = [(case, k) for case in cell.cases for k in range(len(case.steps) + 1)]
    trials = [trial(bench, dataclasses.replace(c, steps=c.steps[:k])) for c, k in parts]
    results = cell.runner.run(bench, trials, cell.watched, energy=True)
    own = [label for label in bench.biases if bench.elements[label].own]
    found: dict[tuple[str, str, str], StepEnergy] = {}
    before: dict[str, float] = {}
    for (case, k), result in zip(parts, results, strict=True):
        whose = f"energy of {cell.subject.name} after {k} steps"
        response = require(result, case.told(whose))
        work = _work(cell, response, own)
        if k:
            event, last = case.steps[k - 1].text, case.steps[k - 2].text if k > 1 else ""
            parted = {label: work[label] - before[label] for label in own}
            energy = StepEnergy(event, last, sum(parted.values()), parted)
            found.setdefault((case.name, event, last), energy)
        before = work
    return tuple(found.values())


def _work(cell: CellUnderTest, response: Response, own: list[str]) -> dict[str, float]:
    if response.energy_J:
        return {label: response.energy_J[label] for label in own}
    # A simulator that prints phases only: Ib Phi0 for each advance of the junction fed.
    work = {}
    for label in own:
        path, holder, source = cell.bench.elements[label]
        assert isinstance(source, CurrentSource)
        junction = holder.biased_junction(source)
        advances = response.advances(flat_label(path, junction.name)) if junction else 0
        work[label] = source.value * PHI0 * advances
    return work


def static_power_W(cell: CellUnderTest) -> float:
    """Bias and control currents of the cell times the supply voltage."""
    sources = (placed.element for placed in cell.bench.own_elements.values())
    total = sum(abs(source.value) for source in sources if isinstance(source, CurrentSource))
    return total * cell.subject.process.supply_voltage

"""Energy of each event of a cell, from the work of its bias sources.

A case is run with its first k steps for every k; the work of the cell's bias sources that
step k adds is that event's energy. It is split by bias source: a source of current Ib into a
junction that advances by 2 pi delivers Ib Phi0. Static power is not part of it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from netlist_gen.circuit.elements import CurrentSource, Role
from netlist_gen.constants import PHI0
from netlist_gen.records import Record
from verification.characterize.subject.bench import CELL, Bench, flat_label
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
    results = cell.runner.run(bench, trials, cell.watched, energy=bool(bench.biases))
    own = _own_biases(bench)
    found: dict[tuple[str, str, str], StepEnergy] = {}
    before: dict[str, float] = {}
    for (case, k), result in zip(parts, results, strict=True):
        whose = f"energy of {cell.subject.name} after {k} steps"
        response = require(result, case.told(whose))
        work = _work(response, own)
        if k:
            event, last = case.steps[k - 1].text, case.steps[k - 2].text if k > 1 else ""
            parted = {one.label: work[one.label] - before[one.label] for one in own}
            energy = StepEnergy(event, last, sum(parted.values()), parted)
            found.setdefault((case.name, event, last), energy)
        before = work
    return tuple(found.values())


class _Bias(NamedTuple):
    """A bias of the cell: its flat label, its current in A, the label of the junction it feeds."""

    label: str
    current: float
    junction: str | None


def _own_biases(bench: Bench) -> list[_Bias]:
    """Each bias source of the cell, or tap of its bias network, that gives a current."""
    found = []
    for placed in bench.circuit.walk():
        if placed.path[:1] != (CELL,):
            continue
        for source in placed.cell.biases():
            junction = placed.cell.biased_junction(source)
            fed = None if junction is None else flat_label(placed.path, junction.name)
            if source.value:
                found.append(_Bias(flat_label(placed.path, source.name), source.value, fed))
    return found


def _work(response: Response, own: list[_Bias]) -> dict[str, float]:
    if response.energy_J:
        return {one.label: response.energy_J[one.label] for one in own}
    # Of a simulator that prints phases only, or a bias network: Ib Phi0 for each advance of the
    # junction that is fed.
    return {
        one.label: one.current * PHI0 * (response.advances(one.junction) if one.junction else 0)
        for one in own
    }


def static_power_W(cell: CellUnderTest) -> float:
    """What the cell's supplies give at rest.

    Bias currents times the voltage of their bus (0 with ERSFQ), and control currents times the
    process's supply voltage.
    """
    process = cell.subject.library.process
    supply = process.supply_voltage
    voltage = supply if process.network is None else process.network.voltage
    bias = sum(abs(one.current) for one in _own_biases(cell.bench))
    flux = sum(
        abs(placed.element.value)
        for placed in cell.bench.own_elements.values()
        if isinstance(placed.element, CurrentSource) and placed.element.role is Role.FLUX
    )
    return bias * voltage + flux * supply

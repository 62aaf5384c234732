"""Delays: from the arrival at an input port to the arrival at an output port.

Arrival at a port: the node's phase crosses rest + pi, which is the integral of its voltage
crossing Phi0/2 (see ``bench``). Two more rules are given beside it: the printed voltages
integrated, and from the last junction of the source to the first of the load, the rule of tools
that see junctions only.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from netlist_gen.records import Record
from verification.characterize.subject.parameters import trial
from verification.characterize.subject.processes import process_at
from verification.characterize.subject.stimulus import PS, REST_S, BenchCase
from verification.characterize.trials.cell import CellUnderTest
from verification.characterize.trials.trial import FloatArray, Response, TrialResult, require
from verification.simulators.base import DeckJob
from verification.simulators.registry import get_simulator
from verification.waves.pulses import detect_voltage

Pair = tuple[str, str]
"""An input and an output (or the junction, where the target is one)."""


@dataclass(frozen=True)
class Delay:
    """One answer of one step.

    Attributes:
        input: the last of the step's inputs to arrive.
        arrival: number of its pulse among those at the input.
        answer: number of the first answer among the pulses at the output.
    """

    step: int
    input: str
    output: str
    arrival: int
    answer: int
    delay_s: float


def delays(cell: CellUnderTest, results: Mapping[str, TrialResult]) -> list[Delay]:
    """Delays of every step that expects something. The cases must have passed."""
    found = []
    for case in cell.cases:
        response = require(results[case.name], case.told(f"delays of {cell.subject.name}"))
        found += case_delays(cell, case, response)
    return found


def case_delays(cell: CellUnderTest, case: BenchCase, response: Response) -> list[Delay]:
    """Delays in one case that passed: pulses are taken in their order."""

    def times(port: str) -> FloatArray:
        return response.times_s[cell.bench.target_label(port)]

    seen: dict[str, int] = {}
    found = []
    for index, step in enumerate(case.steps):
        ranks = {port: case.pulses_before(index, port) for port in step.inputs}
        last = max(ranks, key=lambda port: times(port)[ranks[port]])
        for target in dict.fromkeys(step.expect):
            answer = seen.get(target, 0)
            seen[target] = answer + step.expect.count(target)
            delay = float(times(target)[answer] - times(last)[ranks[last]])
            found.append(Delay(index, last, target, ranks[last], answer, delay))
    return found


@dataclass(frozen=True)
class Arc(Record):
    """Delay from one input to one output: mean, least and most over the steps that use it."""

    input: str
    output: str
    mean_s: float = field(metadata={"json": "mean", "unit": PS})
    least_s: float = field(metadata={"json": "least", "unit": PS})
    most_s: float = field(metadata={"json": "most", "unit": PS})
    count: int = field(metadata={"json": None})

    @property
    def pair(self) -> Pair:
        """Input and output."""
        return self.input, self.output


Arcs = tuple[Arc, ...]


def arcs(found: Iterable[Delay]) -> Arcs:
    """Delays summed up by input and output."""
    return tuple(
        Arc(*pair, float(np.mean(v)), min(v), max(v), len(v)) for pair, v in by_pair(found).items()
    )


def by_pair(found: Iterable[Delay]) -> dict[Pair, list[float]]:
    """Delays by input and output."""
    groups: dict[Pair, list[float]] = {}
    for d in found:
        groups.setdefault((d.input, d.output), []).append(d.delay_s)
    return groups


def mean_delay(found: Iterable[Arc], pair: Pair) -> float:
    """The mean delay from an input to an output; 0 where there is none."""
    return next((arc.mean_s for arc in found if arc.pair == pair), 0.0)


def delay_against_neighbour(
    cell: CellUnderTest, side: Literal["load", "source"], kinds: Sequence[str]
) -> dict[str, Arcs]:
    """Arcs with each kind of load, or of source, where the cell passes with it."""
    found = {}
    for kind in kinds:
        other = cell.on(**{side: kind})
        (results,) = other.run([{}])
        if not cell.fault(results):
            found[kind] = arcs(delays(other, results))
    return found


@dataclass(frozen=True)
class ThermalArc:
    """Delay at a temperature: mean and standard deviation over the noisy runs that passed."""

    input: str
    output: str
    temperature_K: float
    mean_s: float
    jitter_s: float
    runs: int
    failed: int


def delay_against_temperature(
    cell: CellUnderTest, temperatures_K: Sequence[float], *, runs: int = 64, seed: int = 1
) -> tuple[ThermalArc, ...]:
    """Delay and jitter with thermal noise, critical currents and gap as they are at each T."""
    found = []
    for kelvin in temperatures_K:
        process = process_at(cell.subject.process, kelvin)
        subject = dataclasses.replace(cell.subject, process=process)
        warm = cell.on(subject=subject, temperature_K=kelvin)
        results = warm.run([{}] * runs, seeds=[seed + i for i in range(runs)])
        passed = [r for r in results if not cell.fault(r)]
        groups = by_pair(d for by_case in passed for d in delays(cell, by_case))
        for pair, values in groups.items():
            jitter = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
            mean, failed = float(np.mean(values)), runs - len(passed)
            found.append(ThermalArc(*pair, kelvin, mean, jitter, runs, failed))
    return tuple(found)


def voltage_delays(cell: CellUnderTest) -> dict[Pair, float]:
    """Nominal delay of each arc between ports by the integrals of their voltages, s.

    The voltages are printed and integrated from rest; a pulse's time is where the integral
    crosses Phi0/2, valid from 0.9 Phi0. Empty for simulators that do not read JoSIM's decks.
    """
    simulator = get_simulator(cell.runner.simulator)
    if simulator.dialect != "josim":
        return {}
    # Printed closely: the integral is a trapezoidal sum over the samples.
    bench = dataclasses.replace(cell.bench, print_step_s=0.1 * PS)
    nets = {port: bench.port_net(port) for port in (*bench.subject.inputs, *bench.subject.outputs)}
    prints = "".join(f".print nodev {net}\n" for net in nets.values())
    found: dict[Pair, float] = {}
    for case in cell.cases:
        text = bench.deck("voltages", cell.watched, trial(bench, case)).text
        job = DeckJob("voltages", text.replace("\n.end\n", f"\n{prints}.end\n"))
        waves = simulator.run(job, timeout_s=cell.runner.timeout_s).require()
        rest = waves.time_s >= REST_S
        times = {
            port: detect_voltage(waves.time_s[rest], waves.signal(f"V({net})")[rest]).times_s
            for port, net in nets.items()
        }
        _add(found, case_delays(cell, case, cell.nominal[case.name]), times)
    return found


def _add(
    found: dict[Pair, float], answers: Iterable[Delay], times_s: Mapping[str, FloatArray]
) -> None:
    """Add the first delay of each arc, where the pulses at the ports have these times."""
    for d in answers:
        if d.output in times_s:
            delay = float(times_s[d.output][d.answer] - times_s[d.input][d.arrival])
            found.setdefault((d.input, d.output), delay)


def junction_delays(cell: CellUnderTest) -> dict[Pair, float]:
    """Nominal delay of each arc from the source's last junction to the load's first, s."""
    bench, subject = cell.bench, cell.subject
    ends = {p: f"B1|XI{p}1".upper() for p in subject.inputs}
    ends |= {p: bench.target_label(p) for p in subject.levels}
    ends |= {p: f"B1|XO{p}".upper() for p in subject.outputs}
    watch = tuple(dict.fromkeys((*cell.watched, *ends.values())))
    results = cell.runner.run(bench, [trial(bench, case) for case in cell.cases], watch)
    found: dict[Pair, float] = {}
    for case, result in zip(cell.cases, results, strict=True):
        response = require(result, case.told(f"delays of {cell.subject.name}"))
        times = {port: response.times_s[label] for port, label in ends.items()}
        _add(found, case_delays(cell, case, response), times)
    return found

"""Delays: from the arrival at an input port to the arrival at an output port.

Arrival at a port: the node's phase crosses rest + pi, which is the integral of its voltage
crossing Phi0/2 (see ``bench``). Two more rules are given beside it: the printed voltages
integrated, and from the last junction of the source to the first of the load, the rule of tools
that see junctions only.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from verification.characterize.subject.bench import make_bench
from verification.characterize.subject.parameters import trial
from verification.characterize.subject.stimulus import REST_S, Case
from verification.characterize.subject.thermal import process_at
from verification.characterize.trials.cell import CellUnderTest
from verification.characterize.trials.trial import Outcome, Response
from verification.simulators.base import DeckJob
from verification.simulators.registry import get_simulator
from verification.waves.pulses import detect_voltage

BIAS_RATIOS = tuple(round(0.7 + 0.05 * i, 2) for i in range(13))
"""Bias ratios at which delays are tabulated; those at which the cell fails are left out."""


@dataclass(frozen=True)
class Delay:
    """One answer of one step.

    Attributes:
        case: the case. step: index in it.
        input: the last of the step's inputs to arrive. output: the target.
        context: texts of the steps before it in the case, as far as the cell's state depends on
            them here: the step just before, or "".
        delay_s: port to port (or to the junction, where the target is one).
    """

    case: str
    step: int
    input: str
    output: str
    context: str
    delay_s: float


def delays(cell: CellUnderTest, outcomes: Mapping[str, Outcome]) -> list[Delay]:
    """Delays of every step that expects something. The outcomes must have passed."""
    found = []
    for case in cell.cases:
        response = outcomes[case.name]
        assert isinstance(response, Response)
        found += case_delays(cell, case, response)
    return found


def case_delays(cell: CellUnderTest, case: Case, response: Response) -> list[Delay]:
    """Delays in one case that passed: pulses are taken in their order."""
    bench = cell.bench
    seen: dict[str, int] = {}
    found = []
    for index, step in enumerate(case.steps):
        arrivals = {}
        for port in step.inputs:
            times = response.times_s[bench.target_label(port)]
            rank = sum(port in earlier.inputs for earlier in case.steps[:index])
            arrivals[port] = float(times[rank])
        last = max(arrivals, key=lambda port: arrivals[port])
        for target in dict.fromkeys(step.expect):
            first = seen.get(target, 0)
            seen[target] = first + step.expect.count(target)
            time = float(response.times_s[bench.target_label(target)][first])
            context = case.steps[index - 1].text if index else ""
            found.append(Delay(case.name, index, last, target, context, time - arrivals[last]))
    return found


@dataclass(frozen=True)
class Arc:
    """Delay from one input to one output over all steps that use it, s."""

    input: str
    output: str
    mean_s: float
    least_s: float
    most_s: float
    count: int


def arcs(found: Sequence[Delay]) -> list[Arc]:
    """Delays summed up by input and output."""
    groups: dict[tuple[str, str], list[float]] = {}
    for d in found:
        groups.setdefault((d.input, d.output), []).append(d.delay_s)
    return [Arc(i, o, float(np.mean(v)), min(v), max(v), len(v)) for (i, o), v in groups.items()]


def delay_against_bias(
    cell: CellUnderTest, ratios: Sequence[float] = BIAS_RATIOS
) -> dict[float, list[Arc]]:
    """Arcs at each bias ratio at which the cell passes."""
    bias = cell.parameters.get("bias")
    if bias is None:
        return {}
    outcomes = cell.run([{bias: ratio} for ratio in ratios])
    return {
        ratio: arcs(delays(cell, by_case))
        for ratio, by_case in zip(ratios, outcomes, strict=True)
        if cell.verdict(by_case).passed
    }


def delay_against_neighbour(
    cell: CellUnderTest, side: Literal["load", "source"], kinds: Sequence[str]
) -> dict[str, list[Arc]]:
    """Arcs with each kind of load, or of source, where the cell passes with it."""
    found = {}
    for kind in kinds:
        if side == "load":
            bench = dataclasses.replace(cell.bench, load=kind)
        else:
            bench = dataclasses.replace(cell.bench, source=kind)
        other = CellUnderTest(bench, cell.runner)
        outcomes = other.run([{}])[0]
        if cell.verdict(outcomes).passed:
            found[kind] = arcs(delays(other, outcomes))
    return found


@dataclass(frozen=True)
class ThermalArc:
    """Delay at a temperature: mean and standard deviation over noisy runs, s."""

    input: str
    output: str
    temperature_K: float
    mean_s: float
    jitter_s: float
    runs: int
    failed: int


def delay_against_temperature(
    cell: CellUnderTest, temperatures_K: Sequence[float], *, runs: int = 64, seed: int = 1
) -> list[ThermalArc]:
    """Delay and jitter with thermal noise, critical currents and gap as they are at each T."""
    found = []
    for kelvin in temperatures_K:
        subject = dataclasses.replace(
            cell.bench.subject, process=process_at(cell.bench.subject.process, kelvin)
        )
        bench = make_bench(subject, load=cell.bench.load, temperature_K=kelvin)
        warm = CellUnderTest(bench, cell.runner)
        outcomes = warm.run([{}] * runs, seeds=[seed + i for i in range(runs)])
        passed = [o for o in outcomes if cell.verdict(o).passed]
        groups: dict[tuple[str, str], list[float]] = {}
        for by_case in passed:
            for d in delays(cell, by_case):
                groups.setdefault((d.input, d.output), []).append(d.delay_s)
        for (source, target), values in groups.items():
            found.append(
                ThermalArc(
                    source,
                    target,
                    kelvin,
                    float(np.mean(values)),
                    float(np.std(values, ddof=1)) if len(values) > 1 else 0.0,
                    runs,
                    runs - len(passed),
                )
            )
    return found


def voltage_delays(cell: CellUnderTest) -> dict[tuple[str, str], float]:
    """Nominal delay of each arc between ports by the integrals of their voltages, s.

    The voltages are printed and integrated from rest; a pulse's time is where the integral
    crosses Phi0/2, valid from 0.9 Phi0. Empty for simulators that do not read JoSIM's decks.
    """
    subject = cell.bench.subject
    # Printed closely: the integral is a trapezoidal sum over the samples.
    analysis = dataclasses.replace(cell.bench.analysis, print_step_s=0.1e-12)
    bench = dataclasses.replace(cell.bench, analysis=analysis)
    simulator = get_simulator(cell.runner.simulator)
    if simulator.dialect != "josim":
        return {}
    ports = (*subject.inputs, *subject.outputs)
    nets = {port: bench.port_net(port) for port in ports}
    prints = "".join(f".print nodev {net}\n" for net in nets.values())
    found: dict[tuple[str, str], float] = {}
    for case in cell.cases:
        one = trial(bench, case)
        text = bench.deck("voltages", cell.watched, dict(one.values), dict(one.pulses)).text
        job = DeckJob("voltages", text.replace("\n.end\n", f"\n{prints}.end\n"))
        waves = simulator.run(job, timeout_s=cell.runner.timeout_s).require()
        rest = waves.time_s >= REST_S
        times = {
            port: detect_voltage(waves.time_s[rest], waves.signal(f"V({net})")[rest]).times_s
            for port, net in nets.items()
        }
        for d in case_delays(cell, case, cell.nominal[case.name]):
            if d.output not in times:
                continue
            rank = sum(d.input in s.inputs for s in case.steps[: d.step])
            nth = sum(s.expect.count(d.output) for s in case.steps[: d.step])
            delay = float(times[d.output][nth] - times[d.input][rank])
            found.setdefault((d.input, d.output), delay)
    return found


def junction_delays(cell: CellUnderTest) -> dict[tuple[str, str], float]:
    """Nominal delay of each arc from the source's last junction to the load's first, s."""
    bench = cell.bench
    subject = bench.subject
    sources = {
        p: bench.target_label(p) if p in subject.levels else f"B1|XI{p}1".upper()
        for p in subject.inputs
    }
    loads = {p: f"B1|XO{p}".upper() for p in subject.outputs}
    watch = tuple(dict.fromkeys((*cell.watched, *sources.values(), *loads.values())))
    found: dict[tuple[str, str], float] = {}
    outcomes = cell.runner.run(bench, [trial(bench, c) for c in cell.cases], watch)
    for case, response in zip(cell.cases, outcomes, strict=True):
        assert isinstance(response, Response)
        for d in case_delays(cell, case, response):
            if d.output not in loads:
                continue
            arrival = response.times_s[sources[d.input]]
            rank = sum(d.input in s.inputs for s in case.steps[: d.step])
            out = response.times_s[loads[d.output]]
            nth = sum(s.expect.count(d.output) for s in case.steps[: d.step])
            found.setdefault((d.input, d.output), float(out[nth] - arrival[rank]))
    return found

"""A subject ready to be measured: bench, runner, judge, parameters, nominal response."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from netlist_gen.errors import ConfigurationError, SimulatorError
from verification.characterize.subject.bench import Bench
from verification.characterize.subject.model import Subject
from verification.characterize.subject.parameters import Parameter, parameters, trial
from verification.characterize.subject.processes import split_capacitance
from verification.characterize.subject.stimulus import START_S, BenchCase, causes
from verification.characterize.trials.judge import fault_of
from verification.characterize.trials.runner import Runner
from verification.characterize.trials.trial import Response, TrialResult


@dataclass(frozen=True, eq=False)
class CellUnderTest:
    """A bench, and the runner that has its simulator."""

    bench: Bench
    runner: Runner

    @property
    def subject(self) -> Subject:
        """What is measured."""
        return self.bench.subject

    @property
    def cases(self) -> tuple[BenchCase, ...]:
        """The stimuli."""
        return self.subject.cases

    @cached_property
    def parameters(self) -> dict[str, Parameter]:
        """All parameters by name, globals first."""
        return parameters(self.bench)

    def parameter(self, name: str) -> Parameter:
        """A parameter by name. Raises ConfigurationError."""
        known = self.parameters
        if name not in known:
            raise ConfigurationError(
                f"cell {self.subject.name} has no parameter {name!r}; it has "
                f"{', '.join([*known][:40])}{' and more' if len(known) > 40 else ''}"
            )
        return known[name]

    @cached_property
    def watched(self) -> tuple[str, ...]:
        """Labels whose pulses every trial gives."""
        subject, label = self.subject, self.bench.target_label
        targets = [target for case in self.cases for target in case.targets()]
        ports = (*subject.inputs, *subject.outputs)
        return tuple(dict.fromkeys((*map(label, (*ports, *targets)), *self.bench.junctions)))

    @cached_property
    def nominal(self) -> dict[str, Response]:
        """Responses of the nominal cell, by case.

        Raises:
            SimulatorError: the simulator fails, or the nominal cell does not do what its stimulus
                says.
        """
        if self.bench.temperature_K:
            return self.on(temperature_K=0.0).nominal
        found = {}
        for case, result in zip(self.cases, self.run_cases(self.cases), strict=True):
            fault = fault_of(self.bench, case, result)
            if fault or not isinstance(result, Response):
                title = f"case {case.name} of " if case.name else ""
                raise SimulatorError(
                    f"{title}cell {self.subject.name} fails as designed, so that nothing can be "
                    f"measured against it: {fault}"
                )
            found[case.name] = result
        return found

    def fault_as_designed(self) -> str:
        """What is wrong with the nominal cell, or ""."""
        ran = zip(self.cases, self.run_cases(self.cases), strict=True)
        faults = (case.told(fault_of(self.bench, case, result)) for case, result in ran)
        return next((fault for fault in faults if fault), "")

    @cached_property
    def latency_s(self) -> dict[str, float]:
        """Source pulse to target, s: the least over all steps of the nominal cell."""
        found: dict[str, float] = {}
        for case in self.cases:
            for target, inputs in causes(self.cases).items():
                times = self.nominal[case.name].times_s[self.bench.target_label(target)]
                sources = [
                    START_S + step.time_s
                    for step in case.steps
                    for _ in range(step.expect.count(target))
                    if inputs & set(step.inputs)
                ]
                for source, time in zip(sources, times, strict=True):
                    found[target] = min(found.get(target, time - source), time - source)
        return found

    @cached_property
    def _advances(self) -> dict[str, dict[str, int]]:
        """Advances of the nominal cell's junctions by case and label."""
        return {
            case: {label: response.advances(label) for label in self.bench.junctions}
            for case, response in self.nominal.items()
        }

    def fault_of(self, case: BenchCase, result: TrialResult, *, dense: bool = False) -> str:
        """What is wrong with one trial of a case, or "": see ``judge``."""
        advances, latency_s = self._advances.get(case.name), self.latency_s if dense else None
        return fault_of(self.bench, case, result, advances, latency_s)

    def on(self, **changes: Any) -> CellUnderTest:
        """The cell on a bench that differs in some fields."""
        return CellUnderTest(dataclasses.replace(self.bench, **changes), self.runner)

    def with_capacitors(self) -> CellUnderTest:
        """The same cell with its junctions' capacitances as elements that can be varied."""
        return self.on(subject=split_capacitance(self.subject))

    def run(
        self,
        points: Sequence[Mapping[Parameter, float]],
        *,
        elements: Sequence[Mapping[str, float]] | None = None,
        seeds: Sequence[int] | None = None,
    ) -> list[dict[str, TrialResult]]:
        """Results by case at every point, which may also have factors on elements, and a seed."""
        more = zip(elements or [{}] * len(points), seeds or [0] * len(points), strict=True)
        trials = [
            trial(self.bench, case, point, elements=own, seed=seed)
            for point, (own, seed) in zip(points, more, strict=True)
            for case in self.cases
        ]
        results = iter(self.runner.run(self.bench, trials, self.watched))
        return [{case.name: next(results) for case in self.cases} for _ in points]

    def run_cases(self, cases: Sequence[BenchCase]) -> list[TrialResult]:
        """The nominal cell with other steps or times. They must fit the bench's length."""
        return self.runner.run(self.bench, [trial(self.bench, c) for c in cases], self.watched)

    def fault(self, results: Mapping[str, TrialResult]) -> str:
        """What is wrong with the first failing case; "" where all pass."""
        faults = (case.told(self.fault_of(case, results[case.name])) for case in self.cases)
        return next((fault for fault in faults if fault), "")

    def passes(self, points: Sequence[Mapping[Parameter, float]]) -> list[bool]:
        """Whether the cell passes at each point."""
        return [not self.fault(results) for results in self.run(points)]

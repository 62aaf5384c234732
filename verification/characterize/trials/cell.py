"""A subject ready to be measured: bench, runner, judge, parameters, nominal response."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from netlist_gen.errors import SimulatorError
from verification.characterize.subject.bench import Bench
from verification.characterize.subject.capacitance import split_capacitance
from verification.characterize.subject.parameters import Parameter, parameters, trial
from verification.characterize.subject.stimulus import START_S, Case, causes
from verification.characterize.trials.judge import Judge, Verdict
from verification.characterize.trials.runner import Runner
from verification.characterize.trials.trial import Outcome, Response


@dataclass(frozen=True, eq=False)
class CellUnderTest:
    """A bench on a simulator.

    Attributes:
        bench: sources, cell, loads.
        runner: where trials run.
    """

    bench: Bench
    runner: Runner

    @property
    def name(self) -> str:
        """The cell's."""
        return self.bench.subject.name

    @property
    def cases(self) -> tuple[Case, ...]:
        """The stimuli."""
        return self.bench.subject.cases

    @cached_property
    def parameters(self) -> dict[str, Parameter]:
        """All parameters by name, globals first."""
        return parameters(self.bench)

    @cached_property
    def watched(self) -> tuple[str, ...]:
        """Labels whose pulses every trial gives."""
        return Judge(self.bench, {}, {}).watched()

    @cached_property
    def nominal(self) -> dict[str, Response]:
        """Responses of the nominal cell, by case.

        Raises:
            SimulatorError: the simulator fails, or the nominal cell does not do what its stimulus
                says.
        """
        quiet = self._without_noise
        if quiet is not self:
            return quiet.nominal
        trials = [trial(self.bench, case) for case in self.cases]
        outcomes = self.runner.run(self.bench, trials, self.watched)
        judge = Judge(self.bench, {}, {})
        found = {}
        for case, outcome in zip(self.cases, outcomes, strict=True):
            verdict = judge(case, outcome)
            if not isinstance(outcome, Response) or not verdict.passed:
                title = f"case {case.name} of " if case.name else ""
                raise SimulatorError(
                    f"{title}cell {self.name} fails as designed, so that nothing can be measured "
                    f"against it: {verdict.reason}"
                )
            found[case.name] = outcome
        return found

    @property
    def _without_noise(self) -> CellUnderTest:
        if not self.bench.analysis.temperature_K:
            return self
        analysis = dataclasses.replace(self.bench.analysis, temperature_K=0.0)
        return CellUnderTest(dataclasses.replace(self.bench, analysis=analysis), self.runner)

    @cached_property
    def judge(self) -> Judge:
        """Judges trials against the stimulus and the nominal response."""
        advances = {
            case: {label: response.advances(label) for label in self.bench.junctions}
            for case, response in self.nominal.items()
        }
        return Judge(self.bench, advances, self._latencies())

    def _latencies(self) -> dict[str, float]:
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

    def with_capacitors(self) -> CellUnderTest:
        """The same cell with its junctions' capacitances as elements that can be varied."""
        split = split_capacitance(self.bench.subject)
        return CellUnderTest(dataclasses.replace(self.bench, subject=split), self.runner)

    def run(
        self,
        points: Sequence[Mapping[Parameter, float]],
        *,
        elements: Sequence[Mapping[str, float]] | None = None,
        seeds: Sequence[int] | None = None,
    ) -> list[dict[str, Outcome]]:
        """Every case at every point; outcomes by case, in the order of the points."""
        trials = [
            trial(
                self.bench,
                case,
                point,
                elements=elements[i] if elements else None,
                seed=seeds[i] if seeds else 0,
            )
            for i, point in enumerate(points)
            for case in self.cases
        ]
        outcomes = iter(self.runner.run(self.bench, trials, self.watched))
        return [{case.name: next(outcomes) for case in self.cases} for _ in points]

    def verdict(self, outcomes: Mapping[str, Outcome]) -> Verdict:
        """The first failing case's verdict, or that all passed."""
        for case in self.cases:
            found = self.judge(case, outcomes[case.name])
            if not found.passed:
                reason = f"case {case.name}: {found.reason}" if case.name else found.reason
                return Verdict(False, reason)
        return Verdict(True)

    def passes(self, points: Sequence[Mapping[Parameter, float]]) -> list[bool]:
        """Whether the cell passes at each point."""
        return [self.verdict(outcomes).passed for outcomes in self.run(points)]

    def run_cases(self, cases: Sequence[Case]) -> list[Outcome]:
        """The nominal cell with other steps or times. They must fit the bench's length."""
        trials = [trial(self.bench, case) for case in cases]
        return self.runner.run(self.bench, trials, self.watched)

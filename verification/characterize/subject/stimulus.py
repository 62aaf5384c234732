"""What goes into a cell and what must come out: the stimulus of a cell's bench.

A stimulus is a list of steps, each a line of text:

    "a -> q0 q1"         one pulse at port a; one pulse at each of q0 and q1 must follow
    "a b -> q q"         pulses at a and b together; two pulses at q must follow
    "d -> BA"            the cell's junction BA must advance by 2 pi
    "a -> q~"            q must be in the voltage state when the next such step comes
    "r"                  nothing that is watched may happen
    "45: clk -> q"       45 ps after the stimulus begins (else one spacing after the step before)

A target is an output port, or a junction of the cell (``B1`` or, inside an instance, ``B1|XD1``).
Every target named anywhere in a cell's cases is watched in all of them. A target that is
anywhere written with ``~`` is one that runs: in the second half of the time to the next step of
its inputs it gives ``RUNNING`` pulses or more where the step says so, and none where it does not.
"""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from netlist_gen.errors import ConfigurationError
from netlist_gen.files import shown

PS = 1e-12

START_S = 40 * PS
"""The first input pulse: biases ramp up in 10 ps, then everything comes to rest."""

REST_S = START_S - 4 * PS
"""When the phases at rest are read."""

SPACING_S = 50 * PS
"""Between steps where a cell's bench names no other spacing."""

LONGEST_S = 100_000 * PS
"""Of a stimulus: two million steps of the engine."""

MOST_CHARACTERS = 2_000
"""Of a step's line: bounds what reading it takes."""

RUNNING = 2
"""Pulses in half a step that tell the voltage state from rest."""

_STEP = re.compile(r"\s*(?:(\d+(?:\.\d*)?|\.\d+)\s*:)?([^>]*?)(?:->(.*))?\s*")


@dataclass(frozen=True)
class Step:
    """Pulses given together, and the pulses that must follow.

    Attributes:
        time_s: centre of the source pulses, after the stimulus begins.
        expect: targets, named once for each pulse.
        runs: targets that are in the voltage state afterwards.
    """

    time_s: float
    inputs: tuple[str, ...]
    expect: tuple[str, ...]
    runs: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The step as it is written, without its time."""
        left = " ".join(self.inputs)
        right = [*self.expect, *(f"{target}~" for target in self.runs)]
        return f"{left} -> {' '.join(right)}" if right else left


@dataclass(frozen=True)
class BenchCase:
    """One run of a bench: steps, and currents (A) of the bench that differ in it, by label."""

    name: str
    steps: tuple[Step, ...]
    settings: tuple[tuple[str, float], ...] = ()

    @property
    def length_s(self) -> float:
        """From the beginning to the last step."""
        return self.steps[-1].time_s

    def gaps_s(self) -> list[float]:
        """From each step to the next."""
        return [b.time_s - a.time_s for a, b in itertools.pairwise(self.steps)]

    def targets(self) -> list[str]:
        """All targets, each once, in order."""
        return list(dict.fromkeys(t for s in self.steps for t in (*s.expect, *s.runs)))

    def pulses_before(self, step: int, port: str) -> int:
        """How often an input was pulsed before a step."""
        return sum(port in earlier.inputs for earlier in self.steps[:step])

    def pulses(self) -> dict[str, tuple[float, ...]]:
        """Source times of each input port, s from the start of the run."""
        times: dict[str, list[float]] = {}
        for step in self.steps:
            for port in step.inputs:
                times.setdefault(port, []).append(START_S + step.time_s)
        return {port: tuple(found) for port, found in times.items()}

    def told(self, fault: str) -> str:
        """What is wrong, with the case's name where it has one; "" for nothing."""
        return f"case {self.name}: {fault}" if fault and self.name else fault

    def moved(self, times_s: Sequence[float]) -> BenchCase:
        """The same steps at other times (s after the stimulus begins)."""
        moved = zip(self.steps, times_s, strict=True)
        steps = (dataclasses.replace(step, time_s=time) for step, time in moved)
        return dataclasses.replace(self, steps=tuple(steps))


def parse_steps(
    lines: Sequence[str],
    spacing_s: float,
    inputs: Sequence[str],
    where: str,
    spelled: Callable[[str], str] = str,
) -> tuple[Step, ...]:
    """Read the lines of a stimulus.

    Args:
        lines: a step each.
        spacing_s: from a step to the next, where it names no time.
        inputs: of the cell.
        where: the place of the lines in messages.
        spelled: gives a port as the cell spells it.

    Raises:
        ConfigurationError: a line that is no step, an input the cell does not have, times that
            do not increase, or no line at all.
    """
    steps: list[Step] = []
    for line in lines:
        short = isinstance(line, str) and len(line) <= MOST_CHARACTERS
        match = _STEP.fullmatch(line) if short else None
        if match is None or not match[2].split():
            raise ConfigurationError(
                f"{where}: {shown(line)} is no step; write e.g. 'a -> q', or '45: clk -> q' with a "
                "time in ps"
            )
        ports = tuple(map(spelled, match[2].split()))
        for port in ports:
            if port not in inputs:
                raise ConfigurationError(
                    f"{where}: step {shown(line)} pulses {shown(port)}; the inputs are "
                    f"{', '.join(inputs)}"
                )
        if len(set(ports)) != len(ports):
            raise ConfigurationError(f"{where}: step {shown(line)} pulses one input twice")
        last = steps[-1].time_s if steps else -spacing_s
        time = float(match[1]) * PS if match[1] else last + spacing_s
        if steps and time <= last:
            raise ConfigurationError(
                f"{where}: step {shown(line)} comes at {time / PS:g} ps, not after the one before "
                f"({last / PS:g} ps)"
            )
        targets = (match[3] or "").split()
        expect = tuple(spelled(t) for t in targets if not t.endswith("~"))
        runs = tuple(spelled(t.removesuffix("~")) for t in targets if t.endswith("~"))
        if time > LONGEST_S:
            raise ConfigurationError(
                f"{where}: step {shown(line)} comes at {time / PS:g} ps; at most "
                f"{LONGEST_S / PS:g} ps are allowed"
            )
        steps.append(Step(time, ports, expect, runs))
    if not steps:
        raise ConfigurationError(f"{where}: the stimulus has no step")
    return tuple(steps)


def causes(cases: Sequence[BenchCase], *, running: bool = False) -> Mapping[str, frozenset[str]]:
    """For each target the inputs that are followed by it in some step of some case.

    With ``running`` the targets that run, instead of those whose pulses are counted.
    """
    found: dict[str, set[str]] = {}
    for case in cases:
        for step in case.steps:
            for target in step.runs if running else step.expect:
                found.setdefault(target, set()).update(step.inputs)
    return {target: frozenset(inputs) for target, inputs in found.items()}

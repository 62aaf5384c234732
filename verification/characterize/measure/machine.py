"""The state machine of a cell, found by trying: states are the fluxons in its loops.

A loop is a cycle of junctions, inductors and sources. At rest the fluxons in it are the sum of
the advances of its junctions around it, so that a state is a list of whole numbers. From the
state at rest every input is tried, then every input from each new state, until no new state
turns up. Each transition carries its outputs and their delays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from netlist_gen.circuit.elements import PULSE_HALF_S, Inductor, Junction, PulseSource
from netlist_gen.errors import ConfigurationError
from verification.characterize.subject.bench import (
    CELL,
    PROBE_PREFIX,
    Bench,
    flat_name,
    flattened,
)
from verification.characterize.subject.parameters import trial
from verification.characterize.subject.stimulus import SPACING_S, START_S, BenchCase, Step
from verification.characterize.trials.cell import CellUnderTest
from verification.characterize.trials.trial import FloatArray, Response

MAX_INPUTS = 4
MAX_STATES = 24


@dataclass(frozen=True)
class Transition:
    """One input in one state (0 is that at rest), and the outputs as often as they give a pulse.

    The delays are those of the first pulse of each output.
    """

    state: int
    input: str
    next: int
    outputs: tuple[str, ...]
    delays_s: Mapping[str, float]


@dataclass(frozen=True)
class Machine:
    """A Mealy machine: states are fluxons in the loops that ever change.

    The loops are named by the junctions that close them. It is not complete where the search was
    ended at ``MAX_STATES``.
    """

    states: tuple[tuple[int, ...], ...]
    loops: tuple[str, ...]
    transitions: tuple[Transition, ...]
    complete: bool


class LoopFinder:
    """The loops of a bench, and the fluxons in them after a run."""

    def __init__(self, bench: Bench):
        elements = flattened(bench.circuit, {}, {}).top.elements
        self._inductors = [(e.plus, e.minus) for e in elements if isinstance(e, Inductor)]
        # The cell's own junctions come last, so that they close its loops; the probes at the ports
        # carry no current and count for nothing.
        turning = [e for e in elements if isinstance(e, Junction | PulseSource)]
        edges = [e for e in turning if not e.name.startswith(PROBE_PREFIX)]
        edges.sort(key=lambda e: f"__{CELL}__" in f"{e.name}__")
        self.edges = [(e.plus, e.minus, e.name) for e in edges]

    def fluxons(self, advances: Mapping[str, int]) -> dict[str, int]:
        """Fluxons in each loop, by the edge that closes it, from advances by flat name.

        Edges are taken one after the other: one that joins two islands of nets gives the one's
        phases from the other's, one within an island closes a loop. Inductors come first: along
        them there are no advances.
        """
        islands: dict[str, dict[str, int]] = {}  # the phases of a net's whole island, by net
        found: dict[str, int] = {}
        plain = ((a, b, "") for a, b in self._inductors)
        for a, b, name in (*plain, *self.edges):
            one, other = (islands.setdefault(net, {net: 0}) for net in (a, b))
            step = one[a] - other[b] - advances.get(name, 0)
            if one is not other:
                for net, phase in other.items():
                    one[net] = phase + step
                    islands[net] = one
            elif name:
                found[name] = -step
        return found


def why_no_machine(cell: CellUnderTest) -> str:
    """Why a cell's states are not explored, in words; "" where they are."""
    inputs = len(cell.subject.inputs)
    if cell.subject.grouped:
        return (
            "a neuron has a state for each set of its synapses that holds a fluxon, too many to be "
            "tried one by one; the integer model is what it does"
        )
    if inputs > MAX_INPUTS:
        return f"the cell has {inputs} inputs; cells of up to {MAX_INPUTS} are tried"
    return ""


def find_machine(cell: CellUnderTest) -> Machine | None:
    """Explore a cell's states in the settings of its first case.

    None for a neuron, and for a cell of more than ``MAX_INPUTS`` inputs.
    """
    inputs = cell.subject.inputs
    if why_no_machine(cell):
        return None
    finder = LoopFinder(cell.bench)
    words: list[tuple[str, ...]] = [()]  # that lead to each state
    states = [finder.fluxons({})]
    transitions: list[Transition] = []
    todo, complete = [0], True
    while todo:
        tried = [(state, (*words[state], port)) for state in todo for port in inputs]
        todo = []
        ran = _run_words(cell, finder, [word for _, word in tried])
        for (state, word), (fluxons, outputs, delays_s) in zip(tried, ran, strict=True):
            if fluxons not in states:
                if len(states) >= MAX_STATES:
                    complete = False
                    continue
                states.append(fluxons)
                words.append(word)
                todo.append(len(states) - 1)
            after = states.index(fluxons)
            transitions.append(Transition(state, word[-1], after, outputs, delays_s))
    changing = [name for name in states[0] if any(s[name] for s in states)]
    found = tuple(tuple(s[name] for name in changing) for s in states)
    return Machine(found, tuple(changing), tuple(transitions), complete)


def _run_words(
    cell: CellUnderTest, finder: LoopFinder, words: Sequence[tuple[str, ...]]
) -> list[tuple[dict[str, int], tuple[str, ...], dict[str, float]]]:
    """What series of inputs leave in the loops; outputs and delays of the last input."""
    subject, settings = cell.subject, cell.cases[0].settings
    spacing = max(SPACING_S, subject.tail_s)
    cases = [
        BenchCase("", tuple(Step(i * spacing, (port,), ()) for i, port in enumerate(w)), settings)
        for w in words
    ]
    bench = cell.on(length_s=max(case.length_s for case in cases)).bench
    watched = {
        label: flat_name(path, e.name)
        for label, (path, _, e) in bench.elements.items()
        if isinstance(e, Junction)
    }
    results = cell.runner.run(bench, [trial(bench, case) for case in cases], tuple(watched))
    found = []
    for case, result in zip(cases, results, strict=True):
        if not isinstance(result, Response):
            raise ConfigurationError(f"cell {cell.subject.name}: {result.message}")
        advances = {name: result.advances(label) for label, name in watched.items()}
        advances |= {f"V{port}": len(times) for port, times in case.pulses().items()}
        found.append((finder.fluxons(advances), *_answers(bench, case, result)))
    return found


def _answers(
    bench: Bench, case: BenchCase, response: Response
) -> tuple[tuple[str, ...], dict[str, float]]:
    """Outputs that answer the last step, as often as they do, and the delay of each's first."""
    begin = START_S + case.length_s - PULSE_HALF_S  # a level's mark is at its time, by rounding

    def late(port: str) -> FloatArray:
        times = response.times_s[bench.target_label(port)]
        return times[times >= begin]

    (port,) = case.steps[-1].inputs
    arrived = late(port)
    answers = {output: late(output) for output in bench.subject.outputs}
    delays_s = {
        o: float(at[0] - arrived[0]) for o, at in answers.items() if at.size and arrived.size
    }
    return tuple(o for o, at in answers.items() for _ in at), delays_s

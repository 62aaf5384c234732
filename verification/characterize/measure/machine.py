"""The state machine of a cell, found by trying: states are the fluxons in its loops.

A loop is a cycle of junctions, inductors and sources. At rest the fluxons in it are the sum of
the advances of its junctions around it, so that a state is a list of whole numbers. From the
state at rest every input is tried, then every input from each new state, until no new state
turns up. Each transition carries its outputs and their delays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from netlist_gen.circuit.model import GROUND, PULSE_HALF_S, Inductor, Junction, PulseSource
from netlist_gen.errors import ConfigurationError
from verification.characterize.subject.bench import (
    CELL,
    PROBE_PREFIX,
    Bench,
    flattened,
    make_bench,
    probe_name,
)
from verification.characterize.subject.parameters import trial
from verification.characterize.subject.stimulus import SPACING_S, START_S, Case, Step
from verification.characterize.trials.cell import CellUnderTest
from verification.characterize.trials.trial import Response

MAX_INPUTS = 4
MAX_STATES = 24
Signature = tuple[int, ...]


@dataclass(frozen=True)
class Transition:
    """One input in one state.

    Attributes:
        state, next: numbers of states; 0 is the state at rest.
        input: the port.
        outputs: output ports that gave a pulse, as often as they did.
        delays_s: of the first pulse of each.
    """

    state: int
    input: str
    next: int
    outputs: tuple[str, ...]
    delays_s: Mapping[str, float]


@dataclass(frozen=True)
class Machine:
    """A Mealy machine.

    Attributes:
        states: fluxons in the loops that ever change, by state. loops: those loops, by the
            junctions that close them.
        transitions: every input in every state.
        complete: False where the search was ended at ``MAX_STATES``.
        case: whose settings the machine was found with.
    """

    states: tuple[Signature, ...]
    loops: tuple[str, ...]
    transitions: tuple[Transition, ...]
    complete: bool
    case: str


class LoopFinder:
    """The loops of a bench, and the fluxons in them after a run."""

    def __init__(self, bench: Bench):
        flat = flattened(bench.circuit, {}, {}).top.elements
        parent: dict[str, str] = {}

        def root(net: str) -> str:
            parent.setdefault(net, net)
            while parent[net] != net:
                parent[net] = parent[parent[net]]
                net = parent[net]
            return net

        for e in flat:
            if isinstance(e, Inductor):
                parent[root(e.plus)] = root(e.minus)
        root(GROUND)
        # Junctions and sources are edges between islands of inductors; each outside a spanning
        # forest closes a loop. The cell's own junctions come last, so that they close its
        # loops; the probes at the ports carry no current and count for nothing.
        edges = [
            e
            for e in flat
            if isinstance(e, PulseSource)
            or (isinstance(e, Junction) and not e.name.startswith(PROBE_PREFIX))
        ]
        edges.sort(key=lambda e: f"{e.name}__".find(f"__{CELL}__") >= 0)
        self.edges = [(root(e.plus), root(e.minus), e.name) for e in edges]
        tree: dict[str, list[tuple[str, str, int]]] = {}
        joined: dict[str, str] = {}

        def top(net: str) -> str:
            joined.setdefault(net, net)
            while joined[net] != net:
                net = joined[net]
            return net

        chords = []
        for a, b, name in self.edges:
            if top(a) == top(b):
                chords.append((a, b, name))
                continue
            joined[top(a)] = top(b)
            tree.setdefault(a, []).append((b, name, 1))
            tree.setdefault(b, []).append((a, name, -1))
        self.loops: dict[str, list[tuple[str, int]]] = {
            name: [(name, 1), *_path(tree, b, a)] for a, b, name in chords
        }

    def fluxons(self, advances: Mapping[str, int]) -> dict[str, int]:
        """Fluxons in each loop, by the junction that closes it, from advances by flat name."""
        return {
            name: sum(sign * advances[edge] for edge, sign in loop)
            for name, loop in self.loops.items()
        }


def _path(
    tree: Mapping[str, list[tuple[str, str, int]]], start: str, end: str
) -> list[tuple[str, int]]:
    came: dict[str, tuple[str, str, int]] = {start: ("", "", 0)}
    frontier = [start]
    while frontier:
        here = frontier.pop()
        if here == end:
            break
        for there, name, sign in tree.get(here, ()):
            if there not in came:
                came[there] = (here, name, sign)
                frontier.append(there)
    found = []
    here = end
    while here != start:
        before, name, sign = came[here]
        found.append((name, sign))
        here = before
    return found


def find_machine(cell: CellUnderTest) -> Machine:
    """Explore a cell's states in the settings of its first case.

    Raises:
        ConfigurationError: more than ``MAX_INPUTS`` inputs.
    """
    subject = cell.bench.subject
    if len(subject.inputs) > MAX_INPUTS:
        raise ConfigurationError(
            f"cell {cell.name} has {len(subject.inputs)} inputs; its state machine is looked for "
            f"with at most {MAX_INPUTS}"
        )
    finder = LoopFinder(cell.bench)
    access: list[tuple[str, ...]] = [()]
    signatures: list[dict[str, int]] = [dict.fromkeys(finder.loops, 0)]
    raw: list[tuple[int, str, int, Response, tuple[str, ...]]] = []
    todo, complete = [0], True
    while todo:
        words = [(state, (*access[state], port)) for state in todo for port in subject.inputs]
        todo = []
        for (state, word), (response, fluxons) in zip(
            words, _run_words(cell, finder, [w for _, w in words]), strict=True
        ):
            if fluxons not in signatures:
                if len(signatures) >= MAX_STATES:
                    complete = False
                    continue
                signatures.append(fluxons)
                access.append(word)
                todo.append(len(signatures) - 1)
            raw.append((state, word[-1], signatures.index(fluxons), response, word))
    changing = [name for name in finder.loops if any(s[name] for s in signatures)]
    return Machine(
        tuple(tuple(s[name] for name in changing) for s in signatures),
        tuple(changing),
        tuple(_transition(cell, *row) for row in raw),
        complete,
        cell.cases[0].name,
    )


def _word_case(cell: CellUnderTest, word: Sequence[str]) -> Case:
    spacing = max(SPACING_S, cell.bench.subject.tail_s)
    steps = tuple(Step(i * spacing, (port,), ()) for i, port in enumerate(word))
    return Case("word", steps, cell.cases[0].settings)


def _run_words(
    cell: CellUnderTest, finder: LoopFinder, words: Sequence[tuple[str, ...]]
) -> list[tuple[Response, dict[str, int]]]:
    cases = [_word_case(cell, word) for word in words]
    subject = cell.bench.subject
    bench = make_bench(
        subject,
        load=cell.bench.load,
        length_s=max(case.length_s for case in cases),
        step_s=cell.bench.analysis.step_s,
    )
    every = {
        label: "__".join((e.name, *reversed(path)))
        for label, (path, _, e) in bench.elements.items()
        if isinstance(e, Junction) and not e.name.startswith(PROBE_PREFIX)
    }
    every |= {bench.target_label(p): probe_name(p) for p in (*subject.inputs, *subject.outputs)}
    watch = tuple(every)
    outcomes = cell.runner.run(bench, [trial(bench, case) for case in cases], watch)
    found = []
    for case, outcome in zip(cases, outcomes, strict=True):
        if not isinstance(outcome, Response):
            raise ConfigurationError(f"cell {cell.name}: {outcome.message}")
        advances = {name: outcome.advances(label) for label, name in every.items()}
        for port in subject.inputs:
            advances[f"V{port}"] = len(case.pulses().get(port, ()))
        found.append((outcome, finder.fluxons(advances)))
    return found


def _transition(
    cell: CellUnderTest,
    state: int,
    port: str,
    after: int,
    response: Response,
    word: tuple[str, ...],
) -> Transition:
    bench = cell.bench
    case = _word_case(cell, word)
    begin = START_S + case.length_s - PULSE_HALF_S  # a level's mark is at its time, by rounding
    arrival = response.times_s[bench.target_label(port)]
    arrival = arrival[arrival >= begin]
    outputs: list[str] = []
    delays: dict[str, float] = {}
    for output in bench.subject.outputs:
        times = response.times_s[bench.target_label(output)]
        times = times[times >= begin]
        outputs += [output] * times.size
        if times.size and arrival.size:
            delays[output] = float(times[0] - arrival[0])
    return Transition(state, port, after, tuple(outputs), delays)

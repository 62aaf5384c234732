"""What a run with made windows or with faults says: values of ``verify.json``."""

from __future__ import annotations

from dataclasses import dataclass

from netlist_gen.records import Record

ASSUMPTIONS = (
    "the branches of a neuron that have one sign are one circuit, by construction, so that a "
    "window does what its counts say whichever lines carry them (exchanging lines, within a loop "
    "and between loops, is tested)",
    "of the ways in which a class's pulses can fall on the loops of the decision, the two that "
    "spread them most and least evenly bound the others",
    "a window's outcome depends on the window before and on none earlier: every window ends at "
    "rest, which is checked",
)
"""What every certificate rests on."""

SHARED = (
    "neurons of as many excitatory and inhibitory synapses and of the same theta are one circuit "
    "up to the order of their synapses: a class seen on one is seen on all"
)
NEARBY = (
    "pairs of counts that are not asked for, farther from the threshold than those that are and "
    "not at the corners of the range, do as both do"
)
TIMED = "data come within what the network's closed timing says, at nominal bias"
UNTIMED = (
    "data come at one time: the process has no measured delays, so that it is not known how far "
    "apart they may be"
)
OUTSIDE = (
    "what lies between neurons (splitter and clock trees, class lines) is not simulated here; "
    "--scope network does"
)


@dataclass(frozen=True)
class Certificate(Record):
    """What made windows prove.

    Attributes:
        proven: all that is asked for was seen of every neuron, and all of it agreed.
        sentence: what follows.
        assumptions: from what, each a sentence.
        neurons: that windows were made for,
        of_neurons: of so many that have a circuit.
        circuits: different ones among them, up to the order of synapses.
        windows: simulated.
        asked: which classes, in words.
        shared: a class was made for one neuron of each circuit; else for every neuron.
        skew_ps: least and greatest distance of the latest data from the earliest, over neurons;
            None where no timing is known.
        spread_ps: largest difference of the times from clock to output over windows of the same
            counts and circuit; None without two such pulses.
        samples: given, whose outcome follows,
        sampled: and so many of their neuron windows, drawn at random, that were simulated too.
    """

    proven: bool
    sentence: str
    assumptions: tuple[str, ...]
    neurons: int
    of_neurons: int
    circuits: int
    windows: int
    asked: str
    shared: bool
    skew_ps: tuple[float, float] | None
    spread_ps: float | None
    samples: int
    sampled: int


CAUGHT, EQUIVALENT, HOLE, FAILED = "caught", "equivalent", "hole", "failed"
"""What becomes of a fault: the run's windows find it; it changes nothing that counts; other windows
find it, and these did not; or a simulation did not end, so that nothing is known of it."""


@dataclass(frozen=True)
class FaultScore(Record):
    """One kind of fault."""

    fault: str
    tried: int
    caught: int
    equivalent: int
    holes: int
    failed: int = 0


@dataclass(frozen=True)
class Survivor(Record):
    """A fault that the run's windows did not find.

    Attributes:
        fault: its kind.
        layer: of the neuron.
        neuron: its place.
        where: in the neuron.
        outcome: "equivalent", "hole" or "failed".
        why: in words.
    """

    fault: str
    layer: int
    neuron: int
    where: str
    outcome: str
    why: str


@dataclass(frozen=True)
class Mutation(Record):
    """How many faults the windows of a run find.

    Attributes:
        tried: neurons with a fault.
        caught: found by the windows,
        by_pulses: of these by the number of output pulses alone.
        failed: of which nothing is known, as a simulation did not end.
        equivalent: not found, nor by further windows.
        holes: not found, but by further windows.
        score: caught of those that are known not to be equivalent, of 1; None without any.
        neurons: different ones.
        seed: of the draw.
        faults: each kind.
        survivors: those that were not found, or failed.
    """

    tried: int
    caught: int
    by_pulses: int
    failed: int
    equivalent: int
    holes: int
    score: float | None
    neurons: int
    seed: int
    faults: tuple[FaultScore, ...]
    survivors: tuple[Survivor, ...]

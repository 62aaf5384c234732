"""Measured against expected: each window of a neuron, and the first counter-example in words.

What is expected are the integer model's spikes (``netlist_gen.spikes``), which never saw the
circuit. A window agrees when the circuit's synapses and threshold are the network's, when the
output junction gave exactly the expected pulse (one or none) on the clock and no pulse backwards,
when each storage loop took in and gave out exactly the fluxons of its input line, when the two
SQUIDs of the decision hold no flux, and when the energy that the bias sources delivered is the
reference's within the tolerance. Where times are predicted, each pulse has to come at its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netlist_gen.circuit.probe import Probe
from netlist_gen.circuit.view import NeuronView
from netlist_gen.constants import TWO_PI
from netlist_gen.errors import WaveformError
from netlist_gen.records import Record
from netlist_gen.spikes import NeuronSpikes
from verification.waves.pulses import pulses_in_words
from verification.waves.readings import Readings, readings_of
from verification.waves.waveforms import Waveforms

BoolArray = NDArray[np.bool_]
FloatArray = NDArray[np.float64]

REST_TOLERANCE_FLUXONS = 0.15
"""How far from a whole number of fluxons a phase may be where a window ends. At rest it is
within 0.02; a tenth of a turn more means that the circuit has not come to rest."""

HELD_TOLERANCE_FLUXONS = 0.25
"""The same of the junctions of a loop that holds fluxons: the current of a full one, 260 uA at the
most, turns them by 0.17."""


@dataclass(frozen=True)
class Disagreement(Record):
    """The first disagreement of a neuron or of class lines in a deck.

    Attributes:
        window: of the deck.
        expected: in words.
        measured: in words.
    """

    window: int
    expected: str
    measured: str


@dataclass(frozen=True, eq=False)
class Predicted:
    """When a neuron's pulses have to come.

    Attributes:
        times_s: at the output junction, shape (windows,), NaN where there is none.
        tolerance_s: how far off one may be.
    """

    times_s: FloatArray
    tolerance_s: float


@dataclass(frozen=True, eq=False)
class NeuronVerdict(Record):
    """What was measured on one neuron.

    Attributes:
        name: the neuron's name.
        layer: its layer.
        neuron: its place in the layer.
        wrong: bool, shape (windows,).
        pulses: int, shape (windows,): output pulses measured in each window.
        delays_s: from decision clock to output pulse, NaN where there is none; shape (windows,).
        apart_s: measured less predicted time of each pulse, NaN where there is none; shape
            (windows,), or (0,) where no times were predicted.
        first: the first disagreement, or None.
    """

    name: str
    layer: int
    neuron: int
    wrong: BoolArray
    pulses: NDArray[np.int64]
    delays_s: FloatArray
    apart_s: FloatArray
    first: Disagreement | None

    @property
    def windows(self) -> int:
        """Windows compared."""
        return int(self.wrong.size)

    @property
    def mismatches(self) -> int:
        """Windows that disagree."""
        return int(self.wrong.sum())


def compare(
    view: NeuronView,
    spikes: NeuronSpikes,
    observed: Waveforms | Readings,
    predicted: Predicted | None = None,
) -> NeuronVerdict:
    """Hold what a simulation says of one neuron against the integer model.

    Args:
        view: the neuron in its circuit.
        spikes: what it must do.
        observed: what a simulator returned; needs what the view watches.
        predicted: when its pulses must come.

    Raises:
        WaveformError: a signal is missing, not finite or too short.
    """
    readings = readings_of(observed)
    try:
        measured = _Measured.of(view, readings, spikes.startup)
    except WaveformError as error:
        raise WaveformError(f"neuron {view.site.name}: {error}") from None
    apart = np.zeros(0)
    if predicted is not None:
        apart = view.decisions_s() + measured.delays_s - predicted.times_s
    wrong = np.zeros(view.windows, dtype=bool)
    checks = list(_checks(view, spikes, measured, predicted, apart))
    for check in checks:
        wrong |= check.wrong
    first: Disagreement | None = None
    if wrong.any():
        w = int(np.argmax(wrong))
        first = Disagreement(w, *next(c.words(w) for c in checks if c.wrong[w]))
    site = view.site
    return NeuronVerdict(
        site.name,
        site.layer,
        site.neuron,
        wrong,
        measured.pulses,
        measured.delays_s,
        apart,
        first,
    )


@dataclass(frozen=True, eq=False)
class _Measured:
    """What a simulation says of a neuron, window by window.

    Attributes:
        pulses: at the output, forward, shape (windows,).
        backward: at the output, backward, shape (windows,).
        delays_s: of the first forward pulse after the decision clock, NaN without one.
        stray_s: a pulse before the first clock or after the last window, NaN without one.
        row: the row of each watched probe.
        advances: whole 2 pi advances in each window, shape (probes, windows).
        residue: how far from whole each phase is where a window ends, shape (probes, windows),
            as seen from where the start-up windows end.
    """

    pulses: NDArray[np.int64]
    backward: NDArray[np.int64]
    delays_s: FloatArray
    stray_s: float
    row: dict[Probe, int]
    advances: NDArray[np.int64]
    residue: FloatArray

    @staticmethod
    def of(view: NeuronView, readings: Readings, startup: int) -> _Measured:
        watched = view.watched()
        phases = readings.phases([p.column for p in watched], view.boundaries_s())
        turns = (phases - phases[:, [startup]]) / TWO_PI
        whole = np.rint(turns)
        output = readings.train(view.output.column)
        forward = output.times_s[output.signs > 0]
        decisions = view.decisions_s()
        edges = np.append(decisions, decisions[-1] + view.phases.period)
        begin = np.searchsorted(forward, edges)
        delays = np.full(view.windows, np.nan)
        came = np.diff(begin) > 0
        delays[came] = forward[begin[:-1][came]] - decisions[came]
        stray = output.times_s[(output.times_s < edges[0]) | (output.times_s >= edges[-1])]
        return _Measured(
            np.diff(begin),
            np.diff(np.searchsorted(output.times_s[output.signs < 0], edges)),
            delays,
            float(stray[0]) if stray.size else np.nan,
            {probe: row for row, probe in enumerate(watched)},
            np.diff(whole, axis=1).astype(np.int64),
            np.abs(turns - whole)[:, 1:],
        )


@dataclass(frozen=True, eq=False)
class _Check:
    """One thing that has to agree.

    Attributes:
        wrong: where it does not, shape (windows,).
        words: (expected, measured) in a window.
    """

    wrong: BoolArray
    words: Callable[[int], tuple[str, str]]


def _checks(
    view: NeuronView,
    spikes: NeuronSpikes,
    measured: _Measured,
    predicted: Predicted | None,
    apart_s: FloatArray,
) -> Iterator[_Check]:
    """All that has to agree, in the order in which it is told."""
    phases, fires, delays = view.phases, spikes.fires, measured.delays_s
    every = np.ones(view.windows, dtype=bool)
    built = _built_otherwise(view, spikes)
    if built is not None:
        yield _Check(every, lambda _: built)

    def why(w: int) -> str:
        if w < spikes.startup:
            every = "every neuron fires in the full start-up window"
            return every if fires[w] else "no neuron fires in the silent start-up window"
        if not spikes.clocked[w]:
            return "no neuron fires where a sample begins"
        held = "n" if spikes.contents is None else "membrane"
        return f"{held} = {spikes.count[w]}, theta = {spikes.theta}"

    yield _Check(
        measured.pulses != fires,
        lambda w: (f"{pulses_in_words(fires[w])} ({why(w)})", pulses_in_words(measured.pulses[w])),
    )
    yield _Check(
        measured.backward > 0,
        lambda w: (
            f"no pulse backwards ({why(w)})",
            f"{measured.backward[w]} backwards at the output",
        ),
    )
    yield _Check(
        fires & ~((delays >= phases.earliest) & (delays <= phases.latest)),
        lambda w: (
            f"the pulse {phases.earliest * 1e12:.3g} to {phases.latest * 1e12:.3g} ps after the "
            "decision clock",
            f"{delays[w] * 1e12:.2f} ps",
        ),
    )
    if predicted is not None:
        times, allowed = predicted.times_s, predicted.tolerance_s
        yield _Check(
            fires & ~(np.abs(apart_s) <= allowed),
            lambda w: (
                f"the pulse at {times[w] * 1e12:.2f} ps within {allowed * 1e12:g} ps ({why(w)})",
                f"it {abs(apart_s[w]) * 1e12:.2f} ps {'later' if apart_s[w] > 0 else 'earlier'}",
            ),
        )
    yield from _flux_checks(view, spikes, measured)
    at_end = measured.stray_s >= view.decisions_s()[0]
    place = -1 if at_end else 0
    stray = np.zeros(view.windows, dtype=bool)
    stray[place] = np.isfinite(measured.stray_s)
    yield _Check(
        stray,
        lambda _: (
            f"no pulse {'after the last window' if at_end else 'before the first clock'}",
            f"a pulse at {measured.stray_s * 1e12:.2f} ps",
        ),
    )


def _flux_checks(view: NeuronView, spikes: NeuronSpikes, measured: _Measured) -> Iterator[_Check]:
    """Storage loops, the decision's SQUIDs, and that all rests where a window ends."""
    loops, wanted = _loops(view, spikes)
    if loops:
        rows = np.array([[measured.row[probe] for probe in pair] for pair in loops])
        seen = measured.advances[rows]  # (loops, 2, windows)
        unlike = seen != wanted
        kept = "" if spikes.contents is not None else " (no flux left behind)"

        def loop(w: int) -> tuple[str, str]:
            k, side = np.argwhere(unlike[:, :, w])[0].tolist()
            probe = loops[k][side]
            return (
                f"{pulses_in_words(wanted[k, side, w])} of {probe.junction} in synapse "
                f"{probe.path[-1]}{kept}",
                pulses_in_words(seen[k, side, w]),
            )

        yield _Check(unlike.any(axis=(0, 1)), loop)
    for probe, with_pulse in view.squids():
        flips = (spikes.fires == with_pulse) & spikes.clocked
        advanced: NDArray[np.int64] = measured.advances[measured.row[probe]]

        def squid(
            w: int,
            name: str = probe.junction,
            flips: BoolArray = flips,
            advanced: NDArray[np.int64] = advanced,
        ) -> tuple[str, str]:
            stage = f"{pulses_in_words(flips[w])} of {name} in the decision stage"
            return stage, pulses_in_words(advanced[w])

        yield _Check(np.asarray(advanced != flips), squid)

    def rest(w: int) -> tuple[str, str]:
        probe, row = max(measured.row.items(), key=lambda item: float(measured.residue[item[1], w]))
        return (
            f"{probe.column} at rest where the window ends",
            f"{measured.residue[row, w]:.2f} fluxons from it",
        )

    allowed = np.full(len(measured.row), REST_TOLERANCE_FLUXONS)
    if spikes.contents is not None:
        allowed[[measured.row[probe] for pair in loops for probe in pair]] = HELD_TOLERANCE_FLUXONS
    yield _Check(np.asarray((measured.residue > allowed[:, None]).any(axis=0)), rest)


def _loops(
    view: NeuronView, spikes: NeuronSpikes
) -> tuple[list[tuple[Probe, Probe]], NDArray[np.int64]]:
    """Set and clear junction of each storage loop, and how often each flips, (loops, 2, windows).

    Of lines that the circuit and the network both have; others: ``_built_otherwise``. So with the
    loops of the neuron's own pulses.
    """
    built, own = view.loops(), view.own_loops()
    pairs: list[tuple[Probe, Probe] | None] = [built.get(line) for line in spikes.lines]
    pairs += own if len(own) == spikes.amount else [None] * spikes.amount
    into = np.hstack([spikes.arrivals, spikes.own]).astype(np.int64)
    found = [
        (pair, np.stack([arrived, left]))
        for pair, arrived, left in zip(pairs, into.T, spikes.leaving.T, strict=True)
        if pair is not None
    ]
    wanted = np.stack([counts for _, counts in found]) if found else np.zeros((0, 2, 0), int)
    return [pair for pair, _ in found], wanted


def _built_otherwise(view: NeuronView, spikes: NeuronSpikes) -> tuple[str, str] | None:
    """Where the circuit was built from other synapses or another threshold than the network's."""
    network = dict(zip(spikes.lines, spikes.signs.tolist(), strict=True))
    circuit = dict(zip(view.site.inputs, view.site.signs, strict=True))
    for line in sorted(network.keys() | circuit.keys()):
        wanted, built = network.get(line, 0), circuit.get(line, 0)
        if wanted != built:
            return (
                f"weight {wanted:+d} on line {line}, as the network has it",
                f"a circuit built with weight {built:+d}",
            )
    if view.site.theta != spikes.theta:
        return f"theta {spikes.theta}, as the network has it", f"a circuit for {view.site.theta}"
    memory = view.site.memory
    kept = (None, 0) if memory is None else (memory.reset, memory.subtract)
    if kept != (spikes.reset, spikes.amount):
        in_words = [
            "no memory" if reset is None else f"reset {reset}" + (f" {taken}" if taken else "")
            for reset, taken in ((spikes.reset, spikes.amount), kept)
        ]
        return f"{in_words[0]}, as the network has it", f"a circuit with {in_words[1]}"
    return None

"""Lanes of one time step on a GPU: the run itself, and what becomes of its results."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from netlist_gen.errors import ConfigurationError, DeckError, SimulatorError
from verification.engine.cuda.layout import (
    BEYOND,
    MARK,
    MEAN,
    SINGULAR,
    SOURCE_ROWS,
    STATUS,
    WORK,
    Arrays,
    Circuit,
)
from verification.engine.cuda.tables import TableBuilder
from verification.engine.cuda.target import Target
from verification.engine.equations.constants import SIGMA
from verification.engine.equations.equations import Equations
from verification.engine.equations.outputs import Trace
from verification.engine.lanes.batch import Batch, LaneJob
from verification.engine.lanes.factors import IncompletePattern
from verification.engine.lanes.layout import Factors
from verification.engine.lanes.results import LaneResult, Pulses
from verification.engine.lanes.samples import PrintedSamples
from verification.engine.text.deck import TransientAnalysis

Array = NDArray[Any]
LongArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]
_STRETCH_S = 0.3
"""About the time of a launch, after each of which a deadline is looked at, s."""
_FIRST_STEPS = 32
"""Of the first launch, which tells how many take that time."""
_ALONE = threading.Lock()
"""One thread's lanes at a time: they take what memory there is."""


class _Lanes(NamedTuple):
    """Some lanes while they run.

    Attributes:
        numbers: of the lanes in the batch; the last one fills up what the target takes together.
        used: how many of them are no filling.
    """

    numbers: LongArray
    used: int
    circuit: Circuit
    arrays: Arrays
    samples: PrintedSamples
    workers: int


class GpuBatch(Batch):
    """The lanes of a job at one time step, as ``Batch`` runs them, on a target.

    Lanes that share their factors can't have a junction cross its gap: one that does is run again,
    by itself, with factors of its own.
    """

    def __init__(
        self,
        job: LaneJob,
        transient: TransientAnalysis,
        steps: LongArray | None,
        traces: list[Trace],
        equations: Equations,
        shared: Factors | None,
        target: Target,
    ) -> None:
        super().__init__(job, transient, steps, traces, equations, shared)
        self._target = target
        self._refuse()

    def _refuse(self) -> None:
        """Raise ConfigurationError where the deck has what a GPU's lanes can't have."""
        topology = self._topology
        labels = {
            "a transmission line": [element.label for element, _ in topology.lines],
            "an inductor with ik=": [topology.inductors.label(k) for k in topology.kinetic],
        }
        for what, found in labels.items():
            if found:
                raise ConfigurationError(
                    f"{self._name}: {found[0]} is {what}, which lanes on a GPU can't have; device "
                    "cpu runs them"
                )

    def run(self, threads: int) -> Iterator[tuple[int, LaneResult | None]]:
        """(lane, result) of every lane; None for a lane that needs a smaller step.

        Args:
            threads: of the processor; they have nothing to do here.

        Raises:
            IncompletePattern: lanes take factors of their own, and the pattern is not complete.
            DeckError: a lane's matrix is singular.
            SimulatorError: a run diverged, or the deadline passed.
        """
        del threads
        beyond: list[int] = []
        yield from self._all(np.arange(self._lanes), own_factors=False, beyond=beyond)
        if beyond:
            yield from self._all(np.array(beyond), own_factors=True, beyond=[])

    def _all(
        self, lanes: LongArray, *, own_factors: bool, beyond: list[int]
    ) -> Iterator[tuple[int, LaneResult | None]]:
        """As many lanes at once as the memory has room for; ``beyond`` gets those left out."""
        if (own_factors or self._setup.shared is None) and not (
            self._setup.equations.pattern.complete
        ):
            raise IncompletePattern
        first = 0
        while first < lanes.size:
            with _ALONE:
                one = self._builder(lanes[first : first + 1], own_factors, 1)
                most = self._target.free_bytes() // one.bytes_per_lane
                some = max(self._target.together, most - most % self._target.together)
                found = list(self._some(lanes[first : first + some], own_factors, beyond))
            yield from found
            first += some

    def _builder(self, lanes: LongArray, own_factors: bool, workers: int) -> TableBuilder:
        return TableBuilder(self._setup, lanes, own_factors=own_factors, workers=workers)

    def _some(
        self, lanes: LongArray, own_factors: bool, beyond: list[int]
    ) -> Iterator[tuple[int, LaneResult | None]]:
        together = self._target.together
        whole = -(-lanes.size // together) * together
        numbers = np.append(lanes, np.full(whole - lanes.size, lanes[-1]))
        workers = self._target.workers(whole)
        tables = self._builder(numbers, own_factors, workers).build(self._target)
        samples = PrintedSamples(self._transient, self._traces, None, whole, self._steps)
        running = _Lanes(numbers, lanes.size, *tables, samples, workers)
        if running.circuit.factor_lanes > 1:
            self._target.factorise(running.circuit, running.arrays)
            if (self._integers(running, STATUS)[0] == SINGULAR).any():
                raise DeckError(f"{self._name}: a lane's matrix can't be factorised")
        self._steps_of(running)
        yield from self._results(running, beyond)

    def _steps_of(self, running: _Lanes) -> None:
        """All steps, a stretch at a time."""
        steps, stride = self._transient.steps, _FIRST_STEPS
        first = self._settle(running)
        while first < steps:
            prints, last = running.samples.prints(first, min(steps, first + stride))
            seconds = self._launch(running, prints, first, last)
            status, tripped = self._integers(running, STATUS, 2)  # and TRIPPED
            tripped = tripped != 0
            if ((status == SINGULAR) & ~tripped).any():
                raise SimulatorError(f"{self._name}: the matrix became singular")
            if (tripped | (status != 0)).all():
                return
            stride = int(min(2 * stride, max(1, (last - first) * _STRETCH_S / max(seconds, 1e-6))))
            first = last
            if self._job.deadline is not None and self._job.deadline():
                raise SimulatorError(f"{self._name}: the run took too long")
        x = self._rows(running, running.circuit.matrix.x, running.circuit.matrix.size)
        if not np.isfinite(x[:, ~tripped & (status == 0)]).all():
            raise SimulatorError(f"{self._name}: the solution is not finite; the circuit diverges")

    def _launch(self, running: _Lanes, prints: LongArray, first: int, last: int) -> float:
        """Run steps first .. last - 1, take what they print; how long they took, s."""
        rows = max(1, prints.size * running.samples.signals)
        output = self._target.zeros(rows, running.numbers.size, np.float64)
        begin = time.perf_counter()
        self._target.advance(
            running.circuit, running.arrays, output, prints, first=first, last=last,
            guard=self._guard(), workers=running.workers,
        )  # fmt: skip
        seconds = time.perf_counter() - begin
        if prints.size:
            running.samples.add(prints, self._target.host(output, 0, rows * running.numbers.size))
        return seconds

    def _settle(self, running: _Lanes) -> int:
        """The first step that is not known beforehand (see ``Batch._settled``)."""
        first = -self._startup()
        if first >= -1 or not self._setup.sources.piecewise_linear(running.numbers.tolist()).all():
            return first
        self._launch(running, np.zeros(0, dtype=np.int64), first, first + 1)
        moved = self._target.anything_moved(running.circuit, running.arrays)
        return first + 1 if moved else 0

    def _rows(self, running: _Lanes, first: int, count: int) -> FloatArray:
        """Rows of the state, of the lanes that are no filling."""
        return self._taken(running, running.arrays.state, first, count)

    def _integers(self, running: _Lanes, first: int, count: int = 1) -> LongArray:
        """The same of integers."""
        return self._taken(running, running.arrays.counts, first, count)

    def _taken(self, running: _Lanes, array: Any, first: int, count: int) -> Array:
        lanes = running.numbers.size
        found = self._target.host(array, first * lanes, (first + count) * lanes)
        return np.asarray(found.reshape(count, lanes)[:, : running.used])

    def _results(
        self, running: _Lanes, beyond: list[int]
    ) -> Iterator[tuple[int, LaneResult | None]]:
        watch = running.circuit.watch
        status, tripped = self._integers(running, STATUS, 2)
        work = self._work_of(running) if self._extract.energy else np.zeros((0, running.used))
        counts: LongArray = np.zeros((0, running.used), dtype=np.int64)
        times: list[FloatArray] = []
        if watch.junctions:
            counts = self._integers(running, watch.pulses, watch.junctions)
            # Of each junction as many rows as the lane with most pulses filled.
            times = [
                self._taken(
                    running,
                    running.arrays.times,
                    m * watch.capacity,
                    min(watch.capacity, int(count.max())),
                )
                for m, count in enumerate(counts)
            ]
        labels = self._topology.current_sources.labels
        for k in range(running.used):
            lane = int(running.numbers[k])
            if status[k] == BEYOND:
                beyond.append(lane)
                continue
            if tripped[k]:
                yield lane, None
                continue
            pulses = {
                label: self._train(label, int(counts[m, k]), times[m][:, k])
                for m, label in enumerate(self._extract.pulses)
            }
            energy = dict(zip(labels, work[:, k].tolist(), strict=True)) if work.size else {}
            waveforms = running.samples.waveforms(k) if self._extract.waveforms else None
            yield lane, LaneResult(self._transient.step, waveforms, pulses, energy)

    def _train(self, label: str, count: int, signed: FloatArray) -> Pulses:
        most = self._extract.max_pulses
        if count > most:
            raise SimulatorError(f"{self._name}: {label} gave {count} pulses; max_pulses is {most}")
        return Pulses(np.abs(signed[:count]), np.sign(signed[:count]).astype(np.int8))

    def _work_of(self, running: _Lanes) -> FloatArray:
        """Work of the current sources, shape (sources, lanes), with that since their last look."""
        ends = self._setup.equations.plan.source_ends
        x = self._rows(running, running.circuit.matrix.x, running.circuit.matrix.size + 1)
        rows = self._rows(running, running.circuit.sources.state, SOURCE_ROWS * len(ends))
        rows = rows.reshape(len(ends), SOURCE_ROWS, -1)
        moved = x[ends[:, 3]] - x[ends[:, 2]] - rows[:, MARK]
        return np.asarray(rows[:, WORK] + SIGMA * rows[:, MEAN] * moved)

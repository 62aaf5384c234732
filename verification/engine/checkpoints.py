"""A long run kept in a file now and then, so that a run that was ended goes on from there.

Two files: FILE holds the state of the last checkpoint, ``FILE.samples`` all that was printed up to
then, in the pieces in which it came. A run that goes on hands those pieces to its writer first, so
that its output is that of a run that was never ended, to the byte. The state is written whole
before it replaces the last one, and says how much of the samples belongs to it; what lies behind is
cut off.
"""

from __future__ import annotations

import hashlib
import os
import struct
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netlist_gen.errors import ConfigurationError
from netlist_gen.files import atomic_path
from verification.engine.lanes.layout import Tile
from verification.engine.lanes.samples import Sink
from verification.engine.lanes.state import factor_arrays, state_arrays

FloatArray = NDArray[np.float64]
EVERY_S = 10.0
"""Time between checkpoints, s."""


@dataclass(frozen=True, eq=False)
class State:
    """A run between two steps.

    Attributes:
        seed: of its noise and spread.
        step_s: its time step, after halvings.
        complete: whether the factors hold all fill.
        at: the next step.
        following_s: the next print point.
        printed: bytes of ``FILE.samples`` that belong to it.
        arrays: of the tile, by name.
    """

    seed: int
    step_s: float
    complete: bool
    at: int
    following_s: float
    printed: int
    arrays: dict[str, FloatArray]


class Checkpoint:
    """Keeps one run.

    Args:
        path: FILE.
        run: what makes the run: deck, options, version. A file of another one is refused.

    Raises:
        ConfigurationError: FILE is another run's, or no checkpoint.
    """

    def __init__(self, path: Path, run: str) -> None:
        self._path = path
        self._samples = path.with_name(f"{path.name}.samples")
        self._run = hashlib.sha256(run.encode()).hexdigest()
        self._last = time.monotonic()
        self.state: State | None = self._read() if path.exists() else None

    def _read(self) -> State:
        try:
            with np.load(self._path, allow_pickle=False) as file:
                found = {name: file[name] for name in file.files}
            if str(found.pop("run")) != self._run:
                raise ConfigurationError(
                    f"{self._path} is the checkpoint of another run: the deck, what it includes, "
                    "--seed, --noise or the version is not the same; name another file, or "
                    "remove it"
                )
            numbers = [found.pop(name) for name in State.__dataclass_fields__ if name != "arrays"]
            seed, step_s, complete, at, following_s, printed = (number.item() for number in numbers)
            if self._samples.stat().st_size < printed:
                raise ValueError(f"{self._samples} is shorter than it was")
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise ConfigurationError(
                f"{self._path} is no whole checkpoint ({error}); remove it, and the run begins anew"
            ) from error
        return State(seed, step_s, complete, at, following_s, printed, found)

    def sink(self, sink: Sink) -> KeptSamples:
        """A sink that keeps what it hands on to ``sink``."""
        self._sink = KeptSamples(self, sink, self._samples)
        return self._sink

    def forget(self) -> None:
        """The run begins anew: what was kept is void."""
        self.state = None
        self._path.unlink(missing_ok=True)

    def restore(self, tile: Tile) -> State | None:
        """Put the state that was found into a tile; None where the run begins at its begin."""
        state = self.state
        if state is not None:
            for name, array in [*state_arrays(tile), *factor_arrays(tile)]:
                if name in state.arrays:
                    array[...] = state.arrays[name]
        return state

    def keep(
        self,
        tile: Tile,
        seed: int,
        step_s: float,
        complete: bool,
        at: int,
        following_s: float,
        *,
        now: bool = False,
    ) -> None:
        """Write the state (see ``State``) if its time has come, or ``now``."""
        if not now and time.monotonic() - self._last < EVERY_S:
            return
        arrays: dict[str, Any] = dict(state_arrays(tile))
        if tile.junctions.outside.array[0] > 0:
            arrays |= dict(factor_arrays(tile))
        printed = self._sink.flush()
        with atomic_path(self._path) as temporary, temporary.open("wb") as file:
            np.savez(
                file, run=self._run, seed=seed, step_s=step_s, complete=complete, at=at,
                following_s=following_s, printed=printed, **arrays,
            )  # fmt: skip
        self._last = time.monotonic()

    def done(self) -> None:
        """The run is complete: both files go."""
        self._path.unlink(missing_ok=True)
        self._samples.unlink(missing_ok=True)


class KeptSamples:
    """Hands samples on and keeps them, each piece behind its length."""

    def __init__(self, checkpoint: Checkpoint, sink: Sink, path: Path) -> None:
        self._checkpoint = checkpoint
        self._sink = sink
        mode = "r+b" if checkpoint.state is not None else "w+b"
        self._file = path.open(mode)

    def begin(self, names: tuple[str, ...]) -> None:
        """The run begins, where it was ended or anew."""
        self._sink.begin(names)
        state = self._checkpoint.state
        if state is None:
            self._checkpoint.forget()
            self._file.seek(0)
        else:
            self._replay(len(names), state.printed)
        self._file.truncate()

    def _replay(self, signals: int, until: int) -> None:
        self._file.seek(0)
        while self._file.tell() < until:
            (samples,) = struct.unpack("<q", self._file.read(8))
            piece = np.frombuffer(self._file.read(8 * samples * (1 + signals)))
            rows = piece.reshape(1 + signals, samples)
            self._sink.add(rows[0], rows[1:])

    def add(self, time_s: FloatArray, values: FloatArray) -> None:
        """As ``Sink``."""
        self._sink.add(time_s, values)
        self._file.write(struct.pack("<q", time_s.size))
        self._file.write(np.vstack([time_s[None, :], values]).tobytes())

    def flush(self) -> int:
        """Bring all to the disk; its length, bytes."""
        self._file.flush()
        os.fsync(self._file.fileno())
        return self._file.tell()

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

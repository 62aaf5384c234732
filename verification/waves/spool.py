"""Samples of a run in a temporary file, for formats that are written signal by signal."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


class Spool:
    """Keeps samples by rows on disk while a run goes on; gives them back by columns.

    Args:
        path: of the file that they become; the temporary one lies beside it.
    """

    def __init__(self, path: Path) -> None:
        self.samples = 0
        self.path = path
        self.names: tuple[str, ...] = ()
        self._rows: IO[bytes] = tempfile.TemporaryFile(dir=path.parent)  # noqa: SIM115 - close()

    def begin(self, names: tuple[str, ...]) -> None:
        """As ``WaveformWriter``."""
        self.samples = 0
        self.names = names
        self._rows.seek(0)
        self._rows.truncate()

    def add(self, time_s: FloatArray, values: FloatArray) -> None:
        """As ``WaveformWriter``."""
        self.samples += time_s.size
        rows = np.vstack([time_s[None, :], values]).T
        self._rows.write(np.ascontiguousarray(rows).tobytes())

    def rows(self) -> FloatArray:
        """All of it, shape (samples, 1 + signals): the times, then the signals."""
        self._rows.flush()
        shape = (self.samples, 1 + len(self.names))
        if not self.samples:
            return np.zeros(shape)
        return np.memmap(self._rows, dtype=np.float64, mode="r", shape=shape)

    def close(self) -> None:
        """As ``WaveformWriter``."""
        self._rows.close()

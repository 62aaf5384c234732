"""SPICE raw files, ASCII, as JoSIM writes them."""

from __future__ import annotations

import tempfile
from pathlib import Path
from shutil import copyfileobj
from typing import IO

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
_KINDS = {"V": "Voltage", "P": "Phase", "I": "Current"}


class RawWriter:
    """A SPICE raw file, ASCII, with JoSIM's names: ``P(B1|X1)``, and ``L1.X1#branch`` of a current.

    The header says how many samples there are, so they wait in a temporary file.
    """

    def __init__(self, path: Path, title: str) -> None:
        self.samples = 0
        self._path, self._title = path, title
        self._names: tuple[str, ...] = ()
        self._points: IO[bytes] = tempfile.TemporaryFile(dir=path.parent)  # noqa: SIM115 - close()

    def begin(self, names: tuple[str, ...]) -> None:
        """As ``WaveformWriter``."""
        self.samples = 0
        self._names = names
        self._points.seek(0)
        self._points.truncate()

    def add(self, time_s: FloatArray, values: FloatArray) -> None:
        """As ``WaveformWriter``."""
        point = "%d %.16e\n" + "  %.6e\n" * len(self._names)
        for time, sample in zip(time_s.tolist(), values.T.tolist(), strict=True):
            self._points.write((point % (self.samples, time, *sample)).encode("ascii"))
            self.samples += 1

    def finish(self) -> None:
        """As ``WaveformWriter``."""
        lines = [
            f'Title: "{self._title}"',
            "Date: ",
            "Plotname: Transient Analysis",
            "Flags: real",
            f"No. Variables: {1 + len(self._names)}",
            f"No. Points: {self.samples}",
            "Variables:",
            " 0 time Seconds",
        ]
        for number, name in enumerate(self._names, 1):
            shown = name
            if name[0] == "I":
                shown = f"{name[2:-1].replace('|', '.')}#branch"
            lines.append(f" {number} {shown} {_KINDS[name[0]]}")
        with self._path.open("wb") as file:
            file.write("\n".join([*lines, "Values:", ""]).encode("utf-8"))
            self._points.seek(0)
            copyfileobj(self._points, file)

    def close(self) -> None:
        """As ``WaveformWriter``."""
        self._points.close()

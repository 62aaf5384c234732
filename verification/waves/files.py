"""Waveforms to files while a run goes on: JoSIM's CSV, Parquet, NPZ, SPICE raw, VCD.

Each writer takes pieces of a run (it is a ``Sink`` of the embedded engine) and keeps none of them,
so that memory does not grow with the length of the run. A file appears when it is whole.

* ``.csv``: JoSIM's header and columns; times with 17 digits, values with JoSIM's 7.
* ``.parquet``: a column ``time`` and one for each signal, float64.
* ``.npz``: ``time_s`` (samples,), ``names`` (signals,), ``values`` (signals, samples), float64.
* ``.raw``: SPICE's, ASCII, with JoSIM's names and digits.
* ``.vcd``: not the waveforms but their pulses (see ``verification.waves.vcd``).
"""

from __future__ import annotations

import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from netlist_gen.errors import ConfigurationError
from netlist_gen.files import atomic_path
from verification.waves.kinds import DATA
from verification.waves.raw_writer import RawWriter
from verification.waves.spool import Spool
from verification.waves.vcd import VcdFile
from verification.waves.waveforms import Waveforms

FloatArray = NDArray[np.float64]
_ROWS = 65536


class WaveformWriter(Protocol):
    """Takes the samples of one run; ``samples`` counts them."""

    samples: int

    def begin(self, names: tuple[str, ...]) -> None:
        """Columns of the run; whatever was added before is void."""

    def add(self, time_s: FloatArray, values: FloatArray) -> None:
        """Times of shape (samples,) and values (signals, samples)."""

    def finish(self) -> None:
        """The run is complete."""

    def close(self) -> None:
        """Let go of files, whether the run is complete or not."""


@contextmanager
def waveform_writer(path: Path) -> Iterator[WaveformWriter]:
    """A writer for the format that the path's suffix names; the file is whole or not there.

    Raises:
        ConfigurationError: another suffix, or a directory that can't be written.
    """
    kinds: dict[str, Callable[[Path], WaveformWriter]] = {
        ".csv": CsvWriter,
        ".npz": _Npz,
        ".parquet": _Parquet,
        ".raw": lambda temporary: RawWriter(temporary, path.stem),
        ".vcd": VcdFile,
    }
    kind = kinds.get(path.suffix.lower())
    if kind is None:
        raise ConfigurationError(
            f"{path}: waveforms are written to {', '.join(DATA)}, not {path.suffix or 'a name'}"
            f"{'' if path.suffix else ' without suffix'}"
        )
    with atomic_path(path) as temporary:
        writer = kind(temporary)
        try:
            yield writer
            writer.finish()
        finally:
            writer.close()


def write_waveforms(path: Path, waves: Waveforms) -> None:
    """Write waveforms whole. Raises as ``waveform_writer``."""
    with waveform_writer(path) as writer:
        writer.begin(waves.names)
        writer.add(waves.time_s, waves.values)


class CsvWriter:
    """JoSIM's CSV, or its ``.dat`` with blanks ``between`` the columns."""

    def __init__(self, path: Path, *, between: str = ",") -> None:
        self.samples = 0
        self._between = between
        self._out: IO[str] = path.open("w", encoding="ascii", newline="\n")
        self._format = ""

    def begin(self, names: tuple[str, ...]) -> None:
        """As ``WaveformWriter``."""
        self.samples = 0
        self._out.seek(0)
        self._out.truncate()
        self._out.write(self._between.join(["time", *(f'"{name}"' for name in names)]) + "\n")
        self._format = self._between.join(["%.16e"] + ["%.6e"] * len(names)) + "\n"

    def add(self, time_s: FloatArray, values: FloatArray) -> None:
        """As ``WaveformWriter``."""
        self.samples += time_s.size
        for first in range(0, time_s.size, _ROWS):
            piece = slice(first, first + _ROWS)
            rows = np.vstack([time_s[None, piece], values[:, piece]]).T
            self._out.write((self._format * rows.shape[0]) % tuple(rows.ravel()))

    def finish(self) -> None:
        """As ``WaveformWriter``."""
        self._out.flush()

    def close(self) -> None:
        """As ``WaveformWriter``."""
        self._out.close()


class _Parquet:
    def __init__(self, path: Path) -> None:
        self.samples = 0
        self._path = path
        self._writer: Any = None
        self._names: tuple[str, ...] = ()

    def begin(self, names: tuple[str, ...]) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        self.close()
        self.samples = 0
        self._names = ("time", *names)
        twice = [name for name, count in Counter(self._names).items() if count > 1]
        if twice:
            raise ConfigurationError(
                f"the column {twice[0]} is there twice, which readers of Parquet refuse; print it "
                "once, or write .csv or .npz"
            )
        schema = pa.schema([(name, pa.float64()) for name in self._names])
        self._writer = pq.ParquetWriter(self._path, schema)

    def add(self, time_s: FloatArray, values: FloatArray) -> None:
        import pyarrow as pa

        self.samples += time_s.size
        columns = [pa.array(time_s), *(pa.array(np.ascontiguousarray(row)) for row in values)]
        self._writer.write_table(pa.table(columns, schema=self._writer.schema))

    def finish(self) -> None:
        self.close()

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None


class _Npz(Spool):
    """Samples go to a temporary file by rows, and from there into the archive by columns."""

    def finish(self) -> None:
        rows = self.rows()
        with zipfile.ZipFile(self.path, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
            with archive.open("names.npy", "w") as member:
                np.lib.format.write_array(member, np.array(self.names, dtype=str))
            _member(archive, "time_s.npy", rows[:, :1], (self.samples,))
            _member(archive, "values.npy", rows[:, 1:], (len(self.names), self.samples))


def _member(archive: zipfile.ZipFile, name: str, rows: FloatArray, shape: tuple[int, ...]) -> None:
    """One float64 array of the archive: the columns of ``rows`` one after the other."""
    header = {"descr": "<f8", "fortran_order": False, "shape": shape}
    with archive.open(name, "w", force_zip64=True) as member:
        np.lib.format.write_array_header_1_0(member, header)
        for column in range(rows.shape[1]):
            for first in range(0, rows.shape[0], _ROWS):
                piece = np.ascontiguousarray(rows[first : first + _ROWS, column])
                member.write(piece.astype("<f8").tobytes())

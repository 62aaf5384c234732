"""JoSIM's CSV: a header ``time,"P(B1|X1)",...`` and one row of 7-digit numbers per sample.

Written after JoSIM 2.7's ``Output.cpp``. pyarrow parses the numbers, on all cores where the
file is large (``benchmarks/readers.py`` prints the rate).
"""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from netlist_gen.errors import WaveformError
from verification.waves.josim_controls import Controls
from verification.waves.readers.time_axis import restore_josim_axis
from verification.waves.waveforms import Waveforms

FloatArray = NDArray[np.float64]

DIGITS = 7
_PARALLEL_BYTES = 4_000_000
_BLOCK_BYTES = 4_000_000
_LONGEST_HEADER = 64_000_000


def read_josim_csv(path: Path, controls: Controls | None = None) -> Waveforms:
    """The waveforms in a JoSIM CSV file.

    Args:
        path: the file.
        controls: what the deck asked for. With it the header must be exactly that, the number
            of samples must be what ``.tran`` makes, and the time axis is restored to full
            precision. Without it the axis is the printed one, and repeated stamps are an error.

    Raises:
        WaveformError: an empty or missing file, a header that is not JoSIM's or not what was
            asked, a cell that is not a finite number, rows of different length, a last line
            that was cut off, missing samples, or a time axis that does not increase.
    """
    header, header_bytes = _header(path)
    if controls is not None:
        check_header(header, controls.columns, path.name)
    table = _numbers(path, header, header_bytes)
    printed = table[0]
    time = printed
    if controls is not None:
        try:
            time = restore_josim_axis(printed, controls.transient, DIGITS)
        except WaveformError as error:
            raise WaveformError(f"{path.name}: {error}") from None
        if time.size > 1 and time[1] == time[0]:  # the same step, printed twice
            time, table = time[1:], table[:, 1:]
    elif printed.size > 1 and not np.all(np.diff(printed) > 0.0):
        at = int(np.argmin(np.diff(printed) > 0.0)) + 1
        raise WaveformError(
            f"{path.name}: sample {at} repeats or goes back in time ({printed[at - 1]:.7g} s, "
            f"then {printed[at]:.7g} s): {DIGITS} digits are too few for this run. Read it with "
            "its deck, or split the stimulus"
        )
    return Waveforms(time, header, table[1:])


def check_header(found: Sequence[str], asked: Sequence[str], file: str) -> None:
    """Hold the columns of an output against what the deck asked for.

    Raises:
        WaveformError: a column is missing (its node or device does not exist), or is extra.
    """
    if tuple(found) == tuple(asked):
        return
    missing = [name for name in asked if name not in set(found)]
    if missing:
        raise WaveformError(
            f"{file}: no column {', '.join(missing[:5])}{', ...' if len(missing) > 5 else ''} "
            f"({len(missing)} of {len(asked)} asked for): no such node or device in the deck"
        )
    extra = [name for name in found if name not in set(asked)]
    raise WaveformError(
        f"{file}: {len(found)} columns where the deck asks for {len(asked)}"
        + (f"; it did not ask for {', '.join(extra[:5])}" if extra else ", or in another order")
    )


def _header(path: Path) -> tuple[tuple[str, ...], int]:
    """Signal names of the header (time left out) and the header's length in bytes."""
    try:
        with path.open("rb") as source:
            line = source.readline(_LONGEST_HEADER)
            if not line:
                raise WaveformError(f"{path.name}: the file is empty")
            source.seek(-1, os.SEEK_END)
            last = source.read(1)
    except OSError as error:
        raise WaveformError(f"{path.name}: cannot be read: {error.strerror}") from None
    try:
        cells = next(csv.reader([line.decode("ascii").rstrip("\r\n")]))
    except (UnicodeDecodeError, csv.Error):
        raise WaveformError(f"{path.name}: the first line is not a CSV header") from None
    if not cells or cells[0].strip().lower() != "time":
        shown = line[:40].decode("ascii", "replace").strip()
        raise WaveformError(
            f"{path.name}: the header starts with {shown!r}; JoSIM's starts with 'time,'"
        )
    if not line.endswith(b"\n"):
        raise WaveformError(f"{path.name}: the file ends within its header")
    if last != b"\n":
        raise WaveformError(f"{path.name}: the last line was cut off (no end of line)")
    return tuple(cell.strip().upper() for cell in cells[1:]), len(line)


def _numbers(path: Path, header: tuple[str, ...], header_bytes: int) -> FloatArray:
    """The rows of the file, transposed: shape (1 + signals, samples)."""
    import pyarrow
    from pyarrow import csv as arrow_csv

    size = path.stat().st_size
    if size == header_bytes:
        raise WaveformError(f"{path.name}: the file has a header, but no sample")
    names = [str(column) for column in range(len(header) + 1)]
    # A block must hold a whole row: 15 bytes are the longest cell JoSIM writes.
    block = max(_BLOCK_BYTES, 64 * len(names))
    try:
        table = arrow_csv.read_csv(
            path,
            read_options=arrow_csv.ReadOptions(
                use_threads=size > _PARALLEL_BYTES,
                block_size=block,
                skip_rows=1,
                column_names=names,
            ),
            parse_options=arrow_csv.ParseOptions(quote_char=False),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pyarrow.float64()),
                null_values=[],
                strings_can_be_null=False,
            ),
        )
    except pyarrow.ArrowInvalid as error:
        reason = str(error).splitlines()[0]
        raise WaveformError(f"{path.name}: not a table of numbers: {reason}") from None
    values = np.empty((len(names), table.num_rows), dtype=np.float64)
    for row, column in enumerate(table.columns):
        at = 0
        for chunk in column.chunks:
            values[row, at : at + len(chunk)] = chunk.to_numpy(zero_copy_only=False)
            at += len(chunk)
    finite = np.isfinite(values)
    if not finite.all():
        row, sample = (int(index) for index in np.argwhere(~finite)[0])
        name = "time" if row == 0 else header[row - 1]
        raise WaveformError(
            f"{path.name}: {name} is {values[row, sample]} at sample {sample}; "
            "the simulation diverged"
        )
    return values

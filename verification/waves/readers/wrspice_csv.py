"""WRspice's CSV: the raw file's header as ``#`` comments, one line of names, rows of numbers.

Written after WRspice's ``csvfile.cc``: names are quoted and carry their unit
(``"time units=S"``); ``#No. Points:`` gives the number of rows.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np

from netlist_gen.errors import WaveformError
from verification.waves.readers.raw import RawFile

_KINDS = {"v": "V", "a": "I", "rad": "P", "": ""}


def read_wrspice_csv(path: Path) -> RawFile:
    """Read a CSV file of WRspice's ``write`` command, one transient analysis.

    Raises:
        WaveformError: a missing or empty file, a header without counts, names that do not match
            them, a first column that is not time in seconds, an unknown unit, complex numbers,
            missing rows or cells, or a cell that is not a finite number.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    except OSError as error:
        raise WaveformError(f"{path.name}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise WaveformError(f"{path.name}: is not text") from None
    comments = [line[1:].strip() for line in lines if line.startswith("#")]
    rows = [line for line in lines if line.strip() and not line.startswith("#")]
    fields: dict[str, str] = {}
    for comment in comments:
        key, _, value = comment.partition(":")
        fields.setdefault(key.strip().lower(), value.strip())
    if not rows:
        raise WaveformError(f"{path.name}: no line names the columns")
    names, kinds = _columns(next(csv.reader([rows[0]])), path.name)
    for key, found in (("no. variables", len(names) + 1), ("no. points", len(rows) - 1)):
        said = fields.get(key)
        if said is None or not said.isdecimal():
            raise WaveformError(
                f"{path.name}: the header's {key!r} is {said!r}; it must be a whole number"
            )
        if int(said) != found:
            raise WaveformError(
                f"{path.name}: the header says {key} {said}, but the file holds {found}: "
                f"it was {'cut short' if found < int(said) else 'added to'}"
            )
    if "complex" in fields.get("flags", "").lower().split():
        raise WaveformError(f"{path.name}: holds complex numbers; a transient analysis is real")
    if not rows[-1].endswith("\n"):
        raise WaveformError(f"{path.name}: the last line was cut off (no end of line)")
    try:
        table = np.loadtxt(io.StringIO("".join(rows[1:])), delimiter=",", ndmin=2)
    except ValueError as error:
        raise WaveformError(f"{path.name}: not a table of numbers: {error}") from None
    if table.shape != (len(rows) - 1, len(names) + 1):
        raise WaveformError(
            f"{path.name}: rows of {table.shape[1]} numbers under {len(names) + 1} names"
        )
    if not np.isfinite(table).all():
        row, column = (int(index) for index in np.argwhere(~np.isfinite(table))[0])
        name = "time" if column == 0 else names[column - 1]
        raise WaveformError(
            f"{path.name}: {name} is {table[row, column]} at point {row}; the simulation diverged"
        )
    columns = np.ascontiguousarray(table.T)
    return RawFile(fields.get("command", ""), names, kinds, columns[0], columns[1:])


def _columns(cells: list[str], file: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    names: list[str] = []
    kinds: list[str] = []
    for number, cell in enumerate(cells):
        words = cell.split()
        name = words[0] if words else ""
        units = [word.removeprefix("units=").lower() for word in words if "units=" in word]
        unit = units[0] if units else ""
        if number == 0:
            if name.lower() != "time" or unit not in ("s", ""):
                raise WaveformError(
                    f"{file}: the first column is {cell!r}; it must be time in seconds"
                )
            continue
        if not name or unit not in _KINDS:
            raise WaveformError(f"{file}: column {number} is {cell!r}; known units are V, A, rad")
        names.append(name)
        kinds.append(_KINDS[unit])
    return tuple(names), tuple(kinds)

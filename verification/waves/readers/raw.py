"""SPICE raw files as JoSIM, WRspice and ngspice write them, ASCII or binary.

A text header gives the number of variables and points and names the variables; the numbers
follow, point after point. Written after JoSIM 2.7's ``Output.cpp`` (ASCII, 6 digits), WRspice's
``rawfile.cc`` (ASCII with 15 digits, or 8-byte doubles) and ngspice 39's output (the same). The
counts must be right to the last byte: a file that was cut short is never read as a short run.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from netlist_gen.errors import WaveformError

FloatArray = NDArray[np.float64]

_LONGEST_HEADER = 64_000_000
_BLOCK_BYTES = 4_000_000
_TIME_UNITS = ("time", "seconds", "s")
_KINDS = {
    "voltage": "V",
    "v": "V",
    "phase": "P",
    "rad": "P",
    "current": "I",
    "a": "I",
    "": "",
    "notype": "",
}
_VARIABLE = re.compile(r"\s*(\d+)\s+(\S+)[ \t]*(\S*)(.*)")


@dataclass(frozen=True, eq=False)
class RawFile:
    """One transient analysis of a raw file.

    Attributes:
        producer: the file's first ``Command``: JoSIM and WRspice put their version there.
        names: variables as the file names them, time left out.
        kinds: ``V``, ``I``, ``P`` or, where the file does not say, an empty string.
        time_s: shape (samples,).
        values: shape (variables, samples).
    """

    producer: str
    names: tuple[str, ...]
    kinds: tuple[str, ...]
    time_s: FloatArray
    values: FloatArray


@dataclass(frozen=True)
class _Header:
    producer: str
    points: int
    names: tuple[str, ...]
    kinds: tuple[str, ...]
    binary: bool
    length: int


def read_raw(path: Path) -> RawFile:
    """Read a raw file with one real transient analysis.

    Raises:
        WaveformError: a missing or empty file, a header that lacks a count or contradicts
            itself, complex numbers, a first variable that is not time in seconds, an unknown
            unit, fewer or more numbers than the header says, or one that is not finite.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise WaveformError(f"{path.name}: cannot be read: {error.strerror}") from None
    header = _read_header(content, path.name)
    variables = len(header.names) + 1
    body = content[header.length :]
    if header.binary:
        table = _binary(body, header.points, variables, path.name)
    else:
        table = _ascii(body, header.points, variables, path.name)
    finite = np.isfinite(table)
    if not finite.all():
        point, column = (int(index) for index in np.argwhere(~finite)[0])
        name = "time" if column == 0 else header.names[column - 1]
        raise WaveformError(
            f"{path.name}: {name} is {table[point, column]} at point {point}; "
            "the simulation diverged"
        )
    columns = np.ascontiguousarray(table.T)
    return RawFile(header.producer, header.names, header.kinds, columns[0], columns[1:])


def _read_header(content: bytes, file: str) -> _Header:
    if not content:
        raise WaveformError(f"{file}: the file is empty")
    start = re.search(rb"^(Values|Binary):[ \t]*\r?\n", content[:_LONGEST_HEADER], re.MULTILINE)
    if start is None:
        raise WaveformError(f"{file}: no line 'Values:' or 'Binary:' ends the header; cut short?")
    try:
        lines = content[: start.start()].decode("utf-8").splitlines()
    except UnicodeDecodeError:
        raise WaveformError(f"{file}: the header is not text: not a raw file") from None
    fields: dict[str, str] = {}
    variables: list[str] | None = None
    for line in lines:
        if variables is not None:
            if line.strip():
                variables.append(line)
            continue
        key, colon, value = line.partition(":")
        key = key.strip().lower()
        if not colon:
            raise WaveformError(f"{file}: header line {line[:60]!r} is not 'Name: value'")
        if key == "variables":
            variables = [value] if value.strip() else []
        else:
            fields.setdefault(key, value.strip())
    count, points = (_count(fields, key, file) for key in ("no. variables", "no. points"))
    if "complex" in fields.get("flags", "").lower().split():
        raise WaveformError(f"{file}: holds complex numbers; a transient analysis is real")
    if variables is None or len(variables) != count:
        raise WaveformError(
            f"{file}: the header says {count} variables, but names "
            f"{0 if variables is None else len(variables)}"
        )
    if points < 2:
        raise WaveformError(
            f"{file}: the header says {points} points; the simulation stopped at once"
        )
    names, kinds = _variables(variables, file)
    return _Header(
        fields.get("command", ""),
        points,
        names,
        kinds,
        start[1] == b"Binary",
        start.end(),
    )


def _count(fields: dict[str, str], key: str, file: str) -> int:
    text = fields.get(key)
    if text is None or not text.isdecimal():
        raise WaveformError(f"{file}: the header's {key!r} is {text!r}; it must be a whole number")
    return int(text)


def _variables(lines: list[str], file: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    names: list[str] = []
    kinds: list[str] = []
    for number, line in enumerate(lines):
        match = _VARIABLE.fullmatch(line)
        if match is None or int(match[1]) != number:
            raise WaveformError(
                f"{file}: variable {number} is described by {line.strip()[:60]!r}; "
                "needed are its number, name and unit"
            )
        unit = match[3].lower()
        if number == 0:
            if match[2].lower() != "time" or unit not in _TIME_UNITS:
                raise WaveformError(
                    f"{file}: the first variable is {match[2]!r} in {match[3]!r}; "
                    "it must be time in seconds"
                )
            continue
        if unit not in _KINDS:
            raise WaveformError(
                f"{file}: {match[2]} has the unit {match[3]!r}; known are voltage, current, phase"
            )
        names.append(match[2])
        kinds.append(_KINDS[unit])
    return tuple(names), tuple(kinds)


def _binary(body: bytes, points: int, variables: int, file: str) -> FloatArray:
    needed = points * variables * 8
    if len(body) != needed:
        raise WaveformError(
            f"{file}: {len(body)} bytes of numbers, but {points} points of {variables} variables "
            f"take {needed}: the file was {'cut short' if len(body) < needed else 'added to'}"
        )
    return np.frombuffer(body, dtype="<f8").reshape(points, variables)


def _ascii(body: bytes, points: int, variables: int, file: str) -> FloatArray:
    numbers = _parse(body, file)
    needed = points * (variables + 1)
    if numbers.size != needed:
        raise WaveformError(
            f"{file}: {numbers.size} numbers, but {points} points of {variables} variables and "
            f"their indices take {needed}: the file was "
            f"{'cut short' if numbers.size < needed else 'added to'}"
        )
    if not body.endswith(b"\n"):
        raise WaveformError(f"{file}: the last number was cut off (no end of line)")
    table = numbers.reshape(points, variables + 1)
    if not np.array_equal(table[:, 0], np.arange(points)):
        at = int(np.argmax(table[:, 0] != np.arange(points)))
        raise WaveformError(f"{file}: point {at} carries the index {table[at, 0]:g}")
    return table[:, 1:]


def _parse(body: bytes, file: str) -> FloatArray:
    """Numbers between white space. pyarrow reads them as a table of one column."""
    import pyarrow
    from pyarrow import csv

    lines = body.translate(bytes.maketrans(b" \t\r", b"\n\n\n"))
    if not lines.strip():
        return np.empty(0)
    try:
        table = csv.read_csv(
            io.BytesIO(lines),
            read_options=csv.ReadOptions(column_names=["x"], block_size=_BLOCK_BYTES),
            parse_options=csv.ParseOptions(quote_char=False, ignore_empty_lines=True),
            convert_options=csv.ConvertOptions(
                column_types={"x": pyarrow.float64()}, null_values=[]
            ),
        )
    except pyarrow.ArrowInvalid as error:
        reason = str(error).splitlines()[0].rpartition(": ")[2]
        raise WaveformError(f"{file}: not a number among the values: {reason}") from None
    return np.asarray(table.column(0).to_numpy(), dtype=np.float64)

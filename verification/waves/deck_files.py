"""The files that a JoSIM deck asks for with ``.file``, written beside the run's own output.

As JoSIM 2.7 does (Output.cpp): a file holds the time and what is printed between its ``.file`` and
the next; its suffix says how: ``.csv``, ``.dat`` (blanks for commas), ``.raw`` or none (a SPICE raw
file, ASCII). JoSIM writes wherever the name leads. Here a deck names files and nothing more: they
lie beneath the folder of the output, and replace nothing but files of their kind.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from netlist_gen.errors import DeckError
from netlist_gen.files import atomic_path, printable
from verification.waves.files import CsvWriter, WaveformWriter
from verification.waves.raw_writer import RawWriter

FloatArray = NDArray[np.float64]
MOST_FILES = 100
"""That one deck may name: each is open while the run goes on."""

_LONGEST_PART = 200
_BEGINS = {".csv": b"time", ".dat": b"time", ".raw": b"Title:", "": b"Title:"}
"""First bytes of each kind of file."""


@dataclass(frozen=True)
class FileRequest:
    """A ``.file`` line.

    Attributes:
        name: the file as the deck names it.
        place: of the line, for messages.
        columns: the printed signals that belong to it, by their number in the run.
    """

    name: str
    place: str
    columns: tuple[int, ...] = ()

    def error(self, what: str) -> DeckError:
        """The error to raise for this line."""
        return DeckError(printable(f"{self.place}: {self.name}: {what}"))


def target_of(request: FileRequest, out: Path, suffixes: Sequence[str]) -> Path:
    """Where a file that a deck names is written, for an output ``out``.

    Raises:
        DeckError: a suffix that is none of these, a name that leaves the folder of ``out`` or is
            hidden in it, a folder that is not there, or a file that would be lost.
    """
    parts = request.name.replace("\\", "/").split("/")
    if any(not part or part[0] in ".~" or ":" in part for part in parts):
        raise request.error(
            "a deck's files are written beneath the folder of the output; a name has no / at its "
            "begin, no : and no part that begins with . or ~"
        )
    if any(len(os.fsencode(part)) > _LONGEST_PART for part in parts):
        raise request.error(f"a name of a file or folder has at most {_LONGEST_PART} bytes")
    folder = out.parent.resolve()
    path = folder.joinpath(*parts)
    suffix = path.suffix.lower()
    if suffix not in suffixes:
        allowed = ", ".join(one for one in suffixes if one)
        none = " or no suffix" if "" in suffixes else ""
        raise request.error(f"it is written to {allowed}{none}, not {suffix or 'no suffix'}")
    if not path.resolve().is_relative_to(folder):
        raise request.error(f"a link leads out of {folder}, the folder of the output")
    if not path.parent.is_dir():
        raise request.error(f"{path.parent} is not a directory")
    if path.resolve() == out.resolve():
        raise request.error("the output itself has this name")
    return path


def check_replaced(request: FileRequest, path: Path, begins: bytes) -> None:
    """Make sure that nothing is lost: what is there, if anything, begins as a file of this kind.

    Raises:
        DeckError: it does not.
    """
    if not os.path.lexists(path):
        return
    there = b""
    if path.is_file():
        with path.open("rb") as file:
            there = file.read(len(begins))
    if there != begins:
        raise request.error(f"{path} is there and is no such file; it is not replaced")


def checked_targets(requests: Sequence[FileRequest], out: Path) -> list[Path]:
    """Where the files of a deck's ``.file`` lines are written, for an output ``out``.

    Raises:
        DeckError: a file that can't be written, as ``target_of`` and ``check_replaced`` say, one
            that is named twice, or more than ``MOST_FILES``.
    """
    if len(requests) > MOST_FILES:
        raise requests[MOST_FILES].error(f"a deck names at most {MOST_FILES} files")
    paths: list[Path] = []
    for request in requests:
        path = target_of(request, out, tuple(_BEGINS))
        check_replaced(request, path, _BEGINS[path.suffix.lower()])
        if path.resolve() in [other.resolve() for other in paths]:
            raise request.error("another line names this file too")
        paths.append(path)
    return paths


@contextmanager
def deck_files(
    requests: Sequence[FileRequest], out: Path, main: WaveformWriter
) -> Iterator[WaveformWriter]:
    """A writer that hands all samples to ``main``, and its columns to each file of the deck.

    Args:
        requests: the deck's ``.file`` lines.
        out: the run's own output; the files lie beneath its folder, whole or not at all.
        main: what writes it.

    Raises:
        DeckError: as ``checked_targets``.
        ConfigurationError: a folder that can't be written.
    """
    with ExitStack() as stack:
        writers: list[tuple[WaveformWriter, list[int]]] = []
        for request, path in zip(requests, checked_targets(requests, out), strict=True):
            temporary = stack.enter_context(atomic_path(path))
            writer = _writer(path.suffix.lower(), temporary, path.stem)
            stack.callback(writer.close)
            writers.append((writer, list(request.columns)))
        yield _Split(main, writers)
        for writer, _ in writers:
            writer.finish()


def _writer(suffix: str, path: Path, title: str) -> WaveformWriter:
    kinds: dict[str, Callable[[], WaveformWriter]] = {
        ".csv": lambda: CsvWriter(path),
        ".dat": lambda: CsvWriter(path, between=" "),
    }
    return kinds.get(suffix, lambda: RawWriter(path, title))()


class _Split:
    """One run to several writers."""

    def __init__(
        self, main: WaveformWriter, parts: Sequence[tuple[WaveformWriter, list[int]]]
    ) -> None:
        self._main, self._parts = main, parts
        self.samples = 0

    def begin(self, names: tuple[str, ...]) -> None:
        self.samples = 0
        self._main.begin(names)
        for writer, columns in self._parts:
            writer.begin(tuple(names[column] for column in columns))

    def add(self, time_s: FloatArray, values: FloatArray) -> None:
        self.samples += time_s.size
        self._main.add(time_s, values)
        for writer, columns in self._parts:
            writer.add(time_s, values[columns])

    def finish(self) -> None:
        """Each writer is finished by who made it."""

    def close(self) -> None:
        """Likewise."""

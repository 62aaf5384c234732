"""What a WRspice or ngspice deck saves, and which JoSIM column each vector is.

Neither simulator knows JoSIM's names: a junction's phase is the voltage of an extra node there.
So a deck says, in a comment for each saved vector, which column it is::

    * signal P(B1|X1) = v(ph_b1.x1)
    .save v(ph_b1.x1)

A saved vector without such a comment keeps its own name in JoSIM's form: ``V(NODE)`` or
``I(L1)``. Both simulators drop unknown vectors from ``.save`` silently; the output is therefore
held against these lists.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from netlist_gen.deck.lines import logical_lines, numbered_lines
from netlist_gen.errors import DeckError, SimulatorError, WaveformError
from verification.waves.josim_controls import read_number
from verification.waves.readers.raw import RawFile, read_raw
from verification.waves.waveforms import Waveforms

_SIGNAL = re.compile(r"\*\s*signal\s+([VIP]\([^()\s]+\))\s*=\s*(\S+)\s*", re.IGNORECASE)
_CALL = re.compile(r"([vi])\(([^()\s,]+)\)")
_TIME = re.compile(r"([-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[-+]?\d+)?[fpnumk]?)s", re.ASCII)


@dataclass(frozen=True)
class Saved:
    """The signals of a deck.

    Attributes:
        columns: JoSIM's column names, in the order of the deck.
        vectors: the simulator's own name of each, in canonical form (``canonical``).
        step_s: the print step of ``.tran``.
        stop_s: the stop time of ``.tran``.
    """

    columns: tuple[str, ...]
    vectors: tuple[str, ...]
    step_s: float
    stop_s: float


def canonical(vector: str) -> str:
    """One spelling for a vector: node ``ph.x1`` for ``v(ph.x1)``, ``l1#branch`` for ``i(l1)``."""
    name = vector.lower()
    match = _CALL.fullmatch(name)
    if match is None:
        return name
    return match[2] if match[1] == "v" else f"{match[2]}#branch"


def read_saved(text: str) -> Saved:
    """The ``.save`` and ``.tran`` lines of a deck, and its signal comments.

    Raises:
        DeckError: no ``.save`` (all vectors would be saved), no ``.tran``, a signal that is not
            saved, a vector saved twice, or a character that simulators read otherwise.
    """
    lines = list(body_lines(text))
    columns: dict[str, str] = {}
    saved: list[str] = []
    times: tuple[float, float] | None = None
    for number, line in lines:
        if match := _SIGNAL.fullmatch(line):
            columns[canonical(match[2])] = match[1].upper()
            continue
        words = line.split()
        head = words[0].lower()
        if head == ".save":
            saved.extend(canonical(word) for word in words[1:])
        elif head == ".tran":
            if len(words) < 3:
                raise DeckError(f"line {number}: .tran needs at least tstep and tstop")
            times = (_time(words[1], number), _time(words[2], number))
    if times is None:
        raise DeckError("the deck has no .tran line")
    if not saved:
        raise DeckError("the deck has no .save line; the simulator would save every vector")
    if len(set(saved)) != len(saved):
        twice = next(name for name in saved if saved.count(name) > 1)
        raise DeckError(f"vector {twice!r} is saved twice")
    missing = [vector for vector in columns if vector not in set(saved)]
    if missing:
        raise DeckError(
            f"the deck names {columns[missing[0]]} as vector {missing[0]!r}, but does not .save it"
        )
    return Saved(
        tuple(columns.get(vector, _plain_column(vector)) for vector in saved),
        tuple(saved),
        *times,
    )


def _time(word: str, line: int) -> float:
    """A time; both simulators read over the unit behind a number."""
    match = _TIME.fullmatch(word.lower())
    return read_number(word if match is None else match[1], line)


def check_dialect(text: str, dialect: str, file: str) -> None:
    """Refuse a deck that is plainly another dialect's, before a simulator misreads it.

    What tells them apart: decks for WRspice and ngspice ``.save`` what they want and begin with
    ``uic``, which JoSIM does not know; ngspice has no junction model.

    Raises:
        DeckError: JoSIM's deck for another dialect, or the other way round.
    """
    found = dialect_of(text)
    if found is not None and found != dialect:
        from netlist_gen.deck.dialects import DIALECTS

        readers = "embedded and josim" if found == "josim" else found
        theirs, own = DIALECTS[found].title, DIALECTS[dialect].title
        raise DeckError(
            f"{file}: a deck of {theirs}'s dialect, not of {own}'s; "
            f"--simulator {readers} {'read' if found == 'josim' else 'reads'} it, and "
            f"`netlist-gen generate --dialect {dialect}` writes {own}'s"
        )


def dialect_of(text: str) -> str | None:
    """``josim``, ``wrspice`` or ``ngspice``, or None where nothing tells."""
    model = uic = False
    store = ""
    # Whichever reads it says what is wrong with its characters.
    for _, line in _body(enumerate(text.split("\n"), start=1)):
        words = line.lower().split()
        if words[0] == ".tran":
            uic = uic or "uic" in words
        elif words[0] == ".model":
            model = model or (len(words) > 2 and words[2].startswith("jj"))
        elif words[0] in (".print", ".plot", ".save"):
            store = store or words[0]
    if uic and store == ".save":
        return "wrspice" if model else "ngspice"
    return "josim" if model and not uic else None


def to_waveforms(raw: RawFile, saved: Saved, file: str) -> Waveforms:
    """The deck's signals out of a raw file, in the order and under the names of the deck.

    Raises:
        WaveformError: a vector is missing or was not asked for, a time repeats, or the run
            stopped before the deck's stop time.
    """
    found = {canonical(name): row for row, name in enumerate(raw.names)}
    missing = [vector for vector in saved.vectors if vector not in found]
    if missing:
        raise WaveformError(
            f"{file}: no vector {_some(missing)} ({len(missing)} of {len(saved.vectors)} asked "
            "for): no such node or element in the deck"
        )
    extra = [name for name in found if name not in set(saved.vectors)]
    if extra:
        raise WaveformError(f"{file}: the deck did not ask for vector {_some(extra)}")
    # Output is interpolated to the print step (WRspice) or ends at the stop time (ngspice).
    if raw.time_s[-1] < saved.stop_s - 1.01 * saved.step_s:
        raise WaveformError(
            f"{file}: the run stopped at {raw.time_s[-1]:.6g} s, before the deck's "
            f"{saved.stop_s:.6g} s"
        )
    if not np.all(np.diff(raw.time_s) > 0.0):
        at = int(np.argmin(np.diff(raw.time_s) > 0.0)) + 1
        raise WaveformError(
            f"{file}: time does not increase at point {at} "
            f"({raw.time_s[at - 1]:.9g} s, then {raw.time_s[at]:.9g} s)"
        )
    rows = [found[vector] for vector in saved.vectors]
    return Waveforms(raw.time_s, saved.columns, raw.values[rows])


def read_output(path: Path, saved: Saved) -> Waveforms:
    """The deck's signals out of the raw file that a run left. Raises as ``to_waveforms``."""
    if not path.exists():
        raise SimulatorError("it ended without a complaint but wrote no output")
    return to_waveforms(read_raw(path), saved, path.name)


def _plain_column(vector: str) -> str:
    name = vector.upper()
    if name.endswith("#BRANCH"):
        return f"I({name.removesuffix('#BRANCH').replace('.', '|')})"
    return f"V({name.replace('.', '|')})"


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")


def body_lines(text: str) -> Iterator[tuple[int, str]]:
    """Logical lines of a deck between its title and ``.end``, comments among them.

    The first line is the title, whatever it says.

    Raises:
        DeckError: a character that simulators read otherwise.
    """
    return _body(numbered_lines(text, "", free=lambda number, _: number == 1))


def _body(lines: Iterable[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    numbered = iter(lines)
    next(numbered, None)
    for number, line in logical_lines(numbered, comments=""):
        if line.lower() == ".end":
            return
        yield number, line

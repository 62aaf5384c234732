"""What a JoSIM deck asks to be stored, and when: its ``.print`` and ``.tran`` lines.

Only the controls are read here, to hold a simulator's output against them. The circuit is the
business of the embedded engine's reader.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from netlist_gen.deck.lines import logical_lines, names_a_file, numbered_lines
from netlist_gen.errors import DeckError
from netlist_gen.files import printable
from verification.waves.deck_files import FileRequest
from verification.waves.josim_remarks import remark_at

# Factors of JoSIM 2.7's number suffixes (Misc.cpp): one letter, except MEG; X is mega too.
_SUFFIX = {
    "": 1.0,
    "F": 1e-15,
    "P": 1e-12,
    "N": 1e-9,
    "U": 1e-6,
    "M": 1e-3,
    "K": 1e3,
    "X": 1e6,
    "G": 1e9,
    "T": 1e12,
}
_NUMBER = re.compile(r"([-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:E[-+]?\d+)?)(MEG|[A-Z]*)", re.ASCII)
_CALL = re.compile(r"([VIP])\(([^()]+)\)")
_BRANCH = re.compile(r"(.+)#BRANCH")
_VECTOR = re.compile(r"@(.+)\[([CVP])\]")
_KEYWORD = {
    "DEVI": "I",
    "DEVV": "V",
    "DEVP": "P",
    "NODEV": "V",
    "NODEP": "P",
    "PHASE": "P",
}
_STORE = ("PRINT", "PLOT", "SAVE")


@dataclass(frozen=True)
class Transient:
    """The numbers of a ``.tran`` line, in seconds."""

    step_s: float
    stop_s: float
    print_start_s: float
    print_step_s: float


@dataclass(frozen=True)
class Controls:
    """What a deck asks for.

    Attributes:
        columns: the signals in the order of the deck, in JoSIM's header form (``P(B1|X1)``).
        transient: the ``.tran`` line.
        files: the ``.file`` lines, each with the signals that belong to it.
        curves: whether there are ``.iv`` lines too.
    """

    columns: tuple[str, ...]
    transient: Transient
    files: tuple[FileRequest, ...] = ()
    curves: bool = False


def read_controls(text: str) -> Controls:
    """The ``.print``, ``.plot``, ``.save``, ``.file`` and ``.tran`` lines of a JoSIM deck.

    Raises:
        DeckError: no ``.tran`` or no stored signal (JoSIM would then store every node), a
            request that JoSIM would drop, or a number that is not plain.
    """
    try:
        return _read_controls(text)
    except DeckError as error:
        raise DeckError(printable(str(error))) from error


def _read_controls(text: str) -> Controls:
    columns: list[str] = []
    files: list[FileRequest] = []
    curves = False
    transient: Transient | None = None
    for line, tokens in _control_lines(text):
        if tokens[0] in _STORE:
            found = list(_requests(tokens[1:], line))
            if files:
                own = range(len(columns), len(columns) + len(found))
                files[-1] = replace(files[-1], columns=(*files[-1].columns, *own))
            columns.extend(found)
        elif tokens[0] == "FILE":
            if len(tokens) != 2:
                raise DeckError(f"line {line}: .file takes one file name, without blanks")
            files.append(FileRequest(tokens[1], f"line {line}"))
        elif tokens[0] == "SPREAD":
            raise DeckError(
                f"line {line}: .spread draws values that no result records (and a normal "
                "distribution where its manual says uniform); draw them before the deck is written"
            )
        elif tokens[0] == "IV":
            curves = True
        elif tokens[0] == "TRAN":
            transient = _transient(tokens[1:], line)
    if transient is None:
        raise DeckError("the deck has no .tran line; JoSIM needs one")
    if not columns:
        raise DeckError(
            "the deck stores no signal; JoSIM would store every node, so .print at least one"
        )
    return Controls(tuple(columns), transient, tuple(files), curves)


def read_number(token: str, line: int) -> float:
    """A number with JoSIM's suffixes: F P N U M K MEG X G T, case ignored.

    Raises:
        DeckError: anything else, for instance an expression or a unit after the suffix.
    """
    match = _NUMBER.fullmatch(token.upper())
    if match is None or (match[2] != "MEG" and match[2] not in _SUFFIX):
        raise DeckError(
            f"line {line}: {token!r} is not a plain number with one of the suffixes "
            "F P N U M K MEG X G T"
        )
    return float(match[1]) * (1e6 if match[2] == "MEG" else _SUFFIX[match[2]])


def _control_lines(text: str) -> Iterator[tuple[int, list[str]]]:
    """Control lines outside subcircuits as (line number, upper-case tokens without the dot)."""
    in_control = False
    in_subcircuit = False
    numbered = numbered_lines(text, "", comments="*#", free=names_a_file)
    upper = (
        (number, line if names_a_file(number, line) else line.upper()) for number, line in numbered
    )
    for number, line in logical_lines(upper, comments="*#"):
        if line.count("(") != line.count(")"):
            raise DeckError(
                f"line {number}: {line.count('(')} opening and {line.count(')')} closing "
                "parentheses; JoSIM would read on without a word"
            )
        tokens = line.split()
        head = tokens[0].upper()
        if head == ".END" or (head == "END" and in_control):
            return
        if head in (".SUBCKT", ".ENDS"):
            in_subcircuit = head == ".SUBCKT"
        elif head in (".CONTROL", ".ENDC"):
            in_control = head == ".CONTROL"
        elif not in_subcircuit and (head.startswith(".") or in_control):
            name = head.removeprefix(".")
            try:
                at = remark_at([f".{name}", *tokens[1:]])
            except ValueError as error:
                raise DeckError(f"line {number}: {error}") from None
            yield number, [name, *tokens[1 : at if at > 0 else None]]


def _requests(tokens: list[str], line: int) -> Iterator[str]:
    """Header names for the signals of one store line."""
    tokens = [token.replace(".", "|") for token in tokens if token != "TRAN"]
    at = 0
    while at < len(tokens):
        token = tokens[at]
        if token in _KEYWORD:
            # JoSIM reads one request from such a line and ignores what follows it.
            names = tokens[at + 1 :]
            limit = 2 if token.startswith("NODE") else 1
            if not 1 <= len(names) <= limit:
                raise DeckError(
                    f"line {line}: {token} is followed by {len(names)} names; "
                    f"1{' or 2' if limit == 2 else ''} allowed on a line"
                )
            yield f"{_KEYWORD[token]}({','.join(names)})"
            return
        if match := _CALL.fullmatch(token):
            yield f"{match[1]}({match[2]})"
        elif match := _BRANCH.fullmatch(token):
            yield f"I({match[1]})"
        elif match := _VECTOR.fullmatch(token):
            yield f"{'I' if match[2] == 'C' else match[2]}({match[1]})"
        else:
            raise DeckError(
                f"line {line}: {token!r} is not a signal; allowed are V(x), V(x,y), I(x), P(x), "
                "x#branch, @x[c], and DEVI, DEVV, DEVP, NODEV, NODEP or PHASE with a name"
            )
        at += 1


def _transient(tokens: list[str], line: int) -> Transient:
    if tokens and tokens[-1] == "DST":
        tokens = tokens[:-1]
    if not 2 <= len(tokens) <= 5:
        raise DeckError(
            f"line {line}: .tran has {len(tokens)} numbers; it takes tstep tstop [pstart [pstep]]"
        )
    if len(tokens) == 5 and read_number(tokens[4], line) != 0.0:
        raise DeckError(
            f"line {line}: .tran asks for a filter over {tokens[4]} (its 5th number), "
            "which smears pulses; leave it out"
        )
    numbers = [read_number(token, line) for token in tokens[:4]]
    step, stop = numbers[0], numbers[1]
    start = numbers[2] if len(numbers) > 2 else 0.0
    print_step = numbers[3] if len(numbers) > 3 else step
    if not (0.0 < step <= stop and 0.0 <= start < stop and 0.0 < print_step <= stop):
        raise DeckError(
            f"line {line}: .tran {' '.join(tokens)} is impossible; needed are "
            "0 < tstep <= tstop, 0 <= pstart < tstop and 0 < pstep <= tstop"
        )
    # JoSIM never prints finer than it steps: it shortens its step instead (Transient.cpp).
    return Transient(min(step, print_step), stop, start, print_step)

"""Source waves: pwl, pulse, sin, exp, pws, cus, dc and noise, as in JoSIM 2.7's ``Function``.

Before t = 0, while a circuit settles, a pwl gives 0 and the others what their formula gives.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from netlist_gen.deck.lines import read_deck_text
from netlist_gen.errors import DeckError
from verification.engine.text.expressions import parse_number
from verification.engine.text.lines import Place

FloatArray = NDArray[np.float64]

DC, PWL, PULSE, SIN, EXP, PWS, CUS, NOISE = range(8)
"""Codes of the kinds, as the kernels know them."""

_KINDS = {"PWL": PWL, "PULSE": PULSE, "SIN": SIN, "EXP": EXP, "PWS": PWS, "NOISE": NOISE}
_ARGUMENTS = {PULSE: (2, 7), SIN: (2, 7), EXP: (2, 6), NOISE: (2, 3)}
_CALL = re.compile(r"(PWL|PULSE|SIN|EXP|PWS|CUS|NOISE)\s*\((.*)\)", re.DOTALL)


@dataclass(frozen=True, eq=False)
class SourceWave:
    """One source's value over time.

    Attributes:
        kind: one of the codes above.
        values: of a dc the value, of pwl and pws times and then values, of cus ts, sf, im, td, per
            and then the data; of the others what the deck gives, NaN where it leaves one out.
    """

    kind: int
    values: FloatArray

    @staticmethod
    def dc(value: float) -> SourceWave:
        """A constant (A, V or rad)."""
        return SourceWave(DC, np.array([value], dtype=np.float64))

    @staticmethod
    def pwl(
        times_s: Sequence[float] | FloatArray, values: Sequence[float] | FloatArray
    ) -> SourceWave:
        """Straight lines through (times_s, values); the first time is 0, times increase.

        Raises:
            DeckError: the times don't start at 0 or don't increase, or the lengths differ.
        """
        t = np.asarray(times_s, dtype=np.float64)
        v = np.asarray(values, dtype=np.float64)
        if t.ndim != 1 or t.shape != v.shape or t.size == 0:
            raise DeckError(f"a pwl takes as many times as values, not {t.size} and {v.size}")
        problem = _times_problem(t)
        if problem:
            raise DeckError(f"a pwl's {problem}")
        return SourceWave(PWL, np.concatenate([t, v]))

    def same_as(self, other: SourceWave) -> bool:
        """Whether the other is the same function of time."""
        return self.kind == other.kind and np.array_equal(self.values, other.values, equal_nan=True)

    def encoded(self, step: float, stop: float) -> FloatArray:
        """The numbers that the kernels read, with defaults for this time step (s) filled in."""
        if self.kind in (DC, PWL, PWS):
            return self.values
        if self.kind == CUS:
            coded = self.values.copy()
            coded[0] = max(coded[0], step)
            if coded[2] == 2.0:
                return _spline(coded)
            return coded
        defaults = {
            PULSE: [0.0, 0.0, 0.0, step, step, stop, stop],
            SIN: [0.0, 0.0, 1.0 / stop, 0.0, 0.0, 0.0, 0.0],
            EXP: [0.0, 0.0, 0.0, step, step, step],
            NOISE: [0.0, 0.0, step],
        }[self.kind]
        coded = np.array(defaults)
        given = ~np.isnan(self.values)
        coded[: self.values.size][given] = self.values[given]
        if self.kind == SIN:
            coded[5] *= math.pi / 180.0
        return coded


def _times_problem(times: FloatArray) -> str:
    if times[0] != 0.0:
        return f"first time is {times[0]:.9g} s; it must be 0"
    wrong = np.nonzero(~(np.diff(times) > 0.0))[0]
    if wrong.size:
        at = int(wrong[0])
        return f"times must increase: {times[at]:.9g} s is followed by {times[at + 1]:.9g} s"
    return ""


def _spline(coded: FloatArray) -> FloatArray:
    """cus with im = 2: the data replaced by the second derivatives of a natural spline too."""
    from scipy.interpolate import CubicSpline

    data = coded[5:]
    knots = coded[3] + coded[0] * np.arange(data.size)
    spline = CubicSpline(knots, data, bc_type="natural")
    second = spline(knots, 2)
    return np.concatenate([coded[:5], data, second])


def parse_source(
    tokens: Sequence[str], place: Place, evaluate: Callable[[str], float], directory: Path | None
) -> SourceWave:
    """Read the tokens after a source's nodes.

    Args:
        tokens: upper-case tokens, for example ``("PWL(0", "0", "5P", "1M)")``.
        place: for messages.
        evaluate: value of a number or expression; raises DeckError.
        directory: where ``cus`` finds its file.

    Raises:
        DeckError: anything that is not one of the waves.
    """
    text = " ".join(tokens)
    match = _CALL.fullmatch(text)
    if match is None:
        return _constant(tokens, text, place, evaluate)
    name, inside = match.groups()
    arguments = _split(inside, place)
    if name == "CUS":
        return _custom(arguments, place, evaluate, directory)
    kind = _KINDS[name]
    numbers = np.array([_number(item, evaluate) for item in arguments], dtype=np.float64)
    if kind in (PWL, PWS):
        if numbers.size < 2 or numbers.size % 2:
            raise place.error(
                f"{name.lower()} takes pairs of time and value, not {numbers.size} numbers"
            )
        times, values = numbers[0::2], numbers[1::2]
        problem = _times_problem(times)
        if problem:
            raise place.error(f"{name.lower()}: the {problem}")
        return SourceWave(kind, np.concatenate([times, values]))
    low, high = _ARGUMENTS[kind]
    if not low <= numbers.size <= high:
        raise place.error(f"{name.lower()} takes {low} to {high} numbers, not {numbers.size}")
    padded = np.full(high, np.nan)
    padded[: numbers.size] = numbers
    _check(kind, padded, place)
    return SourceWave(kind, padded)


def _number(text: str, evaluate: Callable[[str], float]) -> float:
    plain = parse_number(text)  # the common case, without the cost of the expression parser
    return evaluate(text) if plain is None or not math.isfinite(plain) else plain


def _constant(
    tokens: Sequence[str], text: str, place: Place, evaluate: Callable[[str], float]
) -> SourceWave:
    items = list(tokens)
    if items and items[0] == "DC":
        items.pop(0)
    if len(items) != 1 or "," in items[0]:
        raise place.error(
            f"{text or 'nothing'} is no source; use dc VALUE, pwl(..), pulse(..), sin(..), "
            "exp(..), pws(..), cus(..) or noise(..), with both brackets"
        )
    return SourceWave.dc(_number(items[0], evaluate))


def _split(inside: str, place: Place) -> list[str]:
    """Split arguments at blanks and commas, but not inside braces or brackets."""
    if not any(sign in inside for sign in "({[)}]"):
        return inside.replace(",", " ").split()
    items: list[str] = []
    current = ""
    depth = 0
    for sign in inside:
        depth += (sign in "({[") - (sign in ")}]")
        if depth < 0:
            raise place.error("a bracket is closed that was not opened")
        if depth == 0 and sign in " ,":
            if current:
                items.append(current)
            current = ""
        elif sign != " ":
            current += sign
    if depth:
        raise place.error("a bracket is not closed")
    return [*items, current] if current else items


def _check(kind: int, numbers: FloatArray, place: Place) -> None:
    if kind == PULSE:
        if np.any(numbers[3:6] < 0.0):
            raise place.error("pulse: rise, fall and width can't be negative")
        if numbers[6] <= 0.0:
            raise place.error("pulse: the period must be above 0")
    elif kind == SIN and numbers[6] > 0.0 and not numbers[2] > 0.0:
        raise place.error("sin: a number of cycles needs a frequency above 0")
    elif kind == EXP and (numbers[3] == 0.0 or numbers[5] == 0.0):
        raise place.error("exp: the time constants can't be 0")
    elif kind == NOISE and numbers[2] <= 0.0:
        raise place.error("noise: the time step must be above 0")


def _custom(
    arguments: list[str], place: Place, evaluate: Callable[[str], float], directory: Path | None
) -> SourceWave:
    if not 2 <= len(arguments) <= 6:
        raise place.error("cus takes a file, TS and up to four more: SF IM TD PER")
    defaults = [0.0, 1.0, 1.0, 0.0, 0.0]
    for index, item in enumerate(arguments[1:]):
        defaults[index] = _number(item, evaluate)
    if defaults[2] not in (0.0, 1.0, 2.0):
        raise place.error(f"cus: interpolation is {defaults[2]:g}; it can be 0, 1 or 2")
    if directory is None:
        raise place.error(f"cus {arguments[0]}: a deck that is no file can't read one")
    # The deck is upper-cased, file names are not: look for the name in both cases, as JoSIM does.
    matches = [
        path
        for path in (directory / arguments[0], directory / arguments[0].lower())
        if path.is_file()
    ]
    if not matches:
        raise place.error(f"cus: no file {arguments[0]} (or in lower case) in {directory}")
    text = read_deck_text(matches[0], lambda why: place.error(f"cus {arguments[0]}: {why}"))
    first = text.split("\n", 1)[0]
    data = [parse_number(item) for item in re.split(r"[ ,;\s]+", first.strip().upper()) if item]
    if len(data) < 2 or any(value is None for value in data):
        raise place.error(f"cus: the first line of {matches[0].name} is not two or more numbers")
    scaled = np.array([float(value or 0.0) for value in data]) * defaults[1]
    return SourceWave(CUS, np.concatenate([defaults, scaled]))

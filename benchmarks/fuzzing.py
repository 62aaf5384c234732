"""What the fuzzers share: mutations of JSON and of bytes, and the outcome of one try.

A mutation must be refused with one of the project's own errors, be made good, or change nothing.
``BROKEN`` outcomes are faults.
"""

from __future__ import annotations

import json
import resource
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random
from typing import Any

from netlist_gen.errors import NetlistGenError

REFUSED, RECOMPUTED, SAME = "refused", "recomputed", "same result"
BROKEN = "BROKEN"
MOST_S, MOST_KB = 10, 1_000_000

DEEP = "\0deep\0"
HUGE = "\0huge\0"
"""Stand for values that ``json.dumps`` can't write: they are put into the text afterwards."""


class HangError(BaseException):
    """A try that did not end; no code under test catches it by chance."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise HangError in the main thread after so many seconds."""

    def late(_number: int, _frame: object) -> None:
        raise HangError

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def outcome(attempt: Callable[[], str], seconds: float = MOST_S) -> tuple[str, str]:
    """The outcome of a try, and a sentence where it was refused or broke.

    ``attempt`` returns an outcome of its own, or raises.
    """
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        with time_limit(seconds):
            found, words = attempt(), ""
    except NetlistGenError as error:
        found, words = REFUSED, str(error)
        if "\n" in words or not words:
            found, words = f"{BROKEN}: no one-line sentence", repr(words)
    except HangError:
        found, words = f"{BROKEN}: hang", f"over {seconds:g} s"
    except Exception as error:
        found, words = f"{BROKEN}: {type(error).__name__}", str(error)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    if grown > MOST_KB:
        return f"{BROKEN}: memory", f"{grown / 1e6:.1f} GB more"
    return found, words


def places(data: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Paths of all values in JSON data, but its root."""
    found = [path] if path else []
    if isinstance(data, dict | list):
        items = data.items() if isinstance(data, dict) else enumerate(data)
        for key, value in items:
            found += places(value, (*path, key))
    return found


def mutated_json(rng: Random, data: Any) -> str:
    """JSON text in which one value is another, gone, or twice there."""
    data = json.loads(json.dumps(data))
    path = rng.choice(places(data))
    holder = data
    for key in path[:-1]:
        holder = holder[key]
    key, old = path[-1], holder[path[-1]]
    match rng.randrange(6):
        case 0:
            del holder[key]
        case 1 if isinstance(holder, list):
            holder.insert(key, old)
        case 2 if isinstance(old, bool):
            holder[key] = not old
        case 2 if isinstance(old, int | float):
            factor = rng.choice([-1, 0, 2, 1e300, -1e300, 1 + 1e-9])
            holder[key] = type(old)(old * factor) if abs(factor) < 10 else old * factor
        case 3 if isinstance(old, list) and old:
            del old[rng.randrange(len(old))]
        case _:
            holder[key] = rng.choice(
                [None, True, False, 0, -1, 2**63, 1.5, 1e308, float("nan"), float("inf"), "",
                 "x\ny", "\u0000", "../../etc/passwd", [], {}, [[]], [None], DEEP, HUGE, "9" * 5000]
            )  # fmt: skip
    text = json.dumps(data)
    deep = rng.choice([500, 3_000, 200_000])
    text = text.replace(json.dumps(DEEP), "[" * deep + "]" * deep)
    return text.replace(json.dumps(HUGE), "9" * rng.choice([400, 4000, 100_000]))


def mutated_bytes(rng: Random, data: bytes) -> bytes:
    """The bytes with bits flipped, cut short, or with a part overwritten, lost or twice there."""
    kept = bytearray(data)
    at = rng.randrange(len(kept))
    match rng.randrange(5):
        case 0:
            for _ in range(rng.choice([1, 1, 8, 64])):
                kept[rng.randrange(len(kept))] ^= 1 << rng.randrange(8)
        case 1:
            del kept[at:]
        case 2:
            kept[at : at + 64] = rng.randbytes(min(64, len(kept) - at))
        case 3:
            del kept[at : at + rng.randrange(1, 64)]
        case _:
            kept[at:at] = kept[at : at + rng.randrange(1, 256)]
    return bytes(kept)


def table(counts: dict[str, dict[str, int]]) -> list[str]:
    """Lines of a table: what was mutated, against outcomes."""
    columns = sorted({name for row in counts.values() for name in row})
    wide = max(map(len, counts))
    lines = [f"{'':{wide}}  " + "  ".join(f"{c:>12}" for c in columns)]
    for name, row in counts.items():
        lines.append(
            f"{name:{wide}}  " + "  ".join(f"{row.get(c, 0):{max(12, len(c))}}" for c in columns)
        )
    return lines

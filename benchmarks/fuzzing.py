"""What the fuzzers share: mutations of JSON and of bytes, and the outcome of one try.

A mutation must be refused with one of the project's own errors, be made good, or change nothing.
``BROKEN`` outcomes are faults.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from netlist_gen.errors import NetlistGenError

REFUSED, RECOMPUTED, SAME = "refused", "recomputed", "same result"
BROKEN = "BROKEN"
MOST_S, MOST_MB = 10.0, 1000.0

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
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1000
    if grown > MOST_MB:
        return f"{BROKEN}: memory", f"{grown / 1000:.1f} GB more"
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


Attempt = Callable[[], tuple[str, str]]


def tally(
    plan: Iterable[tuple[str, int, Attempt]], broken_at: Callable[[str, int], None] | None = None
) -> tuple[dict[str, Counter[str]], list[str]]:
    """Outcomes by what was spoilt, and a line for each that is broken.

    Args:
        plan: what is spoilt, how often, and a try.
        broken_at: told of what and which try, after one that broke.
    """
    counts: dict[str, Counter[str]] = {}
    broken = []
    for kind, tries, attempt in plan:
        counts[kind] = Counter()
        for number in range(tries):
            found, words = attempt()
            counts[kind][found] += 1
            if found.startswith(BROKEN):
                broken.append(f"{kind} {number}: {found} ({words[:200]})")
                if broken_at is not None:
                    broken_at(kind, number)
    return counts, broken


def report(fuzz: Callable[[Path], tuple[dict[str, Counter[str]], list[str]]]) -> None:
    """Fuzz in a folder that goes afterwards, say what came of it, and exit with the status."""
    with tempfile.TemporaryDirectory(prefix="fuzz-", ignore_cleanup_errors=True) as folder:
        counts, broken = fuzz(Path(folder))
    print("\n".join([*table({kind: dict(row) for kind, row in counts.items()}), *broken]))
    sys.exit(bool(broken))


@dataclass(frozen=True)
class Judged:
    """What came of one number: an outcome in words, the time it took, the memory it asked for."""

    number: int
    outcome: str
    seconds: float = 0.0
    megabytes: float = 0.0

    @property
    def too_much(self) -> bool:
        """Whether it took longer, or more memory, than is promised."""
        return self.seconds > MOST_S or self.megabytes > MOST_MB


def judged_apart(
    numbers: Sequence[int],
    made: Callable[[int], Any],
    judge: Callable[[int, Any], str],
    jobs: int,
    around: Callable[[], AbstractContextManager[Any]] = nullcontext,
) -> list[Judged]:
    """Judge numbers in processes; one that dies is an outcome, and another goes on after it.

    Args:
        numbers: all that is to be judged.
        made: what is judged, of a number; not timed.
        judge: the outcome.
        jobs: processes.
        around: entered in each process.
    """
    found: list[Judged] = []
    with tempfile.TemporaryDirectory() as folder:
        running: dict[int, tuple[Sequence[int], Path]] = {}

        def start(part: Sequence[int]) -> None:
            handle, name = tempfile.mkstemp(dir=folder)
            os.close(handle)
            pid = os.fork()
            if pid == 0:
                try:
                    _work(part, made, judge, around, Path(name))
                    os._exit(0)
                finally:
                    os._exit(1)
            running[pid] = part, Path(name)

        for job in range(jobs):
            start(numbers[job::jobs])
        while running:
            pid, status = os.wait()
            part, log = running.pop(pid)
            lines = log.read_text().splitlines()
            for number, line in zip(lines[::2], lines[1::2], strict=False):
                found.append(Judged(int(number), *json.loads(line)))
            if status:
                at = len(lines) // 2
                if at < len(part):
                    code = os.waitstatus_to_exitcode(status)
                    found.append(Judged(part[at], f"the process died ({code})"))
                if part[at + 1 :]:
                    start(part[at + 1 :])
    return found


def _work(
    numbers: Sequence[int],
    made: Callable[[int], Any],
    judge: Callable[[int, Any], str],
    around: Callable[[], AbstractContextManager[Any]],
    log: Path,
) -> None:
    """Judge; the log says before each which one it is, should this process die."""
    with log.open("a", buffering=1) as lines, around():
        for number in numbers:
            lines.write(f"{number}\n")
            data = made(number)
            Path("/proc/self/clear_refs").write_text("5")
            before = _memory_MB("VmRSS")
            signal.setitimer(signal.ITIMER_REAL, 3 * MOST_S)  # its default is death
            began = time.perf_counter()
            found = judge(number, data)
            seconds = time.perf_counter() - began
            signal.setitimer(signal.ITIMER_REAL, 0)
            lines.write(json.dumps([found, seconds, _memory_MB("VmHWM") - before]) + "\n")


def _memory_MB(field: str) -> float:
    """Of this process: VmHWM is the most since it was last cleared, VmRSS is now."""
    text = Path("/proc/self/status").read_text()
    return int(text.split(f"{field}:")[1].split()[0]) / 1000

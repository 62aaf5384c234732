"""Small changes to the product at random: do its tests catch them?

    python benchmarks/mutation.py --mutants 160 --workers 2
    python benchmarks/mutation.py --seed 7 --mutants 160 --only 12 57     (these again)

Prints its seed, a line for each mutant, and for each room how many were caught; then what
survived, with file and line: either it changes nothing, or a test is missing. Each worker has a
copy of the tree in which it changes one file at a time and runs the tests of its own module first,
then those of the room, quick ones first, each as ``pytest -x``; what takes too long is caught too.
The copies stay in ``--work``, with what was compiled and measured in them, and are brought up to
date; delete it after large changes. The tests have to pass with nothing changed.

Compiled functions aren't changed (kernels hold copies of them), nor are messages and annotations.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path
from queue import Queue
from random import Random
from tempfile import gettempdir

from mutants import Mutant, mutants_of

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Room:
    """What is changed, and what should notice.

    Attributes:
        sources: files and folders.
        tests: likewise; beside them there are those of the changed module itself.
    """

    sources: tuple[str, ...]
    tests: tuple[str, ...]


CONVENTIONS = "tests/test_conventions.py"
ROOMS = {
    "verdict": Room(
        ("verification/verdict",),
        (
            "tests/verification/verdict",
            "tests/verification/campaign/test_rows.py",
            "tests/verification/campaign/test_scopes.py",
            "tests/verification/campaign/test_timing.py",
            CONVENTIONS,
        ),
    ),
    "reference": Room(
        ("verification/reference",),
        ("tests/verification/reference", "tests/verification/campaign/test_timing.py"),
    ),
    "pulses": Room(
        ("verification/waves/pulses.py", "verification/waves/readings.py"),
        (
            "tests/verification/waves",
            "tests/verification/characterize/trials/test_judge.py",
            CONVENTIONS,
        ),
    ),
    "circuit": Room(
        ("netlist_gen/circuit",),
        (
            "tests/netlist_gen/circuit",
            "tests/netlist_gen/assembly/test_delays.py",
            "tests/test_golden_decks.py",
            CONVENTIONS,
        ),
    ),
    "assembly": Room(
        ("netlist_gen/assembly",),
        (
            "tests/netlist_gen/assembly",
            "tests/netlist_gen/deck/test_generate.py",
            "tests/verification/reference",
        ),
    ),
    "checkpoint": Room(
        ("netlist_gen/checkpoint",),
        ("tests/netlist_gen/checkpoint", "tests/netlist_gen/commands/test_convert.py"),
    ),
    "lint": Room(("netlist_gen/deck/lint.py",), ("tests/netlist_gen/deck",)),
    "text": Room(
        ("verification/engine/text",),
        (
            "tests/verification/engine/text",
            "tests/verification/engine/test_fuzz.py",
            "tests/verification/engine/test_run.py",
        ),
    ),
}


def files_in(places: Iterable[str], pattern: str) -> list[str]:
    """Files of that pattern at or below each place, relative to the root."""
    found = []
    for place in places:
        path = ROOT / place
        below = sorted(path.rglob(pattern)) if path.is_dir() else [path]
        found += [str(one.relative_to(ROOT)) for one in below]
    return found


def own_tests(mutant: Mutant) -> list[str]:
    """The tests of the changed module itself, where there are any."""
    path = Path("tests") / mutant.file
    path = path.with_name(f"test_{path.name}")
    return [str(path)] if (ROOT / path).exists() else []


def drawn(rooms: Sequence[str], count: int, rng: Random) -> list[tuple[str, Mutant]]:
    """So many mutants, the same number of each room and within it of each kind, as far as goes."""
    left: dict[str, dict[str, list[Mutant]]] = {}
    for room in rooms:
        kinds: dict[str, list[Mutant]] = {}
        for file in files_in(ROOMS[room].sources, "*.py"):
            for mutant in mutants_of(file, (ROOT / file).read_bytes()):
                kinds.setdefault(mutant.kind, []).append(mutant)
        left[room] = kinds
    found: list[tuple[str, Mutant]] = []
    while len(found) < count and any(left.values()):
        for room in rooms:
            kinds = left[room]
            if not kinds or len(found) == count:
                continue
            kind = rng.choice(sorted(kinds))
            found.append((room, kinds[kind].pop(rng.randrange(len(kinds[kind])))))
            if not kinds[kind]:
                del kinds[kind]
    return found


COMPILING = (
    "tests/verification/engine/text/test_waves.py",
    "tests/verification/engine/test_run.py",
)
"""Tests that use all compiled functions."""


@dataclass
class Worker:
    """A copy of the tree.

    Attributes:
        tree: its root.
        seconds: of each test file with nothing changed.
    """

    tree: Path
    seconds: Mapping[str, float] = field(default_factory=dict)

    def refresh(self) -> None:
        """Make the copy the tree as it is; files keep their times, so that nothing is compiled
        again that was."""
        ignored = shutil.ignore_patterns(".git", ".*_cache", "__pycache__", ".venv*")
        shutil.copytree(ROOT, self.tree, ignore=ignored, dirs_exist_ok=True)

    def has(self, file: str) -> bool:
        """Whether a file was there when the copy was made."""
        return (self.tree / file).exists()

    def pytest(self, words: Sequence[str], limit_s: float, *, changed: bool) -> tuple[int, str]:
        """Exit status and output of some tests; -1 where they took too long."""
        env = os.environ | {"PYTHONPATH": str(self.tree)}
        env.setdefault("NUMBA_CACHE_DIR", str(self.tree.parent / "numba"))
        if changed:  # a changed file leaves nothing behind
            env["PYTHONDONTWRITEBYTECODE"] = "1"
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *words]
        process = subprocess.Popen(
            command,
            cwd=self.tree,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            out, _ = process.communicate(timeout=limit_s)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            return -1, ""
        return process.returncode, out

    def measure(self, tests: Iterable[str]) -> dict[str, float]:
        """Run tests with nothing changed: s that each file takes; it compiles what they need.

        Raises:
            SystemExit: one fails.
        """
        words = ["--durations=0", "--durations-min=0", "-vv", *tests]
        status, out = self.pytest(words, 1800.0, changed=False)
        if status:
            raise SystemExit(f"with nothing changed the tests end in {status}:\n{out[-3000:]}")
        found = dict.fromkeys(tests, 0.0)
        for seconds, file in re.findall(r"^([\d.]+)s \w+ +(\S+?)::", out, re.MULTILINE):
            found[file] += float(seconds)
        return found

    def judge(self, room: str, mutant: Mutant) -> str:
        """What became of a mutant: "survived", or which tests caught it."""
        tests = [test for test in files_in(ROOMS[room].tests, "test_*.py") if self.has(test)]
        first = [test for test in own_tests(mutant) if self.has(test)]
        rest = sorted(set(tests) - set(first), key=lambda file: self.seconds.get(file, 0.0))
        path = self.tree / mutant.file
        original, times = path.read_bytes(), path.stat()
        path.write_bytes(mutant.apply(original))
        try:
            for stage in (first, rest):
                limit = 60.0 + 5.0 * sum(self.seconds.get(file, 10.0) for file in stage)
                status, out = self.pytest(stage, limit, changed=True) if stage else (0, "")
                if status not in (-1, 0, 1, 2):  # 1: a test fails, 2: one can't even be read
                    raise SystemExit(f"{mutant}: pytest ends in {status}:\n{out[-3000:]}")
                if status:
                    failed = re.search(r"^(?:FAILED|ERROR) (\S+)", out, re.MULTILINE)
                    return "too long" if status == -1 else failed[1] if failed else "no run"
        finally:
            path.write_bytes(original)
            os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
        return "survived"


def prepare(workers: Sequence[Worker], tests: Sequence[str], kept: Path) -> None:
    """Compile and measure: the first worker all tests, the others what compiles."""
    for worker in workers:
        worker.refresh()
    known = json.loads(kept.read_text()) if kept.exists() else {}
    if any(test not in known for test in tests):
        with ThreadPoolExecutor(len(workers)) as pool:
            first = pool.submit(workers[0].measure, tests)
            others = [pool.submit(worker.measure, COMPILING) for worker in workers[1:]]
            known = first.result()
            for other in others:
                other.result()
        kept.write_text(json.dumps(known))
    for worker in workers:
        worker.seconds = known


def judged(
    chosen: Sequence[tuple[int, str, Mutant]], workers: Sequence[Worker]
) -> Iterator[tuple[int, str, Mutant, str]]:
    """Each mutant with what became of it, in the order in which they end."""
    free: Queue[Worker] = Queue()
    for worker in workers:
        free.put(worker)

    def one(number: int, room: str, mutant: Mutant) -> tuple[int, str, Mutant, str]:
        worker = free.get()
        try:
            return number, room, mutant, worker.judge(room, mutant)
        finally:
            free.put(worker)

    with ThreadPoolExecutor(len(workers)) as pool:
        for ended in as_completed([pool.submit(one, *mutant) for mutant in chosen]):
            yield ended.result()


def main() -> None:
    """Draw, run, and say what came of it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rooms", nargs="+", choices=ROOMS, default=list(ROOMS))
    parser.add_argument("--mutants", type=int, default=160)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--only", type=int, nargs="+", help="numbers in the draw")
    parser.add_argument("--work", type=Path, default=Path(gettempdir()) / "netlist-gen-mutants")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    asked = parser.parse_args()
    print(f"seed {asked.seed}")
    mutants = drawn(asked.rooms, asked.mutants, Random(asked.seed))
    chosen = [(i, *one) for i, one in enumerate(mutants) if not asked.only or i in asked.only]
    workers = [Worker(asked.work / f"tree{i}") for i in range(asked.workers)]
    drawn_from = list(dict.fromkeys(room for _, room, _ in chosen))
    tests = {test for room in drawn_from for test in files_in(ROOMS[room].tests, "test_*.py")}
    tests |= {test for _, _, mutant in chosen for test in own_tests(mutant)}
    prepare(workers, sorted(tests), asked.work / "seconds.json")
    caught: Counter[str] = Counter()
    all_: Counter[str] = Counter()
    survivors = []
    for number, room, mutant, found in judged(chosen, workers):
        print(f"{number:4} {room:10} {mutant}: {found}", flush=True)
        all_[room] += 1
        caught[room] += found != "survived"
        if found == "survived":
            survivors.append(f"{number:4} {mutant}")
    for room in drawn_from:
        print(f"{room:10} {caught[room]:4} of {all_[room]:4} caught")
    total, of = caught.total(), all_.total()
    print(f"{'all':10} {total:4} of {of:4} caught ({100 * total / max(of, 1):.0f} %)")
    print("\n".join(["survived:", *sorted(survivors)]) if survivors else "none survived")


if __name__ == "__main__":
    main()

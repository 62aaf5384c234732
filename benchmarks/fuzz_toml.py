"""Mutated TOML files of cells and processes: each must be refused in a sentence, or be taken.

    python benchmarks/fuzz_toml.py --tries 5000

What is taken is built and written as a deck in each dialect, in which nothing of the file may stand
but names and numbers; cells are run too. Prints its seed, a table of outcomes, and each that is
broken; exit status 1 if there is one.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import tempfile
import tomllib
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

from fuzzing import BROKEN, mutated_bytes, outcome, places, report, tally

from netlist_gen.library.toml_file import is_name
from netlist_gen.resources import resource_dir
from verification.characterize.subject.bench import Bench, make_bench
from verification.characterize.subject.subject import load_subject
from verification.characterize.trials.cell import CellUnderTest
from verification.characterize.trials.runner import Runner

TAKEN, INJECTED = "taken", "PWNED"
LONGEST_S = 2e-9
"""Cells with a longer stimulus are built, not run."""

NETLIST = """* a line of one junction, with ports to be closed
.subckt line a q x y
.model jj1 jj(rtype=1, vg=2.8m, cap=0.07p, r0=160, rn=16, icrit=0.1m)
L1 a 1 2p
B1 1 0 jj1 area=2.5
R1 1 0 2.74
L2 1 q 2p
I1 0 1 pwl(0 0 5p 175u)
L3 x y 2p
.ends
"""
CELL = """
[cell]
name = "line"
title = "a line"
netlist = "line.cir"
ports = ["a", "q", "x", "y"]
[bench]
inputs = ["a"]
outputs = ["q"]
clock = "a"
spacing_ps = 50
elements = ["R RX x 0 {{ 1.0 + 2 }}", "L LY y 0 1e-12", "I IX 0 x 1e-6 flux"]
turning = []
[[bench.cases]]
name = "one"
stimulus = ["a -> q", "150: a -> q"]
set = { IX = "{{ phi0 * 1e9 }}" }
[[bench.cases]]
name = "two"
stimulus = ["a -> q"]
"""
LEVEL = CELL.replace('clock = "a"', 'levels.a.high = { value = 400, unit = "uA", source = "x" }\n'
                     'levels.a.width = { value = 20, unit = "ps", source = "x" }\n'
                     'levels.a.edge = { value = 5, unit = "ps", source = "x" }')  # fmt: skip

STRANGE: tuple[str, ...] = (
    '""', '"a"', '"0"', '"x\\n.control\\nshell touch PWNED\\n.endc\\n*"', '"PWNED; shell"', '"a b"',
    '"<script>PWNED</script>"', '"\\u00e9"', '"{{ 9**9**9 }}"', '"{{ __import__(1) }}"', '"{{{{"',
    '"->"', '"a -> q~"', '"1e99: a"', '"99999999999: a"', '"R RPWNED x 0 nan"', '"R X x 0 5"',
    '"../../PWNED"', '"/dev/zero"', '"/"', '"\\u0000"', f'"{"a" * 5000}"', f'"{" " * 20000}"',
    f'"{"{{" * 20000}"', "0", "-1", "1", "3", "nan", "inf", "-inf", "1e308", "1e-320", "9" * 400,
    "9" * 5000, "0x" + "f" * 20000, "true", "[]", "[1]", "[[]]", '["a", "a"]', '["a", 1]', "{}",
    "{ a = 1 }", '{ value = 1, unit = "uA", source = "x" }', '{ value = 1, unit = [], source = 3 }',
    "1979-05-27", "07:32:00", "[" * 200 + "]" * 200, "[" * 5000 + "]" * 5000,
)  # fmt: skip


def written(value: Any) -> str:
    """A value in TOML's syntax; a string that begins with NUL is put there as it is."""
    match value:
        case str() if value.startswith("\0"):
            return value[1:]
        case bool():
            return str(value).lower()
        case dict():
            return "{ " + ", ".join(f"{key_of(k)} = {written(v)}" for k, v in value.items()) + " }"
        case list():
            return "[" + ", ".join(map(written, value)) + "]"
        case str():
            return json.dumps(value)
    return repr(value)


def key_of(name: str) -> str:
    """A key in TOML's syntax."""
    return name if is_name(name) else json.dumps(name)


def document(data: dict[str, Any]) -> str:
    """A TOML file of tables."""
    return "\n".join(f"{key_of(key)} = {written(value)}" for key, value in data.items()) + "\n"


def mutated(rng: Random, text: str) -> bytes:
    """The file with one or two things changed."""
    if rng.random() < 0.2:
        return mutated_bytes(rng, text.encode())
    data = tomllib.loads(text)
    for _ in range(rng.choice([1, 1, 2])):
        path = rng.choice(places(data))
        holder: Any = data
        for key in path[:-1]:
            holder = holder[key]
        match rng.randrange(5):
            case 0:
                del holder[path[-1]]
            case 1 if isinstance(holder, list):
                holder.insert(path[-1], holder[path[-1]])
            case 1:
                name = rng.choice(["x", "name", "PWNED\n.control", "a.b", "", "0"])
                holder[name] = holder.pop(path[-1])
            case 2 | 3 if isinstance(holder[path[-1]], float | int):
                holder[path[-1]] *= rng.choice([0.5, 1.01, 2.0, 1e3, 1e6, 1e-6, 1e30, -1.0])
            case _:
                holder[path[-1]] = "\0" + rng.choice(STRANGE)
        if not places(data):
            break
    return document(data).encode()


class Fuzz:
    """Files in a folder, and what is done with them; ``rng`` draws the mutations."""

    def __init__(self, folder: Path, rng: Random) -> None:
        self.folder, self.rng = folder, rng
        (folder / "line.cir").write_text(NETLIST)
        self.process = (resource_dir("cells") / "process" / "sfq5ee.toml").read_text("utf-8")
        self.runner = Runner(workers=1)
        for text in (CELL, LEVEL):
            assert self._cell(text.encode()) == TAKEN
        assert self._process(self.process.encode()) == TAKEN

    def one_cell(self) -> tuple[str, str]:
        """A user's cell."""
        data = mutated(self.rng, self.rng.choice([CELL, CELL, LEVEL]))
        return outcome(lambda: self._cell(data))

    def one_process(self) -> tuple[str, str]:
        """A process, with a cell of the library in it."""
        data = mutated(self.rng, self.process)
        return outcome(lambda: self._process(data))

    def _cell(self, data: bytes) -> str:
        path = self.folder / "line.toml"
        path.write_bytes(data)
        bench = make_bench(load_subject(str(path)))
        found = self._written(bench)
        subject = bench.subject
        if found == TAKEN and subject.longest_s < LONGEST_S and not subject.levels:
            _ = CellUnderTest(bench, self.runner).nominal
        return found

    def _process(self, data: bytes) -> str:
        path = self.folder / "mine.toml"
        path.write_bytes(data)
        return self._written(make_bench(load_subject("jtl", str(path))))

    def _written(self, bench: Bench) -> str:
        labels = bench.junctions
        for dialect in ("josim", "wrspice", "ngspice"):
            text = bench.deck("bench", labels, dialect=dialect).text
            if any(f"{mark}{INJECTED}" in text for mark in (" ", "\n", ">", "/")):
                return f"{BROKEN}: text of the file in a deck"
        return TAKEN


def fuzz(folder: Path, rng: Random, tries: int) -> tuple[dict[str, Counter[str]], list[str]]:
    """Outcomes by kind of file, and a line for each that is broken."""
    one = Fuzz(folder, rng)

    def keep(kind: str, number: int) -> None:
        kept = folder / ("line.toml" if kind == "cells" else "mine.toml")
        shutil.copy(kept, Path(tempfile.gettempdir()) / f"broken-{kind}-{number}.toml")

    plan = [("cells", tries // 2, one.one_cell), ("processes", tries // 2, one.one_process)]
    return tally(plan, keep)


def main() -> None:
    """Fuzz, and say what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tries", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    asked = parser.parse_args()
    print(f"seed {asked.seed}")
    report(lambda folder: fuzz(folder, Random(asked.seed), asked.tries))


if __name__ == "__main__":
    main()

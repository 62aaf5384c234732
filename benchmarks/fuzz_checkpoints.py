"""Damaged network files, by the thousand: ``python benchmarks/fuzz_checkpoints.py``.

    python benchmarks/fuzz_checkpoints.py --count 2000 --seed 1
    python benchmarks/fuzz_checkpoints.py --bits examples/*.pt examples/*.npz

The first writes a network in five ways (.npz, .pt, .safetensors, .nir, and the state_dict of a
snnTorch module) and reads each with COUNT damages. The second turns each bit of the headers of the
files, one at a time, and 2000 bits elsewhere.

Each reading is refused with a sentence, or gives the same network; all else is WRONG: another
network, an exception of another kind, a process that dies, more than 10 s, or more than 1 GB.
"""

from __future__ import annotations

import argparse
import io
import os
import random
import struct
import tempfile
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from fuzzing import REFUSED, Judged, judged_apart

from netlist_gen.checkpoint import read_network, write_network
from netlist_gen.checkpoint.hdf5 import one_reader
from netlist_gen.errors import NetlistGenError
from netlist_gen.network import TernaryNetwork

SAME = "same network"


@dataclass(frozen=True)
class Source:
    """A whole file: its name in the table, the bytes, the network in it."""

    name: str
    suffix: str
    data: bytes
    network: TernaryNetwork
    digest: bool  # whether members that are exchanged with their checksums are noticed


@dataclass(frozen=True)
class Task:
    """One damage to one source; ``number`` seeds it, or is the bit that is turned."""

    source: int
    kind: str
    number: int


@dataclass(frozen=True)
class Outcome:
    """What came of a task: REFUSED, SAME, or what is wrong."""

    task: Task
    judged: Judged

    @property
    def outcome(self) -> str:
        """In words."""
        return self.judged.outcome


def example() -> TernaryNetwork:
    """Three layers of uneven width, two neurons to a class."""
    rng = np.random.default_rng(1)
    widths = (23, 17, 9, 6)
    weights = [rng.integers(-1, 2, (b, a)) for a, b in pairwise(widths)]
    return TernaryNetwork.from_arrays(weights, [rng.integers(-3, 6, len(w)) for w in weights], 2)


def state_dict_file() -> bytes:
    """Layers with scales and biases, as other people's scripts save them: no digest."""
    import torch

    rng = np.random.default_rng(2)
    state: dict[str, torch.Tensor] = {}
    for index, (a, b) in enumerate(pairwise((19, 11, 5))):
        state[f"fc{index}.weight"] = torch.tensor(rng.integers(-1, 2, (b, a)) * 0.5).float()
        state[f"fc{index}.bias"] = torch.tensor(rng.integers(-2, 3, b) * 0.25).float()
        state[f"lif{index}.threshold"] = torch.tensor(1.0)
        state[f"lif{index}.beta"] = torch.tensor(0.0)
        state[f"lif{index}.reset_mechanism_val"] = torch.tensor(2)
    buffer = io.BytesIO()
    torch.save({"state_dict": state, "epoch": 3, "loss": [0.5, 0.25]}, buffer)
    return buffer.getvalue()


def five_sources(folder: Path) -> list[Source]:
    """The example as each format writes it, and a state_dict."""
    sources = []
    for suffix in (".npz", ".pt", ".safetensors", ".nir"):
        path = folder / f"net{suffix}"
        write_network(example(), path, {"seed": 1, "grey_levels": [100]})
        sources.append(Source(suffix, suffix, path.read_bytes(), example(), True))
    path = folder / "state.pt"
    path.write_bytes(state_dict_file())
    return [
        *sources,
        Source("state_dict .pt", ".pt", path.read_bytes(), read_network(path), False),
    ]


def headers(data: bytes, suffix: str) -> list[int]:
    """Places of the bytes that say what the others mean."""
    places = set(range(min(512, len(data))))
    if suffix == ".safetensors":
        places |= set(range(8 + int.from_bytes(data[:8], "little")))
    elif suffix != ".nir":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            places |= set(range(archive.start_dir, len(data)))
            for entry in archive.infolist():
                name, extra = struct.unpack_from("<HH", data, entry.header_offset + 26)
                at = entry.header_offset
                places |= set(range(at, at + 30 + name + extra))
    return sorted(places)


def flip(source: Source, rng: random.Random) -> bytes:
    data = bytearray(source.data)
    for _ in range(rng.choice((1, 1, 1, 2, 4, 16, 64))):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return bytes(data)


def truncate(source: Source, rng: random.Random) -> bytes:
    at = rng.randrange(len(source.data))
    return source.data[:at] if rng.random() < 0.8 else source.data[at:]


def splice(source: Source, rng: random.Random) -> bytes:
    data = source.data
    a, b = sorted(rng.randrange(len(data)) for _ in range(2))
    b = min(b, a + rng.choice((1, 8, 64, 4096)))
    to = rng.randrange(len(data))
    piece = rng.choice((data[a:b], bytes(b - a), rng.randbytes(b - a), b""))
    return data[:to] + piece + data[to + (b - a if rng.random() < 0.7 else 0) :]


def swap(source: Source, rng: random.Random) -> bytes:
    """Two members change places, with their checksums where a digest is to notice it."""
    if source.suffix in (".npz", ".pt") and source.digest:
        result = io.BytesIO()
        with (
            zipfile.ZipFile(io.BytesIO(source.data)) as whole,
            zipfile.ZipFile(result, "w") as changed,
        ):
            names = whole.namelist()
            a, b = rng.sample(range(len(names)), 2)
            contents = [whole.read(name) for name in names]
            contents[a], contents[b] = contents[b], contents[a]
            for name, content in zip(names, contents, strict=True):
                changed.writestr(name, content)
        return result.getvalue()
    data = bytearray(source.data)
    length = rng.choice((4, 16, 64, 256))
    a, b = (rng.randrange(max(1, len(data) - length)) for _ in range(2))
    data[a : a + length], data[b : b + length] = data[b : b + length], data[a : a + length]
    return bytes(data[: len(source.data)])


def header(source: Source, rng: random.Random) -> bytes:
    """A number or a byte of a header set to another."""
    data = bytearray(source.data)
    places = headers(source.data, source.suffix)
    for _ in range(rng.choice((1, 1, 2, 3))):
        at = rng.choice(places)
        width = rng.choice((1, 1, 2, 4, 8))
        value = rng.choice((0, 1, 0x7F, 0xFF, 1 << (8 * width - 1), (1 << 8 * width) - 1, -1))
        if value == -1 or value >= 1 << (8 * width):
            value = rng.getrandbits(8 * width)
        data[at : at + width] = value.to_bytes(width, "little")
    return bytes(data)


DAMAGES: dict[str, Callable[[Source, random.Random], bytes]] = {
    "flip": flip,
    "truncate": truncate,
    "splice": splice,
    "swap": swap,
    "header": header,
}


def damaged(source: Source, task: Task, seed: int) -> bytes:
    """The bytes of a task."""
    if task.kind.endswith("bit"):
        data = bytearray(source.data)
        data[task.number // 8] ^= 1 << task.number % 8
        return bytes(data)
    return DAMAGES[task.kind](source, random.Random(f"{seed} {source.name} {task}"))


def judge(source: Source, data: bytes, path: Path) -> str:
    """What reading comes to."""
    path.write_bytes(data)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # a second line on stderr
            network = read_network(path)
    except NetlistGenError as error:
        one_line = str(error).isprintable() and len(str(error)) < 2000
        return REFUSED if one_line else f"not one line: {str(error)[:80]!r}"
    except BaseException as error:
        return f"{type(error).__name__}: {error}"[:160]
    return SAME if network == source.network else "another network"


def run(sources: Sequence[Source], tasks: Sequence[Task], seed: int, jobs: int) -> list[Outcome]:
    """All outcomes."""
    import torch

    torch.set_num_threads(1)  # threads don't survive a fork
    with tempfile.TemporaryDirectory() as folder:

        def made(number: int) -> bytes:
            return damaged(sources[tasks[number].source], tasks[number], seed)

        def judged(number: int, data: bytes) -> str:
            source = sources[tasks[number].source]
            return judge(source, data, Path(folder) / f"{os.getpid()}{source.suffix}")

        found = judged_apart(range(len(tasks)), made, judged, jobs, one_reader)
    return [Outcome(tasks[one.number], one) for one in found]


def is_wrong(outcome: Outcome) -> bool:
    """Whether it breaks what is promised."""
    return outcome.judged.too_much or outcome.outcome not in (REFUSED, SAME)


def report(sources: Sequence[Source], outcomes: Sequence[Outcome]) -> int:
    """Print the table and whatever is wrong; gives how much that is."""
    print(f"{'file':28}{'damage':12}{'read':>8}{'refused':>9}{'same':>7}{'WRONG':>7}", end="")
    print(f"{'slowest s':>11}{'most MB':>9}")
    rows: dict[tuple[int, str], list[Outcome]] = {}
    for outcome in outcomes:
        rows.setdefault((outcome.task.source, outcome.task.kind), []).append(outcome)
    for (source, kind), found in sorted(rows.items()):
        counts = Counter("wrong" if is_wrong(one) else one.outcome for one in found)
        print(
            f"{sources[source].name:28}{kind:12}{len(found):8}{counts[REFUSED]:9}{counts[SAME]:7}"
            f"{counts['wrong']:7}{max(one.judged.seconds for one in found):11.2f}"
            f"{max(one.judged.megabytes for one in found):9.0f}"
        )
    wrong = [one for one in outcomes if is_wrong(one)]
    for one in wrong[:40]:
        print(f"WRONG: {sources[one.task.source].name} {one}")
    print(f"{len(outcomes)} files read, {len(wrong)} WRONG")
    return len(wrong)


def bit_tasks(source: Source, index: int, elsewhere: int, seed: int, every: int = 1) -> list[Task]:
    """Each bit of the headers (or each so manieth), and so many others."""
    places = headers(source.data, source.suffix)
    others = sorted(set(range(len(source.data))) - set(places))
    rng = random.Random(f"{seed} {source.name}")
    bits = {8 * rng.choice(others) + rng.randrange(8) for _ in range(elsewhere)} if others else ()
    header_bits = [8 * place + bit for place in places for bit in range(8)]
    return [
        *(Task(index, "header bit", bit) for bit in header_bits[::every]),
        *(Task(index, "other bit", bit) for bit in sorted(bits)),
    ]


def main() -> None:
    """Run, and exit with status 1 if anything is WRONG."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=2000, help="damages of each of five files")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--bits", type=Path, nargs="+", metavar="FILE")
    parser.add_argument("--elsewhere", type=int, default=2000, help="bits outside the headers")
    parser.add_argument("--every", type=int, default=1, help="of the header bits each so manieth")
    options = parser.parse_args()
    print(f"seed {options.seed}")
    with tempfile.TemporaryDirectory() as folder:
        if options.bits:
            sources = [
                Source(path.name, path.suffix, path.read_bytes(), read_network(path), False)
                for path in options.bits
            ]
            tasks = [
                task
                for index, source in enumerate(sources)
                for task in bit_tasks(source, index, options.elsewhere, options.seed, options.every)
            ]
        else:
            sources = five_sources(Path(folder))
            kinds = tuple(DAMAGES)
            tasks = [
                Task(index, kinds[number % len(kinds)], number)
                for index in range(len(sources))
                for number in range(options.count)
            ]
        outcomes = run(sources, tasks, options.seed, options.jobs)
        raise SystemExit(min(1, report(sources, outcomes)))


if __name__ == "__main__":
    main()

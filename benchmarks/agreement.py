"""The embedded engine beside JoSIM on any folder of decks: ``python benchmarks/agreement.py DIR``.

Every JoSIM deck beneath the folders is run by both; a table says for each how far the columns are
apart, whether the pulses are the same, and what either took. Exit status 1 where decks that both
run do not agree. Decks with noise or spread draw other random numbers and are told apart.
"""

from __future__ import annotations

import csv
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np

import netlist_gen as ng
from netlist_gen.deck.lines import read_deck_text
from netlist_gen.errors import DeckError, NetlistGenError
from verification.simulators.includes import read_with_includes
from verification.simulators.saved_signals import dialect_of
from verification.waves.compare import Comparison, compare
from verification.waves.waveforms import Waveforms

SUFFIXES = (".cir", ".js", ".jsim", ".sp", ".net")
_RANDOM = re.compile(r"(?im)^\s*\.(temp|spread)\b|\bnoise\s*\(|\b(temp|spread)\s*=")
_DIGITS = 1.1e-6
"""JoSIM prints seven digits: what may differ of a phase over its largest, and of a time."""
_SHARE = 1e-4
"""Of a voltage or current over its range; what is printed of a small difference of large ones."""


@dataclass(frozen=True)
class Row:
    """One deck.

    Attributes:
        verdict: agrees, DIFFERS, random, engine refuses, JoSIM refuses, both refuse.
        found: how they differ, where both ran.
        engine_s: CPU seconds.
        josim_s: CPU seconds.
        words: why one refused.
    """

    deck: str
    verdict: str
    found: Comparison | None = None
    engine_s: float = 0.0
    josim_s: float = 0.0
    words: str = ""


def _cpu() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def _engine(path: Path, timeout: float) -> tuple[Waveforms | str, float]:
    """The waveforms or the sentence why there are none, and the CPU seconds."""
    start = _cpu()
    try:
        found: Waveforms | str = ng.simulate(path, simulator="embedded", timeout=timeout, seed=1)
    except NetlistGenError as error:
        found = str(error)
    return found, _cpu() - start


def _josim(path: Path, timeout: float) -> tuple[Waveforms | str, float]:
    """The same of josim-cli, in a folder of its own."""
    try:
        text = read_with_includes(path)
    except NetlistGenError as error:
        return str(error), 0.0
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "deck.cir").write_text(text)
        start = _cpu()
        try:
            ran = subprocess.run(
                ["josim-cli", "-m", "1", "-o", "out.csv", "deck.cir"],
                cwd=folder, capture_output=True, text=True, timeout=timeout, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return f"it did not end within {timeout:g} s", _cpu() - start
        seconds = _cpu() - start
        out = Path(folder, "out.csv")
        if ran.returncode or not out.exists():
            said = [
                line for line in (ran.stdout + ran.stderr).split("\n") if line[:2] in ("E:", "W:")
            ]
            return f"exit status {ran.returncode}: {' '.join(said)}", seconds
        with out.open(newline="") as file:
            rows = csv.reader(file)
            names = tuple(next(rows)[1:])
            table = np.array([[float(cell) for cell in row] for row in rows]).T
    if not names or table.size == 0:
        return "it wrote no signal", seconds
    time = table[0]
    # Seven digits are too few for the times of a long run; the engine's own are compared then.
    fresh = np.concatenate([[True], np.diff(time) > 0])
    return Waveforms(time[fresh], names, table[1:][:, fresh]), seconds


def _row(path: Path, name: str, timeout: float) -> Row:
    ours, engine_s = _engine(path, timeout)
    theirs, josim_s = _josim(path, timeout)
    if isinstance(ours, str) or isinstance(theirs, str):
        both = isinstance(ours, str) and isinstance(theirs, str)
        verdict = (
            "both refuse" if both else f"{'engine' if isinstance(ours, str) else 'JoSIM'} refuses"
        )
        return Row(
            name, verdict, None, engine_s, josim_s, ours if isinstance(ours, str) else str(theirs)
        )
    try:
        found = compare(ours, theirs)
    except NetlistGenError as error:
        return Row(name, "DIFFERS", None, engine_s, josim_s, str(error))
    same = ours.names == theirs.names and _same(found, theirs)
    random = not same and _RANDOM.search(path.read_text(errors="replace"))
    verdict = "agrees" if same else "random" if random else "DIFFERS"
    return Row(name, verdict, found, engine_s, josim_s)


def _same(found: Comparison, theirs: Waveforms) -> bool:
    """Whether all signals agree to the digits that JoSIM prints."""
    digit_s = _DIGITS * float(theirs.time_s[-1])
    for one in found.signals:
        if one.name.startswith("P"):
            size = max(10.0, float(np.abs(theirs.signal(one.name)).max()))
            if one.largest > _DIGITS * size or one.shift_s > max(1e-15, digit_s):
                return False
        elif one.share > _SHARE:
            return False
    return True


def _line(row: Row) -> str:
    head = f"| {row.deck} | {row.verdict} |"
    seconds = f" {row.engine_s:.2f} | {row.josim_s:.2f} |"
    if row.found is None:
        return f"{head} | | | |{seconds} {row.words[:160].replace('|', '/')} |"
    count = sum(one.pulses[1] or 0 for one in row.found.signals if one.pulses)
    others = [one.share for one in row.found.signals if not one.name.startswith("P")]
    return (
        f"{head} {row.found.largest('P'):.1e} | {count} | {row.found.shift_s * 1e12:.1e} | "
        f"{max(others, default=0.0):.1e} |{seconds} |"
    )


def _decks(folder: Path) -> list[Path]:
    found = []
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in SUFFIXES and path.is_file():
            try:
                text = read_deck_text(path, DeckError)
            except DeckError:
                continue
            if dialect_of(text) in (None, "josim"):
                found.append(path)
    return found


@click.command()
@click.argument("folders", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--timeout", default=120.0, show_default=True, help="Seconds for either, each deck.")
def main(folders: tuple[Path, ...], timeout: float) -> None:
    """Run every JoSIM deck beneath FOLDERS through both and print the table."""
    if shutil.which("josim-cli") is None:
        raise click.UsageError("josim-cli is not on PATH")
    click.echo(
        "| deck | verdict | phases, rad | pulses | times, ps | V and I, of their range "
        "| engine, CPU s | JoSIM, CPU s | why |\n|---|---|---|---|---|---|---|---|---|"
    )
    rows = []
    for folder in folders:
        for path in _decks(folder):
            rows.append(_row(path, str(path.relative_to(folder)), timeout))
            click.echo(_line(rows[-1]))
    counts = Counter(row.verdict for row in rows)
    ran = [row for row in rows if row.found is not None]
    click.echo(
        f"\n{len(rows)} decks: {', '.join(f'{n} {what}' for what, n in counts.most_common())}; "
        f"{sum(r.engine_s for r in ran):.1f} s in the engine, "
        f"{sum(r.josim_s for r in ran):.1f} s in JoSIM for those that both ran"
    )
    sys.exit(1 if counts["DIFFERS"] else 0)


if __name__ == "__main__":
    main()

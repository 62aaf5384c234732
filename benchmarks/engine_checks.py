"""Figures of the engine's correctness: energy balance, agreement with JoSIM, damaged decks."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
from energy_balance import energy_balance
from engine_circuits import jtl, neuron_deck

from netlist_gen.errors import NetlistGenError
from verification.engine.run import compile_deck_file
from verification.waves.pulses import detect_phase
from verification.waves.readers.josim_csv import read_josim_csv
from verification.waves.waveforms import Waveforms

_TESTS = Path(__file__).parents[1] / "tests"
sys.path += [str(_TESTS), str(_TESTS / "verification" / "engine")]


def energy() -> None:
    """Energy balance on every cell, at the deck's step and at smaller ones."""
    from cell_benches import EVENTS, cell_bench

    for name in EVENTS:
        text = cell_bench(name).deck("josim").text
        errors = [
            energy_balance(text, name=name, step_s=step * 1e-12).relative_error
            for step in (0.05, 0.0125, 0.004)
        ]
        print(
            f"energy, {name}: {errors[0]:.1e} at 0.05 ps, {errors[1]:.1e} at 0.0125 ps, "
            f"{errors[2]:.1e} at 0.004 ps",
            flush=True,
        )


def _compare(name: str, ours: Waveforms, theirs: Waveforms) -> str:
    if ours.names != theirs.names or ours.time_s.size != theirs.time_s.size:
        return f"agreement, {name}: OTHER COLUMNS OR TIMES"
    phase, shift, equal, count, other = 0.0, 0.0, True, 0, 0.0
    for row, column in enumerate(ours.names):
        a, b = ours.values[row], theirs.values[row]
        relative = float(np.abs(a - b).max() / max(float(np.abs(b).max()), 1e-300))
        if not column.startswith("P("):
            other = max(other, relative)
            continue
        phase = max(phase, float(np.abs(a - b).max()))
        if np.abs(np.diff(b)).max() > np.pi / 2:
            continue  # volts across a resistor, no pulses
        mine, found = detect_phase(ours.time_s, a), detect_phase(theirs.time_s, b)
        count += found.count
        if mine.count != found.count:
            equal = False
        elif found.count:
            shift = max(shift, float(np.abs(mine.times_s - found.times_s).max()))
    return (
        f"agreement, {name}: phases {phase:.1e} rad, {count} pulses "
        f"{'equal' if equal else 'NOT EQUAL'}, times {shift * 1e12:.1e} ps, "
        f"V and I {other:.1e} of their largest"
    )


def agreement() -> None:
    """Cells, neurons, lines, and decks of the folder in JOSIM_EXAMPLES against JoSIM's CSV."""
    from cell_benches import EVENTS, cell_bench

    if shutil.which("josim-cli") is None:
        print("agreement: josim-cli is not on PATH", flush=True)
        return
    decks = {name: cell_bench(name).deck("josim").text for name in EVENTS}
    decks["neuron of 16"] = neuron_deck(np.random.default_rng(0).random((4, 16)) < 0.5).text
    for stages in (10, 100, 1000):
        decks[f"JTL of {stages}"] = jtl(stages, 300.0, print_ps=0.2)
    with tempfile.TemporaryDirectory() as folder:
        paths = {}
        for number, (name, text) in enumerate(decks.items()):
            paths[name] = Path(folder, f"deck{number}.cir")
            paths[name].write_text(text)
        examples = os.environ.get("JOSIM_EXAMPLES")
        if examples:
            paths |= {path.name: path for path in sorted(Path(examples).rglob("*.cir"))}
        for name, path in paths.items():
            out = Path(folder, "out.csv")
            out.unlink(missing_ok=True)
            try:
                ours = compile_deck_file(path.resolve()).run(seed=1).waveforms
            except NetlistGenError as error:
                print(f"agreement, {name}: refused ({error})".replace(str(path.parent), ""))
                continue
            subprocess.run(
                ["josim-cli", "-m", "1", "-o", str(out), path.name],
                cwd=path.parent, capture_output=True, timeout=600, check=False,
            )  # fmt: skip
            if ours is None or not out.exists():
                print(f"agreement, {name}: JoSIM wrote nothing")
                continue
            print(_compare(name, ours, read_josim_csv(out)), flush=True)


def fuzz(decks: int = 10_000) -> None:
    """Damaged decks: each is refused in a sentence or run; the slowest is named."""
    from deck_fuzz import damage, outcome

    rng = random.Random(1)
    found: Counter[str] = Counter()
    slowest = 0.0
    for _ in range(decks):
        text = damage(rng)
        start = time.perf_counter()
        try:
            found[outcome(text)] += 1
        except Exception as error:
            found[f"WRONG {type(error).__name__}"] += 1
            print(f"fuzz: {error!r} from this deck:\n{text}", flush=True)
        slowest = max(slowest, time.perf_counter() - start)
    counts = ", ".join(f"{count} {what}" for what, count in sorted(found.items()))
    print(f"fuzz, {decks} damaged decks: {counts}; slowest {slowest:.1f} s", flush=True)

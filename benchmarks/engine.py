"""The embedded engine's figures, side by side with josim-cli: ``python benchmarks/engine.py``.

Without arguments all figures are measured; names of figures pick some. One core against one core:
times are CPU seconds of either process, so that other work on the machine does not count. The
engine's times hold reading the deck, ordering and results; compiled kernels are made before, and
``compile`` states what that costs in a fresh installation. Where JoSIM is not installed its
columns are left out and no ratio is printed.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from engine_checks import agreement, energy, fuzz
from engine_circuits import jtl, neuron_deck

from verification.engine.run import Extract, compile_deck
from verification.engine.text.sources import SourceWave
from verification.simulators.base import DeckJob
from verification.simulators.embedded import source_waves

JOSIM = shutil.which("josim-cli")
LANES = 256
LIMIT_S = 900.0


def engine_seconds(work: Callable[[], object], repeats: int = 3) -> float:
    """CPU seconds of the fastest of some repetitions in this process."""
    found = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        found.append(time.process_time() - start)
    return min(found)


def josim_seconds(text: str, repeats: int = 1) -> float | None:
    """CPU seconds of josim-cli on a deck, the fastest run; None without JoSIM or in time."""
    if JOSIM is None:
        return None
    found = []
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "deck.cir").write_text(text)
        for _ in range(repeats):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            try:
                subprocess.run(
                    [JOSIM, "-m", "1", "-o", "out.csv", "deck.cir"],
                    cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True,
                    timeout=LIMIT_S,
                )  # fmt: skip
            except subprocess.TimeoutExpired:
                return None
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            found.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(found)


def report(what: str, ours: float, theirs: float | None, extra: str = "") -> None:
    """One line: both times and their ratio."""
    line = f"{what}: engine {ours:.4g} s"
    if theirs is not None:
        line += f", JoSIM {theirs:.4g} s: {theirs / ours:.1f} times as fast"
    print(line + (f"; {extra}" if extra else ""), flush=True)


def warm_up() -> None:
    """Compile or load every kernel that the figures use."""
    deck = compile_deck(jtl(3, stop_ps=2.0))
    extract = Extract(waveforms=False, pulses=("B1|X1",), energy=True)
    deck.run(extract=extract)
    deck.run_lanes([{}] * 8, extract=extract)
    deck.run_parameter_lanes([{"I*": 1.0}] * 8, extract=extract)


def compilation() -> None:
    """CPU seconds of compiling everything in an empty cache, and of loading it from a full one."""
    script = (
        "import sys, time; sys.path.insert(0, 'benchmarks'); t = time.process_time(); "
        "from engine_circuits import jtl; from verification.engine.run import compile_deck; {}; "
        "print(time.process_time() - t)"
    )
    single = "compile_deck(jtl(3, stop_ps=2.0)).run()"
    lanes = "compile_deck(jtl(3, stop_ps=2.0)).run_lanes([{}] * 8)"
    with tempfile.TemporaryDirectory() as cache:
        environment = {
            **os.environ,
            "NUMBA_CACHE_DIR": cache,
            "PYTHONPATH": os.pathsep.join(sys.path),
        }

        def seconds(work: str) -> float:
            ran = subprocess.run(
                [sys.executable, "-c", script.format(work)],
                env=environment, capture_output=True, text=True, check=True,
                cwd=Path(__file__).parents[1],
            )  # fmt: skip
            return float(ran.stdout.split()[-1])

        first = seconds(single)
        rest = seconds(lanes)
        again = seconds(single)
    print(
        f"compile: {first:.1f} s for the first single run, {rest:.1f} s more for lanes; "
        f"{again:.2f} s for a single run from the cache",
        flush=True,
    )


def process_seconds(text: str, repeats: int) -> float:
    """CPU seconds of a whole ``netlist-gen simulate``, the fastest run."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "deck.cir").write_text(text)
        words = [sys.executable, "-m", "netlist_gen.cli", "simulate", "deck.cir", "-o", "out.csv"]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        for _ in range(repeats + 1):  # the first writes Python's own caches
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            subprocess.run(
                [*words, "--simulator", "embedded"],
                cwd=folder, env=environment, stdout=subprocess.DEVNULL, check=True,
            )  # fmt: skip
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            found.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(found[1:])


def processes() -> None:
    """Whole processes: a small deck, and 1,000 junctions with 3 columns printed at every step."""
    small = jtl(20, stop_ps=100.0)
    ours = process_seconds(small, 5)
    report("process, 20 junctions x 2,000 steps", ours, josim_seconds(small, 3))
    large = jtl(1000, stop_ps=2000.0, print_ps=0.05).replace(
        "\n.end\n", "\n.print P(B1.X500)\n.end\n"
    )
    ours = process_seconds(large, 2)
    report("process, 1,000 junctions x 40,000 steps, 3 columns", ours, josim_seconds(large, 2))


def single() -> None:
    """One deck, 1,000 junctions, 10,000 steps."""
    text = jtl(1000, stop_ps=500.0)
    ours = engine_seconds(lambda: compile_deck(text).run())
    report("single, 1,000 junctions x 10,000 steps", ours, josim_seconds(text, 3))


def stimuli() -> None:
    """256 stimuli on one neuron of 16 inputs, in as few runs as suits either best."""
    stimulus = np.random.default_rng(0).random((LANES, 16)) < 0.5
    best, text_of = None, {}
    for runs in (1, 4, 16):
        decks = [neuron_deck(part) for part in np.split(stimulus, runs)]
        text_of[runs] = decks
        spent = [josim_seconds(deck.text) for deck in decks] if JOSIM else [None]
        if None not in spent:
            total = sum(second for second in spent if second is not None)
            best = total if best is None else min(best, total)
    fastest, steps = np.inf, 0
    for lanes in (16, 32, 64, 256):
        decks = [neuron_deck(part) for part in np.split(stimulus, lanes)]

        def work(decks: list = decks) -> None:
            compiled = compile_deck(decks[0].text)
            waves: list[dict[str, SourceWave]] = [{}]
            waves += [
                source_waves(decks[0].text, DeckJob(deck.name, deck.text)) for deck in decks[1:]
            ]
            compiled.run_lanes(waves, extract=Extract(waveforms=False, pulses=(decks[0].output,)))

        seconds = engine_seconds(work, 2)
        if seconds < fastest:
            compiled = compile_deck(decks[0].text)
            fastest, used = seconds, lanes
            steps = lanes * compiled.transient.steps * len(compiled.topology.junctions)
    rate = steps / fastest
    report(
        "stimuli, 256 windows on a 16-input neuron", fastest, best,
        f"{used} lanes, {rate:.3g} junction-steps/s with reading and set-up",
    )  # fmt: skip


def parameters(decks: int = 24) -> None:
    """256 parameter sets on one neuron of 16 inputs; JoSIM is timed on some and scaled."""
    deck = neuron_deck(np.random.default_rng(1).random((4, 16)) < 0.5)
    compiled = compile_deck(deck.text)
    rng = np.random.default_rng(2)
    overrides = [
        {"I*": float(rng.normal(1, 0.02)), "B*": float(rng.normal(1, 0.02)),
         "L*": float(rng.normal(1, 0.02)), "R*": float(rng.normal(1, 0.02))}
        for _ in range(LANES)
    ]  # fmt: skip

    def work() -> None:
        compile_deck(deck.text).run_parameter_lanes(
            overrides, extract=Extract(waveforms=False, pulses=(deck.output,))
        )

    ours = engine_seconds(work, 2)
    spent = [josim_seconds(deck.text) for _ in range(decks if JOSIM else 0)]
    known = [second for second in spent if second is not None]
    theirs = LANES * sum(known) / len(known) if known else None
    steps = LANES * compiled.transient.steps * len(compiled.topology.junctions)
    report(
        f"parameters, 256 sets on a 16-input neuron (JoSIM: {decks} runs, scaled)", ours, theirs,
        f"{steps / ours:.3g} junction-steps/s with set-up",
    )  # fmt: skip


def throughput() -> None:
    """Junction-steps per second and core in the time loop, by circuit and kind of lanes."""
    extract = Extract(waveforms=False)
    for name, text in (
        ("JTL of 200", jtl(200, stop_ps=100.0)),
        ("16-input neuron", neuron_deck(np.ones((2, 16), dtype=bool)).text),
    ):
        deck = compile_deck(text)
        deck.run_lanes([{}] * 8, extract=extract)
        work = deck.transient.steps * len(deck.topology.junctions) * 64
        shared = engine_seconds(partial(deck.run_lanes, [{}] * 64, extract=extract))
        sets = [{"I*": 1.0 + 1e-3 * k} for k in range(64)]
        own = engine_seconds(partial(deck.run_parameter_lanes, sets, extract=extract))
        print(
            f"throughput, {name}: {work / shared:.3g} junction-steps/s (stimuli), "
            f"{work / own:.3g} (values)",
            flush=True,
        )


def scaling() -> None:
    """Cost as the circuit grows: seconds for 2,000 steps, and per junction and step."""
    for stages in (10, 100, 1000, 10_000, 100_000):
        steps = 2000 if stages <= 10_000 else 500
        text = jtl(stages, stop_ps=0.05 * steps)
        start = time.process_time()
        compiled = compile_deck(text)
        read = time.process_time() - start
        _ = compiled.structure
        ordered = time.process_time() - start - read
        compiled.run()
        ran = time.process_time() - start - read - ordered
        print(
            f"scaling, {stages} junctions: read {read:.3g} s, order {ordered:.3g} s, "
            f"{ran / steps / stages * 1e9:.1f} ns per junction and step",
            flush=True,
        )


def large() -> None:
    """100,000 junctions, 3,000 steps: time and memory; JoSIM's set-up alone beside it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "large.cir")
        path.write_text(jtl(100_000, stop_ps=150.0))
        script = (
            "import resource, sys, time; from pathlib import Path; "
            "from verification.engine.run import compile_deck_file; t = time.process_time(); "
            "r = compile_deck_file(Path(sys.argv[1])).run(); "
            "print(time.process_time() - t, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
        )
        ran = subprocess.run(
            [sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )  # fmt: skip
        seconds, kilobytes = (float(word) for word in ran.stdout.split())
    theirs = josim_seconds(jtl(100_000, stop_ps=0.1))
    extra = f"{kilobytes / 2**20:.2f} GiB at most; JoSIM's time is that of its set-up and two steps"
    report("large, 100,000 junctions x 3,000 steps", seconds, theirs, extra)


def cores(repeats: int = 3) -> None:
    """100,000 junctions, 3,000 steps, on one core and on two: wall time of the runs alone.

    The runs take turns, and the fastest of each counts. Both cores have to be idle: where another
    process takes one, each step waits for it.
    """
    compiled = compile_deck(jtl(100_000, stop_ps=150.0))
    results, wall = {}, {1: np.inf, 2: np.inf}
    for _ in range(repeats):
        for threads, fastest in wall.items():
            start = time.perf_counter()
            found = compiled.run(threads=threads).waveforms
            wall[threads] = min(fastest, time.perf_counter() - start)
            assert found is not None
            results[threads] = found.values
    assert np.array_equal(results[1], results[2])
    print(
        f"cores, 100,000 junctions x 3,000 steps: {wall[1]:.2f} s of wall time on one, "
        f"{wall[2]:.2f} s on two: {wall[1] / wall[2]:.2f} times as fast, the same to the bit",
        flush=True,
    )


FIGURES: dict[str, Callable[[], None]] = {
    "compile": compilation,
    "process": processes,
    "single": single,
    "stimuli": stimuli,
    "parameters": parameters,
    "throughput": throughput,
    "scaling": scaling,
    "energy": energy,
    "agreement": agreement,
    "fuzz": fuzz,
    "large": large,
    "cores": cores,
}


def main() -> int:
    """Measure the figures that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("figures", nargs="*", help=f"of {', '.join(FIGURES)}")
    wanted = parser.parse_args().figures or list(FIGURES)
    unknown = [name for name in wanted if name not in FIGURES]
    if unknown:
        print(f"{unknown[0]} is no figure; there are {', '.join(FIGURES)}", file=sys.stderr)
        return 2
    if JOSIM is None:
        print("josim-cli is not on PATH: no ratios", file=sys.stderr)
    warm_up()
    for name in wanted:
        FIGURES[name]()
    return 0


if __name__ == "__main__":
    sys.exit(main())

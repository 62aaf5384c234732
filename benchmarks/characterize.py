"""Characterization of one cell, engine against JoSIM: ``python benchmarks/characterize.py``.

The same work, delay, margins of all parameters, yield and shmoo, is done by the embedded engine
and by JoSIM processes in one run, each with as many workers as asked for. Printed are the times,
their ratio, and the largest differences of delays and margins. ``--cells`` compares delays and
margins of more cells; ``--only-engine`` leaves JoSIM out. Compiled kernels are made before the
clock starts.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from dataclasses import dataclass

from verification.characterize.measure.margins import Margins, margins
from verification.characterize.measure.sweep import Axis, sweep
from verification.characterize.measure.timing import delays
from verification.characterize.measure.yields import Yield, monte_carlo
from verification.characterize.subject.bench import make_bench
from verification.characterize.subject.subject import load_subject
from verification.characterize.trials.cell import CellUnderTest
from verification.characterize.trials.runner import Runner


@dataclass
class Work:
    """What one simulator gave, and how long it took."""

    seconds: float
    trials: int
    delays_s: list[float]
    margins: Margins
    yields: Yield
    passed: int


def cell_on(name: str, simulator: str, workers: int) -> CellUnderTest:
    """A cell under test on a simulator."""
    return CellUnderTest(make_bench(load_subject(name)), Runner(simulator, workers))


def work(name: str, simulator: str, workers: int, samples: int, shmoo: int) -> Work:
    """Delay, margins of all parameters, yield, shmoo of bias and critical currents."""
    cell = cell_on(name, simulator, workers)
    start = time.perf_counter()
    found = [d.delay_s for d in delays(cell, cell.nominal)]
    edges = margins(list(cell.parameters.values()), cell.passes)
    outcome = monte_carlo(cell, samples)
    values = tuple(0.6 + 0.8 * i / (shmoo - 1) for i in range(shmoo))
    grid = sweep(cell, [Axis("bias", values), Axis("Ic", values)])
    seconds = time.perf_counter() - start
    cell.runner.close()
    return Work(seconds, cell.runner.trials_run, found, edges, outcome, int(grid.passed().sum()))


def warm_up(name: str) -> float:
    """Compile the kernels that the work uses; returns the seconds it took."""
    start = time.perf_counter()
    cell = cell_on(name, "embedded", 1)
    bias = cell.parameters["bias"]
    cell.passes([{bias: 1.0}, {bias: 1.01}])
    cell.runner.close()
    return time.perf_counter() - start


def margin_difference(ours: Margins, theirs: Margins) -> tuple[float, str]:
    """Largest distance of two edges, as a share of nominal, and whose."""
    worst = (0.0, "")
    for a, b in zip(ours.margins, theirs.margins, strict=True):
        for one, other, side in ((a.low, b.low, "-"), (a.high, b.high, "+")):
            apart = abs(one.last_pass - other.last_pass)
            worst = max(worst, (apart, a.parameter.name + side))
    return worst


def compare_cell(name: str, workers: int) -> None:
    """Delays and margins of the globals of one cell, engine against JoSIM."""
    results = []
    for simulator in ("embedded", "josim"):
        cell = cell_on(name, simulator, workers)
        chosen = [p for p in cell.parameters.values() if p.shared]
        results.append(
            ([d.delay_s for d in delays(cell, cell.nominal)], margins(chosen, cell.passes))
        )
        cell.runner.close()
    (ours, edges), (theirs, others) = results
    apart = max((abs(a - b) for a, b in zip(ours, theirs, strict=True)), default=0.0)
    share, whose = margin_difference(edges, others)
    print(
        f"{name:10} delays within {apart * 1e12:.4f} ps, margins of globals within "
        f"{100 * share:.3f} % ({whose or 'all the same'})"
    )


def main() -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--cell", default="splitter")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--samples", type=int, default=1000)
    parser.add_argument("--shmoo", type=int, default=25)
    parser.add_argument("--only-engine", action="store_true")
    parser.add_argument("--cells", nargs="*", default=[], help="more cells to compare")
    asked = parser.parse_args()
    print(f"kernels ready after {warm_up(asked.cell):.1f} s")
    size = (asked.workers, asked.samples, asked.shmoo)
    ours = work(asked.cell, "embedded", *size)
    critical, side = ours.margins.critical
    print(
        f"{asked.cell}, embedded, {asked.workers} workers: {ours.seconds:.2f} s for {ours.trials} "
        f"simulations ({1e3 * ours.seconds / ours.trials:.2f} ms each)\n"
        f"  {len(ours.margins.margins)} parameters, critical {critical.parameter.name}{side} at "
        f"{100 * critical.least[0]:.1f} %, yield {ours.yields.rate:.4f} "
        f"({ours.yields.low:.4f} to {ours.yields.high:.4f}), shmoo {ours.passed} of "
        f"{asked.shmoo**2}"
    )
    if asked.only_engine:
        return 0
    if shutil.which("josim-cli") is None:
        print("josim-cli is not on PATH", file=sys.stderr)
        return 1
    theirs = work(asked.cell, "josim", *size)
    apart = max(abs(a - b) for a, b in zip(ours.delays_s, theirs.delays_s, strict=True))
    share, whose = margin_difference(ours.margins, theirs.margins)
    print(
        f"{asked.cell}, josim, {asked.workers} workers: {theirs.seconds:.2f} s for "
        f"{theirs.trials} simulations ({1e3 * theirs.seconds / theirs.trials:.2f} ms each)\n"
        f"  ratio {theirs.seconds / ours.seconds:.1f}\n"
        f"  delays within {apart * 1e12:.4f} ps, margins within {100 * share:.3f} % "
        f"({whose or 'all the same'}), yield {theirs.yields.rate:.4f}, shmoo {theirs.passed}"
    )
    for name in asked.cells:
        compare_cell(name, asked.workers)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""An optimizer against a moved parameter: ``python benchmarks/optimize.py``.

An RSFQ D flip-flop, the user's cell of the tests, has one element moved off by so much, in turn;
``characterize --optimize`` with its defaults brings the least margin back. Printed are the least
margins before and after, simulations, wall and processor time, and how far the result is from the
best that is known. That is ``BEST``, found by ``--best``: optimizations of the cell as it is by so
many seeds, with 12 searches each. Compiled kernels are made before the clock starts.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click
from stopwatch import timed

from verification.characterize.optimize.result import Optimized, with_factors
from verification.characterize.optimize.run import optimize
from verification.characterize.options import CharacterizeOptions
from verification.characterize.subject.bench import make_bench
from verification.characterize.subject.subject import load_subject
from verification.characterize.trials.cell import CellUnderTest
from verification.characterize.trials.runner import Runner

CELL = Path(__file__).parent.parent / "tests/verification/characterize/cells/dff.toml"
MOVED = {"BES": 1.3, "LST": 0.7, "BIN": 0.7, "ICK": 1.3, "BCK": 1.3}
BEST = 0.492
"""Greatest least margin that is known, with the default bounds."""


def searched(factors: dict[str, float], workers: int, **options: Any) -> Optimized:
    """What the optimizer makes of the cell with elements moved."""
    bench = make_bench(load_subject(str(CELL)))
    moved = with_factors(bench, {f"{name}|XC": x for name, x in factors.items()}, "dff")
    runner = Runner(workers=workers)
    chosen = CharacterizeOptions(optimize=True, **options)
    _, found = optimize(CellUnderTest(make_bench(moved), runner), chosen)
    runner.close()
    return found


@click.command()
@click.option("--element", "elements", multiple=True, help="Of MOVED [default: all].")
@click.option("--workers", default=2, show_default=True)
@click.option("--best", default=0, help="Optimize the cell as it is, by so many seeds.")
def main(elements: tuple[str, ...], workers: int, best: int) -> None:
    """Print the figures."""
    searched({}, workers, vary=("LQ",), starts=1, rounds=1)  # kernels are ready
    for seed in range(1, best + 1):
        found = searched({}, workers, seed=seed, starts=12)
        click.echo(f"seed {seed}: {found.sentence()}, {found.trials} simulations")
    for name in elements or (() if best else MOVED):
        with timed(f"{name} x {MOVED[name]:g}"):
            found = searched({name: MOVED[name]}, workers)
        lost = 100 * (BEST - (found.after.margin or 0.0))
        click.echo(
            f"  {found.sentence()}, {found.trials} simulations; {lost:.1f} points below the best "
            "known"
        )


if __name__ == "__main__":
    sys.exit(main())

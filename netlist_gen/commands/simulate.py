"""``netlist-gen simulate``: any JoSIM deck on any simulator that reads it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from verification.waves.waveforms import Waveforms


@click.command()
@click.argument("deck", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    "out",
    required=True,
    type=click.Path(path_type=Path),
    help=".csv (JoSIM's columns), .parquet or .npz.",
)
@click.option(
    "--simulator",
    default="auto",
    show_default=True,
    help="auto, embedded or josim; wrspice or ngspice for a deck of that dialect.",
)
@click.option("--timeout", type=float, default=600.0, show_default=True, help="Seconds.")
@click.option("--seed", type=click.IntRange(0), help="Of noise and spread [default: the deck's].")
@click.option(
    "--check-step",
    is_flag=True,
    help="Run again with half the step and compare; nothing is written where they disagree.",
)
def simulate(
    deck: Path, out: Path, simulator: str, timeout: float, seed: int | None, check_step: bool
) -> None:
    """Simulate DECK and write its printed signals.

    The embedded engine alone takes --seed and --check-step, and cus files.
    """
    from netlist_gen.errors import ConfigurationError, DeckError
    from verification.simulators.base import DeckJob
    from verification.simulators.includes import read_with_includes
    from verification.simulators.registry import get_simulator
    from verification.simulators.saved_signals import check_dialect
    from verification.waves.files import waveform_writer

    if not timeout > 0:
        raise ConfigurationError(f"--timeout is {timeout:g}; it must be positive")
    if not out.parent.is_dir():
        raise ConfigurationError(f"{out.parent} is not a directory; {out} can't be written")
    text = read_with_includes(deck)
    chosen = get_simulator(simulator)
    check_dialect(text, chosen.dialect, str(deck))
    version = chosen.version()
    if chosen.name == "embedded":
        signals, samples = _embedded(deck, out, timeout, seed, check_step)
    else:
        if seed is not None or check_step:
            raise ConfigurationError(
                f"--seed and --check-step are the embedded engine's; {chosen.name} was chosen "
                "(use --simulator embedded)"
            )
        try:
            outcome = chosen.run(DeckJob(deck.stem, text), timeout_s=timeout)
        except DeckError as error:
            # A line's number is that of the text that the simulator is given.
            place = f"{deck}, with what it includes" if text != deck.read_text() else f"{deck}"
            raise DeckError(f"{place}: {error}") from error
        waves: Waveforms = outcome.require()
        with waveform_writer(out) as writer:
            writer.begin(waves.names)
            writer.add(waves.time_s, waves.values)
        signals, samples = len(waves.names), waves.time_s.size
    click.echo(f"{out}: {signals} signals, {samples} times, {chosen.name} {version}")


def _embedded(
    deck: Path, out: Path, timeout: float, seed: int | None, check_step: bool
) -> tuple[int, int]:
    """Run on the engine, writing while it runs; numbers of signals and samples."""
    import time

    from verification.engine.check_step import check_step as compare_steps
    from verification.engine.ready import make_ready
    from verification.engine.run import compile_deck_file
    from verification.waves.files import waveform_writer

    make_ready(lanes=1)
    end = time.perf_counter() + timeout
    compiled = compile_deck_file(deck)
    for note in compiled.deck.notes:
        click.echo(f"note: {note}", err=True)
    for name in compiled.deck.files:
        click.echo(f"note: .file {name} is not written; {out} has its columns too", err=True)

    def passed() -> bool:
        return time.perf_counter() > end

    seed = compiled.draw_seed(seed)  # what is checked is what is written
    if check_step:
        found = compare_steps(compiled, seed=seed, deadline=passed)
        click.echo(found.sentence(), err=True)
        found.require()
    with waveform_writer(out) as writer:
        compiled.run(seed=seed, deadline=passed, sink=writer)
    return len(compiled.traces), writer.samples

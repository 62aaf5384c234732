"""``netlist-gen simulate``: any JoSIM deck on any simulator that reads it."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("deck", type=click.Path(path_type=Path))
@click.option("-o", "--output", "out", required=True, type=click.Path(path_type=Path))
@click.option("--simulator", default="auto", show_default=True)
@click.option("--timeout", type=float, default=600.0, show_default=True, help="Seconds.")
def simulate(deck: Path, out: Path, simulator: str, timeout: float) -> None:
    """Simulate DECK and write JoSIM's CSV."""
    from netlist_gen.errors import ConfigurationError, DeckError
    from verification.readers.josim_csv import write_josim_csv
    from verification.simulators.base import DeckJob
    from verification.simulators.registry import get_simulator

    if not timeout > 0:
        raise ConfigurationError(f"--timeout is {timeout:g}; it must be positive")
    try:
        text = deck.read_text(encoding="utf-8")
    except OSError as error:
        raise DeckError(f"{deck}: can't be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise DeckError(f"{deck}: not a text file ({error})") from error
    chosen = get_simulator(simulator)
    waves = chosen.run(DeckJob(deck.stem, text), timeout_s=timeout).require()
    write_josim_csv(out, waves)
    click.echo(f"{out}: {len(waves.names)} signals, {waves.time_s.size} times, {chosen.name}")

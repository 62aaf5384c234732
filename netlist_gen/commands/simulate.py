"""``netlist-gen simulate``: any JoSIM deck on any simulator that reads it."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("deck", type=click.Path(path_type=Path))
@click.option("-o", "--output", "out", required=True, type=click.Path(path_type=Path))
@click.option(
    "--simulator",
    default="auto",
    show_default=True,
    help="auto, embedded or josim; wrspice or ngspice for a deck of that dialect.",
)
@click.option("--timeout", type=float, default=600.0, show_default=True, help="Seconds.")
def simulate(deck: Path, out: Path, simulator: str, timeout: float) -> None:
    """Simulate DECK and write JoSIM's CSV."""
    from netlist_gen.errors import ConfigurationError
    from verification.readers.josim_csv import write_josim_csv
    from verification.simulators.base import DeckJob
    from verification.simulators.includes import read_with_includes
    from verification.simulators.registry import get_simulator
    from verification.simulators.saved_signals import check_dialect

    if not timeout > 0:
        raise ConfigurationError(f"--timeout is {timeout:g}; it must be positive")
    text = read_with_includes(deck)
    chosen = get_simulator(simulator)
    check_dialect(text, chosen.dialect, str(deck))
    waves = chosen.run(DeckJob(deck.stem, text), timeout_s=timeout).require()
    write_josim_csv(out, waves)
    click.echo(
        f"{out}: {len(waves.names)} signals, {waves.time_s.size} times, "
        f"{chosen.name} {chosen.version()}"
    )

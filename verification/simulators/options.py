"""Options of ``simulate``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from netlist_gen.options import Options, option
from verification.simulators.registry import NAMES


@dataclass(frozen=True)
class SimulateOptions(Options):
    """How to simulate a deck.

    Attributes:
        simulator: "auto" is JoSIM where it is here, else the embedded engine.
        timeout: in s.
        seed: of noise and spread; None is the deck's. The embedded engine's alone.
        noise: "engine" is a sample every 1/neb, "josim" what JoSIM 2.7 makes: a draw in every
            step. The embedded engine's alone.
        check_step: run again with smaller steps and compare. The embedded engine's alone.
        checkpoint: a file that keeps the run every 10 s, and from which the same command goes on;
            None keeps none. The embedded engine's alone.
        threads: cores at one deck, where it is large enough. The embedded engine's alone.
        trust_deck: run what an ngspice or WRspice deck tells its simulator to run: commands,
            programs, other files.
    """

    simulator: str = option(
        "auto",
        f"auto, or one that reads the deck's dialect: {', '.join(NAMES)}.",
        known=lambda: ("auto", *NAMES),
    )
    timeout: float = option(600.0, "Seconds.", positive=True)
    seed: int | None = option(None, "Of noise and spread [default: the deck's].", least=0)
    noise: str = option(
        "engine",
        "engine: a sample every 1/neb; josim: a new one in every step, as JoSIM 2.7 draws them.",
        choices=("engine", "josim"),
    )
    check_step: bool = option(
        False, "Run again with smaller steps and compare; nothing is written where they disagree."
    )
    checkpoint: Path | None = option(
        None,
        "Keep the run here every 10 s; the same command goes on from it, to the same bytes.",
        metavar="FILE",
    )
    threads: int = option(
        1,
        "2: two cores at one deck, where it has 20,000 unknowns or more; the same bytes, sooner.",
        least=1,
    )
    trust_deck: bool = option(
        False,
        "Let an ngspice or WRspice deck run commands (.control), programs and other files: only "
        "for decks that you trust as you trust a program.",
    )

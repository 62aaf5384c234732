"""Options of ``simulate``."""

from __future__ import annotations

from dataclasses import dataclass

from netlist_gen.options import Options, option
from verification.simulators.registry import NAMES


@dataclass(frozen=True)
class SimulateOptions(Options):
    """How to simulate a deck.

    Attributes:
        simulator: "auto" is JoSIM where it is here, else the embedded engine.
        timeout: in s.
        seed: of noise and spread; None is the deck's. The embedded engine's alone.
        check_step: run again with half the step and compare. The embedded engine's alone.
    """

    simulator: str = option(
        "auto", f"auto, or one that reads the deck's dialect: {', '.join(NAMES)}."
    )
    timeout: float = option(600.0, "Seconds.", positive=True)
    seed: int | None = option(None, "Of noise and spread [default: the deck's].", least=0)
    check_step: bool = option(
        False, "Run again with half the step and compare; nothing is written where they disagree."
    )

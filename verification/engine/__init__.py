"""The embedded simulator of JoSIM decks, a library of its own (docs/engine.md).

Nothing is imported before it is used.
"""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False  # as in netlist_gen
if TYPE_CHECKING:
    from typing import Any

    from verification.engine.check_step import check_step
    from verification.engine.checkpoints import Checkpoint
    from verification.engine.iv_curve import iv_curve
    from verification.engine.lanes.results import Extract, LaneResult, Pulses
    from verification.engine.model_units import model_warnings
    from verification.engine.netlist import deck_of
    from verification.engine.ready import make_ready
    from verification.engine.run import CompiledDeck, compile_deck, compile_deck_file
    from verification.engine.text.sources import SourceWave

__all__ = [
    "Checkpoint",
    "CompiledDeck",
    "Extract",
    "LaneResult",
    "Pulses",
    "SourceWave",
    "check_step",
    "compile_deck",
    "compile_deck_file",
    "deck_of",
    "iv_curve",
    "make_ready",
    "model_warnings",
]

_HOMES = {
    "Checkpoint": "checkpoints",
    "CompiledDeck": "run",
    "Extract": "lanes.results",
    "LaneResult": "lanes.results",
    "Pulses": "lanes.results",
    "SourceWave": "text.sources",
    "check_step": "check_step",
    "compile_deck": "run",
    "compile_deck_file": "run",
    "deck_of": "netlist",
    "iv_curve": "iv_curve",
    "make_ready": "ready",
    "model_warnings": "model_units",
}


def __getattr__(name: str) -> Any:
    """What is public, imported when it is first asked for (PEP 562)."""
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

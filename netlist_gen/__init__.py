"""From a trained ternary spiking network to SFQ netlists that are verified.

The flow, left to right: checkpoint, network, circuit, deck. The package ``verification`` takes
over from there: waveforms, pulses, verdict. What users call is in ``netlist_gen.api``, and by its
name here; nothing is imported before it is used.
"""

from __future__ import annotations

from importlib import import_module

from netlist_gen.version import __version__

__all__ = [
    "NetlistGenError",
    "TernaryNetwork",
    "__version__",
    "characterize",
    "compare",
    "generate",
    "performance",
    "plot",
    "read",
    "simulate",
    "verify",
]

TYPE_CHECKING = False  # type checkers take it for true; typing itself takes 5 ms to import
if TYPE_CHECKING:
    from typing import Any

    from netlist_gen.api import (
        characterize,
        compare,
        generate,
        performance,
        plot,
        read,
        simulate,
        verify,
    )
    from netlist_gen.errors import NetlistGenError
    from netlist_gen.network import TernaryNetwork


_HOMES = {"NetlistGenError": "netlist_gen.errors", "TernaryNetwork": "netlist_gen.network"}


def __getattr__(name: str) -> Any:
    """The functions of the front door, imported when they are first asked for (PEP 562)."""
    if name in __all__:
        return getattr(import_module(_HOMES.get(name, "netlist_gen.api")), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

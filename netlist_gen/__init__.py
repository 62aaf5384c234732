"""From a trained ternary spiking network to SFQ netlists that are verified.

The flow, left to right: checkpoint, network, circuit, deck. The package ``verification`` takes
over from there: waveforms, pulses, verdict. What users call is in ``netlist_gen.api``, and by its
name here; nothing is imported before it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

__all__ = [
    "TernaryNetwork",
    "__version__",
    "characterize",
    "generate",
    "performance",
    "plot",
    "read",
    "simulate",
    "verify",
]

if TYPE_CHECKING:
    from netlist_gen.api import (
        characterize,
        generate,
        performance,
        plot,
        read,
        simulate,
        verify,
    )
    from netlist_gen.network import TernaryNetwork


def __getattr__(name: str) -> Any:
    """The functions of the front door, imported when they are first asked for (PEP 562)."""
    if name in __all__:
        from netlist_gen import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

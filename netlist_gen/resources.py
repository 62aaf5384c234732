"""Where templates, cells and examples lie: inside the wheel, or at the top of a source tree."""

from __future__ import annotations

from pathlib import Path

from netlist_gen.errors import ConfigurationError

_PACKAGE = Path(__file__).resolve().parent


def resource_dir(name: str) -> Path:
    """The directory ``name`` ("templates", "cells" or "examples").

    Raises:
        ConfigurationError: the installation lacks it.
    """
    for place in (_PACKAGE / name, _PACKAGE.parent / name):
        if place.is_dir():
            return place
    raise ConfigurationError(
        f"this installation has no directory {name!r} beside or above {_PACKAGE}: install it again"
    )

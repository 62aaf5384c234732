"""Where templates, cells and examples lie, and the one environment that renders templates.

They are in the wheel, or above the package in a source tree.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netlist_gen.errors import ConfigurationError

if TYPE_CHECKING:
    import jinja2

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


@cache
def _environment(root: Path) -> jinja2.Environment:
    import jinja2

    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(root),
        undefined=jinja2.StrictUndefined,
        # What is shown in a browser is escaped; decks and tables are plain text.
        autoescape=lambda name: name is not None and name.startswith("report/"),
        keep_trailing_newline=True,
        trim_blocks=False,
        auto_reload=False,
    )


def template(name: str, filters: dict[str, Callable[..., Any]] | None = None) -> jinja2.Template:
    """The template ``templates/NAME``; ``filters`` are those it uses beside Jinja's own."""
    environment = _environment(resource_dir("templates"))
    environment.filters |= filters or {}
    return environment.get_template(name)

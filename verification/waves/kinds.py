"""Kinds of files that waveforms are kept in; light, as options are made of it."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.util import find_spec

from netlist_gen.errors import ConfigurationError

DATA = (".csv", ".npz", ".parquet", ".raw", ".vcd")
"""What ``verification.waves.files`` writes."""

PAGE = ".html"
PICTURES = (".png", ".svg", ".pdf", PAGE)
"""What ``verification.waves.plot`` writes."""

KINDS = tuple(suffix.removeprefix(".") for suffix in (*DATA, *PICTURES))
"""What may be asked for with a result."""

KINDS_HELP = f"Keep waveforms in these formats, with commas: {', '.join(KINDS)}."

_NEEDED = {"vcd": ("vcd", "pyvcd", "vcd"), "html": ("plotly", "plotly", "plot")}
"""Of a kind: the module that it needs, its package, and the extra that brings it."""


def check_kinds(flag: str, kinds: Iterable[str]) -> None:
    """Refuse kinds whose package is missing, before anything runs.

    Raises:
        ConfigurationError: it names the package and how to get it.
    """
    for kind in kinds:
        module, package, extra = _NEEDED.get(kind, ("", "", ""))
        if module and find_spec(module) is None:
            raise ConfigurationError(
                f"{flag}: {kind} needs {package} (pip install 'netlist-gen[{extra}]')"
            )

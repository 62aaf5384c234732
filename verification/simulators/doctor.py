"""Which simulators are here, in which version, and how to get the rest."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from netlist_gen.errors import SimulatorError
from verification.simulators import ngspice_shared

OK = "ok"
UNTESTED = "untested version"
UNUSABLE = "unusable"
MISSING = "missing"

PLATFORMS = ("debian", "macos", "windows")

_JOSIM_PAGE = "https://github.com/JoeyDelp/JoSIM/releases"
_WRSPICE_PAGE = "https://github.com/wrcad/xictools/releases"


@dataclass(frozen=True)
class HowTo:
    """One line for each platform on how to get something."""

    debian: str
    macos: str
    windows: str


@dataclass(frozen=True)
class Row:
    """One simulator as found on this machine.

    Attributes:
        name: as ``--simulator`` takes it; ``ngspice (shared library)`` is ngspice's other way.
        status: ``ok``, ``untested version``, ``unusable`` or ``missing``.
        version: as it reports it, or None.
        path: the program or library, or None.
        known_good: versions this project was tested with.
        note: what is wrong, or an empty string.
        how_to_get: one line for each platform.
    """

    name: str
    status: str
    version: str | None
    path: str | None
    known_good: tuple[str, ...]
    note: str
    how_to_get: HowTo

    def advice(self, platform: str | None = None) -> str:
        """The line for a platform (default: this machine's), empty where nothing is missing."""
        if self.status in (OK, UNTESTED):
            return ""
        return str(getattr(self.how_to_get, platform or this_platform()))

    def as_json(self) -> dict[str, object]:
        """The row as plain values."""
        return asdict(self)


def this_platform() -> str:
    """``macos``, ``windows``, or ``debian`` for everything else."""
    return {"darwin": "macos", "win32": "windows"}.get(sys.platform, "debian")


def examine() -> list[Row]:
    """Look for every simulator, asking each that is there for its version."""
    return [
        _embedded(),
        _josim(),
        _wrspice(),
        _ngspice_program(),
        _ngspice_library(),
    ]


def _embedded() -> Row:
    from verification.simulators.registry import get_simulator

    with_package = "comes with netlist-gen: pip install netlist-gen"
    how = HowTo(with_package, with_package, with_package)
    version, note = _ask(get_simulator("embedded").version)
    return Row("embedded", OK if version else UNUSABLE, version, None, (), note, how)


def _josim() -> Row:
    from verification.simulators.josim import JosimSimulator

    simulator = JosimSimulator()
    how = HowTo(
        f"take the Linux binary from {_JOSIM_PAGE} and put josim-cli on PATH",
        f"take the macOS binary from {_JOSIM_PAGE} and put josim-cli on PATH",
        f"take the Windows binary from {_JOSIM_PAGE} and put josim-cli.exe on PATH",
    )
    return _program("josim", simulator.path(), simulator.version, ("2.7",), how)


def _wrspice() -> Row:
    from verification.simulators.wrspice import WrspiceSimulator

    simulator = WrspiceSimulator()
    how = HowTo(
        f"take the package from {_WRSPICE_PAGE} (or build it there) and put wrspice on PATH",
        f"take the macOS package from {_WRSPICE_PAGE} and put wrspice on PATH",
        f"take the Windows installer from {_WRSPICE_PAGE} and put wrspice.exe on PATH",
    )
    return _program("wrspice", simulator.path(), simulator.version, ("4.3",), how)


def _ngspice_program() -> Row:
    from verification.simulators.ngspice import NgspiceSimulator

    simulator = NgspiceSimulator(backend="subprocess")
    how = HowTo(
        "sudo apt install ngspice",
        "brew install ngspice",
        "conda install -c conda-forge ngspice",
    )
    return _program("ngspice", simulator.path(), simulator.version, ("39",), how)


def _ngspice_library() -> Row:
    from verification.simulators.ngspice import NgspiceSimulator

    simulator = NgspiceSimulator(backend="shared")
    extra = "pip install 'netlist-gen[ngspice]'"
    variable = ngspice_shared.LIBRARY_VARIABLE
    how = HowTo(
        f"sudo apt install libngspice0 && {extra}",
        f"brew install libngspice && {extra}; {variable} may name the library",
        f"conda install -c conda-forge ngspice-lib && {extra}; {variable} may name the library",
    )
    there = simulator.path() is not None
    library = ngspice_shared.library()
    return _program(
        "ngspice (shared library)",
        Path(library) if there and library else None,
        simulator.version,
        ("39",),
        how,
        absent="" if there else _why_no_library(library),
    )


def _why_no_library(library: str | None) -> str:
    if library is None:
        return "no ngspice library found"
    return f"the library {library} is here, but PySpice is not installed"


def _program(
    name: str,
    path: Path | None,
    ask: Callable[[], str],
    known_good: tuple[str, ...],
    how: HowTo,
    *,
    absent: str = "",
) -> Row:
    if path is None:
        return Row(name, MISSING, None, None, known_good, absent, how)
    version, note = _ask(ask)
    if version is None:
        return Row(name, UNUSABLE, None, str(path), known_good, note, how)
    known = any(re.match(rf"{re.escape(good)}(?:\D|$)", version) for good in known_good)
    note = "" if known else f"tested with {', '.join(known_good)}; results may differ"
    return Row(name, OK if known else UNTESTED, version, str(path), known_good, note, how)


def _ask(ask: Callable[[], str]) -> tuple[str | None, str]:
    try:
        return ask(), ""
    except SimulatorError as error:
        return None, str(error)

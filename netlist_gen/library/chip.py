"""Profiles of chips: what one may have of area, pads and current, each number with its source."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from netlist_gen.errors import ConfigurationError
from netlist_gen.library.process import positive
from netlist_gen.library.toml_file import (
    library_file,
    library_names,
    line_of,
    name_of,
    read_toml,
)
from netlist_gen.options import Options, option

NO_PROFILE = "none"
"""The profile without limits."""

_LIMITS = {"area": "mm2", "pads": "1", "current": "A", "pad_rate": "Gbit/s"}
_ASSUMPTIONS = {"pad_current": "mA", "defect_rate": "1"}


@dataclass(frozen=True)
class ChipProfile:
    """What a chip may have, in SI; a limit that is None is not held.

    Attributes:
        name: of the profile.
        title: one line.
        area: of the chip, m2.
        pads: of it.
        current: that one chip, or one island of a chip, is fed with, A.
        pad_rate: bits a second through one pad.
        pad_current: of a bias pad, A.
        defect_rate: defects for each junction.
        densities: area of a junction with all that is around it, m2, by name; the first decides.
    """

    name: str
    title: str
    area: float | None
    pads: int | None
    current: float | None
    pad_rate: float | None
    pad_current: float
    defect_rate: float
    densities: Mapping[str, float]


def profile_names() -> list[str]:
    """The profiles of the library."""
    return library_names("chip")


def load_profile(name_or_file: str = NO_PROFILE) -> ChipProfile:
    """A profile of the library by name, or one of the user's by path (``.toml``).

    Raises:
        ConfigurationError: unknown name, unreadable file, a number missing, not positive or
            unknown.
    """
    path = library_file(name_or_file, "chip", "profile")
    data = read_toml(path)

    def table(name: str) -> Mapping[str, object]:
        found = data.get(name, {})
        if not isinstance(found, dict):
            raise ConfigurationError(f"{path}: [{name}] must be a table")
        return found

    def get(name: str, key: str, unit: str) -> float:
        return positive(table(name), key, f"{path}: [{name}]", unit)

    for name, known in (("limits", _LIMITS), ("assumptions", _ASSUMPTIONS)):
        for key in table(name):
            if key not in known:
                raise ConfigurationError(
                    f"{path}: [{name}] has no {key!r}; there are {', '.join(known)}"
                )
    limits: dict[str, float | None] = dict.fromkeys(_LIMITS)
    limits |= {key: get("limits", key, _LIMITS[key]) for key in table("limits")}
    pads = limits["pads"]
    if pads is not None and pads != math.floor(pads):
        raise ConfigurationError(f"{path}: [limits] pads is {pads:g}; it must be a whole number")
    densities = {
        name_of(key, f"{path}: [densities] key"): get("densities", key, "um2")
        for key in table("densities")
    }
    if not densities:
        raise ConfigurationError(f"{path}: [densities] is missing or empty; one at least is needed")
    head = table("chip")
    return ChipProfile(
        name=line_of(head.get("name"), f"{path}: [chip] name"),
        title=line_of(head.get("title"), f"{path}: [chip] title"),
        area=limits["area"],
        pads=None if pads is None else int(pads),
        current=limits["current"],
        pad_rate=limits["pad_rate"],
        pad_current=get("assumptions", "pad_current", _ASSUMPTIONS["pad_current"]),
        defect_rate=get("assumptions", "defect_rate", _ASSUMPTIONS["defect_rate"]),
        densities=densities,
    )


@dataclass(frozen=True)
class ProfileOptions(Options):
    """Whose limits a circuit is held against.

    Attributes:
        profile: of a chip, by name or file.
    """

    profile: str = option(
        NO_PROFILE,
        "Chip that the budget is held against, or a .toml file.",
        known=profile_names,
        files=True,
    )

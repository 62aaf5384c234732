"""When, where and by what a result was made."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version

from netlist_gen.records import Record

PACKAGES = ("numpy", "numba", "torch", "snntorch")
"""Whose versions are kept beside Python's."""


@dataclass(frozen=True)
class Origin(Record):
    """When, where and by what a result was made.

    Attributes:
        date: in UTC, to the second.
        host: the machine's name and kind.
        command: as it was given; "" from Python.
        versions: of Python and of some packages.
        hashes: SHA-256 of what went in, by what it is.
    """

    date: str
    host: str
    command: str
    versions: Mapping[str, str]
    hashes: Mapping[str, str]

    @staticmethod
    def now(command: str, hashes: Mapping[str, str]) -> Origin:
        """Of a result that is made just now, on this machine."""
        return Origin(
            date=datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC"),
            host=f"{platform.node()}, {platform.system()} {platform.machine()}",
            command=command,
            versions={"python": platform.python_version(), **_versions()},
            hashes=dict(hashes),
        )


def _versions() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # an installation without it
            continue
    return found

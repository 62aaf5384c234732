"""Reading what users write: TOML files and what may stand in them, with bounds and an alphabet.

Names from a file reach decks, paths and pages, where a line break or a bracket would be more than a
name: each is checked against ``NAME`` here, before it is one.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from netlist_gen.errors import ConfigurationError
from netlist_gen.files import printable, read_bytes, shown
from netlist_gen.resources import resource_dir

MOST_BYTES = 256_000
"""Of a TOML file: the library's largest has 6,000."""

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,79}")
"""Names of processes, models, cells, ports, parameters and elements."""


def is_name(value: object) -> bool:
    """Whether a value can be a name."""
    return isinstance(value, str) and NAME.fullmatch(value) is not None


def name_of(value: object, what: str) -> str:
    """The value, a name; ``what`` is its place and role in words.

    Raises:
        ConfigurationError: it is none.
    """
    if isinstance(value, str) and is_name(value):
        return value
    raise ConfigurationError(
        f"{what} is {shown(value)}; a name has letters, digits and _, begins with no digit, and "
        "has at most 80 characters"
    )


def line_of(value: object, what: str) -> str:
    """The value, one line of text that can be printed; ``what`` as in ``name_of``.

    Raises:
        ConfigurationError: it is none.
    """
    if isinstance(value, str) and value.isprintable() and len(value) <= 300:
        return value
    raise ConfigurationError(
        f"{what} is {shown(value)}; it must be one line of at most 300 printable characters"
    )


def library_names(kind: str) -> list[str]:
    """Names of the library's files of a kind, a folder of ``cells/``."""
    return sorted(path.stem for path in (resource_dir("cells") / kind).glob("*.toml"))


def library_file(name_or_file: str, kind: str, what: str) -> Path:
    """The library's file of that name, or the user's own (``.toml``), which is not looked for.

    Args:
        name_or_file: which.
        kind: a folder of ``cells/``.
        what: it is, in words.

    Raises:
        ConfigurationError: the library has none of that name.
    """
    own = Path(name_or_file)
    if own.suffix == ".toml":
        return own
    path = resource_dir("cells") / kind / f"{name_or_file}.toml"
    if not path.is_file():
        raise ConfigurationError(
            f"no {what} {name_or_file!r}; the library has {', '.join(library_names(kind))}, or "
            "give a .toml file"
        )
    return path


def read_small_text(path: Path, most_bytes: int) -> str:
    """The text of an ordinary file.

    Raises:
        ConfigurationError: as ``read_bytes``, or it is not UTF-8.
    """
    data = read_bytes(
        path,
        most_bytes,
        lambda why: ConfigurationError(f"{printable(str(path))}: can't be read ({why})"),
    )
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path}: not a text in UTF-8 ({error})") from error


def read_toml(path: Path) -> dict[str, Any]:
    """The content of a TOML file; ConfigurationError where it can't be read."""
    text = read_small_text(path, MOST_BYTES)
    try:
        return tomllib.loads(text)
    except ValueError as error:  # also a number of more digits than Python takes
        raise ConfigurationError(f"{path}: not a valid TOML file ({error})") from error
    except RecursionError:
        raise ConfigurationError(f"{path}: not a valid TOML file (nested too deep)") from None

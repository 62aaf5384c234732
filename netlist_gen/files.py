"""Files: written so that they are whole or not there, read only where they are ordinary."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from netlist_gen.errors import ConfigurationError, NetlistGenError


@contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; it replaces ``path`` if the block succeeds.

    A symbolic link stays one: what it leads to is replaced.

    The temporary name keeps the suffix, since some writers choose the format by it.

    Raises:
        ConfigurationError: the directory is missing or can't be written.
    """
    target = Path(os.path.realpath(path)) if os.path.islink(path) else Path(path)
    try:
        handle, name = tempfile.mkstemp(
            dir=target.parent, prefix=f".{target.stem}.", suffix=target.suffix
        )
    except OSError as error:
        raise ConfigurationError(f"{target} can't be written: {error.strerror}") from None
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        os.chmod(temporary, 0o666 & ~_umask())  # mkstemp's 0600 would surprise a shared folder
        try:
            os.replace(temporary, target)
        except OSError as error:
            raise ConfigurationError(f"{target} can't be written: {error.strerror}") from None
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write a text file whole, UTF-8. Raises as ``atomic_path``."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def read_bytes(
    path: str | os.PathLike[str], limit: int, refused: Callable[[str], NetlistGenError]
) -> bytes:
    """All of an ordinary file.

    A FIFO, a device or a directory is refused before anything is read of it, so that no file
    makes a command wait.

    Args:
        path: the file.
        limit: most bytes that are read.
        refused: makes the error from the reason, such as "Is a directory".

    Raises:
        NetlistGenError: what ``refused`` makes: the file is missing, closed to us, too long, or
            no ordinary file.
    """
    try:
        _check_ordinary(os.stat(path), limit, refused)
        # Without O_NONBLOCK the opening waits, should it be a FIFO by now.
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            found = os.fstat(handle)
            _check_ordinary(found, limit, refused)
            with open(handle, "rb", closefd=False) as stream:
                # Not more than there was: a file that grows meanwhile would have no end.
                return stream.read(found.st_size)
        finally:
            os.close(handle)
    except OSError as error:
        raise refused(error.strerror or str(error)) from None
    except ValueError as error:  # a zero byte in the name
        raise refused(str(error)) from None


def _check_ordinary(
    found: os.stat_result, limit: int, refused: Callable[[str], NetlistGenError]
) -> None:
    for is_kind, kind in _KINDS:
        if is_kind(found.st_mode):
            raise refused(kind)
    if found.st_size > limit:
        raise refused(f"it has {found.st_size} bytes; at most {limit} are read")


_KINDS = (
    (stat.S_ISDIR, "Is a directory"),
    (stat.S_ISFIFO, "it is a FIFO; an ordinary file is needed"),
    (stat.S_ISCHR, "it is a device; an ordinary file is needed"),
    (stat.S_ISBLK, "it is a device; an ordinary file is needed"),
    (stat.S_ISSOCK, "it is a socket; an ordinary file is needed"),
)


def printable(text: str, longest: int = 1000) -> str:
    """The text on one line, control characters escaped as Python does, its end cut where long.

    What is quoted of a file may be any characters, and any number of them.
    """
    shown = text if len(text) <= longest else f"{text[: longest - 3]}..."
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in shown
    )


def shown(value: object, longest: int = 60) -> str:
    """A value as it is shown in a message: on one line, and not long."""
    try:
        text = repr(value)
    except ValueError:  # a number of more digits than Python prints
        text = f"a {type(value).__name__} too large to be shown"
    except RecursionError:
        text = f"a {type(value).__name__} nested too deep"
    return text if len(text) <= longest else f"{text[: longest - 3]}..."


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask

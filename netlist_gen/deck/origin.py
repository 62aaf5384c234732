"""Lines at a deck's head that say what made it: version, network, input pulses, command."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from netlist_gen.files import printable
from netlist_gen.version import __version__

_BEGIN = "origin: "


def origin_lines(
    source: str, inputs: str, words: Sequence[str], network_sha256: str, windows_sha256: str
) -> tuple[str, ...]:
    """The lines, without a comment's sign. Of files they have the names alone.

    The same input and options give the same lines, wherever they are and whenever it is.

    Args:
        source: the network's file, or "".
        inputs: the file of the samples, or "".
        words: options of the command.
        network_sha256: of the network.
        windows_sha256: of the input pulses.
    """
    network = Path(source).name or "a network"
    command = ["netlist-gen", "generate", network]
    command += ["--inputs", Path(inputs).name] if inputs else []
    lines = (
        f"netlist-gen {__version__}; {network}, SHA-256 {network_sha256}",
        f"input pulses, SHA-256 {windows_sha256}",
        shlex.join([*command, *words]),
    )
    return tuple(printable(_BEGIN + line) for line in lines)


def without_origin(text: str) -> str:
    """A deck without these lines: what it is, whatever made it."""
    head = f"* {_BEGIN}"
    if head not in text:
        return text
    return "\n".join(line for line in text.split("\n") if not line.startswith(head))

"""ngspice through PySpice's binding of its shared library: one deck, in a process of its own.

PySpice (an extra) and the library are used in this file alone. The library keeps its state in
the process that loads it and ends that process when it fails, so ``ngspice.py`` runs this file
as a child: ``python ngspice_shared.py deck.cir out.raw``. It imports nothing of the project.

The exit status is 0 if the deck ran, 3 if PySpice or the library is not there, else 1.
"""

from __future__ import annotations

import ctypes.util
import os
import sys

LIBRARY_VARIABLE = "NGSPICE_LIBRARY_PATH"
NOT_THERE = 3


def library() -> str | None:
    """The shared library's name or path: the user's setting, else what the linker finds.

    PySpice by itself looks for ``libngspice.so``, which only the development package of a Linux
    distribution has; the run-time package has ``libngspice.so.0``.
    """
    return os.environ.get(LIBRARY_VARIABLE) or ctypes.util.find_library("ngspice")


def main(arguments: list[str]) -> int:
    """Run one deck, or with ``--version`` print the library's version."""
    found = library()
    if found is None:
        print(f"no ngspice library; set {LIBRARY_VARIABLE}", file=sys.stderr)
        return NOT_THERE
    os.environ[LIBRARY_VARIABLE] = found
    try:
        from PySpice.Spice.NgSpice.Shared import (
            NgSpiceCircuitError,
            NgSpiceCommandError,
            NgSpiceShared,
        )
    except ImportError as error:
        print(f"PySpice cannot be imported: {error}", file=sys.stderr)
        return NOT_THERE
    try:
        ngspice = NgSpiceShared.new_instance()
    except OSError as error:
        print(f"{found} cannot be loaded: {error}", file=sys.stderr)
        return NOT_THERE
    if arguments == ["--version"]:
        print(f"ngspice-{ngspice.ngspice_version}")
        return 0
    deck, output = arguments
    with open(deck, encoding="utf-8") as source:
        text = source.read()
    try:
        ngspice.load_circuit(text)
        ngspice.run()
        ngspice.exec_command("set filetype=binary")
        ngspice.exec_command(f"write {output}")
    except (NgSpiceCircuitError, NgSpiceCommandError, NameError) as error:
        # NameError is what PySpice raises for a status of the library other than 0.
        print(f"Error: {error}", file=sys.stderr)
        print(ngspice.stderr, file=sys.stderr)
        return 1
    print(ngspice.stdout)
    print(ngspice.stderr, file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

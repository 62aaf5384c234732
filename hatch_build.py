"""What building the package does besides copying: Numba's half of compiling the engine's kernels.

The code lies in ``verification/engine/kernels/code`` and in the wheel, so that a first run after
installation takes seconds, not a quarter of a minute (``verification.engine.kernels.portable``).
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

KERNELS = "verification/engine/kernels"

WRITE = """
import sys
from pathlib import Path
from verification.engine.kernels.portable import write_shipped
print(*write_shipped(Path(sys.argv[1])), sep="\\n")
"""


class KernelsHook(BuildHookInterface[Any]):
    """Called by hatchling before it builds a wheel, or an editable one."""

    aside: TemporaryDirectory[str] | None = None

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Write the code that is not there yet, and put it into the wheel."""
        folder = Path(self.root, KERNELS, "code")
        if not os.access(folder if folder.exists() else folder.parent, os.W_OK):
            self.aside = TemporaryDirectory()
            folder = Path(self.aside.name)
        # In a process of its own, where sets have one order: built again, the bytes are the same.
        paths = os.pathsep.join([self.root, *filter(None, [os.environ.get("PYTHONPATH")])])
        done = subprocess.run(
            [sys.executable, "-c", WRITE, str(folder)],
            env={**os.environ, "PYTHONPATH": paths, "PYTHONHASHSEED": "0"},
            stdout=subprocess.PIPE, text=True, check=True,
        )  # fmt: skip
        if version == "editable":
            return  # it is read where it was written
        for file in done.stdout.splitlines():
            build_data["force_include"][file] = f"{KERNELS}/code/{Path(file).name}"

    def finalize(self, *_: Any) -> None:
        """Delete what was written aside."""
        if self.aside is not None:
            self.aside.cleanup()

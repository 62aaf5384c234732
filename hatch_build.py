"""What building the package does besides copying: Numba's half of compiling the engine's kernels.

The code lies in ``verification/engine/kernels/code`` and in the wheel, so that a first run after
installation takes seconds, not a quarter of a minute (``verification.engine.kernels.portable``).
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class KernelsHook(BuildHookInterface[Any]):
    """Called by hatchling before it builds a wheel, or an editable one."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        """Write the code that is not there yet, and put it into the wheel."""
        sys.path.insert(0, self.root)
        from verification.engine.kernels.portable import write_shipped

        for file in write_shipped():
            build_data["artifacts"].append(f"/{file.relative_to(Path(self.root)).as_posix()}")

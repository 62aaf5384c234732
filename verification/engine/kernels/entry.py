"""The functions that Python calls, compiled once for each width and cached."""
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from numba import njit, typeof

from verification.engine.kernels.loop import advance
from verification.engine.kernels.solve import factorise
from verification.engine.lanes.layout import Tile

_OTHERS = (
    "equations/constants",
    "lanes/layout",
    "lanes/pointers",
    "lanes/random_numbers",
    "lanes/simd",
    "text/waves",
)


def _digest() -> str:
    """Hash of the sources that the compiled functions are made of."""
    here = Path(__file__).parent
    files = [*sorted(here.glob("*.py")), *(here.parent / f"{name}.py" for name in _OTHERS)]
    total = hashlib.sha256()
    for file in files:
        total.update(file.read_bytes())
    return total.hexdigest()


def _ways_in(digest: str) -> tuple[Any, Any]:
    @njit(cache=True, nogil=True, error_model="numpy")
    def run_tile(tile, output, prints, count, first, last, step, guard):
        """See ``loop.advance``."""
        _ = digest
        return advance(tile, output, prints, count, first, last, step, guard)

    @njit(cache=True, error_model="numpy")
    def factorise_tile(matrix, a, own, factors, w):
        """See ``solve.factorise``."""
        _ = digest
        return factorise(matrix, a, own, factors, w)

    return run_tile, factorise_tile


_run_tile, factorise_tile = _ways_in(_digest())
_by_width: dict[int, Any] = {}


def run_tile(tile: Tile, *arguments: Any) -> int:
    """See ``loop.advance``; without Numba's look at the types of a tile's hundred pointers.

    The types depend on the width alone: a tile's fields are what ``layout`` says.
    """
    width = len(tile.w)
    compiled = _by_width.get(width)
    if compiled is None:
        types = tuple(typeof(argument) for argument in (tile, *arguments))
        _run_tile.compile(types)
        compiled = _by_width[width] = _run_tile.get_overload(types)
    return int(compiled(tile, *arguments))

"""Threads that run one tile together: where they wait for each other."""
# mypy: disable-error-code="no-untyped-def"
# ruff: noqa: ARG001 - what Numba hands over has fixed places

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import types

from verification.engine.kernels.compiling import kernel
from verification.engine.kernels.simd import intrinsic

COME, NUMBER, STATUS = 0, 8, 16
"""Places in ``Parts.meeting``: how many have come, number of the meeting, what thread 0 says."""
_PATIENCE = 20_000
"""Looks at the number before a thread gives its processor to another one: some 20 us."""
_WORD = ir.IntType(64)

_give_way = types.ExternalFunction("sched_yield", types.int32())


@intrinsic
def _add(typingctx: Any, words: Any, at: Any, value: Any) -> Any:
    """Add to ``words[at]``, for all threads at once; what it held before."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = builder.gep(arguments[0], [arguments[1]])
        return builder.atomic_rmw("add", place, arguments[2], "seq_cst")

    return types.int64(words, types.int64, types.int64), codegen


@intrinsic
def _seen(typingctx: Any, words: Any, at: Any) -> Any:
    """``words[at]`` as the other threads left it."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.load_atomic(builder.gep(arguments[0], [arguments[1]]), "acquire", 8)

    return types.int64(words, types.int64), codegen


@kernel
def meet(meeting, threads):
    """Wait until all threads are here; what each wrote before all see after it."""
    if threads == 1:
        return
    number = _seen(meeting, NUMBER)
    if _add(meeting, COME, 1) == threads - 1:
        _add(meeting, COME, -threads)
        _add(meeting, NUMBER, 1)
        return
    looks = 0
    while _seen(meeting, NUMBER) == number:
        looks += 1
        if looks > _PATIENCE:
            _give_way()

"""Numba's decorators for the kernels."""

from __future__ import annotations

from typing import Any

from numba import njit

_ALONE: dict[str, Any] = {
    "error_model": "numpy",
    "no_cpython_wrapper": True,
    "no_cfunc_wrapper": True,
}

_njit: Any = njit  # Numba's own types do not know all of its options
kernel: Any = _njit(**_ALONE)
"""Compiled code that compiled code alone calls: without the wrappers by which Python would, which
take an eighth of the time of compiling. A division by zero gives what the processor makes of it."""

inlined: Any = _njit(forceinline=True, **_ALONE)
"""The same, put in the place of its call by LLVM. Numba would do so before types are inferred
(``inline="always"``), which compiles as fast code in a fifth more time."""

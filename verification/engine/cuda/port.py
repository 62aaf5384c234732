"""The same Python function, compiled for another target.

The kernels' bodies, and what they call of the CPU's kernels (waves of sources, random numbers,
relations of junctions, crossings), are written once. A target takes a copy of each whose globals
lead to the copies of the functions that it calls.
"""

from __future__ import annotations

import dis
from collections.abc import Callable, Mapping
from types import FunctionType
from typing import Any

_HOME = "verification.engine."


def ported(
    function: Any, decorate: Callable[[Any], Any], replaced: Mapping[Any, Any] | None = None
) -> Any:
    """A copy of ``function`` for a target, and of all of the engine's functions that it calls.

    Args:
        function: a plain function, or one that Numba compiles.
        decorate: what the target does with each copy.
        replaced: functions that the target has its own of.
    """
    return _Port(decorate, dict(replaced or {})).copy(function)


class _Port:
    def __init__(self, decorate: Callable[[Any], Any], known: dict[Any, Any]) -> None:
        self._decorate = decorate
        self._known = known

    def copy(self, function: Any) -> Any:
        plain = getattr(function, "py_func", function)
        if plain not in self._known:
            space = dict(plain.__globals__)
            for name in _globals_of(plain):
                if _is_ours(space.get(name)):
                    space[name] = self.copy(space[name])
            made = FunctionType(plain.__code__, space, plain.__name__, plain.__defaults__)
            made.__module__ = plain.__module__
            self._known[plain] = self._decorate(made)
        return self._known[plain]


def _globals_of(function: FunctionType) -> set[str]:
    """Names that a function reads from its module; those of attributes may be the same."""
    found = dis.get_instructions(function)
    return {str(each.argval) for each in found if each.opname == "LOAD_GLOBAL"}


def _is_ours(value: Any) -> bool:
    plain = getattr(value, "py_func", value)
    return isinstance(plain, FunctionType) and plain.__module__.startswith(_HOME)

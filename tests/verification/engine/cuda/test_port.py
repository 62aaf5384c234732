from __future__ import annotations

from numba import njit

from verification.engine.cuda.port import ported

CALLS: list[str] = []


def outside(value):
    return value + 1


@njit
def inner(value):
    return value * 10


def other(value):
    return value - 1


def outer(value):
    return other(inner(value)) + outside(value) + abs(value)


class Holder:
    outer = 3


def named_alike(holder):
    return holder.outer + other(1)


for function in (inner.py_func, other, outer, named_alike):
    function.__module__ = "verification.engine.some"


def test_a_copy_leads_to_copies_of_the_functions_that_it_calls():
    CALLS.clear()

    def decorate(function):
        def counted(*values):
            CALLS.append(function.__name__)
            return function(*values)

        return counted

    copy = ported(outer, decorate, {other: lambda value: value - 1000})
    assert copy(2) == 20 - 1000 + 3 + 2
    assert CALLS == ["outer", "inner"]  # others' functions and replaced ones are not decorated
    assert outer(2) == 20 - 1 + 3 + 2


def test_an_attribute_that_is_called_like_a_function_is_none():
    copy = ported(named_alike, lambda function: function)
    assert copy(Holder()) == 3

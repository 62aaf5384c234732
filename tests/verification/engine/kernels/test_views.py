from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
from numba import njit

from verification.engine.lanes.pointers import Pointer, doubles, integers, longs


class Three(NamedTuple):
    a: Pointer
    b: Pointer
    c: Pointer
    flags: Pointer
    n: int


@njit
def work(t):
    total = 0.0
    for i in range(t.n):
        if t.flags[i]:
            total += t.a[t.b[i]] * t.c[i]
            t.a[i] = i  # an integer becomes a double
        t.flags[i] = not t.flags[i]
    return total


def test_compiled_code_reads_and_writes_what_the_pointer_holds():
    flags = Pointer(np.array([True, False, True]))
    t = Three(doubles([1.5, 2.5, 3.5]), integers([2, 1, -0]), longs([10, 20, 2**40]), flags, 3)
    assert work(t) == 3.5 * 10 + 0.0 * 2**40
    np.testing.assert_array_equal(t.a.array, [0.0, 2.5, 2.0])
    np.testing.assert_array_equal(flags.array, [False, True, False])


def test_signed_indices():
    @njit
    def last(pointer, index):
        return pointer[index[0] + 3]

    assert last(doubles([1, 2, 3]), integers([-1])) == 3.0


def test_what_is_not_flat_is_refused():
    for wrong in (np.zeros((2, 2)), np.zeros(4)[::2]):
        with pytest.raises(ValueError, match="a pointer takes a contiguous array of one dimension"):
            Pointer(wrong)

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array, random_array

from netlist_gen.errors import DeckError
from verification.engine.factorisation import build_pattern, order
from verification.engine.kernels import factorise_tile
from verification.engine.layout import Factors, Matrix
from verification.engine.pointers import Pointer, doubles, integers, longs


def matrix_of(pattern, size):
    return Matrix(
        size, pattern.a_columns.size, longs(pattern.a_rows), integers(pattern.a_columns),
        longs(pattern.l_rows), integers(pattern.l_columns), longs(pattern.l_used),
        longs(pattern.l_order), longs(pattern.u_rows), integers(pattern.u_columns),
        pattern.back.size, integers(pattern.back),
    )  # fmt: skip


def factors_of(pattern, size, values):
    return Factors(
        doubles(values), Pointer(np.zeros(size)), Pointer(np.zeros(pattern.l_columns.size + 1)),
        Pointer(np.zeros(pattern.u_columns.size + 1)), Pointer(np.zeros(size)),
    )  # fmt: skip


@given(st.integers(1, 40), st.integers(0, 2**31), st.floats(0.02, 0.4))
@settings(max_examples=40, deadline=None)
def test_the_factors_multiply_to_the_matrix(size, seed, density):
    rng = np.random.default_rng(seed)
    a = random_array((size, size), density=density, rng=rng)
    a = csr_array(a + a.T + np.diag(rng.uniform(1, 2, size) * size))
    rows, columns = a.nonzero()
    row_of, column_of = order(a, "m")
    everything = np.ones(size, dtype=bool)
    pattern, where = build_pattern(
        rows.astype(np.int64), columns.astype(np.int64), size, row_of, column_of, everything,
        everything.copy(),
    )  # fmt: skip
    values = np.zeros(pattern.a_columns.size)
    np.add.at(values, where, a.toarray()[rows, columns])
    factors = factors_of(pattern, size, values)
    assert factorise_tile(matrix_of(pattern, size), factors.a, False, factors, (0,))
    lower = np.eye(size)
    upper = np.diag(1 / factors.inverse.array)
    for i in range(size):
        at = slice(pattern.l_rows[i], pattern.l_rows[i + 1])
        lower[i, pattern.l_columns[at]] = factors.lower.array[at]
        at = slice(pattern.u_rows[i], pattern.u_rows[i + 1])
        upper[i, pattern.u_columns[at]] = factors.upper.array[at]
    ordered = np.zeros((size, size))
    ordered[np.ix_(row_of, column_of)] = a.toarray()
    np.testing.assert_allclose(lower @ upper, ordered, atol=1e-9 * size)
    assert np.all(np.diff(pattern.u_columns[pattern.u_rows[0] : pattern.u_rows[1]]) > 0)


def test_a_zero_pivot_is_reported():
    size = 2
    everything = np.ones(size, dtype=bool)
    identity = np.arange(size, dtype=np.int32)
    rows, columns = np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])
    pattern, _ = build_pattern(rows, columns, size, identity, identity, everything, everything)
    factors = factors_of(pattern, size, [1.0, 1.0, 1.0, 1.0])
    assert not factorise_tile(matrix_of(pattern, size), factors.a, False, factors, (0,))


def test_a_singular_matrix_is_refused_in_terms_of_the_circuit():
    message = (
        "d: the circuit has no unique solution; look for a node without a path to ground, "
        "a loop of voltage or phase sources, or a source across ground"
    )
    for a in (np.zeros((2, 2)), np.array([[1.0, 1.0], [1.0, 1.0]])):
        with pytest.raises(DeckError, match=f"^{re.escape(message)}$"):
            order(csr_array(a), "d")
    with pytest.raises(DeckError, match="conductance overflows"):
        order(csr_array(np.array([[np.inf]])), "d")

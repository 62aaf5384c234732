from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import coo_array, csr_array, diags_array, random_array

from netlist_gen.errors import DeckError
from verification.engine.equations import factorisation
from verification.engine.equations.factorisation import SMALL, build_pattern, order
from verification.engine.kernels import factorise_tile
from verification.engine.lanes.layout import DONE, INCOMPLETE, SINGULAR, Factors, Matrix
from verification.engine.lanes.pointers import Pointer, doubles, integers, longs


def matrix_of(pattern, size):
    return Matrix(
        size, pattern.a_columns.size, longs(pattern.a_rows), integers(pattern.a_columns),
        longs(pattern.l_rows), integers(pattern.l_columns), longs(pattern.l_used),
        longs(pattern.l_order), longs(pattern.u_rows), integers(pattern.u_columns),
        pattern.back.size, integers(pattern.back), pattern.complete,
    )  # fmt: skip


def factors_of(pattern, size, values):
    return Factors(
        doubles(values), Pointer(np.zeros(size)), Pointer(np.zeros(size, dtype=np.int32)),
        Pointer(np.zeros(pattern.l_columns.size + 1)),
        Pointer(np.zeros(pattern.u_columns.size + 1)), Pointer(np.zeros(size)),
    )  # fmt: skip


def pattern_of(a, complete):
    """Order, pattern and A's entries in it."""
    size = a.shape[0]
    rows, columns = (index.astype(np.int64) for index in a.nonzero())
    entries = a.toarray()[rows, columns]
    row_of, column_of, _ = order(rows, columns, entries, size, "m", complete=complete)
    everything = np.ones(size, dtype=bool)
    pattern, where = build_pattern(
        rows, columns, entries, row_of, column_of, everything, everything.copy(), complete=complete
    )
    values = np.zeros(pattern.a_columns.size)
    np.add.at(values, where, entries)
    return pattern, values


def product(pattern, size, factors):
    """L D U, dense, in pivot order."""
    lower, upper = np.eye(size), np.eye(size)
    for i in range(size):
        at = slice(pattern.l_rows[i], pattern.l_rows[i + 1])
        lower[i, pattern.l_columns[at]] = factors.lower.array[at]
        at = slice(pattern.u_rows[i], pattern.u_rows[i + 1])
        upper[i, pattern.u_columns[at]] = factors.upper.array[at]
    return lower @ np.diag(1 / factors.inverse.array) @ upper


@given(st.integers(1, 40), st.integers(0, 2**31), st.floats(0.02, 0.4), st.booleans())
@settings(max_examples=60, deadline=None)
def test_the_factors_multiply_to_the_matrix(size, seed, density, complete):
    rng = np.random.default_rng(seed)
    a = random_array((size, size), density=density, rng=rng)
    a = csr_array(a + a.T + np.diag(rng.uniform(1, 2, size) * size))
    pattern, values = pattern_of(a, complete)
    factors = factors_of(pattern, size, values)
    assert factorise_tile(matrix_of(pattern, size), factors.a, False, factors, 1) == DONE
    np.testing.assert_allclose(
        product(pattern, size, factors), in_order(a, pattern), atol=1e-14 * size
    )
    assert np.all(np.diff(pattern.u_columns[pattern.u_rows[0] : pattern.u_rows[1]]) > 0)


def network(size, ground):
    """Nodes on a ring and with chords at random, conductances 1 between them and to ground."""
    places = np.concatenate(
        [np.roll(np.arange(size), 1), np.random.default_rng(1).permutation(size)]
    )
    links = coo_array((np.ones(2 * size), (np.tile(np.arange(size), 2), places)), (size, size))
    between = csr_array(links + links.T)
    return csr_array(diags_array(between.sum(axis=1) + ground) - between)


def in_order(a, pattern):
    ordered = np.zeros(a.shape)
    ordered[np.ix_(pattern.row_of, pattern.column_of)] = a.toarray()
    return ordered


def test_what_is_below_rounding_is_left_out():
    size = 300
    a = network(size, 1e5)
    complete, _ = pattern_of(a, True)
    pattern, values = pattern_of(a, False)
    assert pattern.entries < 0.5 * complete.entries
    factors = factors_of(pattern, size, values)
    assert factorise_tile(matrix_of(pattern, size), factors.a, False, factors, 1) == DONE
    apart = product(pattern, size, factors) - in_order(a, pattern)
    assert np.abs(apart).max() < 1e-10  # of 1e5


@pytest.mark.parametrize("lanes", [1, 8])
def test_values_that_fill_in_more_are_noticed(lanes):
    """A pattern for weakly coupled nodes has no room for strongly coupled ones."""
    size = 300
    pattern, _ = pattern_of(network(size, 1e5), False)
    ordered = in_order(network(size, 1.0), pattern)
    rows = np.repeat(np.arange(size), np.diff(pattern.a_rows))
    values = np.repeat(ordered[rows, pattern.a_columns], lanes)
    factors = factors_of(pattern, size * lanes, values)._replace(
        lower=Pointer(np.zeros(pattern.l_columns.size * lanes)),
        upper=Pointer(np.zeros(pattern.u_columns.size * lanes)),
    )
    matrix = matrix_of(pattern, size)
    assert factorise_tile(matrix, factors.a, True, factors, lanes) == INCOMPLETE


def test_a_zero_pivot_is_reported():
    size = 2
    everything = np.ones(size, dtype=bool)
    identity = np.arange(size, dtype=np.int32)
    rows, columns = np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])
    entries = np.ones(4)
    pattern, _ = build_pattern(
        rows, columns, entries, identity, identity, everything, everything, complete=True
    )
    factors = factors_of(pattern, size, entries)
    assert factorise_tile(matrix_of(pattern, size), factors.a, False, factors, 1) == SINGULAR


def stamps(a):
    rows, columns = (index.ravel() for index in np.indices(a.shape))
    return rows, columns, a.ravel(), a.shape[0]


@pytest.mark.parametrize("complete", [True, False])
@pytest.mark.parametrize("small", [0, SMALL])
def test_a_singular_matrix_is_refused_in_terms_of_the_circuit(complete, small, monkeypatch):
    monkeypatch.setattr(factorisation, "SMALL", small)
    message = (
        "d: the circuit has no unique solution; look for a node without a path to ground, "
        "a loop of voltage or phase sources, or a source across ground"
    )
    for a in (np.zeros((2, 2)), np.array([[1.0, 1.0], [1.0, 1.0]])):
        with pytest.raises(DeckError, match=f"^{re.escape(message)}$"):
            order(*stamps(a), "d", complete=complete)
    with pytest.raises(DeckError, match="conductance overflows"):
        order(*stamps(np.array([[np.inf]])), "d", complete=complete)


def ordered(a, passive):
    """Order and pattern of a symmetric matrix by minimum degree, or by SuperLU."""
    rows, columns = (index.astype(np.int64) for index in a.nonzero())
    entries, size = a.toarray()[rows, columns], a.shape[0]
    kind = {"complete": True, "passive": passive}
    row_of, column_of, kept = order(rows, columns, entries, size, "d", **kind)
    assert kept
    everything = np.ones(size, dtype=bool)
    pattern, where = build_pattern(
        rows, columns, entries, row_of, column_of, everything, everything.copy(), name="d", **kind
    )
    values = np.zeros(pattern.a_columns.size)
    np.add.at(values, where, entries)
    return pattern, values


@given(st.integers(2, 60), st.integers(0, 2**31), st.floats(0.02, 0.5))
@settings(max_examples=40, deadline=None)
def test_minimum_degree_gives_a_whole_order(size, seed, density):
    rng = np.random.default_rng(seed)
    a = random_array((size, size), density=density, rng=rng)
    a = csr_array(-a - a.T + np.diag(np.asarray(a.sum(axis=0) + a.sum(axis=1)).ravel() + 1))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(factorisation, "SMALL", 0)
        pattern, values = ordered(a, True)
    assert sorted(pattern.row_of) == list(range(size))
    factors = factors_of(pattern, size, values)
    assert factorise_tile(matrix_of(pattern, size), factors.a, False, factors, 1) == DONE
    np.testing.assert_allclose(
        product(pattern, size, factors), in_order(a, pattern), atol=1e-13 * size
    )


@pytest.mark.parametrize("size", [400, 3000])
def test_minimum_degree_fills_in_as_little_as_superlu(size):
    side = np.arange(size)
    a = csr_array(
        coo_array((np.full(size, -1.0), (side, np.roll(side, 1))), (size, size))
        + coo_array((np.full(size, -1.0), (side, np.roll(side, 20))), (size, size))
    )
    a = csr_array(a + a.T + diags_array(np.full(size, 4.5)))
    assert ordered(a, True)[0].entries < 1.1 * ordered(a, False)[0].entries


def test_a_graph_that_takes_too_much_room_is_ordered_by_superlu(monkeypatch):
    a = network(400, 10.0)
    monkeypatch.setattr(factorisation, "_MOST_NEIGHBOURS", 10)
    assert np.array_equal(ordered(a, True)[0].row_of, ordered(a, False)[0].row_of)


def test_little_fill_is_kept_whatever_the_size(monkeypatch):
    """Entries below rounding are left out only where there are many."""
    monkeypatch.setattr(factorisation, "SMALL", 0)
    for a, complete in ((network(400, 10.0), False), (chain(400), True)):
        rows, columns = (index.astype(np.int64) for index in a.nonzero())
        entries = a.toarray()[rows, columns]
        *_, kept = order(rows, columns, entries, 400, "d", complete=False, passive=True)
        assert kept is complete


def chain(size):
    a = diags_array([np.full(size - 1, -1.0), np.full(size, 2.5), np.full(size - 1, -1.0)],
                    offsets=[-1, 0, 1])  # fmt: skip
    return csr_array(a)


def test_a_singular_symmetric_matrix_is_refused():
    message = (
        "d: the circuit has no unique solution; look for a node without a path to ground, "
        "a loop of voltage or phase sources, or a source across ground"
    )
    with pytest.raises(DeckError, match=f"^{re.escape(message)}$"):
        ordered(network(400, 0.0), True)

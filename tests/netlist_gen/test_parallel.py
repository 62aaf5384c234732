"""The bounded loop: order, bound, errors, closing."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netlist_gen.parallel import bounded, usable_cores


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(0, 9), max_size=20), st.integers(1, 5), st.integers(1, 4))
def test_every_item_comes_once_in_order(items, most, workers):
    with ThreadPoolExecutor(workers) as pool:
        found = list(bounded(pool, lambda x: x * x, items, most, ordered=True))
    assert found == [(item, item * item) for item in items]


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(0, 9), max_size=20), st.integers(1, 5))
def test_without_order_every_item_comes_once(items, most):
    with ThreadPoolExecutor(3) as pool:
        found = list(bounded(pool, lambda x: x + 1, items, most))
    assert sorted(found) == sorted((item, item + 1) for item in items)


@pytest.mark.parametrize("most", [1, 3])
def test_no_more_is_taken_than_fits(most):
    taken = done = 0

    def items():
        nonlocal taken
        for item in range(12):
            taken += 1
            assert taken - done <= most
            yield item

    with ThreadPoolExecutor(4) as pool:
        for _ in bounded(pool, lambda x: x, items(), most):
            done += 1
    assert taken == done == 12


def test_an_error_is_raised_where_its_result_would_be():
    def work(item):
        if item == 2:
            raise ValueError("two")
        return item

    with ThreadPoolExecutor(1) as pool:
        results = bounded(pool, work, range(5), 2, ordered=True)
        assert [next(results), next(results)] == [(0, 0), (1, 1)]
        with pytest.raises(ValueError, match=r"^two$"):
            next(results)


def test_closing_drops_what_has_not_begun():
    begun, gate = [], threading.Event()

    def work(item):
        begun.append(item)
        if item:
            gate.wait(10)

    with ThreadPoolExecutor(1) as pool:
        with closing(bounded(pool, work, range(6), 4)) as results:
            assert next(results) == (0, None)
        gate.set()
    assert begun in ([0], [0, 1])


def test_there_is_a_core():
    assert usable_cores() >= 1

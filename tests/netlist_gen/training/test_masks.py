"""Masks: the largest of each row or layer, exactly, the first of equals."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from netlist_gen.training.masks import cap_rows, cubic, largest, prune_to_budget

# Whole numbers: many magnitudes are equal, as those of weights at their limit are.
_WEIGHTS = st.lists(
    st.lists(st.integers(-3, 3), min_size=7, max_size=7), min_size=1, max_size=4
).map(lambda rows: torch.tensor(rows, dtype=torch.float32))


def first_of_largest(row: Tensor, count: int) -> list[bool]:
    """The same by a stable sort of one row."""
    order = sorted(range(len(row)), key=lambda at: -float(row[at].abs()))[:count]
    return [at in order for at in range(len(row))]


@given(weight=_WEIGHTS, cap=st.integers(0, 9))
def test_of_equals_the_first_are_kept(weight: Tensor, cap: int) -> None:
    assert cap_rows(weight, cap).tolist() == [first_of_largest(row, cap) for row in weight]


@given(weight=_WEIGHTS, budget=st.integers(0, 30), seed=st.integers(0, 99))
def test_a_budget_keeps_the_largest_of_a_mask(weight: Tensor, budget: int, seed: int) -> None:
    mask = torch.rand(weight.shape, generator=torch.Generator().manual_seed(seed)) < 0.7
    kept = largest(weight, mask, budget)
    allowed = torch.where(mask, 1.0 + weight.abs(), 0.0).flatten()
    wanted = first_of_largest(allowed, min(budget, int(mask.sum())))
    assert kept.flatten().tolist() == wanted


@given(seed=st.integers(0, 10**6), cap=st.integers(1, 20), limit=st.integers(1, 8))
def test_caps_are_exact(seed: int, cap: int, limit: int) -> None:
    weight = torch.randn(6, 15, generator=torch.Generator().manual_seed(seed))
    mask = cap_rows(weight, cap)
    assert mask.sum(dim=1).tolist() == [min(cap, 15)] * 6
    kept = torch.where(mask, weight.abs(), torch.inf).min(dim=1).values
    dropped = torch.where(mask, 0.0, weight.abs()).max(dim=1).values
    assert bool((kept >= dropped).all())
    bounded = cap_rows(weight, cap, max_count=limit)
    assert int((bounded & (weight > 0)).sum(dim=1).max()) <= limit
    assert int((bounded & (weight < 0)).sum(dim=1).max()) <= limit
    assert int(bounded.sum(dim=1).max()) <= cap


def test_the_largest_of_a_mask_exactly() -> None:
    weight = torch.tensor([[3.0, -3.0, 1.0], [2.0, 0.0, -5.0]])
    mask = torch.tensor([[True, True, True], [True, True, False]])
    kept = largest(weight, mask, 3)
    assert kept.tolist() == [[True, True, False], [True, False, False]]
    assert largest(weight, mask, 9) is mask


@given(seed=st.integers(0, 10**6), budget=st.integers(0, 40))
def test_pruning_keeps_the_highest_scores(seed: int, budget: int) -> None:
    g = torch.Generator().manual_seed(seed)
    scores = [torch.rand(3, 5, generator=g), torch.rand(2, 8, generator=g)]
    masks = [torch.rand(s.shape, generator=g) < 0.8 for s in scores]
    kept = prune_to_budget(scores, masks, lambda m: sum(int(x.sum()) for x in m) <= budget)
    total = sum(int(m.sum()) for m in masks)
    assert sum(int(m.sum()) for m in kept) == min(budget, total)
    assert all(bool((k <= m).all()) for k, m in zip(kept, masks, strict=True))


def test_cubic_schedule() -> None:
    assert [cubic(p, 100, 20) for p in (-1, 0, 0.5, 1, 2)] == [100, 100, 30, 20, 20]

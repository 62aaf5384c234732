"""What a GPU computes by tensor operations is what the compiled loops compute, run here on both."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from netlist_gen.training import fused, tensors
from netlist_gen.training.fused import Statistics
from netlist_gen.training.optimiser import Adam, adam
from netlist_gen.training.packed import PackedSpikes, unpack

BOTH = fused, tensors
SEEDS = st.integers(0, 10**6)
PRECISIONS = st.sampled_from([torch.float32, torch.bfloat16])
SHAPES = st.sampled_from([(5, 12), (4, 3, 2, 2), (1, 1), (7, 300)])


def close(ours: Tensor | None, theirs: Tensor | None) -> bool:
    """Of one type, and the same but for float32's (or the type's own) rounding."""
    assert ours is not None
    assert theirs is not None
    half = ours.dtype == torch.bfloat16
    within = {"rtol": 1e-2, "atol": 1e-2} if half else {"rtol": 2e-5, "atol": 2e-5}
    return ours.dtype == theirs.dtype and torch.allclose(ours, theirs, **within)


@given(
    seed=SEEDS, shape=SHAPES, dtype=PRECISIONS, real=st.none() | st.floats(0, 1),
    share=st.sampled_from([0.0, 0.1, 0.6, 1.0]),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_weights(
    seed: int, shape: tuple[int, ...], dtype: torch.dtype, real: float | None, share: float
) -> None:
    torch.manual_seed(seed)
    latent, mask, given = torch.randn(shape), torch.rand(shape) < share, torch.randn(shape)
    latent.view(-1)[0] = -0.0  # its sign is the sign bit's
    found = []
    for module in BOTH:
        weight = latent.clone().requires_grad_()
        if real is None:
            made = module.ternary(weight, mask, dtype)
        else:
            made = module.sliding(weight, mask, real, dtype)
        made.backward(given.to(dtype))
        found.append((made.detach(), weight.grad))
    assert all(close(*pair) for pair in zip(*found, strict=True))
    if real is None:
        assert torch.equal(found[0][0], found[1][0])


@given(
    seed=SEEDS, rows=st.sampled_from([1, 40, 129]), frozen=st.booleans(), dtype=PRECISIONS,
    momentum=st.sampled_from([0.0, 0.05]), noisy=st.booleans(),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_decisions(
    seed: int, rows: int, frozen: bool, dtype: torch.dtype, momentum: float, noisy: bool
) -> None:
    torch.manual_seed(seed)
    counts = torch.randint(-6, 9, (rows, 7)).to(dtype)
    counts[:, 3] = 2.0  # a neuron whose count never changes
    shifts = 1.2 * torch.randn(7)  # some beyond the limit, where there is no gradient
    push = 0.4 * torch.randn(rows, 7) if noisy else None
    weigh, found = torch.randn(2, rows, 7), []
    for module in BOTH:
        n, shift = (x.clone().requires_grad_() for x in (counts, shifts))
        running = Statistics(torch.full((7,), 0.3), torch.full((7,), 1.7), momentum, frozen)
        spikes, membrane, excess = module.decide(n, shift, running, push, 2.0)
        ((spikes * weigh[0]).sum() + (membrane * weigh[1]).sum() + 0.3 * excess).backward()
        found.append((spikes, membrane, excess, n.grad, shift.grad, running.mean, running.spread))
    # A membrane at nothing but rounding may decide either way.
    sure = (found[0][1].abs() > 1e-5) & (found[1][1].abs() > 1e-5)
    assert torch.equal(found[0][0][sure], found[1][0][sure])
    assert all(close(*pair) for pair in zip(*(each[1:] for each in found), strict=True))


@given(seed=SEEDS, steps=st.integers(1, 3), population=st.integers(1, 4), dtype=PRECISIONS)
@settings(max_examples=30, deadline=None)
def test_votes(seed: int, steps: int, population: int, dtype: torch.dtype) -> None:
    torch.manual_seed(seed)
    shape = 4 * steps, 3 * population
    drawn = (torch.rand(shape) < 0.4).to(dtype), torch.randn(shape), torch.tensor(0.7)
    weigh, found = torch.randn(2, 4, 3), []
    for module in BOTH:
        spikes, membrane, scale = (x.clone().requires_grad_() for x in drawn)
        hard, soft = module.readout(spikes, membrane, scale, 3, steps)
        ((hard * weigh[0]).sum() + (soft * weigh[1]).sum()).backward()
        found.append((hard, soft, spikes.grad, membrane.grad, scale.grad))
    assert all(close(*pair) for pair in zip(*found, strict=True))


@given(seed=SEEDS, steps=st.integers(1, 30))
@settings(max_examples=15, deadline=None)
def test_adam(seed: int, steps: int) -> None:
    torch.manual_seed(seed)
    compiled = [nn.Parameter(torch.randn(shape)) for shape in ((4, 5), (3,), ())]
    plain = copy.deepcopy(compiled)
    both = Adam(compiled, 0.01, adam), Adam(plain, 0.01, tensors.adam)
    for step in range(steps):
        for a, b in zip(compiled, plain, strict=True):
            # Now and then a parameter has no gradient, or one of nothing.
            a.grad = None if torch.rand(()) < 0.1 else torch.randn(a.shape) * (step % 4 > 0)
            b.grad = None if a.grad is None else a.grad.clone()
        for each in both:
            each.learning_rate = 0.01 / (1 + step)
            each.step()
    assert all(close(*pair) for pair in zip(compiled, plain, strict=True))
    states = [each.state_dict() for each in both]
    assert states[0]["steps"] == states[1]["steps"] == steps
    for name in ("first", "second"):
        assert all(close(*pair) for pair in zip(*(state[name] for state in states), strict=True))


@given(seed=SEEDS, shape=st.sampled_from([(1,), (8,), (784,), (3, 13), (2, 8)]), dtype=PRECISIONS)
@settings(max_examples=30, deadline=None)
def test_batches(seed: int, shape: tuple[int, ...], dtype: torch.dtype) -> None:
    rng = np.random.default_rng(seed)
    packed = PackedSpikes([rng.random((20, *shape)) < 0.4])
    rows, here = rng.integers(20, size=9), torch.device("cpu")
    made = [each(packed, rows, dtype, here) for each in (unpack, tensors.unpack)]
    assert made[0].dtype == made[1].dtype == dtype
    assert torch.equal(*made)


def test_bits_are_what_is_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    copied: list[np.ndarray] = []
    real = tensors.moved_to

    def watched(device: torch.device, array: np.ndarray) -> Tensor:
        copied.append(array)
        return real(device, array)

    monkeypatch.setattr(tensors, "moved_to", watched)
    packed = PackedSpikes([np.ones((5, 2, 100), dtype=bool)])
    found = tensors.unpack(packed, np.array([4, 0]), torch.float32, torch.device("cpu"))
    assert found.sum() == 400
    assert [(each.dtype, each.shape) for each in copied] == [(np.uint8, (2, 25))]

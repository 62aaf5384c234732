"""Each compiled step is what tensor operations make of it, forward and backward."""

from __future__ import annotations

import gc
import weakref

import pytest
import snntorch as snn
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from snntorch import surrogate
from torch import Tensor

from netlist_gen.training.fused import (
    Statistics,
    decide,
    readout,
    sliding,
    ternary,
)

LIMIT, NEURONS = 2.0, 7


def by_tensors(n: Tensor, shift: Tensor, running: Statistics, push: Tensor) -> tuple[Tensor, ...]:
    """What ``decide`` says it computes, by tensor operations and snnTorch's own neuron."""
    mean = n.mean(dim=0)
    spread = (n - mean).square().mean(dim=0).clamp(min=0.25).sqrt()
    with torch.no_grad():
        running.mean.lerp_(mean, running.momentum)
        running.spread.lerp_(spread, running.momentum)
    if running.frozen:
        mean = running.mean + (mean - mean.detach())
        spread = running.spread + (spread - spread.detach())
    edge = mean - shift.clamp(-LIMIT, LIMIT) * spread
    excess = torch.relu((0.5 - edge) / spread.detach()).mean()
    at = torch.floor(edge.detach()) + 0.5 if running.frozen else edge.detach()
    edge = edge + at.clamp(min=0.5) - edge.detach()
    u = (n - edge) / spread + push
    neuron = snn.Leaky(
        beta=0.0, threshold=0.0, reset_mechanism="none", spike_grad=surrogate.atan(alpha=2.0)
    )
    spikes, membrane = neuron(u, torch.zeros_like(u))
    return spikes, membrane, excess


@given(seed=st.integers(0, 10**4), frozen=st.booleans(), momentum=st.sampled_from([0.0, 0.05]))
@settings(max_examples=25, deadline=None)
def test_the_neuron_is_snntorchs(seed: int, frozen: bool, momentum: float) -> None:
    torch.manual_seed(seed)
    counts = torch.randint(-6, 9, (40, NEURONS)).float()
    counts[:, 3] = 2.0  # a neuron whose count never changes
    shifts, push = 1.2 * torch.randn(NEURONS), 0.4 * torch.randn(40, NEURONS)
    weigh = [torch.randn(40, NEURONS), torch.randn(40, NEURONS)]
    results = []
    for how in (lambda *given: decide(*given, LIMIT), by_tensors):
        n, shift = (x.clone().requires_grad_() for x in (counts, shifts))
        running = Statistics(torch.full((NEURONS,), 0.3), torch.full((NEURONS,), 1.7), momentum,
                             frozen)  # fmt: skip
        spikes, membrane, excess = how(n, shift, running, push)
        ((spikes * weigh[0]).sum() + (membrane * weigh[1]).sum() + 0.3 * excess).backward()
        results.append([spikes, membrane, excess, n.grad, shift.grad, running.mean, running.spread])
    for ours, theirs in zip(*results, strict=True):
        assert torch.allclose(ours, theirs, rtol=1e-5, atol=1e-5)
    assert torch.equal(results[0][0], results[1][0])


def test_a_neuron_without_noise_is_one_with_none() -> None:
    n, shift = torch.randint(-3, 5, (30, NEURONS)).float(), torch.zeros(NEURONS)
    running = Statistics(torch.zeros(NEURONS), torch.ones(NEURONS), 0.0, True)
    quiet, none = (decide(n, shift, running, push, LIMIT) for push in (None, torch.zeros_like(n)))
    assert all(torch.equal(a, b) for a, b in zip(quiet, none, strict=True))
    assert torch.equal(quiet[0], (n >= 1).float())  # theta 1: the edge is a half


@given(seed=st.integers(0, 10**4), steps=st.integers(1, 3))
@settings(max_examples=10, deadline=None)
def test_scores_are_means_of_pulses_and_of_softened_membranes(seed: int, steps: int) -> None:
    torch.manual_seed(seed)
    drawn = torch.rand(4 * steps, 6), torch.randn(4 * steps, 6), torch.tensor(0.7)
    weigh, results = torch.randn(2, 4, 3), []
    for ours in (True, False):
        spikes, membrane, scale = (x.clone().requires_grad_() for x in drawn)
        if ours:
            hard, soft = readout(spikes, membrane, scale, 3, steps)
        else:
            hard, soft = (
                part.view(-1, steps, 3, 2).mean(dim=(1, 3)) * scale.exp()
                for part in (spikes, torch.sigmoid(2.0 * membrane))
            )
        ((hard * weigh[0]).sum() + (soft * weigh[1]).sum()).backward()
        results.append((hard, soft, spikes.grad, membrane.grad, scale.grad))
    for mine, theirs in zip(*results, strict=True):
        assert torch.allclose(mine, theirs, rtol=1e-5, atol=1e-6)


def test_a_step_leaves_nothing_behind() -> None:
    n, shift = torch.randn(9, NEURONS, requires_grad=True), torch.zeros(NEURONS)
    running = Statistics(torch.zeros(NEURONS), torch.ones(NEURONS), 0.05, False)
    found = decide(n, shift, running, None, LIMIT)
    votes = readout(*found[:2], torch.zeros((), requires_grad=True), NEURONS, 1)
    sum(part.sum() for part in votes).backward()
    left = [weakref.ref(tensor) for tensor in (*found, *votes)]
    del found, votes
    gc.collect()
    assert [one() for one in left] == [None] * 5  # a graph that keeps itself is never freed


@pytest.mark.parametrize("real", [None, 0.4])
def test_half_precision_is_the_same_rounded(real: float | None) -> None:
    torch.manual_seed(1)
    found = []
    for dtype in (torch.float32, torch.bfloat16):
        torch.manual_seed(2)
        weight, mask = torch.randn(5, 3, 2, 2, requires_grad=True), torch.rand(5, 3, 2, 2) < 0.5
        made = ternary(weight, mask, dtype) if real is None else sliding(weight, mask, real, dtype)
        made.backward(torch.randn(made.shape).to(torch.bfloat16).to(dtype))
        assert weight.grad is not None
        found.append((made.detach(), weight.grad))
    assert torch.equal(found[0][0].to(torch.bfloat16), found[1][0])
    assert torch.equal(found[0][1], found[1][1])

"""The compiled Adam is PyTorch's."""

from __future__ import annotations

import copy

import torch
from torch import nn

from netlist_gen.training.optimiser import Adam


def test_the_optimiser_is_torchs_and_goes_on_from_a_state() -> None:
    torch.manual_seed(0)
    mine = [nn.Parameter(torch.randn(shape)) for shape in ((4, 5), (3,), ())]
    theirs = copy.deepcopy(mine)
    ours, reference = Adam(mine, 0.01), torch.optim.Adam(theirs, lr=0.01)
    for step in range(30):
        if step == 10:
            ours.learning_rate = reference.param_groups[0]["lr"] = 0.003
        if step == 20:
            again = Adam(mine, 0.003)
            again.load_state_dict(copy.deepcopy(ours.state_dict()))
            ours = again
        for a, b in zip(mine, theirs, strict=True):
            b.grad = torch.randn(b.shape)
            a.grad = b.grad.clone()
        ours.step()
        reference.step()
    for a, b in zip(mine, theirs, strict=True):
        assert torch.allclose(a, b, rtol=1e-5, atol=1e-6)
    ours.zero_grad()
    before = mine[0].detach().clone()
    ours.step()  # nothing has a gradient
    assert mine[0].grad is None
    assert torch.equal(mine[0], before)


def test_a_gradient_that_stays_away_fades_to_nothing() -> None:
    weight = nn.Parameter(torch.ones(3))
    adam = Adam([weight], 1e-3)
    weight.grad = torch.ones(3)
    adam.step()
    weight.grad = torch.zeros(3)
    for _ in range(2000):
        adam.step()
    (first,) = adam.state_dict()["first"]
    assert first.tolist() == [0.0] * 3  # and no subnormal number, which would be slow

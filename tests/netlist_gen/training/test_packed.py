"""Packed spikes are the spikes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from netlist_gen.training.packed import PackedSpikes
from netlist_gen.training.places import COMPILED, TENSORS, Operations


@pytest.mark.parametrize("operations", [COMPILED, TENSORS])
@pytest.mark.parametrize("shape", [(784,), (3, 13)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_packed_spikes_are_the_spikes(
    operations: Operations, shape: tuple[int, ...], dtype: torch.dtype
) -> None:
    rng = np.random.default_rng(0)
    spikes = rng.random((50, *shape)) < 0.3
    packed = PackedSpikes([spikes[:20], spikes[20:]])
    rows = np.array([3, 3, 49, 0])
    found = operations.unpack(packed, rows, dtype, torch.device("cpu"))
    assert torch.equal(found, torch.from_numpy(spikes[rows]).to(dtype))


def test_the_lines_that_are_asked_for_step_after_step() -> None:
    spikes = np.random.default_rng(0).random((30, 2, 13)) < 0.4
    rows, lines = np.array([4, 29, 4, 7, 0]), np.array([0, 5, 12])
    out = np.full((13, 10), 7, np.uint8)
    PackedSpikes([spikes]).into(rows, lines, out)
    wanted = spikes[rows].transpose(2, 1, 0).reshape(13, 10)
    assert np.array_equal(out[lines], wanted[lines])
    assert (np.delete(out, lines, axis=0) == 7).all()  # others are left alone

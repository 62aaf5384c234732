"""A step over the kept synapses is the step over all weights."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from netlist_gen.training.config import TrainingConfig
from netlist_gen.training.datasets import load_data
from netlist_gen.training.pool import Pool
from netlist_gen.training.sparse import SparseSteps
from netlist_gen.training.trainer import _TrainingRun

CONFIG = TrainingConfig(
    hidden=("24",), population=2, fan_in=(9, 12), layer_synapses=(120, 60), slide_to=0.6, epochs=4,
    grey_levels=(5,), batch=64, freeze_at=0.8,
)  # fmt: skip


def run_of(config: TrainingConfig, scores: bool = False) -> _TrainingRun:
    data = load_data("digits", seed=0)
    made = np.random.default_rng(1).normal(size=(len(data.train_labels), 10)).astype(np.float16)
    pool = Pool(
        data.train_images, data.train_labels, made if scores else None, len(data.train_labels), None
    )
    return _TrainingRun(config, data, pool, None, None)


@pytest.mark.parametrize("share", [0.5, 0.7, 0.85, 0.97])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"hidden": ("20", "16"), "fan_in": (8,), "layer_synapses": (100, 80, 60)},
        {"steps": 3, "grey_levels": (3, 6, 10)},
        {"distill": 0.4, "temperature": 1.5},
    ],
)
def test_kept_synapses_learn_what_all_weights_would(options: dict, share: float) -> None:
    config = replace(CONFIG, **options)
    dense, sparse = (run_of(config, "distill" in options) for _ in range(2))
    rows = np.arange(100, 164)
    for run in (dense, sparse):
        run.plan.update(1.0)
        with torch.no_grad():  # statistics and moments as in mid-run
            for layer in run.net.trained:
                layer.fresh.fill_(False)
        for _ in range(3):
            run.net.train()
            run._loss(rows).backward()
            run.optimiser.step()
            run.optimiser.zero_grad()
        run._prepare(int(share * run.total) // 20 * 20 + 1)
        run._to_dense()
    assert SparseSteps.pays(sparse.net)
    sparse.sparse = SparseSteps(sparse.net, sparse.optimiser)
    kept = [layer.mask.clone() for layer in sparse.net.trained]
    for _ in range(3):
        wanted = dense._loss(rows)
        dense.optimiser.zero_grad()
        wanted.backward()
        dense.optimiser.step()
        found = sparse._step(rows)
        assert found == pytest.approx(float(wanted.detach()), rel=1e-4)
    sparse._to_dense()
    for ours, theirs, mask in zip(sparse.net.trained, dense.net.trained, kept, strict=True):
        assert torch.allclose(ours.weight[mask], theirs.weight[mask], atol=2e-5)
        assert torch.allclose(ours.shift, theirs.shift, atol=2e-5)
        assert torch.allclose(ours.mean, theirs.mean, atol=1e-4)
        assert torch.allclose(ours.spread, theirs.spread, atol=1e-4)
    assert float(sparse.net.log_scale.detach()) == pytest.approx(
        float(dense.net.log_scale.detach()), abs=1e-5
    )

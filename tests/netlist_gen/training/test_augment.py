"""Distorted copies: how far images move, and that all of a pool's copies are of that strength."""

from __future__ import annotations

from dataclasses import astuple, replace

import numpy as np
import pytest

from netlist_gen.errors import ConfigurationError
from netlist_gen.training.augment import SMALL, Distortion, distort
from netlist_gen.training.config import TrainingConfig
from netlist_gen.training.datasets import load_data
from netlist_gen.training.pool import make_pool


def test_a_strength_takes_all_distortions_alike() -> None:
    assert astuple(Distortion().times(0.5)) == pytest.approx((5.0, 0.05, 0.075, 0.035, 0.02))
    assert Distortion().times(1.0) == Distortion()


def test_weaker_copies_are_nearer_to_the_originals() -> None:
    images = load_data("digits").train_images[:300]
    apart = [
        np.abs(distort(images, 1, SMALL.times(strength), 16).astype(int) - images).mean()
        for strength in (1e-6, 0.5, 1.0, 2.0)
    ]
    assert apart[0] < 0.01
    assert apart == sorted(apart)
    assert apart[3] > 1.5 * apart[1]


def test_the_pool_has_copies_of_the_strength_that_is_asked_for() -> None:
    data = load_data("digits")
    config = TrainingConfig(copies=1, grey_levels=(5,), distortion=0.5)
    pool = make_pool(data, config, None, lambda _: None)
    wanted = distort(data.train_images, 1, SMALL.times(0.5), data.brightest)
    assert np.array_equal(pool.images[pool.originals :], wanted)
    stronger = make_pool(data, replace(config, distortion=1.0), None, lambda _: None)
    assert not np.array_equal(pool.images, stronger.images)


def test_a_strength_of_nothing_is_refused() -> None:
    with pytest.raises(
        ConfigurationError, match=r"^training option distortion is 0\.0; above 0 is allowed$"
    ):
        TrainingConfig(distortion=0.0)

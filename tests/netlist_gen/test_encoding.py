"""Values to spikes."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netlist_gen.encoding import Encoding, choose_encoding, is_spikes
from netlist_gen.errors import ConfigurationError

VALUES = np.array([[0.0, 0.25, 0.5], [0.75, 1.0, 0.1]])


def test_levels_are_seen_highest_first() -> None:
    found = choose_encoding(VALUES, "D", steps=3)
    assert found == Encoding("levels", 3, False, 0.0, 1.0, (0.75, 0.5, 0.25), 0)
    assert found(VALUES).astype(int).tolist() == [
        [[0, 0, 0], [0, 0, 0], [0, 0, 1]],
        [[0, 1, 0], [1, 1, 0], [1, 1, 0]],
    ]
    assert found.words == "3 steps, values above 0.75, 0.5, 0.25"


def test_a_threshold_is_one_step_in_the_middle_or_where_it_is_said() -> None:
    assert choose_encoding(VALUES, "D", steps=1)(VALUES).astype(int).tolist() == [
        [0, 0, 0], [1, 1, 0],
    ]  # fmt: skip
    said = choose_encoding(VALUES, "D", kind="threshold", level=0.2)
    assert said(VALUES).astype(int).tolist() == [[0, 1, 1], [1, 1, 0]]


def test_latency_gives_one_pulse_the_sooner_the_higher() -> None:
    spikes = choose_encoding(VALUES, "D", kind="latency", steps=5)(VALUES)
    assert spikes.sum(axis=1).tolist() == [[0, 1, 1], [1, 1, 1]]
    assert spikes.argmax(axis=1).tolist() == [[0, 3, 2], [1, 0, 4]]


@given(seed=st.integers(0, 10**6))
def test_a_rate_is_its_value_and_its_seeds_own(seed: int) -> None:
    values = np.array([[0.0, 1.0, 0.3]]).repeat(3, axis=0)
    coding = choose_encoding(values, "D", kind="rate", steps=400, seed=seed)
    spikes = coding(values)
    assert not spikes[..., 0].any()
    assert spikes[..., 1].all()
    assert 0.2 < spikes[..., 2].mean() < 0.4
    assert np.array_equal(spikes, coding(values))
    assert not np.array_equal(spikes[0], spikes[1])  # each sample draws by itself


def test_spikes_are_joined_where_fewer_steps_are_wanted() -> None:
    x = np.zeros((1, 5, 2), dtype=int)
    x[0, 1, 0] = x[0, 4, 1] = 1
    assert choose_encoding(x, "D", timed=True)(x).shape == (1, 5, 2)
    joined = choose_encoding(x, "D", timed=True, steps=2)(x)
    assert joined.astype(int).tolist() == [[[1, 0], [0, 1]]]
    assert choose_encoding(x, "D", timed=True, steps=1)(x).astype(int).tolist() == [[1, 1]]


def test_counts_of_events_over_time_keep_their_steps() -> None:
    x = np.array([[[0, 3], [1, 0], [0, 0]]])
    coding = choose_encoding(x, "D", timed=True)
    assert (coding.kind, coding.steps, coding.levels) == ("threshold", 3, (0.0,))
    assert coding(x).astype(int).tolist() == [[[0, 1], [1, 0], [0, 0]]]


def test_what_is_spikes() -> None:
    assert is_spikes(np.array([[True]]))
    assert is_spikes(np.array([[0.0, 1.0]]))
    assert not is_spikes(np.array([[0, 2]]))
    assert not is_spikes(np.append(np.zeros((100, 1)), [[0.5]], axis=0))


def test_json() -> None:
    coding = choose_encoding(VALUES, "D", steps=3)
    assert Encoding.from_json(coding.to_json(), "card") == coding


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kind": "phase"}, "an encoding is 'phase' of 3 steps; allowed are spikes, threshold, "
         "levels, rate, latency of 1 step or more"),
        ({"steps": 0}, "an encoding is 'levels' of 0 steps; allowed are spikes, threshold, levels, "
         "rate, latency of 1 step or more"),
        ({"levels": [1.0]}, "an encoding by levels has 1 levels; 3 are needed"),
        ({"levels": [3.0, 1e999, 1.0]},
         "an encoding by levels has the level inf; a finite number is needed"),
    ],
)  # fmt: skip
def test_cards_that_make_no_sense(changes, message) -> None:
    stated = choose_encoding(VALUES, "D", steps=3).to_json() | changes
    with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}$"):
        Encoding.from_json(stated, "card")


TIMED = np.random.default_rng(0).random((2, 6, 3))


@pytest.mark.parametrize(
    ("values", "options", "message"),
    [
        (VALUES, {"kind": "phase"}, "--encode is 'phase'; allowed are threshold, levels, rate, "
         "latency"),
        (VALUES, {"steps": 0}, "--steps is 0; it must be at least 1"),
        (VALUES, {"kind": "threshold", "steps": 3}, "--encode threshold makes 1 step of a value, "
         "--steps is 3; levels, rate and latency make several"),
        (VALUES, {"kind": "rate", "level": 0.5}, "--level is that of --encode threshold; --encode "
         "is rate"),
        (VALUES > 0.3, {"steps": 4}, "D: 1 step of spikes can't become 4; 1 to 1 can be made of "
         "them"),
        (TIMED, {"timed": True, "kind": "rate"}, "D: --encode rate makes steps of values that have "
         "none; these have 6 already: --encode threshold keeps them"),
        (np.array([[1.0, np.inf]]), {}, "D: values from 1.0 to inf; finite ones are needed"),
    ],
)  # fmt: skip
def test_what_is_refused(values, options, message) -> None:
    with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}$"):
        choose_encoding(values, "D", **options)

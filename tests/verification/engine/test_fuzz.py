from __future__ import annotations

import random
from collections import Counter

import pytest
from deck_fuzz import SEEDS, damage, outcome
from fuzz_decks import READ, REFUSED, fuzz, is_wrong


@pytest.mark.parametrize("text", SEEDS)
def test_the_undamaged_decks_run(text):
    assert outcome(text, seconds=60.0) == "ran"  # the first may compile the kernels


def test_damaged_decks_are_refused_or_run():
    """400 here; ``benchmarks/engine.py fuzz`` takes 10,000."""
    rng = random.Random(0)
    found: Counter[str] = Counter()
    for _ in range(400):
        text = damage(rng)
        try:
            found[outcome(text)] += 1
        except Exception as error:
            raise AssertionError(f"{error!r} from this deck:\n{text}") from error
    assert found["refused"] > 150
    assert found["ran"] > 30


def test_damaged_golden_decks_are_refused_in_a_sentence_or_read():
    """A slice of ``benchmarks/fuzz_decks.py``, which takes 50,000 in all dialects."""
    found = fuzz(count=1000, seed=7, ran=0, jobs=1)
    assert [one for one in found if is_wrong(one)] == []
    counts = Counter(one.outcome for one in found)
    assert len(found) == 1000
    assert counts[READ] > 200
    assert counts[REFUSED] > 200

from __future__ import annotations

import numpy as np
import pytest
from engine_decks import compile_deck, jtl, mesh

from verification.engine.cuda.levels import levels


@pytest.mark.parametrize("text", [jtl(6), mesh(12)])
def test_a_row_needs_only_rows_of_levels_before_its_own(text):
    pattern = compile_deck(text).structure.pattern
    found = levels(pattern)
    size = pattern.row_of.size
    steps = [found.rows[a:b] for a, b in zip(found.begin[:-1], found.begin[1:], strict=True)]
    down, up = steps[: found.forwards], steps[found.forwards :]
    assert sorted(np.concatenate(down)) == list(range(size))
    assert sorted(np.concatenate(up)) == sorted(pattern.back)
    assert len(down) < size  # some rows are beside each other
    done: set[int] = set()
    for level in down:
        for row in level:
            needs = pattern.l_columns[pattern.l_rows[row] : pattern.l_used[row]]
            assert set(needs.tolist()) <= done
        done |= set(level.tolist())
    left = set(range(size)) - set(pattern.back.tolist())  # what the forward substitution left
    for level in up:
        for row in level:
            needs = pattern.u_columns[pattern.u_rows[row] : pattern.u_rows[row + 1]]
            assert set(needs.tolist()) <= left
        left |= set(level.tolist())

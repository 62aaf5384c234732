"""A slice of ``benchmarks/fuzz_checkpoints.py``: damaged files are refused, or the same network."""

from __future__ import annotations

import pytest
from fuzz_checkpoints import DAMAGES, SAME, Task, bit_tasks, five_sources, is_wrong, run


@pytest.mark.parametrize("seed", [20])
def test_damaged_files(tmp_path, seed):
    sources = five_sources(tmp_path)
    kinds = tuple(DAMAGES)
    tasks = [
        Task(index, kinds[number % len(kinds)], number)
        for index in range(len(sources))
        for number in range(60)
    ]
    for index, source in enumerate(sources):
        tasks += bit_tasks(source, index, 40, seed)[:: 97 if source.suffix == ".nir" else 151]
    outcomes = run(sources, tasks, seed, 1)
    assert len(outcomes) == len(tasks)
    assert [one for one in outcomes if is_wrong(one)] == []
    # Both ends are seen: some damage matters and some does not.
    assert 10 < sum(one.outcome == SAME for one in outcomes) < len(tasks) / 2

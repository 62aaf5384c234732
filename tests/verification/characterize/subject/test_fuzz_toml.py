"""A slice of ``benchmarks/fuzz_toml.py``: mutated files are refused in a sentence, or taken."""

from __future__ import annotations

from random import Random

from fuzz_toml import fuzz


def test_mutated_files_of_cells_and_processes(tmp_path):
    counts, broken = fuzz(tmp_path, Random(5), 120)
    assert broken == []
    assert all(counts[kind]["refused"] and counts[kind]["taken"] for kind in counts)

from __future__ import annotations

import pytest

from netlist_gen.deck.windows import WINDOWS_PER_DECK, chunks, deck_name


@pytest.mark.parametrize(
    ("windows", "expected"),
    [
        (0, [(0, 0)]),
        (1, [(0, 1)]),
        (WINDOWS_PER_DECK, [(0, 64)]),
        (WINDOWS_PER_DECK + 1, [(0, 32), (32, 65)]),
        (200, [(0, 50), (50, 100), (100, 150), (150, 200)]),
    ],
)
def test_windows_are_shared_out_evenly(windows, expected):
    assert chunks(windows) == expected


def test_names():
    assert deck_name("L0N1", 0, chunks(64)) == "L0N1"
    runs = chunks(200)
    assert [deck_name("L0N1", first, runs) for first, _ in runs] == [
        "L0N1_W000", "L0N1_W050", "L0N1_W100", "L0N1_W150",
    ]  # fmt: skip

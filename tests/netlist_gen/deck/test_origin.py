"""What a deck says of its origin: the same wherever it is made, and nothing of its circuit."""

from __future__ import annotations

import re

import numpy as np
from support import tiny_network

import netlist_gen as ng
from netlist_gen.deck.origin import without_origin


def test_the_head_says_where_a_deck_is_from(tmp_path):
    x = tmp_path / "x.npy"
    np.save(x, np.array([[1, 0, 1]], dtype=bool))
    for folder in ("one", "two"):
        ng.generate(tiny_network(), x, tmp_path / folder, jobs=1, clock_ghz=8.0)
    first = (tmp_path / "one" / "L0N0.cir").read_bytes()
    assert first == (tmp_path / "two" / "L0N0.cir").read_bytes()
    lines = first.decode().splitlines()
    assert re.fullmatch(
        rf"\* origin: netlist-gen {re.escape(ng.__version__)}; a network, SHA-256 [0-9a-f]{{64}}",
        lines[4],
    )
    assert re.fullmatch(r"\* origin: input pulses, SHA-256 [0-9a-f]{64}", lines[5])
    assert lines[6] == ("* origin: netlist-gen generate 'a network' --inputs x.npy --clock-ghz 8.0")
    assert without_origin(first.decode()).splitlines() == lines[:4] + lines[7:]


def test_a_deck_is_known_by_what_it_is(tmp_path):
    """A run of written decks finds in the ledger what a run of its own has measured."""
    network, x = tiny_network(), np.array([[1, 0, 1]], dtype=bool)
    ng.generate(network, x, tmp_path / "decks")
    options = {"simulator": "embedded", "resume": True}
    ng.verify(network, x, None, tmp_path / "run", windows_per_deck=64, **options)
    again = ng.verify(network, x, None, tmp_path / "run", decks=tmp_path / "decks", **options)
    assert again.verdict.from_ledger == 5

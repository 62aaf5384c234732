"""One fluxon trapped in a storage loop: what becomes of it with start-up windows and without."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from support import tiny_network
from trapped_fluxons import deck_of, in_engine, traps, with_traps

from netlist_gen.assembly.network_circuit import network_bench
from netlist_gen.library.cells import CellLibrary
from netlist_gen.spikes import NetworkSpikes
from verification.engine.run import compile_deck

X = np.array([[0, 1, 1], [0, 0, 1], [0, 1, 0]], dtype=bool)
"""Line 0 is silent: what is trapped in its loops stays without a start-up."""

PLACES = [("XL0N0", "XS0"), ("XL0N2", "XS0"), ("XL1N0", "XS2")]
"""Excitatory, inhibitory, and between layers on the line of a neuron of theta 0."""


@pytest.mark.parametrize(("startup", "words"), [(True, {"healed"}), (False, {"named", "harmless"})])
def test_fluxons_in_storage_loops(startup, words):
    spikes = NetworkSpikes.of(tiny_network(), X)
    spikes = spikes.with_startup() if startup else spikes
    library = CellLibrary()
    bench = network_bench(tiny_network(), library, spikes.layers[0], startup=spikes.startup)
    bench = dataclasses.replace(bench, circuit=bench.circuit.changed(with_traps))
    some = [t for t in traps(bench.circuit) if t.inductor == "LST" and t.path in PLACES]
    assert len(some) == 6
    compiled = compile_deck(deck_of(library, bench).text, name="network")
    clean, *seen = in_engine(compiled, bench, spikes, some)
    assert (clean.wrong, clean.startup_wrong) == (0, 0)
    assert {one.what(clean) for one in seen} <= words
    if not startup:
        assert sum(one.wrong > 0 for one in seen) >= 4

from __future__ import annotations

import numpy as np
from support import neuron_site

from netlist_gen.circuit.bench import neuron_bench
from netlist_gen.deck.decks import neuron_deck


def test_a_deck_begins_with_what_it_is(library):
    bench = neuron_bench(library, neuron_site([1, -1], 1), np.ones((2, 2), dtype=bool))
    assert neuron_deck(library, bench, "L0N0", 4).text.splitlines()[:4] == [
        "* L0N0: bench of neuron L0N0, 2 windows",
        "* layer 0, neuron 0: fires when n >= 1",
        "* synapses (input line and sign): 0+ 1-",
        "* windows 4 to 5, 112 ps each; decision 45 ps, reset 75 ps after the data",
    ]

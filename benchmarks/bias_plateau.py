"""Over- and under-bias of an ERSFQ bus: ``python benchmarks/bias_plateau.py [FACTOR ...]``.

The first neuron of the digits example runs alone over 40 images, its bus fed by so many times the
sum of its taps. Printed: windows that are wrong, turns of the bus in a window (one is the clock's:
the plateau) at the beginning, from the fifth window on and in the last half, and the mean delay.
"""

from __future__ import annotations

import dataclasses
import sys

import numpy as np

from netlist_gen.checkpoint.registry import read_network
from netlist_gen.circuit.bench import neuron_bench
from netlist_gen.circuit.bias import buses_of
from netlist_gen.circuit.sites import neuron_sites
from netlist_gen.constants import TWO_PI
from netlist_gen.deck.decks import neuron_deck
from netlist_gen.library.bias import ERSFQ
from netlist_gen.library.cells import CellLibrary
from netlist_gen.library.process import load_process
from netlist_gen.resources import resource_dir
from netlist_gen.spikes import NetworkSpikes
from verification.engine.run import compile_deck
from verification.verdict.neuron import compare

WINDOWS = 40
FACTORS = (0.7, 0.8, 0.9, 0.95, 0.98, 1.0, 1.05, 1.1)


def main(factors: tuple[float, ...]) -> None:
    """Print a line for each factor."""
    examples = resource_dir("examples")
    network = read_network(examples / "digits.pt")
    spikes = NetworkSpikes.of(network, np.load(examples / "digits_inputs.npy")[:WINDOWS] > 0)
    site = neuron_sites(network)[0]
    stimulus = spikes.layers[0][:, list(site.inputs)]
    process = load_process(bias_kind=ERSFQ)
    assert process.network is not None
    print("factor  wrong  turns: first  5th to 20th  21st on  delay, ps")
    for factor in factors:
        changed = dataclasses.replace(process.network, current=factor)
        library = CellLibrary(dataclasses.replace(process, network=changed))
        bench = neuron_bench(library, site, stimulus)
        waves = compile_deck(neuron_deck(library, bench, "plateau", 0).text).run().waveforms
        assert waves is not None
        verdict = compare(bench.view, spikes.neuron(site.layer, site.neuron), waves, None)
        (bus,) = buses_of(bench.circuit)
        at = np.searchsorted(waves.time_s, bench.view.boundaries_s())
        turns = np.diff(waves.signal(bus.probe.column)[at]) / TWO_PI
        print(
            f"{factor:6.3g}  {verdict.mismatches:5d}  {turns[0]:12.2f}  {turns[4:20].mean():11.4f}"
            f"  {turns[20:].mean():7.4f}  {np.nanmean(verdict.delays_s) * 1e12:9.2f}"
        )


if __name__ == "__main__":
    main(tuple(float(word) for word in sys.argv[1:]) or FACTORS)

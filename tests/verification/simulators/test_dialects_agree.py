"""The same circuit in two dialects: pulses, their times and the energy are the same.

ngspice shares neither code nor junction model nor integration with the embedded engine or
JoSIM: that they agree is evidence on all of them.
"""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from cell_benches import (
    EVENTS,
    cell_bench,
    digits_network,
    digits_neuron_bench,
    random_neuron_bench,
    settled,
    swings,
)
from support import measured_energy

from netlist_gen.circuit.model import Circuit
from netlist_gen.circuit.sites import neuron_sites
from netlist_gen.deck.decks import neuron_deck
from verification.simulators.base import DeckJob
from verification.simulators.embedded import EmbeddedSimulator
from verification.simulators.josim import JosimSimulator
from verification.simulators.ngspice import NgspiceSimulator
from verification.verdict.neuron import compare
from verification.waves.pulses import detect_phase
from verification.waves.waveforms import Waveforms

NO_JOSIM = pytest.mark.skipif(shutil.which("josim-cli") is None, reason="josim-cli is not on PATH")
NO_NGSPICE = pytest.mark.skipif(shutil.which("ngspice") is None, reason="ngspice is not on PATH")
NO_LIBRARY = pytest.mark.skipif(
    not NgspiceSimulator(backend="shared").available(),
    reason="PySpice or libngspice is not installed",
)
OTHERS = [
    ("ngspice", 0.2e-12, [pytest.mark.ngspice, NO_NGSPICE]),
    ("josim", 0.05e-12, [pytest.mark.josim, NO_JOSIM]),
]
BY_LIBRARY = ("ngspice-library", 0.2e-12, [pytest.mark.ngspice, NO_LIBRARY])
ENERGY = 0.01


def simulator_of(name: str):
    if name == "josim":
        return JosimSimulator()
    return NgspiceSimulator(backend="shared" if name == "ngspice-library" else "subprocess")


def cases(items, others=OTHERS, more=None):
    """(item, simulator, tolerance) for each of both; ``more`` adds simulators for some items."""
    return [
        pytest.param(item, name, tolerance_s, marks=marks, id=f"{item}-{name}")
        for item in items
        for name, tolerance_s, marks in (*others, *(more or {}).get(item, ()))
    ]


def run(simulator, text: str) -> Waveforms:
    return simulator.run(DeckJob("deck", text), timeout_s=120).require()


def assert_same(circuit: Circuit, one: Waveforms, other: Waveforms, tolerance_s: float):
    """All signals: the same pulses in the same order at the same times; the same energy."""
    assert one.names == other.names
    for name in one.names:
        first, second = (settled(detect_phase(w.time_s, w.signal(name))) for w in (one, other))
        assert first.signs.tolist() == second.signs.tolist(), name
        slow = 3e-12 if swings(name) else tolerance_s
        np.testing.assert_allclose(first.times_s, second.times_s, rtol=0, atol=slow, err_msg=name)
        assert abs(first.final_fluxons - second.final_fluxons) < 0.01, name
    end = min(one.time_s[-1], other.time_s[-1])
    energies = [measured_energy(circuit, waves, 0.0, end) for waves in (one, other)]
    assert energies[1] == pytest.approx(energies[0], rel=ENERGY, abs=0)


@pytest.mark.parametrize(("name", "other", "tolerance_s"), cases(EVENTS))
def test_cells(name, other, tolerance_s):
    bench, simulator = cell_bench(name), simulator_of(other)
    mine = run(EmbeddedSimulator(), bench.deck("josim").text)
    theirs = run(simulator, bench.deck(simulator.dialect).text)
    assert_same(bench.circuit, mine, theirs, tolerance_s)
    for column, times in bench.advances().items():
        train = detect_phase(theirs.time_s, theirs.signal(column))
        assert train.signs.tolist() == [1] * times, column


def neuron_of(fan_in: int):
    """The digits example's first neuron of that fan-in, or a random one where it has none."""
    for site in neuron_sites(digits_network()):
        if len(site.inputs) == fan_in:
            return digits_neuron_bench(site)
    return random_neuron_bench(fan_in, seed=1, windows=2)


@pytest.mark.parametrize(
    ("fan_in", "other", "tolerance_s"),
    cases(range(1, 17), more={3: [BY_LIBRARY], 7: [BY_LIBRARY]}),
)
def test_neurons(fan_in, other, tolerance_s):
    """One of each fan-in; ``benchmarks/dialects.py`` runs all of the example's neurons."""
    library, bench, spikes = neuron_of(fan_in)
    simulator = simulator_of(other)
    mine, theirs = (
        run(s, neuron_deck(library, bench, f"n{fan_in}", 0, s.dialect).text)
        for s in (EmbeddedSimulator(), simulator)
    )
    assert_same(bench.circuit, mine, theirs, tolerance_s)
    verdict = compare(bench.view, spikes, theirs)
    assert verdict.first is None
    assert verdict.pulses.tolist() == spikes.fires.astype(int).tolist()

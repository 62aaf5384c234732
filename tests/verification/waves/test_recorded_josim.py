"""The embedded engine against recorded JoSIM 2.7 output of this project's own decks.

The recordings are pairs of a deck and what JoSIM made of it, so that they stand where josim-cli is
missing; they need not be the decks that the cells give today (``engine/test_agreement.py`` holds
those against JoSIM itself). With josim-cli on PATH
``UPDATE_GOLDEN=1 pytest tests/verification/waves/test_recorded_josim.py`` writes both anew.
"""

from __future__ import annotations

import gzip
import os
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest

from netlist_gen.circuit.bench import neuron_bench
from netlist_gen.circuit.elements import LOAD_OHM, PulseSource, Resistor
from netlist_gen.circuit.model import CircuitBuilder
from netlist_gen.circuit.probe import Analysis, Probe
from netlist_gen.circuit.sites import NeuronSite
from netlist_gen.circuit.trees import merger_tree, splitter_tree
from netlist_gen.deck.emit import emit
from netlist_gen.library.cells import CellLibrary
from verification.simulators.base import DeckJob
from verification.simulators.josim import JosimSimulator
from verification.simulators.registry import get_simulator
from verification.waves.pulses import detect_phase
from verification.waves.readers.josim_csv import read_josim_csv
from verification.waves.waveforms import Waveforms

GOLDEN = Path(__file__).parents[2] / "golden" / "recorded"
TOLERANCE_S = 0.1e-12


def _neuron() -> tuple[str, list[Probe]]:
    """A neuron of eight synapses over five windows, on both sides of its threshold."""
    signs = (1, 1, -1, 1, -1, 1, 1, -1)
    labels = tuple(str(i) for i in range(8))
    site = NeuronSite(0, 3, tuple(range(8)), signs, 2, "L0N3", labels)
    stimulus = np.array(
        [
            [1, 1, 0, 0, 0, 0, 0, 0],
            [1, 1, 1, 0, 0, 0, 0, 0],
            [1, 1, 0, 1, 0, 1, 1, 0],
            [0, 0, 1, 0, 1, 0, 0, 1],
            [1, 1, 1, 1, 1, 1, 1, 1],
        ],
        dtype=bool,
    )
    library = CellLibrary()
    bench = neuron_bench(library, site, stimulus)
    watched = list(bench.view.watched())
    deck = emit(bench.circuit, library.process, bench.analysis(), watched, name="neuron")
    return deck.text, watched


def _trees() -> tuple[str, list[Probe]]:
    """A splitter tree of three leaves and, beside it, a merger tree of three staggered lines."""
    library = CellLibrary()
    builder = CircuitBuilder("trees", title="splitter tree and merger tree")
    jtl = library.cell("jtl")
    split, merge = splitter_tree(library, 3), merger_tree(library, 3)
    builder.add(PulseSource("VA", "sa", "0", (60e-12, 140e-12)))
    builder.place("XA", jtl, "sa", "a")
    builder.place("XSPLIT", split, "a", "q0", "q1", "q2")
    for i in range(3):
        builder.place(f"XQ{i}", jtl, f"q{i}", f"e{i}")
        builder.add(Resistor(f"RE{i}", f"e{i}", "0", LOAD_OHM))
        builder.add(PulseSource(f"VM{i}", f"sm{i}", "0", (60e-12 + 40e-12 * i,)))
        builder.place(f"XM{i}", jtl, f"sm{i}", f"m{i}")
    builder.place("XMERGE", merge, "m0", "m1", "m2", "m")
    builder.place("XQM", jtl, "m", "e")
    builder.add(Resistor("REM", "e", "0", LOAD_OHM))
    probes = [Probe((name,), "B1") for name in ("XA", "XQ0", "XQ1", "XQ2", "XQM")]
    deck = emit(builder.circuit(), library.process, Analysis(stop_s=240e-12), probes, name="trees")
    return deck.text, probes


DECKS = {"neuron": _neuron, "trees": _trees}


def _recording(name: str) -> tuple[str, Waveforms]:
    """A recorded deck and its waveforms, written anew where UPDATE_GOLDEN is set."""
    deck_file, csv_file = GOLDEN / f"{name}.cir", GOLDEN / f"{name}.csv.gz"
    if os.environ.get("UPDATE_GOLDEN"):
        assert shutil.which("josim-cli"), "josim-cli must be on PATH to record its output"
        text, _ = DECKS[name]()
        run = GOLDEN / "run"
        simulator = JosimSimulator(keep_runs=run)
        simulator.run(DeckJob(name, text), timeout_s=120).require()
        (output,) = run.rglob("*.csv")
        deck_file.write_text(text)
        csv_file.write_bytes(gzip.compress(output.read_bytes(), mtime=0))
        shutil.rmtree(run)
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "out.csv"
        plain.write_bytes(gzip.decompress(csv_file.read_bytes()))
        return deck_file.read_text(), read_josim_csv(plain)


@pytest.mark.parametrize("name", DECKS)
def test_the_engine_reproduces_what_josim_recorded(name: str) -> None:
    _, probes = DECKS[name]()
    text, recorded = _recording(name)
    ours = get_simulator("embedded").run(DeckJob(name, text), timeout_s=120).require()
    assert ours.names == recorded.names
    for probe in probes:
        theirs = detect_phase(recorded.time_s, recorded.signal(probe.column))
        mine = detect_phase(ours.time_s, ours.signal(probe.column))
        assert theirs.count > 0 or name == "neuron"
        np.testing.assert_array_equal(mine.signs, theirs.signs, err_msg=probe.column)
        np.testing.assert_allclose(mine.times_s, theirs.times_s, rtol=0, atol=TOLERANCE_S)
        assert abs(mine.final_fluxons - theirs.final_fluxons) < 1e-3


def test_the_recording_holds_pulses_on_both_sides_of_the_threshold() -> None:
    _, probes = _neuron()
    _, recorded = _recording("neuron")
    output = detect_phase(recorded.time_s, recorded.signal(probes[0].column))
    assert output.count == 3  # windows 0, 2 and 4: n = 2, 5 and 2 against theta = 2

"""Trees of any size by property; that pulses pass them, in JoSIM."""

from __future__ import annotations

import re
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netlist_gen.circuit.elements import GROUND, LOAD_OHM, PulseSource, Resistor
from netlist_gen.circuit.model import CircuitBuilder
from netlist_gen.circuit.probe import Analysis, Probe
from netlist_gen.circuit.trees import merger_tree, splitter_tree, tree_depth
from netlist_gen.circuit.view import START_S
from netlist_gen.deck.emit import emit
from netlist_gen.deck.lint import lint
from netlist_gen.errors import ConfigurationError
from netlist_gen.library.cells import CellLibrary
from netlist_gen.library.process import load_process
from netlist_gen.library.splitters import CLOCKS, DATA, RESETS, SPLITTERS, tree_cells
from verification.simulators.base import DeckJob
from verification.waves.pulses import detect_phase

SIZES = st.integers(1, 200)


def least_depth(leaves):
    depth = 0
    while 2**depth < leaves:
        depth += 1
    return depth


@settings(deadline=None, max_examples=60)
@given(SIZES, st.sampled_from(SPLITTERS), st.sampled_from([CLOCKS, DATA, RESETS]))
def test_a_splitter_tree_reaches_every_leaf_once_over_equal_paths(leaves, splitters, drives):
    library = CellLibrary(load_process(splitters=splitters))
    cell, cells = splitter_tree(library, leaves, drives), tree_cells(splitters, drives)
    fed = {instance.nets[0]: instance for instance in cell.instances}
    assert len(fed) == len(cell.instances), "a net feeds two cells"
    reached = Counter()

    def follow(net, depth):
        if net not in fed:
            reached[net] += 1
            depths.add(depth)
            return
        for out in fed[net].nets[1:]:
            follow(out, depth + 1)

    depths: set[int] = set()
    follow("a", 0)
    assert reached == Counter({f"q{i}": 1 for i in range(leaves)})
    assert depths == {max(1, least_depth(leaves))}
    assert tree_depth(leaves) == max(1, least_depth(leaves))
    kinds = Counter(instance.cell.name for instance in cell.instances)
    assert kinds[cells.splitter] == leaves - 1
    assert kinds[cells.stage] == len(cell.instances) - (leaves - 1)
    assert cell.ports == ("a", *(f"q{i}" for i in range(leaves)))


@settings(deadline=None, max_examples=60)
@given(SIZES)
def test_a_merger_tree_joins_every_input_once_over_equal_paths(leaves):
    cell = merger_tree(CellLibrary(), leaves)
    users = Counter(net for instance in cell.instances for net in instance.nets[:-1])
    drivers = Counter(instance.nets[-1] for instance in cell.instances)
    assert set(users.values()) == {1}
    assert set(drivers.values()) == {1}
    takes = {net: i.nets[-1] for i in cell.instances for net in i.nets[:-1]}
    lengths = set()
    for leaf in range(leaves):
        net, length = f"a{leaf}", 0
        while net != "q":
            net, length = takes[net], length + 1
        lengths.add(length)
    # Between two levels of mergers stands a JTL stage.
    assert lengths == {2 * max(1, least_depth(leaves)) - 1}
    kinds = Counter(instance.cell.name for instance in cell.instances)
    assert kinds["merger"] == leaves - 1
    behind = {takes[i.nets[0]] for i in cell.instances if i.cell.name == "merger"} - {"q"}
    assert all(
        next(i.cell.name for i in cell.instances if net in i.nets[:-1]) == "jtl" for net in behind
    )
    assert set(users) - set(drivers) == {f"a{i}" for i in range(leaves)}


@settings(deadline=None, max_examples=20)
@given(SIZES, st.booleans())
def test_junctions_of_a_tree(leaves, splits):
    library = CellLibrary()
    tree = (splitter_tree if splits else merger_tree)(library, leaves)
    builder = CircuitBuilder("top")
    builder.place("X1", tree, *tree.ports)
    kinds = Counter(i.cell.name for i in tree.instances)
    assert builder.circuit().totals().junctions == (
        3 * kinds["splitter"] + 5 * kinds["merger"] + kinds["jtl"]
    )


@pytest.mark.parametrize("leaves", [0, -3])
def test_a_tree_of_nothing(library, leaves):
    with pytest.raises(ConfigurationError, match=rf"^a tree needs at least 1 leaf, not {leaves}$"):
        splitter_tree(library, leaves)
    with pytest.raises(ConfigurationError, match=rf"^a tree needs at least 1 leaf, not {leaves}$"):
        merger_tree(library, leaves)


def pulses_through(simulator, library, cell, stimuli_ps, step_s=0.05e-12):
    """Times in ps of the pulses at each output of ``cell`` for pulses at its inputs."""
    builder = CircuitBuilder("top", title=cell.name)
    jtl = library.cell("jtl")
    nets, outputs = [], []
    for port in cell.ports:
        if re.fullmatch(r"q\d*", port):
            builder.place(f"XO{port}", jtl, f"n{port}", f"o{port}")
            builder.add(Resistor(f"RL{port}", f"o{port}", GROUND, LOAD_OHM))
            outputs.append(Probe((f"XO{port}",), "B1"))
        else:
            times = tuple(START_S + t * 1e-12 for t in stimuli_ps[port])
            builder.add(PulseSource(f"V{port}", f"s{port}", GROUND, times))
            builder.place(f"XI{port}", jtl, f"s{port}", f"n{port}")
        nets.append(f"n{port}")
    builder.place("X1", cell, *nets)
    last = max(t for times in stimuli_ps.values() for t in (0.0, *times))
    analysis = Analysis(START_S + last * 1e-12 + 80e-12, step_s=step_s)
    deck = emit(builder.circuit(), library.process, analysis, outputs, name="deck")
    lint(deck.text, "deck.cir")
    waves = simulator.run(DeckJob("deck", deck.text), timeout_s=60.0).require()
    found = {}
    for probe in outputs:
        train = detect_phase(waves.time_s, waves.signal(probe.column), rest_at_s=40e-12)
        assert (train.signs > 0).all()
        assert train.final_fluxons == pytest.approx(train.count, abs=0.02)
        found[probe.path[0]] = (train.times_s - START_S) * 1e12
    return found


def test_a_jtl_passes_pulses(simulator, library):
    (times,) = pulses_through(simulator, library, library.cell("jtl"), {"a": [0, 40, 65]}).values()
    assert np.diff(times) == pytest.approx([40, 25], abs=1.0)


def test_a_splitter_gives_one_pulse_at_each_output(simulator, library):
    found = pulses_through(simulator, library, library.cell("splitter"), {"a": [0, 40]})
    one, two = found["XOq0"], found["XOq1"]
    assert one.size == 2
    assert two == pytest.approx(one, abs=0.01)


@pytest.mark.parametrize("apart_ps", [30.0, 45.0, 80.0])
def test_a_merger_passes_both_inputs(simulator, library, apart_ps):
    """Both orders; each input pulse gives one output pulse."""
    stimuli = {"a": [0, 100 + apart_ps], "b": [apart_ps, 100]}
    (times,) = pulses_through(simulator, library, library.cell("merger"), stimuli).values()
    expected = sorted([0, apart_ps, 100, 100 + apart_ps])
    assert times - times[0] == pytest.approx(np.array(expected), abs=3.0)


def test_pulses_that_meet_in_a_merger_give_one(simulator, library):
    stimuli = {"a": [0, 100], "b": [0, 100]}
    (times,) = pulses_through(simulator, library, library.cell("merger"), stimuli).values()
    assert times.size == 2


def test_a_splitter_tree_of_five(simulator, library):
    found = pulses_through(simulator, library, splitter_tree(library, 5), {"a": [0, 50]})
    times = np.array([found[f"XOq{i}"] for i in range(5)])
    assert times.shape == (5, 2)
    assert np.ptp(times, axis=0).max() < 6.0  # less than a stage apart: paths are equally long


def test_a_merger_tree_of_three_with_staggered_inputs(simulator, library):
    stimuli = {"a0": [0], "a1": [30], "a2": [60]}
    (times,) = pulses_through(simulator, library, merger_tree(library, 3), stimuli).values()
    assert np.diff(times) == pytest.approx([30, 30], abs=6.0)  # a JTL is faster than a merger


def test_a_second_pulse_close_behind_passes_a_merger_tree(simulator, library):
    """12 ps apart: a merger that drove another merger directly would lose the second pulse."""
    stimuli = {"a0": [0], "a1": [12], "a2": [60]}
    (times,) = pulses_through(simulator, library, merger_tree(library, 3), stimuli).values()
    assert np.diff(times) == pytest.approx([12, 48], abs=6.0)

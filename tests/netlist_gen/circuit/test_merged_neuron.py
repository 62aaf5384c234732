"""Lines that share branches: grouping, and that merged neurons decide and empty themselves."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import NO_JOSIM

from netlist_gen.circuit.bench import TAIL_S
from netlist_gen.circuit.elements import Coupling, Inductor, PulseSource
from netlist_gen.circuit.merged_neuron import (
    STAGGER_S,
    group_lines,
    merged_bench,
    merged_neuron_cell,
    merged_phases,
)
from netlist_gen.circuit.neuron import Coupler, coupler_of, design_neuron
from netlist_gen.circuit.trees import tree_depth
from netlist_gen.circuit.view import GUARD_S, START_S
from netlist_gen.constants import PHI0
from netlist_gen.deck.emit import emit
from netlist_gen.deck.lint import lint
from netlist_gen.errors import NetworkError
from netlist_gen.library.cells import CellLibrary
from netlist_gen.library.design import load_phases, load_rules
from netlist_gen.library.process import load_process
from verification.simulators.base import DeckJob
from verification.waves.pulses import detect_phase

COUPLER = Coupler(8e-12)
SIGNS = st.lists(st.sampled_from([-1, 1]), min_size=1, max_size=64)


@given(SIGNS, st.integers(1, 4))
def test_every_line_is_on_one_branch_of_its_sign(signs, most):
    groups = group_lines(signs, most)
    assert sorted(line for _, lines in groups for line in lines) == list(range(len(signs)))
    for sign, lines in groups:
        assert 1 <= len(lines) <= most
        assert {signs[line] for line in lines} == {sign}
    for sign in (1, -1):
        assert sum(s == sign for s, _ in groups) == -(-signs.count(sign) // most)


@given(SIGNS, st.integers(-20, 20), st.integers(1, 4))
def test_a_line_has_the_flux_of_any_synapse_or_less(signs, theta, most):
    """Range and rest bound the unit as ever; couplings stay below what can be made."""
    groups = group_lines(signs, most)
    shared = design_neuron(signs, theta, COUPLER, branches=len(groups), capacity=most)
    alone = design_neuron(signs, theta, COUPLER)
    assert shared.coupling <= COUPLER.transformer.coupling * (1 + 1e-12)
    assert shared.size.loops <= alone.size.loops
    assert shared.unit * shared.size.loops <= alone.unit * alone.size.loops * (1 + 1e-12)
    if most == 1:
        assert shared == alone


def test_more_lines_than_a_loop_counts():
    with pytest.raises(NetworkError, match=r"^5 lines on a branch: its loop counts 1 to 4$"):
        group_lines([1] * 8, 5)
    message = "a stimulus of shape (2, 3) does not fit; it must be (windows, 4)"
    with pytest.raises(NetworkError, match=f"^{re.escape(message)}$"):
        merged_bench(CellLibrary(), [1] * 4, 1, 2, np.zeros((2, 3), dtype=bool))


def test_staggers_fit_the_phases():
    library = CellLibrary()
    cell = merged_neuron_cell(library, "M0", [1, 1, -1, 1], 1, 3)
    assert [i.cell.name for i in cell.instances if i.name.startswith("XM")] == ["merge3"]
    assert sum(i.name.startswith("XW") for i in cell.instances) == 10 + 20
    for lines in (1, 2, 3, 4):
        phases = merged_phases(lines)
        assert phases.decision >= 16e-12 + (lines - 1) * STAGGER_S
        assert phases.period >= phases.reset + (lines - 1) * STAGGER_S + 20e-12
    assert merged_phases(2).period < 112e-12


@pytest.mark.josim
@NO_JOSIM
@pytest.mark.parametrize(("lines_per_branch", "theta"), [(2, 1), (4, 2)])
def test_merged_neurons_decide_and_empty_themselves(josim, lines_per_branch, theta):
    library = CellLibrary()
    signs = [1, 1, -1, 1, 1, -1, 1, -1]
    rng = np.random.default_rng(lines_per_branch)
    stimulus = rng.random((10, len(signs))) < 0.6
    stimulus[:3] = [[True] * 8, [False] * 8, [s > 0 for s in signs]]
    bench = merged_bench(library, signs, theta, lines_per_branch, stimulus)
    deck = emit(bench.circuit, library.process, bench.analysis(), bench.probes(), name="merged")
    lint(deck.text, "merged.cir")
    waves = josim.run(DeckJob("merged", deck.text), timeout_s=120.0).require()
    fires = stimulus.astype(int) @ np.array(signs) >= theta
    assert fires.any()
    assert not fires.all()
    begin = START_S + bench.phases.decision + bench.phases.period * np.arange(11)
    output = detect_phase(waves.time_s, waves.signal(bench.output.column))
    assert (output.signs == 1).all()
    assert np.histogram(output.times_s, begin)[0].tolist() == fires.astype(int).tolist()
    ends = START_S - GUARD_S + bench.phases.period * np.arange(11)
    for (_, lines), pair in zip(bench.groups, bench.loops, strict=True):
        for probe in pair:
            pulses = detect_phase(waves.time_s, waves.signal(probe.column))
            counted = np.histogram(pulses.times_s, ends, weights=pulses.signs)[0]
            assert counted.tolist() == stimulus[:, lines].sum(axis=1).tolist(), probe.column


@pytest.mark.parametrize("capacity", [1, 2, 3, 4])
def test_the_current_of_a_loop_that_counts(capacity):
    """A full loop holds so many fluxons in so many storage inductors and its junctions once."""
    storage = COUPLER.storage
    design = design_neuron([1] * 8, 2, COUPLER, branches=2, capacity=capacity)
    junctions = PHI0 / load_rules().full - storage
    assert junctions > 1e-12
    current = design.unit * design.size.loops * PHI0 / design.mutual
    assert current == pytest.approx(PHI0 / (capacity * storage + junctions), rel=1e-12)
    assert design.coupling == pytest.approx(
        design.mutual / np.sqrt(capacity * storage * design.pickup), rel=1e-12
    )


def test_a_merged_neuron_is_built_as_it_is_designed(library):
    signs = [1, 1, -1, 1, 1, -1, 1]
    cell = merged_neuron_cell(library, "M0", signs, 2, 3)
    groups = group_lines(signs, 3)
    assert groups == [(1, (0, 1, 3)), (-1, (2, 5)), (1, (4, 6))]
    coupler = coupler_of(library)
    storage = coupler.storage
    design = design_neuron(signs, 2, coupler, branches=3, capacity=3)
    for placed, (sign, _) in zip(
        [i for i in cell.instances if i.name.startswith("XS")], groups, strict=True
    ):
        inductors = {e.name: e.value for e in placed.cell.elements if isinstance(e, Inductor)}
        couplings = {e.name: e.k for e in placed.cell.elements if isinstance(e, Coupling)}
        assert inductors["LST"] == 3 * storage
        assert inductors["LBP"] == inductors["LTP"] == design.pickup
        assert couplings == {"KB": sign * design.coupling, "KT": -sign * design.coupling}


def test_a_merged_bench_resets_each_loop_as_often_as_it_may_hold(library):
    stimulus = np.array([[1, 0, 1, 1], [0, 1, 0, 0]], dtype=bool)
    bench = merged_bench(library, [1, 1, 1, -1], 1, 3, stimulus)
    times = {e.name: np.array(e.times_s) for e in bench.circuit.top.elements
             if isinstance(e, PulseSource)}  # fmt: skip
    phases, starts = bench.phases, START_S + bench.phases.period * np.arange(2)
    assert times["V0"] == pytest.approx(starts[:1])
    assert times["V1"] == pytest.approx(starts[1:])
    assert times["VC"] == pytest.approx(starts + phases.decision)
    first = phases.reset - phases.tree_stage * tree_depth(2)
    train = first + 18e-12 * np.arange(3)
    assert times["VR"] == pytest.approx(np.concatenate([starts[0] + train, starts[1] + train]))
    assert bench.analysis().stop_s == pytest.approx(START_S + 2 * phases.period + TAIL_S)
    assert [[p.column for p in pair] for pair in bench.loops] == [
        ["P(BA|XS0|XN)", "P(BB|XS0|XN)"], ["P(BA|XS1|XN)", "P(BB|XS1|XN)"]
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("lines", "longer"), [(1, 0.0), (2, 12e-12 + 18e-12), (4, 12e-12 + 54e-12)]
)
def test_windows_grow_by_the_staggers(lines, longer):
    short, phases = load_phases("timing_short"), merged_phases(lines)
    assert phases.decision == pytest.approx(short.decision + longer)
    assert phases.reset == pytest.approx(phases.decision + 26e-12)
    assert phases.period == pytest.approx(phases.reset + (lines - 1) * 18e-12 + 20e-12)


def test_merged_phases_of_a_slower_process():
    process = load_process("stp2")
    slowness = load_phases(process=process).slowness
    assert slowness > 1.5
    assert merged_phases(3, process) == merged_phases(3).slowed(slowness)

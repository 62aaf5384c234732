"""Lines that share branches: grouping, and that merged neurons decide and empty themselves."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import NO_JOSIM

from netlist_gen.circuit.merged_neuron import (
    STAGGER_S,
    group_lines,
    merged_bench,
    merged_neuron_cell,
    merged_phases,
)
from netlist_gen.circuit.neuron import design_neuron
from netlist_gen.circuit.view import GUARD_S, START_S
from netlist_gen.deck.emit import emit
from netlist_gen.deck.lint import lint
from netlist_gen.errors import NetworkError
from netlist_gen.library.cells import CellLibrary
from verification.simulators.base import DeckJob
from verification.waves.pulses import detect_phase

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
    shared = design_neuron(signs, theta, 15.6e-12, branches=len(groups), capacity=most)
    alone = design_neuron(signs, theta, 15.6e-12)
    assert shared.coupling <= 0.42 * (1 + 1e-12)
    assert shared.pickup * len(groups) == pytest.approx(alone.pickup * len(signs), rel=1e-9, abs=0)
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
        assert phases.decision >= 18e-12 + (lines - 1) * STAGGER_S
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

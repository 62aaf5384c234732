"""The sum of a stage's loops: which patterns move the edge, and by how much at the most."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netlist_gen.circuit.linear import LoopSum
from netlist_gen.circuit.loops import LoopSize, loop_shares
from netlist_gen.library.design import Lack, load_rules

RULES = load_rules()
SIZE = LoopSize(8, 2)
OFFSET = 0.0535
COUPLING = 0.21 / 0.1172
"""Of storage and pick-up inductors for each Phi0 of a fluxon in its loop, as one turn has it."""


def loop_sum(excitatory, inhibitory, capacity=1, size=SIZE):
    shares = loop_shares(excitatory, inhibitory, size)
    return LoopSum(size, shares, capacity, RULES, COUPLING * size.loops)


def test_a_loop_lacks_more_and_more_the_closer_it_is_to_its_limit():
    lack = Lack(size=0.1, limit=0.5)
    assert lack(np.array([0.0, 0.3, 0.4])) == pytest.approx([0.02, 0.05, 0.1])
    assert lack(np.array([0.495, 0.6])) == pytest.approx([1.0, 1.0]), "closer none is taken to be"


@pytest.mark.parametrize(
    ("loops", "excitatory", "inhibitory", "theta", "up", "down"),
    [(32, 41, 23, 5, 0.39, 0.02), (32, 43, 21, 2, 0.36, 0.07), (32, 24, 40, 6, -0.02, 0.35),
     (16, 27, 5, 3, 0.36, 0.02), (16, 12, 20, 1, -0.01, 0.37), (16, 23, 9, 0, 0.34, 0.06)],
)  # fmt: skip
def test_the_worst_patterns_move_the_edge_as_measured(
    loops, excitatory, inhibitory, theta, up, down
):
    """Edges of the worst patterns in the engine, each at the unit of its neuron's design."""
    size = LoopSize(loops, 2)
    own, edge = loop_sum(excitatory, inhibitory, size=size), theta - 0.5
    offset = RULES.edge(loops).offset
    found = own.shifts(own.linear_unit(0.1172 / loops, edge, offset), edge, offset)
    assert found == pytest.approx((up, down), abs=0.06)


def test_half_and_half_about_the_mean_moves_less_than_few_against_many():
    """One-sided, theta 8: four loops full, four empty. Theta 3: one full, one half, six empty."""
    halves, few = (loop_sum(16, 0).shift(0.0147, edge, OFFSET) for edge in (7.5, 2.5))
    assert few > 1.5 * halves > 0


def test_balanced_loops_do_not_stray_far():
    assert loop_sum(8, 8).shift(0.0147, 0.5, OFFSET) < 0.05
    assert loop_sum(7, 9).shift(0.0147, 4.5, OFFSET) > 0.5, "a loop of two inhibitory synapses"


def test_the_unit_is_made_smaller_until_the_shift_is_allowed():
    loops = loop_sum(7, 9)
    unit = loops.linear_unit(0.0147, 4.5, OFFSET)
    assert 0.005 < unit < 0.0147
    assert loops.shift(unit, 4.5, OFFSET) == pytest.approx(RULES.shift, rel=1e-9)
    assert loop_sum(8, 8).linear_unit(0.0147, 0.5, OFFSET) == 0.0147


def test_a_fluxon_counts_less_where_places_are_free():
    own = loop_sum(10, 0)
    assert own.missing(0.01465, 1.0) == 0.0
    assert own.missing(0.01465, 0.5) == pytest.approx(0.014, abs=5e-4), "at a coupling of 0.21"
    assert own.missing(0.01465 * 0.16 / 0.21, 0.5) == pytest.approx(0.008, abs=5e-4)


def test_branches_that_count_stray_as_their_fluxons_do():
    one, two = (loop_sum(9, 7, capacity=c).shift(0.0147 / c, 0.5, OFFSET) for c in (1, 2))
    assert two > 1.8 * one, "of as much flux in all, fluxons of half the flux"


@given(st.integers(0, 8), st.integers(0, 8), st.integers(-9, 9), st.floats(0.001, 0.03))
def test_no_pattern_moves_the_edge_more_than_the_worst(excitatory, inhibitory, theta, unit):
    """All patterns of a stage of four loops, one by one."""
    total = min(excitatory + inhibitory, 8)
    excitatory = min(excitatory, total)
    inhibitory = total - excitatory
    size = LoopSize(4, 2)
    own = loop_sum(excitatory, inhibitory, size=size)
    edge = min(max(theta, -inhibitory), excitatory + 1) - 0.5
    lacks, flux = RULES.lacks(4), unit * 4
    threshold = OFFSET - unit * edge

    def lacking(held, at):
        held = flux * np.array(held, dtype=float)
        return float(
            np.sum(lacks.bottom(RULES.common + at + held) - lacks.top(RULES.common - at - held))
        )

    kinds = [(p, m) for count, p, m in own.shares for _ in range(count)]
    less = np.array([own.missing(unit, (p + m) / 2) for p, m in kinds])
    moved = {1: [], -1: []}
    for held in itertools.product(*(range(-m, p + 1) for p, m in kinds)):
        for sign, found in moved.items():
            if sum(held) == edge + sign / 2:
                even = lacking([sum(held) / 4] * 4, threshold)
                fewer = float(np.sum(held * (less - np.mean(less))))
                found.append(sign * ((lacking(held, threshold) - even) / flux + fewer))
    measured = (lacking([1, -1, 0, 0], OFFSET) - lacking([0] * 4, OFFSET)) / flux
    up, down = own.shifts(unit, edge, OFFSET)
    assert up == pytest.approx(max(moved[1], default=0.0) - measured, abs=1e-9)
    assert down == pytest.approx(max(moved[-1], default=0.0) + measured, abs=1e-9)

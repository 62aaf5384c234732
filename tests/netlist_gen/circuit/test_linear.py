"""The sum of a stage's loops: which patterns move the edge, and by how much at the most."""

from __future__ import annotations

import pytest

from netlist_gen.circuit.linear import LoopSum
from netlist_gen.circuit.loops import LoopSize, loop_shares
from netlist_gen.library.design import Lack, load_rules

RULES = load_rules()
SIZE = LoopSize(8, 2)


def loop_sum(excitatory, inhibitory, capacity=1):
    return LoopSum(SIZE, loop_shares(excitatory, inhibitory, SIZE), capacity, RULES)


def test_a_loop_lacks_nothing_up_to_some_flux_and_then_more_and_more():
    lack = Lack(begin=0.3, at=0.4, share=0.2, width=0.05)
    assert lack(0.1) == lack(0.3) == 0.0
    assert lack(0.4) == pytest.approx(0.2 * (1 - 0.1353352832), rel=1e-9)
    assert lack(0.5) - lack(0.45) > lack(0.45) - lack(0.4) > 0


def test_half_and_half_about_the_mean_moves_less_than_few_against_many():
    """One-sided, theta 8: four loops full, four empty. Theta 3: one full, one half, six empty."""
    halves = loop_sum(16, 0).shift(0.0147, 7.5, 0.0535)
    few = loop_sum(16, 0).shift(0.0147, 2.5, 0.0535)
    assert few > 1.5 * halves


def test_balanced_loops_do_not_stray_far():
    assert loop_sum(8, 8).shift(0.0147, 0.5, 0.0535) < 0.2
    assert loop_sum(7, 9).shift(0.0147, 4.5, 0.0535) > 0.5, "a loop of two inhibitory synapses"


def test_the_unit_is_made_smaller_until_the_shift_is_allowed():
    loops = loop_sum(7, 9)
    unit = loops.linear_unit(0.0147, 4.5, 0.0535)
    assert 0.005 < unit < 0.0147
    assert loops.shift(unit, 4.5, 0.0535) == pytest.approx(RULES.shift, rel=1e-4)
    assert loop_sum(8, 8).linear_unit(0.0147, 0.5, 0.0535) == 0.0147


def test_branches_that_count_stray_as_their_fluxons_do():
    assert loop_sum(8, 8, capacity=2).shift(0.0147, 0.5, 0.0535) > loop_sum(8, 8).shift(
        0.0147, 0.5, 0.0535
    )

"""What windows met: tallies of a neuron, sums over layers, the least covered neuron."""

from __future__ import annotations

import numpy as np
import pytest

from netlist_gen.spikes import lone_neuron
from verification.certificate.classes import Asked
from verification.certificate.coverage import (
    Coverage,
    CoverageCounts,
    Covered,
    NeuronCoverage,
    Tally,
    covered,
)

SIGNS, THETA = (1, 1, -1), 1


def tally(*decks, timed=True):
    """Of decks: rows of pulses, and whether they come late."""
    found = Tally(lone_neuron(SIGNS, THETA, np.zeros((1, 3), dtype=bool)), timed=timed)
    for rows, late in decks:
        spikes = lone_neuron(SIGNS, THETA, np.array(rows, dtype=bool))
        found.add(spikes, None if late is None else np.full(spikes.arrivals.shape, late))
    return found


def test_a_window_without_pulses():
    met = tally(([[0, 0, 0]], None)).met()
    assert met.classes == Covered(1, 6)
    assert met.decisive == Covered(0, 3)
    assert met.sides == Covered(1, 2)  # n = 0 is theta - 1
    assert met.history == Covered(0, 12)
    assert met.arrivals == Covered(0, 2)
    assert not met.complete


def test_what_decided_and_what_came_before():
    met = tally(([[1, 0, 0], [1, 0, 1], [1, 1, 1]], None)).met()
    assert met.classes == Covered(3, 6)
    # The first pulse of line 0, that of line 2 in (1, 0, 1); (1, 1, 1): n = 1, both of +1.
    assert met.decisive == Covered(3, 3)
    assert met.sides == Covered(2, 2)
    # Line 0: full after full; 1: empty after empty, full after empty; 2: full after both.
    assert met.history == Covered(1 + 2 + 2, 12)


def test_windows_of_two_decks_did_not_follow_one_another():
    apart = tally(([[1, 0, 0]], None), ([[1, 0, 1]], None)).met()
    assert apart.history.seen == 0


def test_output_pulses_after_early_and_after_late_data():
    assert tally(([[1, 0, 0]], False)).met().arrivals == Covered(1, 2)
    assert tally(([[1, 0, 0]], False), ([[1, 1, 0]], True)).met().arrivals == Covered(2, 2)
    assert tally(([[1, 0, 1]], True)).met().arrivals == Covered(0, 2)  # it does not fire
    assert tally(([[1, 0, 0]], True), timed=False).met().arrivals == Covered()


def test_a_neuron_that_never_fires_is_asked_for_nothing_that_it_can_not_do():
    never = Tally(lone_neuron((1, -1), 5, np.zeros((1, 2), dtype=bool)), timed=True)
    met = never.met()
    assert (met.decisive, met.sides, met.arrivals) == (Covered(), Covered(), Covered())
    assert met.classes.possible == 4
    assert met.history.possible == 8


def test_classes_of_one_circuit_are_shared_where_windows_were_made():
    one, other = tally(([[1, 0, 0]], None)), tally(([[0, 0, 1], [1, 1, 1]], None))
    for shared, seen in ((False, [1, 2]), (True, [3, 3])):
        found = covered("neurons", {(0, 0): one, (0, 1): other}, Asked.every(), shared=shared)
        assert [n.counts.classes.seen for n in found.neurons] == seen
        assert [n.own_classes for n in found.neurons] == [1, 2]
        assert found.counts.classes == Covered(sum(seen), 12)
        # Never what a synapse did.
        assert [n.counts.decisive.seen for n in found.neurons] == [1, 2]
    assert found.asked == "all pairs of counts"


def test_sums_over_layers_and_the_least_covered():
    def neuron(layer, place, seen):
        counts = CoverageCounts(Covered(seen, 4), Covered(2, 2))
        return NeuronCoverage(layer, place, 9, counts, seen)

    found = Coverage.of("neurons", "all", [neuron(0, 0, 4), neuron(0, 2, 1), neuron(1, 0, 3)])
    assert [(one.layer, one.counts.classes) for one in found.layers] == [
        (0, Covered(5, 8)), (1, Covered(3, 4)),
    ]  # fmt: skip
    assert found.counts.classes == Covered(8, 12)
    assert (found.least.layer, found.least.neuron) == (0, 2)
    assert found.least_in_words == "least covered: layer 0, neuron 2 (1 of 4 pairs of counts)"
    assert found.least.counts.share == pytest.approx((0.25 + 1) / 2)
    whole = Coverage.of("neurons", "all", [neuron(0, 0, 4)])
    assert whole.counts.complete
    assert whole.least_in_words == "every neuron met all of it"
    assert Coverage.from_json(found.to_json(), "c") == found

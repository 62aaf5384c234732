"""Results of a scope, laid out by layer and window, and what is named of what disagrees."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from support import tiny_network

from netlist_gen.spikes import NetworkSpikes
from verification.verdict.class_lines import LineVerdict
from verification.verdict.energy import ENERGY_TOLERANCE
from verification.verdict.measured import (
    collect,
    counter_example,
    scope_difference,
    timing_figures,
)
from verification.verdict.neuron import Disagreement, NeuronVerdict
from verification.verdict.outcome import WHOLE_NETWORK, DeckResult, Program

X = np.array([[1, 0, 1], [0, 1, 1], [1, 1, 1], [0, 0, 1]], dtype=bool)
SPIKES = NetworkSpikes.of(tiny_network(), X)
ME = Program("embedded", "1")
NONE = np.zeros(0)


def neuron(layer, number, *, first=0, windows=4, wrong=(), apart_s=NONE, said="m"):
    """A neuron that did what it must, but for the ``wrong`` windows."""
    flags = np.zeros(windows, dtype=bool)
    flags[list(wrong)] = True
    fires = SPIKES.layers[layer + 1][first : first + windows, number] ^ flags
    words = Disagreement(wrong[0], f"w{layer}{number}", said) if wrong else None
    delays = np.where(fires, 1e-11 * (1 + number), np.nan)
    pulses = fires.astype(np.int64)
    return NeuronVerdict(f"L{layer}N{number}", layer, number, flags, pulses, delays, apart_s, words)


def result(place, neurons=(), *, first=0, energy=1.0, failure="", lines=None, source=None):
    """A deck; its energy is so many times what it must be."""
    windows = neurons[0].windows if neurons else 4
    reference = np.full(windows, 2e-17) if neurons else NONE
    name = "network" if place == WHOLE_NETWORK else "L{}N{}".format(*place)
    scope = "network" if place == WHOLE_NETWORK else "neurons"
    measured = reference * energy
    return DeckResult(
        scope, name, place, first, windows, tuple(neurons), measured, reference, lines, source,
        failure, 0.5, None,
    )  # fmt: skip


def scope(*results, name="neurons"):
    return collect([(one, i == 0) for i, one in enumerate(results)], name, ME, SPIKES, 1.5)


PLACES = [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1)]


def all_right():
    return [result(place, [neuron(*place)]) for place in PLACES]


def test_a_scope_that_agrees():
    found = scope(*reversed(all_right()))
    assert [r.place for r in found.results] == PLACES
    assert found.agreed
    assert (found.checked, found.mismatches, found.lines_wrong, found.failures) == (20, 0, 0, ())
    assert (found.from_ledger, found.wall_s) == (1, 1.5)
    assert found.energy_error == found.worst_error == 0.0
    assert found.pulse_count == sum(int(layer.sum()) for layer in SPIKES.layers[1:])
    for layer, pulses in enumerate(found.pulses):
        np.testing.assert_array_equal(pulses, SPIKES.layers[layer + 1])
    np.testing.assert_array_equal(found.votes(1), SPIKES.layers[-1])
    np.testing.assert_array_equal(found.votes(2), SPIKES.layers[-1].reshape(2, 2, 2).sum(axis=1))
    frame = found.frame()
    assert len(frame) == 20
    assert frame.agreed.all()
    row = frame[(frame.layer == 1) & (frame.neuron == 1) & (frame.window == 2)].iloc[0]
    assert row.expected == row.measured == int(SPIKES.layers[2][2, 1])
    assert np.isnan(row.delay_ps) == (row.measured == 0)
    fired = frame[(frame.layer == 0) & (frame.neuron == 2) & (frame.measured == 1)]
    assert len(fired) > 0
    assert fired.delay_ps.to_numpy() == pytest.approx(30.0)


def test_parts_of_a_neurons_windows_are_put_where_they_belong():
    parts = [
        result((0, 1), [neuron(0, 1, first=first, windows=2, wrong=wrong)], first=first)
        for first, wrong in ((2, (1,)), (0, ()))
    ]
    found = scope(*parts)
    assert [r.first for r in found.results] == [0, 2]
    np.testing.assert_array_equal(np.argwhere(found.wrong[0]), [[3, 1]])
    np.testing.assert_array_equal(found.pulses[0][:3, 1], SPIKES.layers[1][:3, 1])
    assert found.pulses[0][3, 1] == 1 - SPIKES.layers[1][3, 1]
    assert (found.pulses[0][:, [0, 2]] == -1).all()
    assert (found.checked, found.mismatches, found.votes(1)) == (4, 1, None)


def test_a_run_that_failed_has_no_energy_and_no_share_in_the_worst_error():
    right = all_right()[:2]
    failed = result((0, 2), failure="it crashed")
    found = scope(result((1, 0), [neuron(1, 0)], energy=0.9), failed, *right)
    assert found.worst_error == pytest.approx(-0.1)
    assert found.energy_error == pytest.approx(-0.1 / 3)
    assert found.failures == ("it crashed",)
    assert not found.agreed
    nothing = scope(failed)
    assert (nothing.worst_error, nothing.energy_error, nothing.agreed) == (0.0, None, False)


def test_the_energy_of_the_whole_may_be_off_by_the_tolerance():
    for factor in (1 + 0.99 * ENERGY_TOLERANCE, 1 + 1.01 * ENERGY_TOLERANCE):
        results = [result(place, [neuron(*place)], energy=factor) for place in PLACES]
        assert scope(*results).agreed == (factor < 1 + ENERGY_TOLERANCE)


def test_what_a_scope_says_of_time():
    late = neuron(0, 0, apart_s=np.array([1e-13, np.nan, -3e-13, np.nan]))
    found = scope(result((0, 0), [late]))
    np.testing.assert_allclose(found.apart_s, [1e-13, -3e-13])
    assert found.verdict(None, None).within_ps is None
    assert found.verdict(None, 5e-12).within_ps == pytest.approx(5.0)
    both = found.verdict(1e-12, 5e-12)
    assert both.within_ps == pytest.approx(1.0)
    assert both.timing == timing_figures(found.apart_s, 1e-12)
    assert (both.timing.pulses, both.timing.worst_ps) == (2, pytest.approx(0.3))
    assert (both.timing.mean_ps, both.timing.sigma_ps) == pytest.approx((-0.1, 0.2))
    assert (both.timing.bins_ps[0], both.timing.bins_ps[-1]) == (-1.0, 1.0)
    beyond = timing_figures(np.array([-9e-12, 2e-12, 3e-12]), 1e-12)
    assert (beyond.counts[0], beyond.counts[-1], sum(beyond.counts)) == (1, 2, 3)
    assert timing_figures(NONE, 1e-12).worst_ps == 0.0


def test_scopes_that_saw_other_pulses():
    right = scope(*all_right())
    other = [result(p, [neuron(*p, wrong=(2,) if p == (1, 1) else ())]) for p in PLACES]
    mine = int(SPIKES.layers[2][2, 1])
    assert scope_difference([right, scope(*other, name="network")]) == (
        f"window 2: layer 1, neuron 1: {mine} pulses in the scope neurons, {1 - mine} in the "
        "scope network"
    )
    assert scope_difference([right, right]) is None
    assert scope_difference([right, scope(other[0])]) is None  # what was not measured is no pulse


def example(*results, scopes=(), steps=1, rows=None, folder="decks/"):
    return counter_example([scope(*results), *scopes], steps, rows, folder)


def test_nothing_wrong_is_no_example():
    assert example(*all_right()) is None


def test_the_first_window_of_all_is_the_example_and_in_it_the_first_neuron():
    found = example(
        result((0, 0), [neuron(0, 0, wrong=(3,))]),
        result((1, 1), [neuron(1, 1, wrong=(1, 2))]),
        result((1, 0), [neuron(1, 0, wrong=(1,))]),
        result((0, 2), [neuron(0, 2, first=2, windows=2, wrong=(0,))], first=2),
    )
    assert (found.window, found.layer, found.neuron, found.deck) == (1, 1, 0, "decks/L1N0.cir")
    assert (found.scope, found.failed, found.simulator) == ("neurons", False, "embedded")
    assert found.sentence == (
        "sample 1: layer 1, neuron 0: expected w10, measured m; reproduce with decks/L1N0.cir"
    )


def test_samples_of_several_steps_and_their_rows_are_named():
    wrong = result((0, 1), [neuron(0, 1, wrong=(3,))])
    found = example(wrong, steps=2, rows=[7, 9])
    assert (found.sample, found.row, found.window) == (1, 9, 3)
    assert found.sentence.startswith("sample 1 (row 9), step 1: layer 0, neuron 1: ")
    assert example(wrong, steps=2).row == 1


def test_a_run_that_failed_is_the_example_at_its_first_window():
    failed = result((0, 1), failure="it crashed")
    found = example(result((0, 0), [neuron(0, 0, wrong=(1,))]), failed)
    assert (found.failed, found.window, found.neuron) == (True, 0, 1)
    assert (found.expected, found.measured) == ("a finished simulation", "it crashed")
    assert found.sentence == "layer 0, neuron 1: it crashed"


def test_a_source_explains_what_else_is_wrong():
    source = Disagreement(0, "IB 1 A", "IB 0.8 A")
    found = example(result((0, 1), [neuron(0, 1, wrong=(2,))], source=source))
    assert (found.window, found.expected, found.measured) == (0, "IB 1 A", "IB 0.8 A")


def test_the_same_window_wrong_in_two_scopes():
    """The scope that comes first is named; both decks begin to be wrong at the same place."""
    alone = result((0, 1), [neuron(0, 1, wrong=(1,))])
    neurons = [neuron(*p, wrong=(1,) if p == (0, 1) else (), said="n") for p in PLACES]
    whole = result(WHOLE_NETWORK, neurons)
    found = example(alone, scopes=[scope(whole, name="network")])
    assert (found.scope, found.window, found.deck) == ("neurons", 1, "decks/L0N1.cir")


def test_class_lines_are_named_where_all_neurons_are_right():
    lines = LineVerdict(1, 0.0, Disagreement(2, "2 votes", "1"))
    found = example(result(WHOLE_NETWORK, [neuron(*p) for p in PLACES], lines=lines))
    assert (found.layer, found.neuron, found.window) == (None, None, 2)
    assert found.sentence == (
        "sample 2: the class lines: expected 2 votes, measured 1; reproduce with decks/network.cir"
    )
    wrong = [neuron(*p, wrong=(3,) if p == (1, 0) else ()) for p in PLACES]
    assert example(result(WHOLE_NETWORK, wrong, lines=lines)).layer == 1


def in_startup(window, *, first=0):
    """A deck of the whole network behind two start-up windows, one of them wrong."""
    neurons = []
    for layer, number in PLACES:
        own = neuron(layer, number, first=first, windows=2)
        before = NeuronVerdict(
            own.name, layer, number, np.array([False, False, *own.wrong]),
            np.array([0, 1, *own.pulses]), np.array([np.nan, 9e-12, *own.delays_s]), NONE, None,
        )  # fmt: skip
        if (layer, number) == (1, 0):
            wrong = before.wrong.copy()
            wrong[window] = True
            before = dataclasses.replace(
                before, wrong=wrong, first=Disagreement(window, "1 pulse", "0 pulses")
            )
        neurons.append(before)
    found = result(WHOLE_NETWORK, neurons, first=first)
    return dataclasses.replace(found, startup=2, startup_J=3e-17)


@pytest.mark.parametrize(("window", "name"), [(0, "silent"), (1, "full"), (3, "")])
def test_start_up_windows_are_named_and_counted_for_no_sample(window, name):
    decks = [in_startup(window, first=2)]
    measured = scope(*decks, name="network")
    for index, layer in enumerate(measured.pulses):
        assert (layer[:2] <= 0).all()
        assert (layer[2:] == SPIKES.layers[index + 1][2:]).all()
    assert (measured.checked, measured.mismatches) == (5 * 4, 1)
    assert measured.startup_J == pytest.approx(3e-17)
    assert sum(int(layer.sum()) for layer in measured.wrong) == (window == 3)
    found = example(scopes=[measured], steps=2, rows=[7, 9])
    assert (found.startup, found.sample, found.row) == (bool(name), 1, 9)
    assert found.window == (3 if window == 3 else 2)
    before = f"{name} start-up window before " if name else ""
    step = 1 if window == 3 else 0
    assert found.sentence.startswith(f"{before}sample 1 (row 9), step {step}: layer 1, neuron 0: ")

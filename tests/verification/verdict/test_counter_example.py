"""What is named of what disagrees: the first window, and who was wrong in it."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scope_results import NONE, PLACES, SPIKES, all_right, neuron, result, scope

from verification.verdict.class_lines import LineVerdict
from verification.verdict.counter_example import counter_example
from verification.verdict.neuron import Disagreement, NeuronVerdict
from verification.verdict.outcome import WHOLE_NETWORK


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

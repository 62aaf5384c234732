"""Class lines against votes, on pulses in which one is wrong: that window, in these words."""

from __future__ import annotations

import numpy as np
import pytest
from support import tiny_network

from netlist_gen.assembly.network_circuit import network_bench
from netlist_gen.library.cells import CellLibrary
from netlist_gen.network import TernaryNetwork
from netlist_gen.spikes import NetworkSpikes
from verification.verdict.class_lines import WatchedLine, judge_lines, lines_of
from verification.verdict.neuron import Disagreement
from verification.waves.pulses import PulseTrain

PS = 1e-12
NETWORK = TernaryNetwork.from_arrays([np.eye(4, dtype=int)], [[1] * 4], 2)
"""Each line of four fires its own neuron; two neurons vote for each of two classes."""

X = np.array([[1, 0, 1, 1], [0, 0, 0, 1], [1, 1, 0, 0]], dtype=bool)
SPIKES = NetworkSpikes.of(NETWORK, X)
EDGES = np.array([100.0, 200.0, 300.0, 400.0]) * PS
LINES = (
    WatchedLine(0, "0", (0, 1), "P(B1|XY0)", EDGES),
    WatchedLine(1, "1_0", (2,), "P(B1|XY1_0)", EDGES),
    WatchedLine(1, "1_1", (3,), "P(B1|XY1_1)", EDGES),
)
TIMES = {"0": [150, 330, 350], "1_0": [140], "1_1": [150, 250]}
PREDICTED = {name: np.array(times) * PS for name, times in TIMES.items()}


class Trains:
    """Readings of pulses at times in ps, backward where one is negative."""

    def __init__(self, **changed) -> None:
        self.times = {f"P(B1|XY{name})": times for name, times in (TIMES | changed).items()}

    def phases(self, columns, at_s):
        raise NotImplementedError

    def train(self, column):
        times = np.array(sorted(self.times[column], key=abs), dtype=float)
        return PulseTrain(np.abs(times) * PS, np.sign(times).astype(np.int8), 0.0, 0.0)


def judge(lines=LINES, **changed):
    return judge_lines(lines, SPIKES, Trains(**changed))


def test_what_the_votes_say_agrees():
    verdict = judge_lines(LINES, SPIKES, Trains(), PREDICTED, 0.0)
    assert (verdict.wrong, verdict.apart_s, verdict.first) == (0, 0.0, None)


@pytest.mark.parametrize("edge", [100, 200, 300])
def test_a_pulse_on_an_edge_belongs_to_the_window_that_begins_there(edge):
    times = [edge, 350] if edge == 300 else [edge, 330, 350]
    pulses = {100: [1, 0, 2], 200: [0, 1, 2], 300: [0, 0, 2]}[edge]
    assert judge(**{"0": times}).wrong == sum(
        n != w for n, w in zip(pulses, [1, 0, 2], strict=True)
    )


@pytest.mark.parametrize(
    ("stray", "words"),
    [
        ([-220], "1 pulse"),  # backward, in a window
        ([-50], "1 pulse"),
        ([99], "1 pulse"),
        ([401], "1 pulse"),
        ([-220, -260], "2 pulses"),
        ([-220, 450, 50], "3 pulses"),
    ],
)
def test_a_stray_pulse(stray, words):
    verdict = judge(**{"1_1": [*TIMES["1_1"], *stray]})
    wanted = "class 1, line 1_1: no pulses outside all windows"
    assert verdict.first == Disagreement(0, wanted, words)
    assert verdict.wrong == 1


def test_a_backward_pulse_does_not_make_up_for_a_forward_one():
    """Window 1 of class 0 has no votes: one pulse there and one back."""
    verdict = judge(**{"0": [150, 240, -260, 330, 350]})
    assert verdict.wrong == 2
    assert verdict.first == Disagreement(
        0, "class 0, line 0: no pulses outside all windows", "1 pulse"
    )


@pytest.mark.parametrize(
    ("changed", "wrong", "first"),
    [
        ({"0": [150, 350]}, 1, (2, "2 pulses on the lines of class 0", "1 pulse")),
        ({"0": [150, 240, 330, 350]}, 1, (1, "0 pulses on the lines of class 0", "1 pulse")),
        ({"1_0": []}, 1, (0, "2 pulses on the lines of class 1", "1 pulse")),
        ({"1_1": [150]}, 1, (1, "1 pulse on the lines of class 1", "0 pulses")),
        ({"1_1": [150], "0": [150, 350]}, 2, (1, "1 pulse on the lines of class 1", "0 pulses")),
    ],
)
def test_windows_that_disagree(changed, wrong, first):
    verdict = judge(**changed)
    window, expected, measured = first
    assert verdict.wrong == wrong
    assert verdict.first == Disagreement(window, f"{expected}, its neurons' votes", measured)


def test_lines_of_a_class_may_share_its_votes():
    assert judge(**{"1_0": [], "1_1": [140, 150, 250]}).wrong == 0


def test_a_class_that_has_no_line():
    verdict = judge(LINES[:1])
    assert verdict.wrong == 3  # two windows with votes, and the line that is not built
    assert verdict.first == Disagreement(
        0,
        "class 1 on lines of the neurons [2, 3] of layer 0",
        "lines built for the neurons []",
    )
    mute = TernaryNetwork.from_arrays([np.array([[1, 0], [0, 0]])], [[1, 0]])
    spikes = NetworkSpikes.of(mute, np.array([[1, 0]], dtype=bool))
    line = WatchedLine(0, "0", (0,), "P(B1|XY0)", EDGES[:2])
    silent = judge_lines([line], spikes, Trains(**{"0": [150]}))
    assert silent.wrong == 1  # a neuron without synapses and a theta of 0 votes, unheard
    assert silent.first == Disagreement(
        0, "1 pulse on the lines of class 1, its neurons' votes", "0 pulses (it has no line)"
    )


@pytest.mark.parametrize(
    ("times", "tolerance_ps", "wrong", "apart_ps"),
    [([150.5, 330, 350], 0.6, 0, 0.5), ([149.5, 331, 350], 2, 0, 1.0), ([150, 327, 350], 2, 1, 3)],
)
def test_pulses_and_their_predicted_times(times, tolerance_ps, wrong, apart_ps):
    verdict = judge_lines(LINES, SPIKES, Trains(**{"0": times}), PREDICTED, tolerance_ps * PS)
    assert verdict.wrong == wrong
    assert verdict.apart_s == pytest.approx(apart_ps * PS, rel=1e-9)


def test_the_first_pulse_that_is_off_time_is_named():
    changed = {"0": [150, 327, 355], "1_1": [150, 253]}
    verdict = judge_lines(LINES, SPIKES, Trains(**changed), PREDICTED, 2 * PS)
    assert verdict.wrong == 2
    assert verdict.first == Disagreement(
        1, "class 1, line 1_1: a pulse at 250.00 ps within 2 ps", "it at 253.00 ps"
    )
    one = judge_lines(LINES, SPIKES, Trains(**{"0": [150, 327, 355]}), PREDICTED, 2 * PS)
    assert one.first == Disagreement(
        2, "class 0, line 0: a pulse at 330.00 ps within 2 ps", "it at 327.00 ps"
    )


def test_off_time_in_the_first_window_and_where_nothing_is_said_of_a_tolerance():
    verdict = judge_lines(LINES, SPIKES, Trains(**{"1_0": [141]}), PREDICTED)
    assert verdict.wrong == 1
    assert verdict.first == Disagreement(
        0, "class 1, line 1_0: a pulse at 140.00 ps within 0 ps", "it at 141.00 ps"
    )
    before = judge_lines(LINES, SPIKES, Trains(**{"1_0": [99]}), PREDICTED, 2 * PS)
    assert before.first is not None
    assert (before.wrong, before.first.window) == (3, 0)  # stray, off time, and a vote is missing


def test_a_line_that_is_silent_as_predicted():
    silent = NetworkSpikes.of(NETWORK, np.zeros((3, 4), dtype=bool))
    none = dict.fromkeys(TIMES, np.array([]))
    verdict = judge_lines(LINES, silent, Trains(**dict.fromkeys(TIMES, ())), none, PS)
    assert (verdict.wrong, verdict.apart_s, verdict.first) == (0, 0.0, None)


def test_the_neurons_of_the_last_layer_are_meant():
    """The first layer has more neurons, and two without synapses."""
    network = TernaryNetwork.from_arrays(
        [[[1, 0], [0, 0], [0, 1], [0, 0]], [[1, 0, 0, 0], [0, 0, 1, 0]]], [[1, 1, 1, 1], [1, 1]]
    )
    spikes = NetworkSpikes.of(network, np.array([[1, 1]], dtype=bool))
    lines = [WatchedLine(k, f"{k}", (k,), f"P(B1|XY{k})", EDGES[:2]) for k in range(2)]
    assert judge_lines(lines, spikes, Trains(**{"0": [150], "1": [160]})).wrong == 0
    turned = [WatchedLine(0, "0", (1,), "P(B1|XY0)", EDGES[:2]), lines[1]]
    assert judge_lines(turned, spikes, Trains(**{"0": [150], "1": [160]})).first == Disagreement(
        0, "class 0 on lines of the neurons [0] of layer 1", "lines built for the neurons [1]"
    )


def test_lines_built_for_other_neurons():
    wrong = (WatchedLine(0, "0", (0, 2), "P(B1|XY0)", EDGES), *LINES[1:])
    verdict = judge(wrong)
    assert verdict.first == Disagreement(
        0, "class 0 on lines of the neurons [0, 1] of layer 0", "lines built for the neurons [0, 2]"
    )
    assert verdict.wrong == 1


def test_windows_leave_as_much_room_before_a_line_s_pulses_as_after_them():
    bench = network_bench(tiny_network(), CellLibrary(), np.ones((3, 3), dtype=bool))
    found = lines_of(bench)
    assert [(line.label, line.name, line.members) for line in found] == [
        (0, "0", (0,)),
        (1, "1", (1,)),
    ]
    for watched, line in zip(found, bench.plan.class_lines, strict=True):
        assert watched.column == line.output.column
        assert watched.edges_s.size == 4
        assert np.diff(watched.edges_s) == pytest.approx([bench.timing.period_s] * 3)
        before = line.earliest_s - watched.edges_s[0]
        after = watched.edges_s[1] - line.latest_s
        assert before == pytest.approx(after)
        assert before > 0

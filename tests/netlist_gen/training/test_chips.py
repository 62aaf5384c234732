"""Chips of a network: draws that follow what they are drawn from, and nothing else."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy.special import ndtr

from netlist_gen.errors import ConfigurationError
from netlist_gen.network import TernaryNetwork
from netlist_gen.training import chips as module
from netlist_gen.training.chips import ChipFigures, EdgeShift, evaluate_chips
from netlist_gen.training.evaluate import evaluate, evaluate_with_noise
from netlist_gen.training.noise import FiringCurve, normal_curve

UNIT = 0.02
SHARP = FiringCurve((-1e-9, 1e-9), (0.0, 1.0), "Phi0")
RNG = np.random.default_rng(5)


def flux(*counts):
    """The same for all neurons, whatever their synapses and theta."""
    return np.full(len(counts[-1]), UNIT)


def random_network(widths=(12, 9, 8, 4), population=2) -> TernaryNetwork:
    weights = [RNG.integers(-1, 2, (b, a)) for a, b in pairwise(widths)]
    return TernaryNetwork.from_arrays(
        weights, [RNG.integers(1, 3, len(w)) for w in weights], population
    )


def run(network, x, y, curve=SHARP, shift=(0.0, 0.0), chips=3, seed=0, **more):
    return evaluate_chips(
        network, x, y, curve, EdgeShift(*shift), chips=chips, seed=seed, flux_per_synapse=flux,
        **more,
    )  # fmt: skip


@pytest.mark.parametrize("steps", [None, 3])
@pytest.mark.parametrize("rows", [16_384, 7])
def test_chips_without_spread_and_noise_are_the_integer_model(monkeypatch, steps, rows):
    monkeypatch.setattr(module, "_ROWS", rows)
    network = random_network()
    x = RNG.random((40, 12) if steps is None else (40, steps, 12)) < 0.5
    y = RNG.integers(0, 2, 40)
    ticks: list[int] = []
    assert run(network, x, y, tick=ticks.append) == [evaluate(network, x, y)] * 3
    assert ticks[-1] == 3
    assert ticks == sorted(ticks)


@pytest.mark.parametrize("fan_in", [125, 126, 127, 128, 300])
def test_counts_at_the_ends_of_small_integers(fan_in):
    """All synapses of one sign, all lines pulsed: the largest count, and bounds just beside it."""
    weights = np.zeros((4, fan_in), dtype=int)
    weights[0], weights[1], weights[2, 0], weights[3, 0] = 1, -1, 1, -1
    network = TernaryNetwork.from_arrays([weights], [[fan_in, -fan_in + 1, 1, 0]])
    x = np.ones((2, fan_in), dtype=bool)
    x[1, 0] = False
    y = np.array([0, 1])
    assert run(network, x, y, shift=(1e-5, 1e-5)) == [evaluate(network, x, y)] * 3


def one_neuron() -> tuple[TernaryNetwork, np.ndarray, np.ndarray]:
    """Half a synapse above its threshold; where it fires class 0 wins, else it is a tie of none."""
    network = TernaryNetwork.from_arrays([[[1, 0], [0, 0]]], [[1, 1]])
    return network, np.tile([True, False], (2_000, 1)), np.zeros(2_000, dtype=int)


def share_fired(found) -> np.ndarray:
    """Of each chip; a tie counts nothing here."""
    return np.array([e.wrong for e in found])


def test_noise_is_drawn_by_every_decision():
    network, x, y = one_neuron()
    fired = share_fired(run(network, x, y, normal_curve(0.01, "Phi0"), chips=20))
    expected = ndtr(0.5 * UNIT / 0.01)
    assert fired.mean() == pytest.approx(expected, abs=5 * 0.4 / np.sqrt(40_000))
    assert 0.0 < fired.std() < 0.02


@pytest.mark.parametrize("shift", [(0.01, 0.0), (0.0, 0.01)])
def test_edges_are_drawn_once_for_a_chip(shift):
    network, x, y = one_neuron()
    fired = share_fired(run(network, x, y, shift=shift, chips=2_000))
    assert set(fired) == {0.0, 1.0}
    assert fired.mean() == pytest.approx(ndtr(0.5 * UNIT / 0.01), abs=0.03)


def test_both_add_up_as_variances():
    network, x, y = one_neuron()
    found = run(network, x[:50], y[:50], normal_curve(0.006, "Phi0"), (0.006, 0.006), chips=2_000)
    expected = ndtr(0.5 * UNIT / (0.006 * np.sqrt(3)))
    assert share_fired(found).mean() == pytest.approx(expected, abs=0.03)


def test_a_curve_in_synapses_is_the_same_physics():
    network, x, y = one_neuron()
    phi0, synapses = (
        run(network, x, y, normal_curve(0.01 / unit, kind), (0.005, 0.005), chips=50)
        for unit, kind in ((1.0, "Phi0"), (UNIT, "synapses"))
    )
    assert share_fired(phi0) == pytest.approx(share_fired(synapses), abs=2e-3)


@pytest.mark.parametrize(("local", "common", "apart"), [(0.02, 0.0, True), (0.0, 0.02, False)])
def test_what_is_common_moves_all_neurons_alike(local, common, apart):
    """Two equal neurons, one of each class: a tie where they decide alike."""
    network = TernaryNetwork.from_arrays([[[1], [1]]], [[1, 1]])
    found = run(network, np.ones((1, 1), bool), [0], shift=(local, common), chips=200)
    assert any(e.tied == 0.0 for e in found) is apart


def test_chips_are_the_same_however_many_and_others_by_another_seed():
    network = random_network()
    x, y = RNG.random((200, 12)) < 0.5, RNG.integers(0, 2, 200)
    some = run(network, x, y, normal_curve(0.01, "Phi0"), (0.01, 0.01), chips=4)
    more = run(network, x, y, normal_curve(0.01, "Phi0"), (0.01, 0.01), chips=9)
    other = run(network, x, y, normal_curve(0.01, "Phi0"), (0.01, 0.01), chips=4, seed=1)
    assert more[:4] == some
    assert other != some
    assert len({e.lowest for e in more}) > 1


def test_without_spread_it_agrees_with_the_evaluation_with_noise():
    network = random_network((40, 30, 20, 10), 2)
    x, y = RNG.random((500, 40)) < 0.4, RNG.integers(0, 5, 500)
    curve = normal_curve(0.012, "Phi0")
    chips = [e.lowest for e in run(network, x, y, curve, chips=40)]
    noisy = [
        e.lowest
        for e in evaluate_with_noise(
            network, x, y, curve, seed=3, repeats=40, flux_per_synapse=flux
        )
    ]
    assert np.mean(chips) == pytest.approx(np.mean(noisy), abs=0.01)


def test_a_neuron_without_synapses_stays_silent():
    network = TernaryNetwork.from_arrays([[[1, 0], [0, 0]]], [[1, 1]])
    curve = FiringCurve((-0.01, 0.01), (0.4, 1.0), "Phi0")
    found = run(network, np.array([[True, False]] * 50), np.zeros(50, int), curve)
    assert [e.wrong for e in found] == [1.0] * 3


def test_figures():
    network, x, y = one_neuron()
    found = run(network, x, y, shift=(0.01, 0.0), chips=40)
    figures = ChipFigures.of(found, 7)
    assert (figures.chips, figures.seed, len(figures.each)) == (40, 7, 40)
    assert figures.quantiles["wrong"] == {
        "5 %": np.quantile(share_fired(found), 0.05), "50 %": np.median(share_fired(found)),
        "95 %": np.quantile(share_fired(found), 0.95),
    }  # fmt: skip
    assert figures.mean == pytest.approx(np.mean(figures.each))


def test_what_is_refused():
    network, x, y = one_neuron()
    with pytest.raises(ConfigurationError, match=r"^0 chips; at least 1 is needed$"):
        run(network, x, y, chips=0)
    for shift, name in (((-1.0, 0.0), "local"), ((0.0, np.inf), "common")):
        message = rf"^the {name} spread of the edge is (-1|inf) Phi0; 0 or more is needed$"
        with pytest.raises(ConfigurationError, match=message):
            EdgeShift(*shift)

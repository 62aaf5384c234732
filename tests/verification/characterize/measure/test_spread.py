"""How far edges scatter, on few lanes: what scatters, what is found, and the file of it."""

from __future__ import annotations

import re

import numpy as np
import pytest

from netlist_gen.circuit.neuron import library_design
from netlist_gen.errors import SimulatorError
from netlist_gen.library.cells import CellLibrary
from netlist_gen.library.spread import EdgeSpread, load_spread
from verification.characterize.measure import design
from verification.characterize.measure import spread as module
from verification.characterize.measure.spread import (
    ScatteredNeuron,
    SpreadPoint,
    measure_spread,
    spread_is_stale,
    write_spread,
)

FAN_IN = 2


@pytest.fixture(scope="module")
def neuron():
    return ScatteredNeuron("sfq5ee", FAN_IN)


def test_every_junction_inductor_and_resistor_of_the_neuron_scatters(neuron):
    assert set(neuron.scattered.values()) == {"Ic", "L", "R"}
    for label in ("BB1|XD|XL0N0", "LST|XS0|XL0N0", "RBA|XS1|XL0N0", "LO|XD|XL0N0"):
        assert label in neuron.scattered
    for label in ("KB|XS0|XL0N0", "IBA|XS0|XL0N0", *neuron.controls, "B1|XO", "B1|XI0"):
        assert label in neuron.lanes.elements
        assert label not in neuron.scattered


def test_the_edge_as_designed_is_that_of_the_rules(neuron):
    """Of theta 1 the threshold's flux is half a synapse below the edge."""
    design = library_design(CellLibrary("sfq5ee"), "n", neuron.lanes.signs, 1)
    (edge,) = neuron.edges([{}], [1.0])
    assert edge == pytest.approx(design.threshold + design.unit / 2, abs=0.01)


def test_an_edge_moves_with_an_element_and_there_is_none_without_bias(neuron):
    bottom = [x for x in neuron.scattered if x.startswith("BB") and "|XD|" in x]
    weaker = dict.fromkeys(bottom, 0.9)  # the bottom SQUID flips sooner
    plain, moved, lost = neuron.edges([{}, weaker, {}], [1.0, 1.0, 0.3])
    assert moved < plain - 0.002
    assert np.isnan(lost)


def test_draws(neuron):
    local = neuron.local_draws(0.02, 200, 1)
    values = np.array([[*own.values()] for own in local])
    assert values.shape == (200, len(neuron.scattered))
    assert values.std() == pytest.approx(0.02, rel=0.03)
    assert abs(values - 1).max() <= 0.06 + 1e-12
    factors, bias = neuron.global_draws(0.05, 50, 1)
    for own in factors:
        assert len({(kind, own[x]) for x, kind in neuron.scattered.items()}) == 3
    assert np.std(bias) == pytest.approx(0.05, rel=0.3)
    assert neuron.local_draws(0.04, 2, 1)[1]["BB1|XD|XL0N0"] - 1 == pytest.approx(
        2 * (local[1]["BB1|XD|XL0N0"] - 1)
    )


def test_measured_on_few_lanes():
    ticks: list[tuple[int, int]] = []
    (point,) = measure_spread(
        "sfq5ee", [0.02], samples=8, fan_in=FAN_IN,
        progress=lambda _, done, total: ticks.append((done, total)),
    )  # fmt: skip
    assert (point.elements, point.samples, point.lost) == (0.02, 8, 0)
    assert 0.001 < point.local < 0.01
    assert 0.0 < point.common < point.local
    assert ticks[-1][0] == ticks[-1][1]


def test_a_neuron_without_an_edge_is_refused(monkeypatch):
    monkeypatch.setattr(module, "REACH", 1e-4)
    message = r"^the edge of the neuron of fan-in 2 is not within 0\.0001 Phi0 of 0\.\d{4} Phi0$"
    with pytest.raises(SimulatorError, match=message):
        measure_spread("sfq5ee", [0.02], samples=1, fan_in=FAN_IN)


def test_what_was_written_is_read(tmp_path):
    points = [
        SpreadPoint(0.02, 0.00386, 0.00054, 256, 0),
        SpreadPoint(0.05, 0.0109, 0.0014, 256, 3),
    ]
    path = write_spread(points, "sfq5ee", tmp_path / "spread.toml")
    table = load_spread(path)
    assert table.at(0.02).local == pytest.approx(0.0039)
    assert table.at(0.05).common == pytest.approx(0.0014)
    assert "256 chips, edge by bisection; 3 of all draws had no edge" in path.read_text()
    assert re.search(r'^cells_sha256 = "[0-9a-f]{64}"$', path.read_text(), re.M)


def test_differences():
    point = SpreadPoint(0.02, 0.0040, 0.0005, 256, 0)
    assert point.differences(EdgeSpread(0.02, 0.0041, 0.0005)) == []
    assert point.differences(EdgeSpread(0.02, 0.0030, 0.0005)) == [
        "local at 0.02: 0.0030 Phi0 is now 0.0040"
    ]


def test_the_stored_spread_is_of_these_cells(monkeypatch):
    assert spread_is_stale() is None
    monkeypatch.setattr(design, "cells_digest", lambda _: "other")
    assert str(spread_is_stale()).endswith(
        "spread.toml: the branch, the decision stage or the process has changed since it was "
        "measured; `netlist-gen characterize --edge-spread --tables` measures it again"
    )

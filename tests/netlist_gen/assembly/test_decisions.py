"""Decisions follow one curve: delay against the flux past the threshold."""

from __future__ import annotations

import numpy as np
import pytest

from netlist_gen.assembly.decisions import Decisions
from netlist_gen.assembly.delays import measured_delays
from netlist_gen.assembly.unevenness import NeuronInfluence
from netlist_gen.circuit.neuron import design_neuron
from netlist_gen.circuit.table_neuron import table_neuron
from netlist_gen.errors import ConfigurationError
from netlist_gen.library.process import load_process

DELAYS = measured_delays(load_process())
DECISIONS = DELAYS.decisions


@pytest.mark.parametrize("fan_in", [8, 16, 32, 64])
def test_the_tables_neurons_are_those_that_were_measured(fan_in):
    signs, theta = table_neuron(fan_in)
    counts = np.array([theta + n for n, _ in DELAYS.tables[f"neuron{fan_in}"].overdrive_s])
    measured = np.array([delay for _, delay in DELAYS.tables[f"neuron{fan_in}"].overdrive_s])
    np.testing.assert_allclose(DECISIONS.delay(signs, theta, counts), measured, rtol=0, atol=1e-15)


def test_a_decision_is_slower_by_the_same_for_every_halving_of_the_flux():
    """Also of a neuron whose unit is another than the table's: its own flux counts."""
    signs, theta = [1] * 7 + [-1] * 9, 5
    units = [design_neuron(*n, DELAYS._coupler).unit for n in ((signs, theta), table_neuron(16))]
    assert units[0] < 0.95 * units[1]
    (own,) = DECISIONS.delay(signs, theta, np.array([theta]))
    fluxes, delays = DECISIONS._curve(16)
    slope = (delays[1] - delays[0]) / (fluxes[1] - fluxes[0])
    assert slope < 0
    below = np.log(units[0] / 2) - fluxes[0]
    assert own == pytest.approx(delays[0] + slope * below, rel=1e-9)


def test_a_raised_threshold_is_decided_on_the_line_beyond_the_largest_measured_flux():
    signs, theta = table_neuron(16)
    unit = design_neuron(signs, theta, DELAYS._coupler).unit
    fluxes, delays = DECISIONS._curve(16)
    slope = (delays[-1] - delays[-2]) / (fluxes[-1] - fluxes[-2])
    counts = np.array([theta - 3, theta, theta + 4])
    flux = np.log(unit * (counts - theta + 0.5) + 0.3)
    found = DECISIONS.delay(signs, theta, counts, raised=0.3)
    np.testing.assert_allclose(found, delays[-1] + slope * (flux - fluxes[-1]), rtol=1e-9)
    assert (np.diff(found) < 0).all()
    assert found.max() < delays.min()
    # As much flux as a pulse more: the same decision.
    (one,) = DECISIONS.delay(signs, theta, np.array([theta]), raised=unit)
    (other,) = DECISIONS.delay(signs, theta, np.array([theta + 1]))
    assert one == pytest.approx(other, rel=1e-9)


def test_a_larger_stage_is_slower_by_its_clock_line():
    delays = [DECISIONS.delay(*table_neuron(f), np.array([table_neuron(f)[1]])) for f in (8, 64)]
    assert 10e-12 < float(delays[1][0] - delays[0][0]) < 30e-12


def test_without_a_measured_neuron_there_are_none():
    tables = {k: v for k, v in DELAYS.tables.items() if not k.startswith("neuron")}
    with pytest.raises(
        ConfigurationError, match=r"^static timing needs the measured table of a neuron$"
    ):
        Decisions(tables, DELAYS._coupler, lambda _: NeuronInfluence(), lambda _: 0.0)

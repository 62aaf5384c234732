"""Bias networks of a process: what its file says, and what it refuses."""

from __future__ import annotations

import dataclasses
import re

import pytest

from netlist_gen.circuit.view import START_S, start_s
from netlist_gen.constants import PHI0
from netlist_gen.errors import ConfigurationError
from netlist_gen.library.bias import BIASES, ERSFQ, IDEAL, KEYS, LR, RESISTOR
from netlist_gen.library.process import load_process, process_names


@pytest.mark.parametrize("name", process_names())
def test_every_process_of_the_library_has_each_bias(name):
    ideal, *others = (load_process(name, kind) for kind in BIASES)
    assert ideal.network is None
    assert [process.bias_kind for process in others] == [RESISTOR, LR, ERSFQ]
    # It changes no cell's design: what was measured of the cells stays theirs.
    assert {process.digest() for process in others} == {ideal.digest()}
    assert len({process.bias_digest() for process in (ideal, *others)}) == 4


def test_the_networks_of_sfq5ee():
    resistor, lr, ersfq = (load_process("sfq5ee", kind).network for kind in BIASES[1:])
    assert resistor.voltage == pytest.approx(2.6e-3)
    assert resistor.inductance_H(100e-6) == pytest.approx(1.8e-12), "the tap's wiring alone"
    assert lr.voltage >= 10 * PHI0 * 20.8e9, "the least for a redistribution of 10 %"
    assert lr.inductance_H(100e-6) == pytest.approx(101.8e-12)
    # A tap of twice a stage's current is two in parallel.
    assert lr.inductance_H(350e-6) == pytest.approx(101.8e-12 / 2)
    assert ersfq.voltage == 0.0
    assert 200e-12 <= ersfq.inductance <= 400e-12


def test_data_wait_for_the_bias():
    starts = {kind: start_s(load_process("sfq5ee", kind)) for kind in BIASES}
    assert starts[IDEAL] == starts[RESISTOR] == START_S
    lr = load_process("sfq5ee", LR).network
    # The slowest tap of resistor and inductor has come within a thousandth.
    assert starts[LR] - lr.ramp > 7 * lr.inductance * lr.tap_current / lr.voltage
    assert starts[ERSFQ] > load_process("sfq5ee", ERSFQ).network.ramp


def test_an_unknown_bias_is_refused():
    message = "no bias 'none'; there are ideal, resistor, lr, ersfq"
    with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}$"):
        load_process("sfq5ee", "none")


def test_a_process_that_says_nothing_of_bias_networks():
    silent = dataclasses.replace(load_process("sfq5ee"), bias=None)
    assert silent.with_bias(IDEAL).network is None
    message = (
        "the process sfq5ee has no table [bias], which --bias lr needs: "
        f"{', '.join(KEYS)}, each with value, unit and source"
    )
    with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}$"):
        silent.with_bias(LR)

"""Synaptic operations: what is counted, and that the field's figures agree with themselves."""

from __future__ import annotations

import pytest

from verification.reference.synaptic import FIELD, synaptic_figures


def test_a_network_in_synaptic_operations():
    found = synaptic_figures(1000, 4, 1e9, 2e-12, 500.0)
    assert found.operations_per_inference == 4000
    assert found.operations_per_s == pytest.approx(4e12)
    assert found.J_per_operation == pytest.approx(0.5e-15)
    assert found.operations_per_s_per_W == pytest.approx(2e15)
    assert found.J_per_pulse == pytest.approx(4e-15)
    assert [one.cooling_W_per_W for one in found.cooled] == [300.0, 400.0]
    for one in found.cooled:
        assert one.J_per_operation * one.operations_per_s_per_W == pytest.approx(1.0)
        assert one.J_per_operation == pytest.approx(0.5e-15 * one.cooling_W_per_W)
    # power is operations a second over operations a second and watt
    assert found.operations_per_s / found.operations_per_s_per_W == pytest.approx(2e-12 * 1e9)


def test_no_pulse_arrives():
    assert synaptic_figures(10, 1, 1e9, 1e-12, 0.0).J_per_pulse is None


def test_what_the_field_says_with_cooling_is_at_300_watts():
    stated = [one for one in FIELD if one.cooled_per_W is not None]
    assert len(stated) == 3
    for one in stated:
        assert one.operations_per_s_per_W == pytest.approx(300 * one.cooled_per_W, rel=2e-3)

"""Names of a neuron's parts, where something reads them back."""

from __future__ import annotations

import pytest

from netlist_gen.circuit.view import CLEAR, SET, SYNAPSE, loop_side


@pytest.mark.parametrize(
    ("label", "side"),
    [
        (f"{SET}|{SYNAPSE}0|XL0N0", 1),
        (f"{CLEAR}|{SYNAPSE}17|XL0N0", -1),
        (f"{SET}|XOTHER|XL0N0", 0),
        (f"{CLEAR}|XL0N0|{SYNAPSE}0", 0),
        (f"B9|{SYNAPSE}0|XL0N0", 0),
        (SET, 0),
    ],
)
def test_what_a_junction_does_to_a_loop(label, side):
    assert loop_side(label) == side

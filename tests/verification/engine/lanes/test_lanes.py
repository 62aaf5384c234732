from __future__ import annotations

import numpy as np
import pytest
from engine_decks import MODEL, flat

from verification.engine.equations.topology import build_topology
from verification.engine.lanes.lanes import parameter_values, select_lanes

TEXT = MODEL + (
    ".subckt s a\nB1 a 0 jj1 area=2\nRS a m 5\nLS m 0 1p\nL1 a 0 3p\nL2 b 0 4p\nR2 b 0 1\n"
    "K1 L1 L2 0.3\n.ends\nX1 s 1\nX2 s 2\nC1 1 0 1f\nL9 1 2 5p\nI1 0 1 pwl(0 0 1p 2u)\n.print p(1)"
)


def values(*overrides):
    topology = build_topology(flat(TEXT))
    return topology, parameter_values(topology, overrides, 0)


def test_every_kind_of_label_sets_its_value_in_its_lane():
    topology, found = values(
        {}, {"B1|X2": 2.5, "RS.X1": 6.0, "LS|X1": 2e-12, "L1|X2": 7e-12, "K1|X2": 0.1, "C1": 2e-15,
             "L9": 6e-12, "i1": 3e-6}
    )  # fmt: skip
    assert found.lanes == 2
    junction = topology.junctions.labels.index("B1|X2")
    np.testing.assert_array_equal(found.area[junction], [2.0, 2.5])
    resistor = topology.resistors.labels.index("RS|X1")
    np.testing.assert_array_equal(found.resistance[resistor], [5.0, 6.0])
    np.testing.assert_array_equal(found.series[resistor], [1e-12, 2e-12])
    np.testing.assert_array_equal(
        found.coupled[topology.coupled.labels.index("L1|X2")], [3e-12, 7e-12]
    )
    np.testing.assert_array_equal(found.coupling, [[0.3, 0.3], [0.3, 0.1]])
    np.testing.assert_array_equal(found.capacitance, [[1e-15, 2e-15]])
    np.testing.assert_array_equal(found.inductance, [[5e-12, 6e-12]])
    assert found.currents[0] == pytest.approx([1.0, 1.5])


def test_factors_act_on_all_of_a_kind_and_on_what_the_lane_sets():
    topology, found = values({"L*": 2.0, "L9": 1e-12}, {"R*": 0.5}, {"B*": 1.1, "I*": 0.0})
    assert found.inductance[0] == pytest.approx([2e-12, 5e-12, 5e-12])
    assert found.coupled[0, 0] == 6e-12
    assert found.series.max(axis=0) == pytest.approx([2e-12, 1e-12, 1e-12])
    resistor = topology.resistors.labels.index("RS|X1")
    assert found.resistance[resistor] == pytest.approx([5.0, 2.5, 5.0])
    assert found.area[0] == pytest.approx([2.0, 2.0, 2.2])
    assert found.currents[0].tolist() == [1.0, 1.0, 0.0]


def test_some_lanes():
    _, found = values({}, {"C1": 2e-15}, {"C1": 3e-15})
    assert select_lanes(found, [0, 2]).capacitance.tolist() == [[1e-15, 3e-15]]
    _, one = values({})
    assert select_lanes(one, [0, 0]) is one

"""The output stage: votes of a class on as few lines as the window has room for."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from netlist_gen.assembly.class_lines import one_line_each, plan_read_out
from netlist_gen.assembly.close_timing import close_timing
from netlist_gen.assembly.network_circuit import network_delays
from netlist_gen.circuit.bench import neuron_sites
from netlist_gen.library.cells import CellLibrary
from netlist_gen.network import TernaryNetwork

DELAYS = network_delays(CellLibrary())


def voting(population, classes=2):
    count = population * classes
    return TernaryNetwork.from_arrays(
        [np.ones((count, 3), dtype=int)], [np.ones(count, dtype=int)], population
    )


@pytest.mark.parametrize("population", [1, 2, 3, 7, 10])
@pytest.mark.parametrize("period", [70e-12, 112e-12])
def test_pulses_on_a_line_keep_their_distance(population, period):
    network = voting(population)
    plan = close_timing(network, DELAYS, period)
    read_out = plan_read_out(network, neuron_sites(network), plan, DELAYS)
    members = [m for line in read_out.lines for m in line.members]
    assert members == list(range(2 * population))
    timing = plan.layers[0]
    for line in read_out.lines:
        arrivals = []
        for passed, member, stages in zip(
            DELAYS.merge(len(line.members)), line.members, line.stages, strict=True
        ):
            low, high = DELAYS.decide_range((1, 1, 1), 1)
            at = timing.decision[member] + stages * DELAYS.jtl() + passed
            arrivals.append((at + low, at + high))
        for (_, before), (after, _) in pairwise(arrivals):
            assert after - before >= read_out.spacing_s - 1e-15
        around = arrivals[0][0] + period - arrivals[-1][1]
        assert around >= read_out.spacing_s - 2e-12  # the dead time; its margin may be shared
    if population == 1:
        assert [line.name for line in read_out.lines] == ["0", "1"]
    if population == 10:
        assert len(read_out.lines) > 2
        assert read_out.lines[1].name == "0_1"


def test_counting_needs_one_line_for_each_class():
    lines = one_line_each(voting(3)).lines
    assert [line.members for line in lines] == [(0, 1, 2), (3, 4, 5)]

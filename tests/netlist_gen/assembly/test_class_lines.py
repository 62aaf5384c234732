"""The output stage: votes of a class on as few lines as the window has room for."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from netlist_gen.assembly.class_lines import line_spacing, one_line_each, plan_class_lines
from netlist_gen.assembly.close_timing import close_timing
from netlist_gen.assembly.delays import measured_delays
from netlist_gen.assembly.plan import outline
from netlist_gen.assembly.stages import Stage
from netlist_gen.library.process import load_process
from netlist_gen.network import TernaryNetwork

DELAYS = measured_delays(load_process())


def voting(population, classes=2):
    count = population * classes
    return TernaryNetwork.from_arrays(
        [np.ones((count, 3), dtype=int)], [np.ones(count, dtype=int)], population
    )


@pytest.mark.parametrize("population", [1, 2, 3, 7, 10])
@pytest.mark.parametrize("period", [70e-12, 112e-12])
def test_pulses_on_a_line_keep_their_distance(population, period):
    plan = outline(voting(population))
    timing = close_timing(plan, DELAYS, period)
    lines = plan_class_lines(plan.with_timing(timing), DELAYS)
    spacing_s, stage_s = line_spacing(DELAYS), DELAYS.stage(Stage("jtl"))
    members = [m for line in lines for m in line.members]
    assert members == list(range(2 * population))
    for line in lines:
        arrivals = []
        for passed, member, stages in zip(
            DELAYS.merge(len(line.members)), line.members, line.stages, strict=True
        ):
            low, high = DELAYS.decide_range((1, 1, 1), 1)
            at = timing.layers[0].decision[member] + stages * stage_s + passed
            arrivals.append((at + low, at + high))
        for (_, before), (after, _) in pairwise(arrivals):
            assert after - before >= spacing_s - 1e-15
        around = arrivals[0][0] + period - arrivals[-1][1]
        assert around >= spacing_s - 2e-12  # the dead time; its margin may be shared
    if population == 1:
        assert [line.name for line in lines] == ["0", "1"]
    if population == 10:
        assert len(lines) > 2
        assert lines[1].name == "0_1"


def test_counting_needs_one_line_for_each_class():
    lines = one_line_each(outline(voting(3)))
    assert [line.members for line in lines] == [(0, 1, 2), (3, 4, 5)]
    assert [(line.label, line.name, line.stages) for line in lines] == [
        (0, "0", (0, 0, 0)),
        (1, "1", (0, 0, 0)),
    ]

"""The clock line of a decision stage: JTL stages that grow from a splitter's size to a SQUID's."""

from __future__ import annotations

import dataclasses
import math

from netlist_gen.circuit.loops import neuron_loops
from netlist_gen.library.cells import CellLibrary
from netlist_gen.library.design import ClockPhases

CLOCK_GROWTH = 1.3
"""Of the clock line's junctions, from stage to stage, at the most."""


CLOCK_STAGES = 3
"""Of the clock line of the smallest stage; the phases of the design table are those of its port."""

CLOCK_STAGE_S = 2.0e-12
"""One stage of a clock line, 1.9 to 2.1 ps in JoSIM's equations, drawn parasitics in."""


def clock_stages(library: CellLibrary, loops: int) -> int:
    """Stages of a clock line, each at most ``CLOCK_GROWTH`` times as large as the one before."""
    stage = library.description("decision").parameters
    last = stage["ic_clock"] * loops / stage["reference"]
    grown = math.log(last / stage["ic_line"]) / math.log(CLOCK_GROWTH)
    return max(CLOCK_STAGES, math.ceil(grown))


def port_phases(library: CellLibrary, phases: ClockPhases, branches: int) -> ClockPhases:
    """Clock phases at the ports of a neuron of so many storage branches.

    The decision clock comes sooner by what its line is longer than the smallest stage's.

    Raises:
        NetworkError: more branches than were shown to work.
    """
    longer = clock_stages(library, neuron_loops(branches)) - CLOCK_STAGES
    sooner = longer * CLOCK_STAGE_S * phases.slowness
    return dataclasses.replace(phases, decision=phases.decision - sooner)

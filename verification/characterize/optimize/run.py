"""An optimization from options to the cell that it found."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from netlist_gen.errors import ConfigurationError
from verification.characterize.measure.yields import draw
from verification.characterize.optimize.goals import (
    Delay,
    Goal,
    LeastMargin,
    Yield,
    drawn_rays,
    margin_rays,
)
from verification.characterize.optimize.reach import Measured, Prober
from verification.characterize.optimize.result import (
    Figures,
    Optimized,
    changes,
    with_factors,
)
from verification.characterize.optimize.search import Search
from verification.characterize.optimize.variables import fitting_names, parse_range, variables
from verification.characterize.options import CharacterizeOptions
from verification.characterize.subject.model import Subject
from verification.characterize.subject.parameters import Parameter
from verification.characterize.trials.cell import CellUnderTest

SAMPLES = 128
"""Drawn for the yield, where no number is asked for."""

OWN_BATCH = 2**31
"""The number of the search's draws: the yield that is measured afterwards has others."""


def optimize(cell: CellUnderTest, options: CharacterizeOptions) -> tuple[Subject, Optimized]:
    """The cell with the values that serve the goal best, and how they were found.

    Raises:
        ConfigurationError: a neuron, an element or parameter that there is not, or a cell that
            works with no values between the bounds.
        SimulatorError: the simulator is missing or fails.
    """
    if cell.subject.grouped:
        raise ConfigurationError(
            f"--optimize: {cell.subject.name} is a neuron, which is made from its design "
            "(cells/design/neuron.toml); optimize its cells"
        )
    chosen = variables(cell, [parse_range(text) for text in options.vary])
    against = _against(cell, options.against)
    goal = _goal(cell, options, against)
    prober = Prober(cell, chosen, goal.rays)
    found = Search(prober, goal, options.seed, options.rounds).run(options.starts)
    factors = chosen.factors(found.candidate)
    name = cell.subject.name
    if name in cell.subject.library.descriptions:
        name = f"{name}_optimized"  # sources and loads are cells of the library's names
    bounds = {label: (v.low, v.high) for v in chosen.chosen for label in v.labels}
    result = Optimized(
        goal=goal.name,
        seed=options.seed,
        starts=options.starts,
        against=tuple(p.name for p in against),
        before=_figures(goal, found.nominal) if found.nominal.works else None,
        fault=found.fault,
        after=_figures(goal, found.measured),
        changes=changes(cell.bench, factors, bounds),
        history=found.history,
    )
    return with_factors(cell.bench, factors, name), result


def _against(cell: CellUnderTest, patterns: Sequence[str]) -> tuple[Parameter, ...]:
    """The parameters whose margins count: all, or those of the patterns."""
    known = cell.parameters
    chosen: dict[str, Parameter] = {} if patterns else dict(known)
    for pattern in patterns:
        fitting = fitting_names(cell, known, "--against", pattern, "parameter")
        chosen |= {name: known[name] for name in fitting}
    return tuple(chosen.values())


def _goal(cell: CellUnderTest, options: CharacterizeOptions, against: Sequence[Parameter]) -> Goal:
    if options.goal == "yield":
        spreads = options.spread()
        if spreads.overall.get("C") or spreads.local.get("C"):
            raise ConfigurationError(
                "--goal yield takes no spread of C: a junction's capacitance goes with its area"
            )
        count = options.monte_carlo or SAMPLES
        rays = drawn_rays(draw(cell, spreads, options.seed, OWN_BATCH, count))
        if not rays:
            raise ConfigurationError("--goal yield: nothing scatters; give a --spread above 0")
        return Yield(rays)
    if options.goal == "delay":
        return Delay(margin_rays(against), options.least_margin)
    return LeastMargin(margin_rays(against))


def _figures(goal: Goal, found: Measured) -> Figures:
    delay = float(found.delays_s.max(initial=0.0))
    if isinstance(goal, Yield):
        return Figures(passed=goal.rate(found))
    worst = int(np.argmin(found.reaches))
    return Figures(
        margin=float(found.reaches[worst]),
        critical=goal.rays[worst].name,
        delay_s=delay if isinstance(goal, Delay) else None,
    )

"""A neuron of some fan-in as a subject: clock windows that each hold a count of pulses.

Of a neuron whose membrane lasts, samples of windows: before each a window in which its loops are
emptied, by a pulse at ``rst`` in the place of the decision clock.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np

from netlist_gen.circuit.clock_line import port_phases
from netlist_gen.circuit.lasting_neuron import (
    STEPS_MAX,
    lasting_phases,
    roomy_period_s,
    site_cell,
)
from netlist_gen.circuit.model import Cell
from netlist_gen.circuit.sites import NeuronSite, SiteMemory
from netlist_gen.circuit.table_neuron import lines_of_count, table_neuron, table_neuron_cell
from netlist_gen.circuit.trees import tree_depth
from netlist_gen.errors import ConfigurationError
from netlist_gen.library.cells import CellLibrary
from netlist_gen.library.design import ClockPhases, load_phases
from netlist_gen.memory import RESETS, Reset
from verification.characterize.subject.model import Subject
from verification.characterize.subject.stimulus import BenchCase, Step

_NAME = re.compile(rf"neuron(\d{{1,6}})(?:({'|'.join(RESETS)})(\d{{1,2}}))?")

NAMES = "neurons of any fan-in (neuron32), of which the membrane lasts (neuron16zero4: 4 steps)"
"""In words."""

Windows = Sequence[Sequence[int]]
"""Input lines that are pulsed in each window."""


@dataclass(frozen=True)
class NeuronKind:
    """A neuron by its name.

    Attributes:
        fan_in: lines.
        memory: of its membrane, if that lasts.
    """

    fan_in: int
    memory: SiteMemory | None = None

    @staticmethod
    def named(name: str) -> NeuronKind | None:
        """E.g. ``neuron16`` or ``neuron16zero4``; None for another name.

        Raises:
            ConfigurationError: steps beyond what was shown to work.
        """
        match = _NAME.fullmatch(name)
        if match is None:
            return None
        fan_in, reset, steps = match.groups()
        if reset is None:
            return NeuronKind(int(fan_in))
        if not 1 <= int(steps) <= STEPS_MAX:
            raise ConfigurationError(
                f"{name}: samples of {steps} steps; a storage loop counts the pulses of 1 to "
                f"{STEPS_MAX}"
            )
        # snnTorch subtracts its threshold, and fires above it.
        _, theta = table_neuron(int(fan_in))
        amount = theta - 1 if reset == "subtract" else 0
        return NeuronKind(int(fan_in), SiteMemory(cast("Reset", reset), int(steps), amount))

    @property
    def name(self) -> str:
        """Of the subject."""
        kept = self.memory
        return f"neuron{self.fan_in}" + ("" if kept is None else f"{kept.reset}{kept.steps}")

    @property
    def site(self) -> NeuronSite:
        """It, alone: line k feeds synapse k."""
        signs, theta = table_neuron(self.fan_in)
        lines = tuple(range(self.fan_in))
        name = f"N{self.fan_in}T{theta}" + ("" if self.memory is None else "M")
        return NeuronSite(0, 0, lines, signs, theta, name, tuple(map(str, lines)), self.memory)

    def cell(self, library: CellLibrary) -> Cell:
        """The circuit. Raises NetworkError for a fan-in beyond what was shown to work."""
        if self.memory is None:
            return table_neuron_cell(library, self.fan_in)
        return site_cell(library, self.site)

    def phases(self, library: CellLibrary) -> ClockPhases:
        """Of its windows, at its ports."""
        phases = load_phases(process=library.process)
        branches = len(self.site.branch_signs)
        if self.memory is not None:
            period = roomy_period_s(self.memory, branches, phases)
            phases = phases.with_period(max(phases.period, period))
            phases = lasting_phases(self.site, phases)
        return port_phases(library, phases, self.site.stage_fan_in)


def neuron_windows(signs: Sequence[int], theta: int) -> tuple[tuple[int, ...], ...]:
    """Input lines pulsed in each window: the signed range's ends and both sides of theta.

    A window that fires and one that does not take turns, so that what either leaves behind
    would show in the other.
    """
    low, high = -sum(s < 0 for s in signs), sum(s > 0 for s in signs)
    order = [theta, theta - 1, high, low, min(theta + 1, high), max(theta - 2, low)]
    return (*(lines_of_count(signs, n) for n in order), tuple(range(len(signs))))


def neuron_case(
    library: CellLibrary, kind: NeuronKind, samples: Sequence[Windows], name: str = ""
) -> BenchCase:
    """The stimulus of a neuron whose samples have windows that pulse these lines.

    Without a memory all windows follow each other, each for itself.
    """
    signs, theta = table_neuron(kind.fan_in)
    phases = kind.phases(library)
    memory = kind.memory
    reset = phases.reset - phases.tree_stage * tree_depth(kind.fan_in)
    steps: list[Step] = []
    window = 0
    for windows in samples:
        if memory is not None:
            steps.append(Step(window * phases.period + phases.decision, ("rst",), ()))
            window += 1
        for lines, fires in zip(windows, _fired(signs, theta, memory, windows), strict=True):
            start = window * phases.period
            if lines:
                steps.append(Step(start, tuple(f"d{i}" for i in lines), ()))
            steps.append(Step(start + phases.decision, ("clk",), ("q",) if fires else ()))
            if memory is None:
                steps.append(Step(start + reset, ("rst",), ()))
            window += 1
    return BenchCase(name, tuple(steps))


def _fired(
    signs: Sequence[int], theta: int, memory: SiteMemory | None, windows: Windows
) -> list[bool]:
    """In which windows of a sample it fires."""
    counts = np.array([sum(signs[i] for i in lines) for lines in windows], dtype=np.int64)
    if memory is None:
        return [bool(fires) for fires in counts >= theta]
    _, fires = memory.rule.integrate(counts[:, None], np.array([theta]))
    return [bool(one) for one in fires[:, 0]]


def neuron_subject(library: CellLibrary, kind: NeuronKind) -> Subject:
    """The neuron that a table is measured of (``table_neuron``), or that one with a memory.

    Raises:
        NetworkError: a fan-in beyond what was shown to work.
    """
    signs, theta = table_neuron(kind.fan_in)
    every = neuron_windows(signs, theta)
    length = 1 if kind.memory is None else kind.memory.steps
    samples = [every[i : i + length] for i in range(0, len(every), length)]
    kept = "" if kind.memory is None else f", {kind.memory.in_words}"
    return Subject(
        name=kind.name,
        title=f"differential neuron of fan-in {kind.fan_in}, {sum(s > 0 for s in signs)} "
        f"excitatory, theta {theta}{kept}",
        cell=kind.cell(library),
        library=library,
        process=library.process,
        source="cells/design/neuron.toml",
        inputs=(*(f"d{i}" for i in range(kind.fan_in)), "clk", "rst"),
        outputs=("q",),
        clock="clk",
        cases=(neuron_case(library, kind, samples),),
        grouped=True,
    )

"""The numbers that neurons are designed by: clock phases and design rules, each with its source."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from netlist_gen.constants import PHI0
from netlist_gen.errors import ConfigurationError
from netlist_gen.library.drawing import Crosstalk
from netlist_gen.library.process import DEFAULT_PROCESS, Process, quantity
from netlist_gen.library.toml_file import read_toml
from netlist_gen.resources import resource_dir

FloatArray = NDArray[np.float64]
_NEAREST = 0.01
"""Closer to its limit, Phi0, no loop is taken to be: no design comes so far."""


@dataclass(frozen=True)
class ClockPhases:
    """When things happen in a clock window, in s after its data pulses.

    Attributes:
        period: length of a window.
        decision: decision clock at the neuron's port.
        reset: reset pulse at the branches (the reset tree's delay is taken off at its port).
        earliest: an output pulse belongs to the clock if it comes so long after the decision
            clock or later,
        latest: and no later than this.
        tree_stage: delay of one stage of a splitter tree.
        skew: how far apart the data pulses of one window may reach a neuron.
        slowness: by how much all of them are longer than the design table's.
    """

    period: float
    decision: float
    reset: float
    earliest: float
    latest: float
    tree_stage: float
    skew: float
    slowness: float = 1.0

    def slowed(self, slowness: float) -> ClockPhases:
        """All phases so many times as long."""
        names = [f.name for f in dataclasses.fields(self)]
        return ClockPhases(**{name: getattr(self, name) * slowness for name in names})

    def with_period(self, period: float) -> ClockPhases:
        """The phases of a window of another length.

        These phases where the reset still has its 30 ps before the next data pulses; between
        there and the shortest window those of ``[timing_short]`` and these in proportion.

        Raises:
            ConfigurationError: shorter than the shortest window that was shown to work.
        """
        full = self.reset + RESET_TIME * self.slowness
        if period >= full:
            return dataclasses.replace(self, period=period)
        short = self.short()
        if period < short.period * (1 - 1e-9):
            raise ConfigurationError(
                f"a clock of {1e-9 / period:.4g} GHz leaves windows of {period * 1e12:.4g} ps; the "
                f"shortest shown to work is {short.period * 1e12:.4g} ps "
                f"({1e-9 / short.period:.4g} GHz)"
            )
        share = max(0.0, (period - short.period) / (full - short.period))
        between = {
            name: (1 - share) * getattr(short, name) + share * getattr(self, name)
            for name in ("decision", "reset", "latest", "skew")
        }
        return dataclasses.replace(short, period=period, **between)

    def short(self) -> ClockPhases:
        """The phases of the shortest window that was shown to work, in the same process."""
        return load_phases("timing_short").slowed(self.slowness)


RESET_TIME = 30e-12
"""From the reset at a neuron's branches to the next data pulses at the least, at the phases of
``[timing]``: at bias x 0.8 the slower reset tree still comes in time."""


@cache
def load_phases(table: str = "timing", process: Process | None = None) -> ClockPhases:
    """Clock phases of ``cells/design/neuron.toml``: its table ``timing`` or ``timing_short``.

    Args:
        table: which of the two.
        process: whose phases; a pulse is about Phi0 / IcRs long, so that the table's are longer
            by the ratio of its own process's IcRs to this one's (default: the table's own).
    """
    path = resource_dir("cells") / "design" / "neuron.toml"
    data = read_toml(path)
    names = [f.name for f in dataclasses.fields(ClockPhases) if f.name != "slowness"]
    values = {name: quantity(data.get(table), name, f"{path}: [{table}]") for name in names}
    own = quantity(data.get("process"), "ic_rs", f"{path}: [process]")
    return ClockPhases(**values).slowed(own / process.ic_rs if process else 1.0)


@dataclass(frozen=True)
class Edge:
    """Where a decision stage of some loops turns, as measured.

    Attributes:
        loops: of the stage.
        offset: differential flux at which the decision is on the edge, without coupling, Phi0.
        screening: how far the edge moves down with the square of the coupling, Phi0.
        sigma: spread of the edge by thermal noise, Phi0.
        crosstalk: how far crosstalk moves the edge up where every place has its synapse, Phi0; 0
            where the process says nothing of crosstalk.
    """

    loops: int
    offset: float
    screening: float
    sigma: float
    crosstalk: float = 0.0


@dataclass(frozen=True)
class Neighbours:
    """What crosstalk makes of a synapse's unit, as measured.

    Attributes:
        crosstalk: coefficients between neighbours at which it was measured.
        alike: share that each neighbour of the same sign adds.
        other: share that each neighbour of the other sign adds.
        both: flux in its own loop by which a fluxon of either sign moves the edge up for each
            neighbour, Phi0.
    """

    crosstalk: Crosstalk
    alike: float
    other: float
    both: float


@dataclass(frozen=True)
class Lack:
    """What a loop lacks in the sum of the loops, by its flux (``circuit.linear``).

    Attributes:
        size: its square over what is left to the limit is lacking, Phi0.
        limit: flux at which the loop would let through no more, Phi0.
    """

    size: float
    limit: float

    def __call__(self, flux: FloatArray) -> FloatArray:
        """Of loops of so much flux (Phi0), Phi0."""
        return self.size**2 / np.maximum(self.limit - flux, _NEAREST)


@dataclass(frozen=True)
class Lacks:
    """What the loops of a stage lack.

    Attributes:
        loops: of the stage.
        bottom: what a bottom loop lacks.
        top: what a top loop lacks.
    """

    loops: int
    bottom: Lack
    top: Lack


@dataclass(frozen=True)
class DesignRules:
    """What every neuron is designed by; the TOML files say where each number is from.

    Attributes:
        max_fan_in: largest fan-in shown to work.
        loops: numbers of loops of the decision stages that are built, rising.
        places: synapses of a loop.
        reach: largest ``unit * |n - theta + 1/2|`` that is decided rightly, Phi0.
        rest: largest negative threshold at which no SQUID traps flux at rest, Phi0.
        lacking: what the loops of each stage lack in their sum.
        alone: times the coupling's square the share by which a fluxon counts less in a loop none of
            whose places are taken.
        shift: how far the edge may move with the pattern of a count, synapses.
        common: flux that biases all loops alike, Phi0.
        startup: how far from the edge a count is in start-up windows at least, Phi0.
        edges: of each stage of ``loops``.
        pickup_total: sum of the pick-ups in each loop, H.
        full: current of a storage inductor with a fluxon, A.
        neighbours: what crosstalk does; None where it was not measured.
    """

    max_fan_in: int
    loops: tuple[int, ...]
    places: int
    reach: float
    rest: float
    lacking: tuple[Lacks, ...]
    alone: float
    shift: float
    common: float
    startup: float
    edges: tuple[Edge, ...]
    pickup_total: float
    full: float
    neighbours: Neighbours | None = None

    def edge(self, loops: int) -> Edge:
        """Of the stage of so many loops."""
        return next(edge for edge in self.edges if edge.loops == loops)

    def lacks(self, loops: int) -> Lacks:
        """What the loops of a stage of so many lack."""
        return next(lacks for lacks in self.lacking if lacks.loops == loops)

    def numbers(self) -> dict[str, float]:
        """What the bench of a cell may name: ``edge`` is that of the smallest stage."""
        first = self.edges[0]
        return {
            "common": self.common,
            "pickup_total": self.pickup_total,
            "edge": first.offset,
        }


def flux_path(process: Process | None = None) -> Path:
    """The file of what was measured of a process's neurons.

    A process that was not measured has that of the default one: fluxes stay where inductances
    times critical currents do. Of one that was measured with other bias sources alone it is that:
    ``measured_with_bias`` tells.
    """
    folder = resource_dir("cells") / "design" / "flux"
    if process is None:
        return folder / f"{DEFAULT_PROCESS}.toml"
    found: dict[str, Path] = {}
    for path in sorted(folder.glob("*.toml")):
        measured = read_toml(path).get("measured", {})
        if measured.get("process_sha256") == process.digest():
            found[measured.get("bias_sha256", "")] = path
    ideal = found.get("", folder / f"{DEFAULT_PROCESS}.toml")
    return found.get(process.bias_digest(), ideal)


def measured_with_bias(process: Process) -> bool:
    """Whether what neurons are designed by was measured with the process's bias."""
    if process.network is None:
        return True
    measured = read_toml(flux_path(process)).get("measured", {})
    return bool(measured.get("bias_sha256", "") == process.bias_digest())


def bias_note(process: Process) -> str:
    """What is to be said where thresholds were not measured with the process's bias; else ""."""
    if measured_with_bias(process):
        return ""
    return (
        f"thresholds are set by what was measured with other bias than {process.bias_kind}: "
        f"`netlist-gen characterize --design --tables --process {process.origin or process.name} "
        f"--bias {process.bias_kind}` measures it"
    )


@cache
def load_rules(process: Process | None = None) -> DesignRules:
    """The rules chosen in ``cells/design/neuron.toml`` and those measured of a process."""
    path = resource_dir("cells") / "design" / "neuron.toml"
    measured_path = flux_path(process)
    chosen, measured = read_toml(path), read_toml(measured_path)

    def get(table: str, key: str) -> float:
        return quantity(chosen.get(table), key, f"{path}: [{table}]")

    def lack(stage: int, side: str) -> Lack:
        table = f"lack{stage}"
        return Lack(get(table, side) / PHI0, get(table, f"{side}_limit") / PHI0)

    loops = tuple(int(number) for number in chosen["neuron"]["loops"])
    neighbours = _neighbours(measured.get("crosstalk"), f"{measured_path}: [crosstalk]")
    edges = []
    for number in loops:
        where = f"{measured_path}: [stage{number}]"
        table = measured.get(f"stage{number}")
        names = ("offset", "screening", "sigma", *(("crosstalk",) if neighbours else ()))
        values = {name: quantity(table, name, where) / PHI0 for name in names}
        edges.append(Edge(number, **values))
    return DesignRules(
        max_fan_in=int(chosen["neuron"]["max_fan_in"]),
        loops=loops,
        places=int(chosen["neuron"]["places"]),
        reach=get("flux", "reach") / PHI0,
        rest=get("flux", "rest") / PHI0,
        lacking=tuple(Lacks(n, lack(n, "bottom"), lack(n, "top")) for n in loops),
        alone=get("flux", "alone"),
        shift=get("flux", "shift"),
        common=get("flux", "common") / PHI0,
        startup=get("flux", "startup") / PHI0,
        edges=tuple(edges),
        pickup_total=get("branch", "pickup_total"),
        full=quantity(measured.get("branch"), "full", f"{measured_path}: [branch]"),
        neighbours=neighbours,
    )


def _neighbours(table: object, where: str) -> Neighbours | None:
    """What was measured of crosstalk, if anything."""
    if table is None:
        return None

    def get(name: str) -> float:
        return quantity(table, name, where)

    crosstalk = Crosstalk(*(get(f.name) for f in dataclasses.fields(Crosstalk)))
    return Neighbours(crosstalk, get("alike"), get("other"), get("both") / PHI0)

"""The numbers that neurons are designed by: clock phases and design rules, each with its source."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import cache

from netlist_gen.constants import PHI0
from netlist_gen.errors import ConfigurationError
from netlist_gen.library.process import Process, quantity
from netlist_gen.library.toml_file import read_toml
from netlist_gen.resources import resource_dir


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

        These phases where the reset still has its 30 ps before the next data pulses, else those
        of ``[timing_short]``: less skew allowed at the inputs, decision and reset sooner.

        Raises:
            ConfigurationError: shorter than the shortest window that was shown to work.
        """
        if period >= self.reset + RESET_TIME * self.slowness:
            return dataclasses.replace(self, period=period)
        short = self.short()
        if period < short.period * (1 - 1e-9):
            raise ConfigurationError(
                f"a clock of {1e-9 / period:.4g} GHz leaves windows of {period * 1e12:.4g} ps; the "
                f"shortest shown to work is {short.period * 1e12:.4g} ps "
                f"({1e-9 / short.period:.4g} GHz)"
            )
        return dataclasses.replace(short, period=period)

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
class DesignRules:
    """What every neuron is designed by; the TOML files say where each number is from.

    Attributes:
        max_fan_in: largest fan-in shown to work.
        reach: largest ``unit * |n - theta + 1/2|`` that is decided rightly, Phi0.
        rest: largest negative threshold at which no SQUID traps flux at rest, Phi0.
        unit_max: largest flux of one stored fluxon in either loop, Phi0.
        common: flux that biases both loops alike, Phi0.
        offset: differential flux at which the decision is on the edge, without coupling, Phi0.
        screening: how far the offset moves with the square of the coupling, Phi0.
        pickup_total: sum of the pick-ups in each loop, H.
        coupling_max: largest coupling coefficient between storage and pick-up inductor.
        full: current of a storage inductor with a fluxon, A.
    """

    max_fan_in: int
    reach: float
    rest: float
    unit_max: float
    common: float
    offset: float
    screening: float
    pickup_total: float
    coupling_max: float
    full: float


@cache
def load_rules() -> DesignRules:
    """The rules chosen in ``cells/design/neuron.toml`` and those measured in ``flux.toml``."""
    folder = resource_dir("cells") / "design"
    chosen, measured = (read_toml(folder / name) for name in ("neuron.toml", "flux.toml"))

    def get(table: str, key: str) -> float:
        name = "flux" if key in ("offset", "screening", "full") else "neuron"
        data = measured if name == "flux" else chosen
        return quantity(data.get(table), key, f"{folder / name}.toml: [{table}]")

    return DesignRules(
        max_fan_in=int(chosen["neuron"]["max_fan_in"]),
        reach=get("flux", "reach") / PHI0,
        rest=get("flux", "rest") / PHI0,
        unit_max=get("flux", "unit_max") / PHI0,
        common=get("flux", "common") / PHI0,
        offset=get("flux", "offset") / PHI0,
        screening=get("flux", "screening") / PHI0,
        pickup_total=get("branch", "pickup_total"),
        coupling_max=get("branch", "coupling_max"),
        full=get("branch", "full"),
    )

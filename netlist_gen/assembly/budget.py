"""A network's circuit against what a chip may have: current, area, pads, rates, defects.

Where the bias is more than one chip or island may be fed with, the circuit is cut into islands that
one current feeds one after another (current recycling, serial biasing; G. Krylov, thesis,
Rochester 2021, 13.3): the bus then carries the current of one island and has the voltage of all,
and a pulse from one island to another needs a coupler across the moat.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from netlist_gen.assembly.network_circuit import NetworkBench
from netlist_gen.assembly.plan import NetworkPlan
from netlist_gen.library.chip import ChipProfile
from netlist_gen.records import Record


@dataclass(frozen=True)
class BusFigures(Record):
    """A layer's bus: current of junctions and of control lines."""

    name: str
    bias_A: float
    control_A: float


@dataclass(frozen=True)
class ChipBudget(Record):
    """What a circuit takes of a chip.

    Attributes:
        profile: whose limits it is held against.
        buses: one for each layer; input lines are on the first, class lines on the last.
        feeding_A: of feeding JTLs, on the same buses.
        current_A: of all.
        islands: that one current feeds one after another; 1 where the profile has no limit.
        island_A: current of each, and of the bus.
        nets: that carry pulses from a neuron or source to synapses, class lines or clocked parts.
        nets_between: couplers from island to island that they need.
        supply_V: of the bus, islands in series.
        junctions: of the circuit.
        area_m2: at each density of the profile.
        input_pads: one for each input line with a synapse.
        output_pads: one for each class line.
        clock_pads: one for each layer.
        bias_pads: of the bus.
        input_bits_per_s: one bit a window on each input line.
        output_bits_per_s: most pulses that the class lines may carry.
        defects: expected on a chip.
        exceeded: a sentence for each limit that is exceeded.
    """

    profile: str
    buses: tuple[BusFigures, ...]
    feeding_A: float
    current_A: float
    islands: int
    island_A: float
    nets: int
    nets_between: int
    supply_V: float
    junctions: int
    area_m2: Mapping[str, float]
    input_pads: int
    output_pads: int
    clock_pads: int
    bias_pads: int
    input_bits_per_s: float
    output_bits_per_s: float
    defects: float
    exceeded: tuple[str, ...]

    @property
    def pads(self) -> int:
        """Of all kinds; ground is the chip's own."""
        return self.input_pads + self.output_pads + self.clock_pads + self.bias_pads

    @property
    def pads_in_words(self) -> str:
        """How many, and of which kinds."""
        return (
            f"{self.pads} ({self.input_pads} inputs, {self.output_pads} class lines, "
            f"{self.clock_pads} clocks, {self.bias_pads} bias)"
        )


def chip_budget(
    bench: NetworkBench, profile: ChipProfile, supply_V: float, *, feeding_A: float = 0.0
) -> ChipBudget:
    """The budget of a network's circuit.

    Args:
        bench: the circuit, its timing closed or not; its period is the clock's.
        profile: the chip's limits.
        supply_V: voltage of the bias bus of one island.
        feeding_A: what ERSFQ buses are fed with beyond the taps, for their feeding JTLs.
    """
    plan, period = bench.plan, bench.timing.period_s
    totals = bench.circuit.totals()
    current = totals.supply_A + feeding_A
    islands = 1 if profile.current is None else max(1, math.ceil(current / profile.current))
    nets, between = _nets(plan, islands)
    lines = sum(bool(line.users) for line in plan.layers[0].lines.values())
    members = sum(len(line.members) for line in plan.class_lines)
    budget = ChipBudget(
        profile=profile.name,
        buses=_buses(bench),
        feeding_A=feeding_A,
        current_A=current,
        islands=islands,
        island_A=current / islands,
        nets=nets,
        nets_between=between,
        supply_V=supply_V * islands,
        junctions=totals.junctions,
        area_m2={name: totals.junctions * each for name, each in profile.densities.items()},
        input_pads=lines,
        output_pads=len(plan.class_lines),
        clock_pads=sum(bool(layer.sites) for layer in plan.layers),
        bias_pads=max(1, math.ceil(current / islands / profile.pad_current)),
        input_bits_per_s=lines / period,
        output_bits_per_s=members / period,
        defects=totals.junctions * profile.defect_rate,
        exceeded=(),
    )
    found = tuple(_exceeded(budget, profile, 1.0 / period))
    return replace(budget, exceeded=found)


def _buses(bench: NetworkBench) -> tuple[BusFigures, ...]:
    """The current of each bus, a sum over what is placed on it."""
    known = bench.circuit.cell_totals
    names = [f"layer {layer.index}" for layer in bench.plan.layers]
    names += ["class lines"] * bool(bench.plan.class_lines)
    found = np.zeros((len(names), 2))
    for instance in bench.circuit.top.instances:
        bus = bench.bus_of.get(instance.name)
        if bus is not None:  # else a stage of a feeding JTL, which has no tap
            part = known[instance.cell.name]
            found[bus] += part.bias_A, part.flux_A
    return tuple(
        BusFigures(name, float(bias), float(control))
        for name, (bias, control) in zip(names, found, strict=True)
    )


def _nets(plan: NetworkPlan, islands: int) -> tuple[int, int]:
    """Nets, and couplers that they need where neurons fill the islands in their order.

    A net that is used in an island other than its driver's needs one coupler for each such island:
    behind it the net has a tree of its own. A layer's clock is a net from the layer's first island.
    """
    sites = plan.sites
    loads = np.array([1 + len(site.inputs) for site in sites], dtype=float)
    filled = np.cumsum(loads) - 0.5 * loads
    island = np.minimum((filled / loads.sum() * islands).astype(int), islands - 1)
    home = {(site.layer, site.neuron): int(at) for site, at in zip(sites, island, strict=True)}
    nets = between = 0
    for layer in plan.layers:
        here = [home[layer.index, site.neuron] for site in layer.sites]
        for number, line in layer.lines.items():
            used = {here[user] for user in line.users}
            if used:
                nets += 1
                first = home.get((layer.index - 1, number), min(used))
                between += len(used - {first})
        if here:
            nets += 1
            between += len(set(here)) - 1
    last = len(plan.layers) - 1
    for one in plan.class_lines:
        nets += len(one.members)
        between += sum(home[last, member] != islands - 1 for member in one.members)
    return nets, between


def _exceeded(budget: ChipBudget, profile: ChipProfile, clock: float) -> list[str]:
    """Sentences that name figure, value and limit."""
    found = []
    if profile.current is not None and budget.current_A > profile.current:
        found.append(
            f"bias is {budget.current_A:.3g} A, {profile.name} allows {profile.current:g} A: "
            f"{budget.islands} islands in series at {budget.supply_V * 1e3:.4g} mV, with "
            f"{budget.nets_between} couplers between them for {budget.nets} nets"
        )
    name, area = next(iter(budget.area_m2.items()))
    if profile.area is not None and area > profile.area:
        found.append(
            f"area is {area * 1e6:.4g} mm2 ({budget.junctions} junctions, density of {name}), "
            f"{profile.name} allows {profile.area * 1e6:g} mm2"
        )
    if profile.pads is not None and budget.pads > profile.pads:
        found.append(f"pads are {budget.pads_in_words}, {profile.name} allows {profile.pads}")
    if profile.pad_rate is not None and clock > profile.pad_rate:
        found.append(
            f"an input pad carries {clock * 1e-9:.4g} Gbit/s, {profile.name} allows "
            f"{profile.pad_rate * 1e-9:g} Gbit/s"
        )
    return found

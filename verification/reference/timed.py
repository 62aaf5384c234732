"""The timed reference: when each pulse of a network comes, from measured delays alone.

An event simulation, layer by layer and all windows at once. Pulses leave the input sources, pass
trees and stages with their delays (``influence`` adds what neighbours change), and arrive at the
neurons; a neuron counts those that arrive between its reset and its decision clock, fires at the
clock if there are enough, and its pulse leaves after a delay that falls with the flux past the
threshold. Nothing here has seen a waveform of the network.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netlist_gen.assembly.class_lines import ClassLine
from netlist_gen.assembly.delays import Delays
from netlist_gen.assembly.network_circuit import NetworkBench
from netlist_gen.circuit.bench import START_S, NeuronSite, neuron_sites
from netlist_gen.library.process import Process
from netlist_gen.network import TernaryNetwork
from verification.reference.influence import influenced_delays, junctions_after_ports

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class NeuronTimes:
    """What the timed reference says of one neuron.

    Attributes:
        site: which.
        count: int64, shape (windows,): n, by arrivals between reset and decision.
        times_s: of the pulse at the junction of its output stage, NaN where it does not fire;
            shape (windows,).
        late: pulses that came after the decision of their window or before the reset of the one
            before, and so counted elsewhere.
    """

    site: NeuronSite
    count: NDArray[np.int64]
    times_s: FloatArray
    late: int

    @property
    def fires(self) -> NDArray[np.bool_]:
        """Whether it fires, shape (windows,)."""
        return np.isfinite(self.times_s)


@dataclass(frozen=True, eq=False)
class TimedReference:
    """All neurons by (layer, neuron), and the pulses of each class line, rising, s."""

    neurons: Mapping[tuple[int, int], NeuronTimes]
    lines: Mapping[str, FloatArray]


def timed_reference(
    network: TernaryNetwork,
    inputs: NDArray[np.bool_],
    bench: NetworkBench,
    process: Process,
) -> TimedReference:
    """Predict every pulse of a network.

    Args:
        network: what was built.
        inputs: bool, shape (windows, inputs).
        bench: its circuit: the plan's phases, chains and padding are taken, and where the class
            lines are; its views are not looked at.
        process: whose cells they are.
    """
    delays = influenced_delays(process)
    junctions = junctions_after_ports(process)
    windows = np.arange(inputs.shape[0])
    # Arrivals at the port of the JTL stage that every line begins with; NaN without a pulse.
    launched = np.where(inputs, START_S + bench.plan.period_s * windows[:, None], np.nan)
    driver = "source"
    sites = neuron_sites(network)
    neurons: dict[tuple[int, int], NeuronTimes] = {}
    for index, layer in enumerate(network.layers):
        here = [site for site in sites if site.layer == index]
        loads = _output_loads(network, index, bench, delays)
        found = _layer(index, here, layer.fan_out, launched, driver, loads, bench, delays)
        launched = np.full((windows.size, layer.outputs), np.nan)
        for one, port in found:
            after = junctions.after_neuron[loads[one.site.neuron]]
            neurons[index, one.site.neuron] = NeuronTimes(
                one.site, one.count, port + after, one.late
            )
            launched[:, one.site.neuron] = port
        driver = "neuron"
    lines = {
        line.name: _line(line, launched, delays) + junctions.after_merger
        for line in bench.read_out.lines
    }
    return TimedReference(neurons, lines)


def _layer(
    index: int,
    sites: list[NeuronSite],
    fan_out: NDArray[np.int64],
    launched: FloatArray,
    driver: str,
    loads: Sequence[str],
    bench: NetworkBench,
    delays: Delays,
) -> list[tuple[NeuronTimes, FloatArray]]:
    """Neurons of a layer, each with the arrivals at its output stage's port."""
    plan, timing = bench.plan, bench.plan.layers[index]
    period = plan.period_s
    taken = np.zeros_like(fan_out)
    offsets: dict[int, FloatArray] = {}
    for line in np.flatnonzero(fan_out).tolist():
        leaves = int(fan_out[line])
        stages = 1 + plan.pads.get((index, line), 0)
        behind = "first" if driver == "source" and stages == 1 else "jtl"
        offsets[line] = delays.chain(stages, delays.root_load(leaves), driver=driver) + delays.tree(
            leaves, driver=behind
        )
    decisions = timing.clock_s + _decision(delays, len(sites), timing.reset_stages)
    clocked_by = delays.leaf_drivers(len(sites))
    resets = timing.clock_s + _reset(delays, len(sites), timing.reset_stages, sites)
    windows = np.arange(launched.shape[0])
    found = []
    for site, decision, by, reset in zip(sites, decisions, clocked_by, resets, strict=True):
        clock = decision + period * windows
        cleared = reset + float(delays.tree(len(site.inputs)).min()) + period * windows
        count = np.zeros(windows.size, dtype=np.int64)
        late = 0
        for line, sign in zip(site.inputs, site.signs, strict=True):
            arrival = launched[:, line] + offsets[line][taken[line]]
            taken[line] += 1
            pulses = arrival[np.isfinite(arrival)]
            # The window in which a pulse is counted: the first whose decision is still to come.
            counted = np.searchsorted(clock, pulses)
            before = counted > 0
            early = before & (pulses < cleared[np.maximum(counted - 1, 0)] - delays.stored())
            meant = np.flatnonzero(np.isfinite(arrival))
            late += int(((counted != meant) | early).sum())
            np.add.at(count, np.minimum(counted, windows.size - 1), sign)
        fires = count >= site.theta
        port = np.full(windows.size, np.nan)
        port[fires] = clock[fires] + delays.decide(
            site.signs,
            site.theta,
            count[fires],
            driver=by,
            load=loads[site.neuron],
        )
        found.append((NeuronTimes(site, count, port, late), port))
    return found


def _output_loads(
    network: TernaryNetwork, index: int, bench: NetworkBench, delays: Delays
) -> list[str]:
    """What the output stage of each neuron of a layer drives: a cell, or the "end"."""
    loads = ["end"] * network.layers[index].outputs
    if index + 1 < len(network.layers):
        fan_out = network.layers[index + 1].fan_out
        for line in np.flatnonzero(fan_out).tolist():
            padded = bench.plan.pads.get((index + 1, line), 0)
            loads[line] = "jtl" if padded else delays.root_load(int(fan_out[line]))
    else:
        for one in bench.read_out.lines:
            for place, (member, stages) in enumerate(zip(one.members, one.stages, strict=True)):
                loads[member] = "jtl" if stages else _merged_by(place, len(one.members))
    return loads


def _merged_by(place: int, count: int) -> str:
    """The cell that takes an input of ``trees.merger_tree(count)``."""
    # The odd one out of the first level passes a JTL stage there.
    return "jtl" if count % 2 and place == count - 1 else "merger"


def _clock_loads(delays: Delays, count: int, stages: int) -> tuple[str, str]:
    """What the clock splitter of a layer carries: decision tree, and reset chain or tree."""
    root = delays.root_load(count)
    return root, "jtl" if stages else root


def _decision(delays: Delays, count: int, stages: int) -> FloatArray:
    """Clock source to each neuron's decision port."""
    decision, reset = _clock_loads(delays, count, stages)
    return (
        delays.jtl("splitter", driver="source")
        + delays.splitter(decision, driver="first", beside=reset)
        + delays.tree(count, driver="splitter")
    )


def _reset(delays: Delays, count: int, stages: int, sites: list[NeuronSite]) -> FloatArray:
    """Clock source to each neuron's reset port."""
    decision, reset = _clock_loads(delays, count, stages)
    return (
        delays.jtl("splitter", driver="source")
        + delays.splitter(reset, driver="first", beside=decision)
        + delays.chain(stages, delays.root_load(count), driver="splitter")
        + delays.roots([len(site.inputs) for site in sites])
    )


def _line(line: ClassLine, launched: FloatArray, delays: Delays) -> FloatArray:
    """Arrivals at the port of a class line's output stage, rising."""
    count = len(line.members)
    arrivals = []
    for place, (passed, member, stages) in enumerate(
        zip(delays.merge(count), line.members, line.stages, strict=True)
    ):
        load = _merged_by(place, count)
        arrivals.append(
            launched[:, member] + delays.chain(1 + stages, load, driver="neuron") + passed
        )
    flat = np.concatenate(arrivals)
    return np.sort(flat[np.isfinite(flat)])

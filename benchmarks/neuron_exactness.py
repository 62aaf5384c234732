"""How exact the neuron is at its clock and how short a window may be (see ``neuron.py``)."""

from __future__ import annotations

import dataclasses
import itertools
import time

import numpy as np
from neuron_cases import Drawn, lane, run_all, signs_of

from netlist_gen.library.design import ClockPhases, load_phases
from verification.characterize.trials.neuron_lanes import NeuronLane, NeuronLanes
from verification.simulators.base import DeckJob
from verification.simulators.registry import get_simulator
from verification.verdict.neuron import compare


def exact(drawn: Drawn, fan_ins: list[int], windows: int, josim: bool) -> None:
    """Every theta in a row, the whole signed range of n, any order within 20 ps."""
    print(
        f"\nExactness. Random signs, every theta from -fan-in/4 to fan-in/2, and one-sided neurons "
        f"with every theta from 1 to fan-in,\n{windows} consecutive windows at 112 ps for each, "
        "half of them next to the threshold, the rest over the whole signed range\nwith both ends; "
        "arrival times random within 20 ps."
    )
    for fan_in, one_sided in itertools.product(fan_ins, (False, True)):
        rng = np.random.default_rng(fan_in)
        signs = np.ones(fan_in, dtype=np.int64) if one_sided else signs_of(fan_in, rng)
        thetas = range(1, fan_in + 1) if one_sided else range(-(fan_in // 4), fan_in // 2 + 1)
        begin = time.perf_counter()
        lanes = drawn.lanes(signs, windows)
        cases = [lane(signs, t, windows, rng, skew_s=20e-12) for t in thetas]
        wrong = run_all(lanes, cases)
        wall = time.perf_counter() - begin
        print(
            f"  fan-in {fan_in:3d}{', one-sided' if one_sided else ''}: {sum(wrong)} wrong of "
            f"{windows * len(cases)} windows "
            f"({len(cases)} thetas, {lanes.junctions} junctions, {wall:.1f} s, embedded)",
            flush=True,
        )
        if josim:
            middle = len(cases) // 2
            print(f"  fan-in {fan_in:3d}: {josim_wrong(lanes, cases[middle])}", flush=True)


def josim_wrong(lanes: NeuronLanes, case: NeuronLane) -> str:
    """One lane as a deck in JoSIM: its verdict in words."""
    simulator = get_simulator("josim")
    begin = time.perf_counter()
    outcome = simulator.run(DeckJob("neuron", lanes.deck(case).text), timeout_s=3600.0)
    verdict = compare(lanes.bench(case).view, lanes.spikes(case), outcome.require())
    return (
        f"{verdict.mismatches} wrong of {verdict.windows} windows at theta {case.theta} "
        f"({time.perf_counter() - begin:.1f} s, JoSIM {simulator.version()})"
    )


def window(drawn: Drawn, fan_ins: list[int], windows: int) -> None:
    """The shortest window: phases of the design table, compressed step by step."""
    print(
        "\nShortest window: 0 wrong windows with arrivals within the phases' skew; phases are "
        "those of the design table\n(timing, timing_short, between them in proportion), below 60 "
        "ps moved closer together. Of half, three quarters\nand all of the synapses excitatory, "
        "thresholds over the whole range."
    )
    full, short = load_phases(), load_phases("timing_short")
    every = (full, *map(full.with_period, (75e-12, 66e-12)), short, compressed(short, 50e-12))
    for fan_in, share, phases in itertools.product(fan_ins, (2, 3, 4), every):
        rng = np.random.default_rng(fan_in)
        excitatory = -(-fan_in * share // 4)
        signs = rng.permutation([1] * excitatory + [-1] * (fan_in - excitatory))
        some = {-(fan_in - excitatory) // 2, 0, 1, 2, 4, excitatory // 3, excitatory // 2}
        thetas = sorted(t for t in some | {excitatory - 1} if excitatory - fan_in < t <= excitatory)
        lanes = drawn.lanes(signs, windows, phases)
        cases = [lane(signs, t, windows, rng, skew_s=phases.skew) for t in thetas]
        wrong = run_all(lanes, cases)
        print(
            f"  fan-in {fan_in:3d}, {excitatory:2d} excitatory: {phases.period * 1e12:5.1f} ps "
            f"({1e-9 / phases.period:5.2f} GHz), skew {phases.skew * 1e12:4.1f} ps: "
            f"{sum(wrong)} wrong of {windows * len(cases)}",
            flush=True,
        )


def compressed(phases: ClockPhases, period: float) -> ClockPhases:
    """Phases of a shorter window: skew, decision and reset give up the time in equal parts."""
    cut = (phases.period - period) / 3
    return dataclasses.replace(
        phases,
        period=period,
        skew=phases.skew - cut,
        decision=phases.decision - cut,
        reset=phases.reset - 2 * cut,
        latest=phases.latest - 2 * cut,
    )

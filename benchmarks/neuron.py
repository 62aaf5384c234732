"""What the differential neuron does, in figures: exactness, margins, yield, grey zone, cost.

One command prints the whole table, or the parts that are named::

    python benchmarks/neuron.py                     # everything
    python benchmarks/neuron.py exact --josim       # exactness, in josim-cli too
    python benchmarks/neuron.py curve --firing-curve cells/design/firing_curve.csv

All runs use the embedded engine in lanes; ``--josim`` runs the exactness decks in JoSIM as well.
Definitions are printed with the figures.
"""

from __future__ import annotations

import dataclasses
import math
import time
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.stats import norm
from sklearn.isotonic import IsotonicRegression

from netlist_gen.cell_library import CellLibrary
from netlist_gen.circuit.model import CurrentSource, Inductor, Junction, Resistor
from netlist_gen.circuit.network_circuit import network_bench
from netlist_gen.circuit.neuron import ClockPhases, NeuronDesign, design_neuron, load_phases
from netlist_gen.files import atomic_path
from netlist_gen.network import TernaryNetwork
from verification.characterize.neuron_lanes import NeuronLane, NeuronLanes, windows_of_counts
from verification.characterize.statistics import wilson
from verification.compare import compare
from verification.energy import COOLING_W_PER_W
from verification.reference import EventEnergy, bench_energy, expect
from verification.simulators.base import DeckJob
from verification.simulators.registry import get_simulator

PROCESS = "sfq5ee"
PARTS = ("exact", "window", "bias", "parameters", "spread", "grey", "curve", "cost")
KELVIN = 4.2
NOISY_WINDOWS = 50
CURVE_LANES = 16
"""Windows of a lane with noise, and lanes at each point of the firing curve."""
LANES_AT_ONCE = 32
"""Bounds the memory of a run; lanes are independent."""


def signs_of(fan_in: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Random signs, with at least one of each from fan-in 2 on."""
    signs = rng.choice([-1, 1], fan_in)
    signs[0], signs[-1] = (1, -1) if fan_in > 1 else (1, 1)
    return rng.permutation(signs)


def balanced(fan_in: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """As many excitatory as inhibitory synapses, in random order."""
    return rng.permutation(np.repeat([1, -1], fan_in // 2))


def counts_of(
    signs: NDArray[np.int64], theta: int, windows: int, rng: np.random.Generator, near: float = 0.5
) -> NDArray[np.int64]:
    """n of each window: a share next to the threshold, both ends of the range, the rest even."""
    low, high = -int((signs < 0).sum()), int((signs > 0).sum())
    counts = rng.integers(low, high + 1, windows)
    close = rng.random(windows) < near
    counts[close] = rng.choice([theta - 1, theta], int(close.sum()))
    counts[:2] = low, high
    return np.clip(rng.permutation(counts), low, high)


def lane(
    signs: NDArray[np.int64],
    theta: int,
    windows: int,
    rng: np.random.Generator,
    *,
    skew_s: float = 0.0,
    near: float = 0.5,
    **options: object,
) -> NeuronLane:
    """A lane of random windows whose pulses come at random times within ``skew_s``."""
    stimulus = windows_of_counts(signs, counts_of(signs, theta, windows, rng, near), rng)
    arrivals = rng.uniform(0.0, skew_s, stimulus.shape) if skew_s else None
    return NeuronLane(theta, stimulus, arrivals, **options)  # type: ignore[arg-type]


def run_all(lanes: NeuronLanes, cases: list[NeuronLane]) -> list[int]:
    """Wrong windows of each lane."""
    wrong: list[int] = []
    for start in range(0, len(cases), LANES_AT_ONCE):
        wrong += [v.mismatches for v in lanes.run(cases[start : start + LANES_AT_ONCE])]
    return wrong


def exact(fan_ins: list[int], windows: int, josim: bool) -> None:
    """Every theta in a row, the whole signed range of n, any order within 20 ps."""
    print(
        f"\nExactness. Random signs, every theta from -fan-in/4 to fan-in/2, {windows} consecutive "
        "windows at 112 ps for each,\nhalf of them next to the threshold, the rest over the whole "
        "signed range with both ends; arrival times random within 20 ps."
    )
    for fan_in in fan_ins:
        rng = np.random.default_rng(fan_in)
        signs = signs_of(fan_in, rng)
        thetas = range(-(fan_in // 4), fan_in // 2 + 1)
        begin = time.perf_counter()
        lanes = NeuronLanes(PROCESS, signs.tolist(), windows)
        cases = [lane(signs, t, windows, rng, skew_s=20e-12) for t in thetas]
        wrong = run_all(lanes, cases)
        wall = time.perf_counter() - begin
        print(
            f"  fan-in {fan_in:3d}: {sum(wrong)} wrong of {windows * len(cases)} windows "
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
    view = lanes.bench(case).view
    verdict = compare(view, expect(view), outcome.require(), "neuron.cir")
    return (
        f"{verdict.mismatches} wrong of {verdict.windows} windows at theta {case.theta} "
        f"({time.perf_counter() - begin:.1f} s, JoSIM {simulator.version()})"
    )


def window(fan_ins: list[int], windows: int) -> None:
    """The shortest window: phases of the design table, compressed step by step."""
    print(
        "\nShortest window: 0 wrong windows with arrivals within the phases' skew; phases are "
        "those of the design table\n(timing, timing_short), below 60 ps moved closer together."
    )
    short = load_phases("timing_short")
    for fan_in in fan_ins:
        rng = np.random.default_rng(fan_in)
        signs = balanced(fan_in, rng)
        for phases in (load_phases(), short, *(compressed(short, p) for p in (50e-12, 45e-12))):
            lanes = NeuronLanes(PROCESS, signs.tolist(), windows, phases=phases)
            cases = [lane(signs, t, windows, rng, skew_s=phases.skew) for t in (-2, 1, 4)]
            wrong = run_all(lanes, cases)
            print(
                f"  fan-in {fan_in:3d}: {phases.period * 1e12:5.1f} ps "
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


def bias(fan_ins: list[int], windows: int) -> None:
    """Margin on the global bias."""
    print(
        "\nMargin on global bias: all bias currents of the bench on one bus; control lines on a "
        "supply of their own ('bias')\nor on the same bus ('all'). Last pass and first fail in "
        "steps of 2.5 %; a pass is 0 wrong windows, half of them next\nto the threshold."
    )
    factors = np.round(np.arange(0.6, 1.451, 0.025), 3)
    for fan_in in fan_ins:
        rng = np.random.default_rng(fan_in)
        signs = balanced(fan_in, rng)
        lanes = NeuronLanes(PROCESS, signs.tolist(), windows)
        for theta in (1, fan_in // 4):
            for both in (False, True):
                cases = [
                    lane(
                        signs, theta, windows, rng, skew_s=10e-12, bias=b, control=b if both else 1
                    )
                    for b in factors.tolist()
                ]
                good = np.array(run_all(lanes, cases)) == 0
                print(
                    f"  fan-in {fan_in:3d}, theta {theta:2d}, {'all ' if both else 'bias'}: "
                    f"{sides(factors, good)}",
                    flush=True,
                )


def sides(factors: NDArray[np.float64], good: NDArray[np.bool_]) -> str:
    """Last pass and first fail on either side of 1."""
    nominal = int(np.argmin(np.abs(factors - 1.0)))
    if not good[nominal]:
        return "fails at nominal"
    low = nominal
    while low > 0 and good[low - 1]:
        low -= 1
    high = nominal
    while high < good.size - 1 and good[high + 1]:
        high += 1
    fail_low = f"{factors[low - 1] - 1:+.1%}" if low else "beyond the scan"
    fail_high = f"{factors[high + 1] - 1:+.1%}" if high < good.size - 1 else "beyond the scan"
    return (
        f"passes {factors[low] - 1:+.1%} .. {factors[high] - 1:+.1%} "
        f"(first fails {fail_low}, {fail_high})"
    )


def parameters(fan_in: int, windows: int) -> None:
    """Margin on every element value alone."""
    print(
        f"\nMargin on each single parameter, fan-in {fan_in}, theta 1: one element of the decision "
        "stage or of the control, or the\nsame element of all branches at once; all junctions, "
        "inductors, resistors together. Steps of 5 %, scanned to 40 %."
    )
    rng = np.random.default_rng(fan_in)
    signs = balanced(fan_in, rng)
    lanes = NeuronLanes(PROCESS, signs.tolist(), windows)
    groups = parameter_groups(lanes)
    factors = np.round(np.arange(0.6, 1.401, 0.05), 3)
    cases = [
        lane(signs, 1, windows, rng, skew_s=10e-12, factors=dict.fromkeys(labels, factor))
        for labels in groups.values()
        for factor in factors.tolist()
    ]
    good = (np.array(run_all(lanes, cases)) == 0).reshape(len(groups), factors.size)
    nominal = int(np.argmin(np.abs(factors - 1.0)))
    found = []
    for name, row in zip(groups, good, strict=True):
        low = nominal - int(np.argmin(np.append(row[nominal::-1], False))) + 1
        high = nominal + int(np.argmin(np.append(row[nominal:], False))) - 1
        least = min(1 - factors[low], factors[high] - 1) if row[nominal] else 0.0
        found.append((least, name, sides(factors, row)))
    found.sort()
    for _, name, text in found:
        print(f"  {name:16s} {text}")
    print(f"  critical: {found[0][1]}, +-{found[0][0]:.0%}", flush=True)


def parameter_groups(lanes: NeuronLanes) -> dict[str, list[str]]:
    """Labels that are scaled together, by parameter."""
    kinds = {Junction: "all Ic", Inductor: "all L", Resistor: "all R"}
    groups: dict[str, list[str]] = {}
    for label, element in lanes.elements.items():
        parts = label.split("|")
        if not (isinstance(element, Junction | Inductor | Resistor | CurrentSource)):
            if parts[0].startswith("K") and parts[-1].startswith("XL"):
                groups.setdefault("branch k" if "XS" in label else parts[0], []).append(label)
            continue
        if type(element) in kinds:
            groups.setdefault(kinds[type(element)], []).append(label)
        if parts[0].startswith(("RB", "LB")) and parts[0][1:] in {"B1", "BA", "BB", "BE", "BR"}:
            continue  # shunts follow their junctions' spread as one kind: "all R"
        inside = parts[1] if len(parts) > 1 else ""
        if inside.startswith("XS") and len(parts) == 3:
            groups.setdefault(f"branch {parts[0]}", []).append(label)
        elif inside == "XD" and len(parts) == 3 and not parts[0].startswith("RB"):
            groups.setdefault(f"decision {parts[0]}", []).append(label)
        elif parts[0] in ("ICM", "IDM"):
            groups.setdefault(parts[0], []).append(label)
    return groups


def spread(fan_in: int, samples: int, windows: int) -> None:
    """Yield under independent Gaussian spreads of every element."""
    print(
        f"\nYield, fan-in {fan_in}, theta 1: every junction, inductor and resistor of the bench "
        f"drawn by itself, Gaussian; a neuron\npasses with 0 wrong of {windows} windows; 95 % "
        "Wilson interval; seed 1."
    )
    rng = np.random.default_rng(1)
    signs = balanced(fan_in, rng)
    lanes = NeuronLanes(PROCESS, signs.tolist(), windows)
    drawn = [
        label
        for label, element in lanes.elements.items()
        if isinstance(element, Junction | Inductor | Resistor)
    ]
    for sigma in (0.02, 0.05):
        cases = []
        for _ in range(samples):
            factors = 1.0 + sigma * rng.standard_normal(len(drawn))
            draws = dict(zip(drawn, factors.tolist(), strict=True))
            cases.append(lane(signs, 1, windows, rng, skew_s=10e-12, factors=draws))
        good = sum(w == 0 for w in run_all(lanes, cases))
        low, high = wilson(good, samples)
        print(
            f"  sigma {sigma:.0%}: {good} of {samples} pass: {good / samples:.1%} "
            f"({low:.1%} .. {high:.1%})",
            flush=True,
        )


def grey(fan_ins: list[int], windows: int) -> None:
    """Probability of a wrong decision at distance 1/2 from the threshold, at 4.2 K."""
    print(
        f"\nGrey zone at {KELVIN} K (noise white to 1 THz): probability of a wrong decision at n = "
        f"theta - 1 and n = theta (distance 1/2),\nat least {windows} windows; balanced signs, "
        "theta 1; 95 % Wilson interval."
    )
    for fan_in in fan_ins:
        rng = np.random.default_rng(fan_in)
        signs = balanced(fan_in, rng)
        lanes = NeuronLanes(PROCESS, signs.tolist(), NOISY_WINDOWS, temperature_K=KELVIN)
        wrong = 0
        seeds = range(-(-windows // NOISY_WINDOWS))
        cases = []
        for seed in seeds:
            counts = rng.integers(0, 2, NOISY_WINDOWS)
            cases.append(NeuronLane(1, windows_of_counts(signs, counts, rng), seed=seed))
        for start in range(0, len(cases), LANES_AT_ONCE):
            group = cases[start : start + LANES_AT_ONCE]
            for case, verdict in zip(group, lanes.run(group), strict=True):
                fires = case.stimulus.astype(int) @ signs >= 1
                wrong += int((verdict.pulses != fires).sum())
        total = len(cases) * NOISY_WINDOWS
        low, high = wilson(wrong, total)
        unit = design_of(signs).unit
        print(
            f"  fan-in {fan_in:3d}: {wrong} wrong of {total}: {wrong / total:.2e} "
            f"({low:.1e} .. {high:.1e}); {unit:.4f} Phi0 per synapse",
            flush=True,
        )


def curve(path: Path | None) -> None:
    """The firing curve: probability of a pulse against the flux past the edge."""
    print(
        f"\nFiring curve at {KELVIN} K: empty neuron of fan-in 4 whose threshold current puts it "
        "-0.02 to 0.02 Phi0 past the edge;\nnormal distribution fitted by maximum likelihood."
    )
    signs = np.array([1, -1, 1, -1])
    lanes = NeuronLanes(PROCESS, signs.tolist(), NOISY_WINDOWS, temperature_K=KELVIN)
    design = design_of(signs)
    margins = np.round(np.arange(-0.02, 0.0201, 0.001), 4)
    silent = np.zeros((NOISY_WINDOWS, signs.size), dtype=bool)
    edge = design.threshold + 0.5 * design.unit  # theta is 1: half a synapse below the edge
    cases = [
        NeuronLane(
            1,
            silent,
            factors={"IDM|XL0N0": float((edge + margin) / design.threshold)},
            seed=100 * k + lane_number,
        )
        for k, margin in enumerate(margins.tolist())
        for lane_number in range(CURVE_LANES)
    ]
    fired: list[int] = []
    for start in range(0, len(cases), LANES_AT_ONCE):
        verdicts = lanes.run(cases[start : start + LANES_AT_ONCE])
        fired += [int(np.minimum(v.pulses, 1).sum()) for v in verdicts]
    counts = np.array(fired).reshape(margins.size, CURVE_LANES).sum(axis=1)
    seen = CURVE_LANES * NOISY_WINDOWS

    def unlikely(values: NDArray[np.float64]) -> float:
        z = (margins - values[0]) / np.exp(values[1])
        return -float((counts * norm.logcdf(z) + (seen - counts) * norm.logsf(z)).sum())

    centre, log_sigma = minimize(unlikely, [0.0, math.log(0.005)], method="Nelder-Mead").x
    print(
        f"  edge {centre:+.5f} Phi0 from the design's, sigma {math.exp(log_sigma):.5f} Phi0, "
        f"{seen} windows at each of {margins.size} margins",
        flush=True,
    )
    if path is not None:
        share = IsotonicRegression().fit_transform(margins, counts / seen)
        with atomic_path(path) as part:
            rows = [
                f"{m:.4f},{p:.6g},{f},{seen}"
                for m, p, f in zip(margins, share, counts, strict=True)
            ]
            text = "\n".join(["margin_Phi0,probability,fired,windows", *rows]) + "\n"
            part.write_text(text, encoding="utf-8")
        print(f"  written: {path}")


def design_of(signs: NDArray[np.int64]) -> NeuronDesign:
    """The design of a neuron with theta 1."""
    storage = CellLibrary(PROCESS).description("branch").parameters["l_store"]
    return design_neuron(signs.tolist(), 1, storage)


def cost(fan_ins: list[int]) -> None:
    """Junctions, energy and power of a neuron and per synapse, trees included."""
    print(
        "\nCost: a layer of 32 neurons on its input lines, with fan-out trees, reset and clock "
        "trees and output stages;\nenergy of a neuron alone at half its lines pulsed, per window."
    )
    library = CellLibrary(PROCESS)
    for fan_in in fan_ins:
        rng = np.random.default_rng(fan_in)
        weights = np.zeros((32, max(fan_in, 64)), dtype=np.int8)
        for row in weights:
            row[rng.choice(row.size, fan_in, replace=False)] = rng.choice([-1, 1], fan_in)
        network = TernaryNetwork.from_arrays([weights], [np.ones(32, dtype=np.int32)])
        totals = network_bench(network, CellLibrary(PROCESS)).circuit.totals()
        synapses = 32 * fan_in
        signs = balanced(fan_in, rng)
        lanes = NeuronLanes(PROCESS, signs.tolist(), 20)
        case = lane(signs, 1, 20, rng, near=0.0)
        energy = bench_energy(lanes.bench(case), EventEnergy(library)) / 20
        watts = totals.supply_A * library.process.supply_voltage
        print(
            f"  fan-in {fan_in:3d}: {totals.junctions / synapses:.1f} junctions and "
            f"{watts / synapses * 1e6:.2f} uW static per synapse; neuron "
            f"{energy * 1e18:.0f} aJ dynamic per window ({energy / fan_in * 1e18:.1f} aJ per "
            f"synapse), {energy * COOLING_W_PER_W * 1e15:.2f} fJ with cooling of "
            f"{COOLING_W_PER_W:g} W/W",
            flush=True,
        )


@click.command(context_settings={"show_default": True})
@click.argument("parts", nargs=-1, type=click.Choice(PARTS))
@click.option("--fan-in", "fan_ins", multiple=True, type=int, help="Instead of 2 4 8 16 32 64.")
@click.option("--windows", default=200, help="Consecutive windows of each exactness run.")
@click.option("--noisy-windows", default=10_000, help="Windows of each grey-zone run.")
@click.option("--samples", default=400, help="Neurons of each yield figure.")
@click.option("--josim", is_flag=True, help="Run exactness in josim-cli as well.")
@click.option("--firing-curve", type=click.Path(path_type=Path), help="Write the firing curve.")
def main(
    parts: tuple[str, ...],
    fan_ins: tuple[int, ...],
    windows: int,
    noisy_windows: int,
    samples: int,
    josim: bool,
    firing_curve: Path | None,
) -> None:
    """Print the neuron's figures."""
    wanted = parts or PARTS
    pair = list(fan_ins) or [16, 64]
    if "exact" in wanted:
        exact(list(fan_ins) or [2, 4, 8, 16, 32, 64], windows, josim)
    if "window" in wanted:
        window(pair, 40)
    if "bias" in wanted:
        bias(pair, 40)
    if "parameters" in wanted:
        parameters(fan_ins[0] if fan_ins else 16, 24)
    if "spread" in wanted:
        spread(fan_ins[0] if fan_ins else 16, samples, 24)
    if "grey" in wanted:
        grey(pair, noisy_windows)
    if "curve" in wanted:
        curve(firing_curve)
    if "cost" in wanted:
        cost(list(fan_ins) or [8, 16, 32, 64])


if __name__ == "__main__":
    main()

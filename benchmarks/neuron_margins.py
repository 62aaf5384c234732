"""Margins of the neuron on bias and on single parameters, and yield (see ``neuron.py``)."""

from __future__ import annotations

import numpy as np
from neuron_cases import Drawn, balanced, lane, run_all
from numpy.typing import NDArray

from netlist_gen.circuit.elements import CurrentSource, Inductor, Junction, Resistor
from netlist_gen.circuit.view import (
    BOTTOM_SOURCE,
    CLEAR,
    DECISION,
    SET,
    SYNAPSE,
    TOP_SOURCE,
    instance_name,
)
from verification.characterize.trials.neuron_lanes import NeuronLanes, single_site
from verification.characterize.trials.statistics import wilson


def bias(drawn: Drawn, fan_ins: list[int], windows: int) -> None:
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
        lanes = drawn.lanes(signs, windows)
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


def parameters(drawn: Drawn, fan_in: int, windows: int) -> None:
    """Margin on every element value alone."""
    print(
        f"\nMargin on each single parameter, fan-in {fan_in}, theta 1: one element of the decision "
        "stage or of the control, or the\nsame element of all branches at once; all junctions, "
        "inductors, resistors together. Steps of 5 %, scanned to 40 %."
    )
    rng = np.random.default_rng(fan_in)
    signs = balanced(fan_in, rng)
    lanes = drawn.lanes(signs, windows)
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
        parts = [part for part in label.split("|") if part != "XE"]  # a branch's escape stage
        if not (isinstance(element, Junction | Inductor | Resistor | CurrentSource)):
            if parts[0].startswith("K") and parts[-1] == instance_name(single_site((1,), 1)):
                groups.setdefault("branch k" if SYNAPSE in label else parts[0], []).append(label)
            continue
        if type(element) in kinds:
            groups.setdefault(kinds[type(element)], []).append(label)
        if parts[0].startswith(("RB", "LB", "LGB")) and parts[0][1:] in {
            "B1",
            SET,
            CLEAR,
            "BE",
            "BR",
        }:
            continue  # shunts follow their junctions' spread as one kind: "all R"
        inside = parts[1] if len(parts) > 1 else ""
        if inside.startswith(SYNAPSE) and len(parts) == 3:
            groups.setdefault(f"branch {parts[0]}", []).append(label)
        elif inside == DECISION and len(parts) == 3 and not parts[0].startswith("RB"):
            groups.setdefault(f"decision {parts[0].split('_')[0]}", []).append(label)
        elif parts[0] in (BOTTOM_SOURCE, TOP_SOURCE):
            groups.setdefault(parts[0], []).append(label)
    return groups


def spread(drawn: Drawn, fan_in: int, samples: int, windows: int) -> None:
    """Yield under independent Gaussian spreads of every element."""
    print(
        f"\nYield, fan-in {fan_in}, theta 1: every junction, inductor and resistor of the bench "
        f"drawn by itself, Gaussian; a neuron\npasses with 0 wrong of {windows} windows; 95 % "
        "Wilson interval; seed 1."
    )
    rng = np.random.default_rng(1)
    signs = balanced(fan_in, rng)
    lanes = drawn.lanes(signs, windows)
    scattered = [
        label
        for label, element in lanes.elements.items()
        if isinstance(element, Junction | Inductor | Resistor)
    ]
    for sigma in (0.02, 0.05):
        cases = []
        for _ in range(samples):
            factors = 1.0 + sigma * rng.standard_normal(len(scattered))
            draws = dict(zip(scattered, factors.tolist(), strict=True))
            cases.append(lane(signs, 1, windows, rng, skew_s=10e-12, factors=draws))
        good = sum(w == 0 for w in run_all(lanes, cases))
        low, high = wilson(good, samples)
        print(
            f"  sigma {sigma:.0%}: {good} of {samples} pass: {good / samples:.1%} "
            f"({low:.1%} .. {high:.1%})",
            flush=True,
        )

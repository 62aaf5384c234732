"""Random neurons and lanes of windows, for the figures of ``neuron.py``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netlist_gen.circuit.neuron import NeuronDesign, coupler_of, design_neuron
from netlist_gen.library.cells import CellLibrary
from netlist_gen.library.design import ClockPhases
from verification.characterize.trials.neuron_lanes import NeuronLane, NeuronLanes, windows_of_counts

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
    bias: float = 1.0,
    control: float = 1.0,
    factors: Mapping[str, float] | None = None,
) -> NeuronLane:
    """A lane of random windows whose pulses come at random times within ``skew_s``."""
    stimulus = windows_of_counts(signs, counts_of(signs, theta, windows, rng, near), rng)
    arrivals = rng.uniform(0.0, skew_s, stimulus.shape) if skew_s else None
    return NeuronLane(theta, stimulus, arrivals, bias=bias, control=control, factors=factors or {})


def run_all(lanes: NeuronLanes, cases: list[NeuronLane]) -> list[int]:
    """Wrong windows of each lane."""
    wrong: list[int] = []
    for start in range(0, len(cases), LANES_AT_ONCE):
        wrong += [v.mismatches for v in lanes.run(cases[start : start + LANES_AT_ONCE])]
    return wrong


@dataclass(frozen=True)
class Drawn:
    """What the neurons are drawn in: a process, and whether neighbouring synapses are coupled."""

    process: str = "sfq5ee"
    crosstalk: bool = False

    @property
    def library(self) -> CellLibrary:
        """Its cells."""
        return CellLibrary(self.process, crosstalk=self.crosstalk)

    def lanes(
        self,
        signs: NDArray[np.int64],
        windows: int,
        phases: ClockPhases | None = None,
        temperature_K: float = 0.0,
    ) -> NeuronLanes:
        """A neuron of these signs, compiled for so many windows."""
        return NeuronLanes(
            self.process,
            signs.tolist(),
            windows,
            phases=phases,
            temperature_K=temperature_K,
            crosstalk=self.crosstalk,
        )

    def design(self, signs: NDArray[np.int64]) -> NeuronDesign:
        """The design of a neuron with theta 1."""
        return design_neuron(signs.tolist(), 1, coupler_of(self.library))

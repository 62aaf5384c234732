"""How far a neuron's edge moves when its elements scatter: ``cells/design/spread.toml``, measured.

Lanes of one neuron differ in the values of its elements. Each lane's edge, the flux of the
threshold line at which windows of a fixed count begin to fire, is found by bisection; the standard
deviation over the lanes is the spread of the edge:

* local: every Ic, L and R of the neuron has its own draw, as within a chip;
* global: all Ic share one draw, all L another, all R, all bias currents, as from chip to chip.

Draws are normal with the relative standard deviation that the point is for, cut at ``CLIP`` sigma.
Couplings and the currents of control lines do not scatter.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from netlist_gen.circuit.neuron import library_design
from netlist_gen.errors import SimulatorError
from netlist_gen.files import write_text
from netlist_gen.library.cells import CellLibrary
from netlist_gen.library.process import DEFAULT_PROCESS
from netlist_gen.library.spread import EdgeSpread, spread_path
from netlist_gen.library.toml_file import read_toml
from netlist_gen.parallel import Progress
from netlist_gen.resources import template
from verification.characterize.measure.design import cells_digest, measured_of_other_cells
from verification.characterize.subject.parameters import element_kind
from verification.characterize.trials.neuron_lanes import (
    NeuronLane,
    NeuronLanes,
    threshold_factors,
    windows_of_counts,
)
from verification.simulators.registry import get_simulator

FloatArray = NDArray[np.float64]

KINDS = ("Ic", "L", "R")
"""What scatters in a neuron; in the global part the bias currents too."""

SPREADS = (0.02, 0.05)
SAMPLES, SEED, CLIP = 256, 1, 3.0
FAN_IN, WINDOWS = 16, 2
REACH = 0.16
"""How far from the nominal edge a lane's is looked for, Phi0: ten sigma at 5 % and more."""

ROUNDS = 10
"""Of the bisection: to REACH / 512, or 0.0003 Phi0."""

SAME_SHARE = 0.15
"""Measured anew with other draws, sigmas agree to this share: 256 samples have 4 % of their own."""

_LANES = 64
"""Lanes that are run together."""

_NO_EDGE = "the edge of the neuron of fan-in {} is not within {:g} Phi0 of {:.4f} Phi0"


@dataclass(frozen=True)
class SpreadPoint:
    """The edge's spread where elements scatter by ``elements`` (relative standard deviation).

    Attributes:
        local: standard deviation with draws of every element, Phi0.
        common: with draws that all elements of a kind share, Phi0.
        samples: lanes of each.
        lost: of all lanes, those that had no edge within ``REACH``; they count nowhere else.
    """

    elements: float
    local: float
    common: float
    samples: int
    lost: int

    def differences(self, stored: EdgeSpread) -> list[str]:
        """What the stored spread of the same elements says otherwise, a sentence each."""
        return [
            f"{name} at {self.elements:g}: {theirs:.4f} Phi0 is now {mine:.4f}"
            for name, mine, theirs in (
                ("local", self.local, stored.local),
                ("global", self.common, stored.common),
            )
            if abs(mine - theirs) > SAME_SHARE * theirs
        ]


class ScatteredNeuron:
    """A neuron of balanced signs whose elements and threshold are set lane by lane."""

    def __init__(self, process: str = DEFAULT_PROCESS, fan_in: int = FAN_IN) -> None:
        library = CellLibrary(process)
        signs = [1, -1] * (fan_in // 2)
        self.fan_in = fan_in
        self.lanes = NeuronLanes(library.process, signs, WINDOWS)
        # Count 0 with pulses of both signs, so that loops that store are drawn too.
        self.stimulus = windows_of_counts(signs, [0] * WINDOWS, np.random.default_rng(SEED))
        self.design = library_design(library, "spread", signs, 1)
        self.nominal = self.design.threshold
        """Threshold flux for theta 1, where edges are looked for."""
        self.controls = tuple(threshold_factors(self.design, self.nominal))
        """Labels of the control currents."""
        instance = self.controls[0].partition("|")[2]
        elements = self.lanes.elements
        own = {x: str(element_kind(e)) for x, e in elements.items() if x.endswith(f"|{instance}")}
        self.scattered = {label: kind for label, kind in own.items() if kind in KINDS}
        """Kind of each element of the neuron that scatters, by its label."""

    def edges(
        self,
        factors: Sequence[dict[str, float]],
        bias: Sequence[float],
        tick: Callable[[int], None] = lambda _: None,
    ) -> FloatArray:
        """The edge of each lane, Phi0; NaN where it is out of reach. ``tick`` is told of lanes.

        Args:
            factors: on elements by label, of each lane.
            bias: factor on all bias currents, of each lane.
            tick: called with how many lanes more were run.
        """
        low = np.full(len(factors), self.nominal - REACH)
        high = np.full(len(factors), self.nominal + REACH)
        dark, lit = self._fires(factors, bias, low, tick), self._fires(factors, bias, high, tick)
        for _ in range(ROUNDS):
            middle = (low + high) / 2
            fired = self._fires(factors, bias, middle, tick)
            low, high = np.where(fired, low, middle), np.where(fired, middle, high)
        return np.where(~dark & lit, (low + high) / 2, np.nan)

    def _fires(
        self,
        factors: Sequence[dict[str, float]],
        bias: Sequence[float],
        flux: FloatArray,
        tick: Callable[[int], None],
    ) -> NDArray[np.bool_]:
        """Whether each lane fires in its last window at its threshold flux."""
        lanes = []
        for own, b, f in zip(factors, bias, flux.tolist(), strict=True):
            control = threshold_factors(self.design, f)
            lanes.append(NeuronLane(1, self.stimulus, bias=b, factors={**own, **control}))
        fired = []
        for start in range(0, len(lanes), _LANES):
            part = self.lanes.run(lanes[start : start + _LANES])
            fired += [bool(verdict.pulses[-1] > 0) for verdict in part]
            tick(len(part))
        return np.array(fired)

    def local_draws(self, spread: float, samples: int, seed: int) -> list[dict[str, float]]:
        """Factors of each lane: a draw for every element."""
        draws = _draws([seed, 0], (samples, len(self.scattered)), spread)
        return [dict(zip(self.scattered, row, strict=True)) for row in draws.tolist()]

    def global_draws(
        self, spread: float, samples: int, seed: int
    ) -> tuple[list[dict[str, float]], list[float]]:
        """Factors of each lane, one for each kind, and of its bias currents."""
        draws = _draws([seed, 1], (samples, len(KINDS) + 1), spread)
        by_kind = [dict(zip((*KINDS, "bias"), row, strict=True)) for row in draws.tolist()]
        factors = [{x: own[kind] for x, kind in self.scattered.items()} for own in by_kind]
        return factors, [own["bias"] for own in by_kind]


def measure_spread(
    process: str = DEFAULT_PROCESS,
    spreads: Sequence[float] = SPREADS,
    *,
    samples: int = SAMPLES,
    seed: int = SEED,
    fan_in: int = FAN_IN,
    progress: Progress | None = None,
) -> list[SpreadPoint]:
    """The spread of the edge for each spread of the elements, in the embedded engine.

    Args:
        process: of the cells.
        spreads: relative standard deviations of Ic, L and R.
        samples: neurons drawn for each part of each point.
        seed: of the draws; the same draws are scaled for each spread.
        fan_in: of the neuron.
        progress: told of simulated lanes.

    Raises:
        SimulatorError: the neuron as designed has no edge where it is looked for, or half of the
            lanes have none.
    """
    neuron = ScatteredNeuron(process, fan_in)
    done, total = 0, (1 + 2 * samples * len(spreads)) * (ROUNDS + 2)

    def tick(lanes: int) -> None:
        nonlocal done
        done += lanes
        if progress:
            progress("lanes", done, total)

    missing = _NO_EDGE.format(fan_in, REACH, neuron.nominal)
    if np.isnan(neuron.edges([{}], [1.0], tick)).any():
        raise SimulatorError(missing)
    points = []
    for spread in spreads:
        own = neuron.edges(neuron.local_draws(spread, samples, seed), [1.0] * samples, tick)
        common = neuron.edges(*neuron.global_draws(spread, samples, seed), tick)
        lost = int(np.isnan(own).sum() + np.isnan(common).sum())
        if lost > samples:
            raise SimulatorError(f"{missing} in {lost} of {2 * samples} draws at {spread:g}")
        local, shared = (float(np.nanstd(edges, ddof=1)) for edges in (own, common))
        points.append(SpreadPoint(spread, local, shared, samples, lost))
    return points


def _draws(seed: Sequence[int], shape: tuple[int, int], spread: float) -> FloatArray:
    """Factors about 1."""
    normal = np.random.default_rng(seed).standard_normal(shape)
    return 1.0 + spread * np.clip(normal, -CLIP, CLIP)


def write_spread(
    found: Sequence[SpreadPoint], process: str = DEFAULT_PROCESS, path: Path | None = None
) -> Path:
    """Write the measured spreads; ``library.spread`` reads them. Returns the file."""
    path = path or spread_path()
    values = {
        "process": process,
        "simulator": f"embedded {get_simulator('embedded').version()}",
        "digest": cells_digest(CellLibrary(process)),
        "fan_in": FAN_IN,
        "seed": SEED,
        "clip": CLIP,
        "points": found,
    }
    write_text(path, template("models/spread.toml.j2").render(values))
    return path


def spread_is_stale() -> str | None:
    """A sentence where the cells are no longer those that the stored spread was measured on."""
    path = spread_path()
    process = str(read_toml(path).get("measured", {}).get("process", ""))
    return measured_of_other_cells(path, process, "--edge-spread --tables")

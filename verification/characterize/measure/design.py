"""The flux by which neurons are designed, measured: where a decision turns, and what a fluxon adds.

``cells/design/flux/PROCESS.toml`` is measured here; ``circuit.neuron`` designs by it. For
each decision stage that is built, a full neuron of balanced signs runs in lanes that differ in the
currents of its control lines; the edge is the threshold flux at which windows without pulses (or
with a given count) begin to fire:

    edge(n, k) = offset - screening * k**2 - unit(k) * n,    unit = M * full / (loops * Phi0)

with k the coupling of storage and pick-up inductors and M their mutual inductance. The spread by
thermal noise is that of the share of windows that fire near the edge.
"""

from __future__ import annotations

import hashlib
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from netlist_gen.circuit.model import Circuit
from netlist_gen.circuit.neuron import coupler_of, library_design
from netlist_gen.circuit.view import SYNAPSE_COUPLINGS
from netlist_gen.constants import PHI0
from netlist_gen.errors import SimulatorError
from netlist_gen.files import write_text
from netlist_gen.library.cells import CellLibrary
from netlist_gen.library.design import DesignRules, Edge, load_rules
from netlist_gen.library.process import DEFAULT_PROCESS
from netlist_gen.library.toml_file import read_toml
from netlist_gen.resources import resource_dir, template
from verification.characterize.trials.neuron_lanes import (
    NeuronLane,
    NeuronLanes,
    threshold_factors,
    windows_of_counts,
)
from verification.characterize.trials.statistics import fit_grey_zone
from verification.simulators.registry import get_simulator

COUPLINGS = (0.12, 0.21)
BIASES = (0.9, 1.0, 1.1)
"""At which the limits are looked for."""

LIMITS_OF = 8
"""Loops of the stage whose limits are looked for."""

WINDOWS = 4
POINTS, ROUNDS = 6, 8
LOWEST, HIGHEST = -0.2, 0.35
"""Where the edges are looked for, Phi0: rounds of so many points, each between two of the last."""

LIMIT_STEP = 0.02
NOISY_WINDOWS, NOISY_LANES = 24, 6
NOISE_POINTS = (-0.004, -0.002, -0.001, 0.0, 0.001, 0.002, 0.004)
"""Threshold fluxes about the edge, Phi0, at which windows with noise are counted."""

SAME_FLUX, SAME_SHARE, SAME_SIGMA = 5e-4, 2e-3, 0.2
"""Measured anew, offset and screening agree to this flux (Phi0), the others to these shares."""


@dataclass(frozen=True)
class FluxDesign:
    """What is measured: numbers of ``library.design.DesignRules``, and how far they hold.

    Attributes:
        edges: of each stage that is built.
        full: current of a storage inductor with a fluxon, A.
        decided_to: farthest flux from the edge, on either side, at which all windows are right at
            every bias of ``BIASES``, Phi0.
        rests_to: largest negative threshold at which they are, whatever the count, Phi0.
    """

    edges: tuple[Edge, ...]
    full: float
    decided_to: float
    rests_to: float

    def differences(self, rules: DesignRules) -> list[str]:
        """What the rules say otherwise, or beyond what was shown to work, a sentence each."""
        found = []
        for mine in self.edges:
            stored = rules.edge(mine.loops)
            for name in ("offset", "screening"):
                now, then = getattr(mine, name), getattr(stored, name)
                if abs(now - then) > SAME_FLUX:
                    found.append(f"{name} of {mine.loops} loops: {then:.4f} Phi0 is now {now:.4f}")
            if abs(mine.sigma / stored.sigma - 1) > SAME_SIGMA:
                found.append(
                    f"sigma of {mine.loops} loops: {stored.sigma:.5f} Phi0 is now {mine.sigma:.5f}"
                )
        if abs(self.full / rules.full - 1) > SAME_SHARE:
            found.append(f"full: {rules.full * 1e6:.2f} uA is now {self.full * 1e6:.2f}")
        for name, limit in (("reach", self.decided_to), ("rest", self.rests_to)):
            allowed = getattr(rules, name)
            if allowed > limit:
                found.append(f"{name}: {allowed:.2f} Phi0, shown to work is {limit:.2f}")
        return found


class _FluxNeuron:
    """A neuron that fills a stage, its control fluxes and couplings set lane by lane."""

    def __init__(
        self, library: CellLibrary, loops: int, windows: int = WINDOWS, temperature_K: float = 0.0
    ) -> None:
        self.fan_in = loops * load_rules().places
        self.counts = (-loops // 2, 0, loops // 2)
        self._signs = [1, -1] * (self.fan_in // 2)
        self._windows = windows
        self._lanes = NeuronLanes(
            library.process, self._signs, windows, temperature_K=temperature_K
        )
        self.design = library_design(library, "design", self._signs, 1)
        self._storage = coupler_of(library).storage
        self._couplings = [
            label for label in self._lanes.elements if label.split("|")[0] in SYNAPSE_COUPLINGS
        ]

    def unit(self, coupling: float, full: float) -> float:
        """Flux of a stored fluxon of current ``full``, Phi0."""
        mutual = coupling * math.sqrt(self._storage * self.design.pickup)
        return mutual * full / PHI0 / self.design.size.loops

    def fires(
        self,
        points: Sequence[tuple[int, float]],
        coupling: float,
        bias: float = 1.0,
        seed: int = 0,
    ) -> list[NDArray[np.int64]]:
        """Output pulses in each window, for (count in all windows, threshold flux) points."""
        scaled = dict.fromkeys(self._couplings, coupling / self.design.coupling)
        lanes = []
        for number, (count, flux) in enumerate(points):
            counts = [count] * self._windows
            stimulus = windows_of_counts(self._signs, counts, np.random.default_rng(1))
            factors = {**threshold_factors(self.design, flux), **scaled}
            lanes.append(NeuronLane(1, stimulus, bias=bias, factors=factors, seed=seed + number))
        return [verdict.pulses for verdict in self._lanes.run(lanes)]

    def edges(self, coupling: float) -> dict[int, float]:
        """The threshold flux at which each of ``counts`` is on the edge, Phi0."""
        spans = dict.fromkeys(self.counts, (LOWEST, HIGHEST))
        for _ in range(ROUNDS):
            points = [
                (n, float(x)) for n, span in spans.items() for x in np.linspace(*span, POINTS)
            ]
            fired = dict(zip(points, self.fires(points, coupling), strict=True))
            for count in self.counts:
                windows = {flux: pulses for (n, flux), pulses in fired.items() if n == count}
                dark = [flux for flux, pulses in windows.items() if not pulses.any()]
                top = max(dark, default=HIGHEST)
                lit = [flux for flux, pulses in windows.items() if flux > top and pulses.all()]
                if not dark or not lit:
                    raise SimulatorError(
                        f"a neuron of fan-in {self.fan_in} has no edge between "
                        f"{spans[count][0]:.3f} and {spans[count][1]:.3f} Phi0 of threshold with "
                        f"{count} pulses"
                    )
                spans[count] = top, min(lit)
        return {count: (low + high) / 2 for count, (low, high) in spans.items()}

    def right_to(
        self, fluxes: Sequence[float], counts: Sequence[int], edge: float, full: float
    ) -> float:
        """The last of ``fluxes`` up to which all counts are decided rightly at all biases.

        What is closer to the edge than half a synapse may go either way with bias.
        """
        coupling = self.design.coupling
        unit = self.unit(coupling, full)
        points = [(count, flux) for flux in fluxes for count in counts]
        wrong = {
            flux
            for bias in BIASES
            for (n, flux), pulses in zip(points, self.fires(points, coupling, bias), strict=True)
            if abs(flux + unit * n - edge) > unit / 2 and np.any(pulses != (flux + unit * n > edge))
        }
        right = list(itertools.takewhile(lambda flux: flux not in wrong, fluxes))
        return right[-1] if right else fluxes[0]

    def sigma(self, edge: float) -> float:
        """Spread of the edge by thermal noise, Phi0; ``edge`` is that of empty windows.

        Raises:
            SimulatorError: the windows do not determine it.
        """
        points = [(0, edge + offset) for offset in NOISE_POINTS for _ in range(NOISY_LANES)]
        pulses = self.fires(points, self.design.coupling, seed=1)
        fired = np.array([np.minimum(p, 1).sum() for p in pulses]).reshape(-1, NOISY_LANES)
        seen = NOISY_LANES * self._windows
        zone = fit_grey_zone(NOISE_POINTS, fired.sum(axis=1).tolist(), [seen] * len(NOISE_POINTS))
        if zone is None:
            raise SimulatorError(
                f"the noise of a neuron of fan-in {self.fan_in} can't be told from {seen} windows "
                "at each flux"
            )
        return 1 / abs(zone.b)


def _measure_stage(library: CellLibrary, loops: int) -> tuple[Edge, float]:
    """A stage's edge, and the current of a fluxon that the steps between counts give."""
    neuron = _FluxNeuron(library, loops)
    weak, strong = COUPLINGS
    edges = {coupling: neuron.edges(coupling) for coupling in COUPLINGS}
    screening = (edges[weak][0] - edges[strong][0]) / (strong**2 - weak**2)
    offset = edges[weak][0] + screening * weak**2
    slopes = [
        -np.polyfit(neuron.counts, list(found.values()), 1)[0] / neuron.unit(coupling, 1.0)
        for coupling, found in edges.items()
    ]
    noisy = _FluxNeuron(library, loops, NOISY_WINDOWS, library.process.temperature)
    sigma = noisy.sigma(offset - screening * noisy.design.coupling**2)
    return Edge(loops, offset, screening, sigma), float(np.mean(slopes))


def measure_design(
    process: str = DEFAULT_PROCESS, loops: Sequence[int] | None = None
) -> FluxDesign:
    """Measure the flux design of a process in the embedded engine (some minutes).

    Args:
        process: its name or file.
        loops: of the stages to be measured (default: all that are built).

    Raises:
        SimulatorError: there is no edge where it is looked for.
    """
    library = CellLibrary(process)
    measured = [_measure_stage(library, number) for number in loops or load_rules().loops]
    edges = tuple(edge for edge, _ in measured)
    full = float(np.mean([current for _, current in measured]))
    stage = min(edges, key=lambda edge: abs(edge.loops - LIMITS_OF))
    neuron = _FluxNeuron(library, stage.loops)
    own = neuron.design.coupling
    edge, most = stage.offset - stage.screening * own**2, neuron.fan_in // 2
    far = neuron.unit(own, full) * most

    def right_to(stop: float, *counts: int) -> float:
        steps = round(abs(stop) / LIMIT_STEP)
        fluxes = [round(float(x), 6) for x in np.linspace(0.0, stop, steps + 1)]
        return neuron.right_to(fluxes, counts, edge, full)

    rests = right_to(-0.3, 0, most, -most)
    above = right_to(0.4, most) + far - edge
    below = edge + far - right_to(rests, -most)
    return FluxDesign(edges, full, min(above, below), -rests)


def cells_digest(library: CellLibrary) -> str:
    """SHA-256 of the cells that the measurement depends on, and of the process's junctions."""
    digest = hashlib.sha256(library.process.content().encode())
    for name in ("branch", "decision"):
        digest.update(Circuit(library.cell(name)).digest().encode())
    return digest.hexdigest()


def design_path(process: str) -> Path:
    """The file that neurons of a process of the library are designed by."""
    return resource_dir("cells") / "design" / "flux" / f"{process}.toml"


def write_design(found: FluxDesign, path: Path, process: str = DEFAULT_PROCESS) -> None:
    """Write the measured design; ``load_rules`` reads it in a new process."""
    library = CellLibrary(process)
    values = {
        "process": process,
        "process_digest": library.process.digest(),
        "simulator": f"embedded {get_simulator('embedded').version()}",
        "digest": cells_digest(library),
        "couplings": COUPLINGS,
        "biases": BIASES,
        "found": found,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, template("models/flux.toml.j2").render(values))


def design_is_stale(process: str) -> str | None:
    """A sentence where the cells are no longer those that the stored design was measured on."""
    flags = f"--design --tables --process {process}"
    return measured_of_other_cells(design_path(process), process, flags)


def measured_of_other_cells(path: Path, process: str, flags: str) -> str | None:
    """A sentence where a file of what was measured is missing, or is not of a process's cells.

    Args:
        path: holds the table ``[measured]`` with ``cells_sha256``.
        process: its name.
        flags: of ``netlist-gen characterize``, which measures it again.
    """
    if path.is_file():
        measured = read_toml(path).get("measured", {})
        if measured.get("cells_sha256") == cells_digest(CellLibrary(process)):
            return None
    return (
        f"{path}: the branch, the decision stage or the process has changed since it was measured; "
        f"`netlist-gen characterize {flags}` measures it again"
    )

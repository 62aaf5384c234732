"""The flux by which neurons are designed, measured: where a decision turns, and what a fluxon adds.

``cells/design/flux/PROCESS.toml`` is measured here; ``circuit.neuron`` designs by it. For
each decision stage that is built, a full neuron of balanced signs runs in lanes that differ in the
currents of its control lines; the edge is the threshold flux at which windows of a given count
begin to fire:

    edge(n, k) = offset - screening * k**2 - unit(k) * n,    unit = M * full / (loops * Phi0)

with k the coupling of storage and pick-up inductors and M their mutual inductance. The spread by
thermal noise is that of the share of windows that fire near the edge.

Where the process has crosstalk, the same neurons run with it once more: by how much the edge of the
empty neuron moves, and by which share a fluxon's step changes with its neighbours' signs. A neuron
of alternating signs and one of excitatory synapses alone give the two shares; what fluxons do
whatever their sign is seen where all of the former's lines are pulsed, n = 0.
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

from netlist_gen.circuit.elements import Coupling
from netlist_gen.circuit.model import Circuit
from netlist_gen.circuit.neuron import coupler_of, library_design
from netlist_gen.circuit.view import SYNAPSE_COUPLINGS
from netlist_gen.constants import PHI0
from netlist_gen.errors import SimulatorError
from netlist_gen.files import write_text
from netlist_gen.library.cells import CellLibrary
from netlist_gen.library.design import DesignRules, Edge, Neighbours, load_rules
from netlist_gen.library.process import DEFAULT_PROCESS, Process
from netlist_gen.library.splitters import LIBRARY
from netlist_gen.library.tables import tables_name
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

WEAK_COUPLING = 0.12
"""The lower of the two couplings; the other one is the most that the process's one turn gives."""

BIASES = (0.9, 1.0, 1.1)
"""At which the limits are looked for."""

LIMITS_OF = 8
"""Loops of the stage whose limits are looked for."""

WINDOWS, POINTS, ROUNDS = 4, 6, 8
LOWEST, HIGHEST = -0.2, 0.35
"""Where the edges are looked for, Phi0: rounds of so many points, each between two of the last."""

LIMIT_STEP = 0.02
NOISY_WINDOWS, NOISY_LANES = 24, 6
NOISE_POINTS = (-0.004, -0.002, -0.001, 0.0, 0.001, 0.002, 0.004)
"""Threshold fluxes about the edge, Phi0, at which windows with noise are counted."""

SAME_FLUX, SAME_SHARE, SAME_SIGMA, SAME_BOTH = 5e-4, 2e-3, 0.2, 5e-5
"""Measured anew, offset, screening and crosstalk agree to the first (Phi0), what both signs do
alike to the last (Phi0), the others to these shares."""


@dataclass(frozen=True)
class FluxDesign:
    """What is measured: numbers of ``library.design.DesignRules``, and how far they hold.

    Attributes:
        edges: of each stage that is built.
        full: current of a storage inductor with a fluxon, A.
        neighbours: what crosstalk does; None where the process has none.
        decided_to: farthest flux from the edge, on either side, at which all windows are right at
            every bias of ``BIASES``, Phi0.
        rests_to: largest negative threshold at which they are, whatever the count, Phi0.
    """

    edges: tuple[Edge, ...]
    full: float
    neighbours: Neighbours | None
    decided_to: float
    rests_to: float

    def differences(self, rules: DesignRules) -> list[str]:
        """What the rules say otherwise, or beyond what was shown to work, a sentence each."""
        found = []
        for mine in self.edges:
            stored = rules.edge(mine.loops)
            for name in ("offset", "screening", "crosstalk"):
                now, then = getattr(mine, name), getattr(stored, name)
                if abs(now - then) > SAME_FLUX:
                    found.append(f"{name} of {mine.loops} loops: {then:.4f} Phi0 is now {now:.4f}")
            if abs(mine.sigma / stored.sigma - 1) > SAME_SIGMA:
                found.append(
                    f"sigma of {mine.loops} loops: {stored.sigma:.5f} Phi0 is now {mine.sigma:.5f}"
                )
        if abs(self.full / rules.full - 1) > SAME_SHARE:
            found.append(f"full: {rules.full * 1e6:.2f} uA is now {self.full * 1e6:.2f}")
        if self.neighbours is not None and rules.neighbours is not None:
            for name, same, digits, unit in (
                ("alike", SAME_SHARE, 4, "of a synapse"),
                ("other", SAME_SHARE, 4, "of a synapse"),
                ("both", SAME_BOTH, 5, "Phi0"),
            ):
                now, then = getattr(self.neighbours, name), getattr(rules.neighbours, name)
                if abs(now - then) > same:
                    found.append(f"{name}: {then:.{digits}f} {unit} is now {now:.{digits}f}")
        for name, limit in (("reach", self.decided_to), ("rest", self.rests_to)):
            allowed = getattr(rules, name)
            if allowed > limit:
                found.append(f"{name}: {allowed:.2f} Phi0, shown to work is {limit:.2f}")
        return found


class _FluxNeuron:
    """A neuron that fills a stage, its control fluxes and couplings set lane by lane."""

    def __init__(
        self,
        library: CellLibrary,
        loops: int,
        *,
        windows: int = WINDOWS,
        temperature_K: float = 0.0,
        one_sided: bool = False,
    ) -> None:
        self.fan_in = loops * load_rules().places
        self.counts = (0, loops // 2, loops) if one_sided else (-loops // 2, 0, loops // 2)
        self._signs = [1] * self.fan_in if one_sided else [1, -1] * (self.fan_in // 2)
        self._windows = windows
        self._lanes = NeuronLanes(
            library.process,
            self._signs,
            windows,
            temperature_K=temperature_K,
            crosstalk=library.crosstalk is not None,
        )
        self.design = library_design(library, "design", self._signs, 1)
        self._storage = coupler_of(library).storage
        self._couplings = {
            label: element.k
            for label, element in self._lanes.elements.items()
            if isinstance(element, Coupling) and label.startswith(SYNAPSE_COUPLINGS)
        }

    def unit(self, coupling: float, full: float) -> float:
        """Flux of a stored fluxon of current ``full``, Phi0."""
        mutual = coupling * math.sqrt(self._storage * self.design.pickup)
        return mutual * full / PHI0 / self.design.size.loops

    def pulses(self, count: int) -> NDArray[np.bool_]:
        """Windows of one count."""
        counts = [count] * self._windows
        return windows_of_counts(self._signs, counts, np.random.default_rng(1))

    def fires(
        self,
        points: Sequence[tuple[NDArray[np.bool_], float]],
        coupling: float,
        bias: float = 1.0,
        seed: int = 0,
    ) -> list[NDArray[np.int64]]:
        """Output pulses in each window, for (windows, threshold flux) points."""
        scaled = {label: coupling / abs(k) for label, k in self._couplings.items()}
        lanes = []
        for number, (stimulus, flux) in enumerate(points):
            factors = {**threshold_factors(self.design, flux), **scaled}
            lanes.append(NeuronLane(1, stimulus, bias=bias, factors=factors, seed=seed + number))
        return [verdict.pulses for verdict in self._lanes.run(lanes)]

    def edge(self, stimuli: Sequence[NDArray[np.bool_]], coupling: float) -> list[float]:
        """The threshold flux at which the windows of each stimulus are on the edge, Phi0."""
        spans = [(LOWEST, HIGHEST)] * len(stimuli)
        for _ in range(ROUNDS):
            grids = [np.linspace(*span, POINTS).tolist() for span in spans]
            points = [(own, x) for own, grid in zip(stimuli, grids, strict=True) for x in grid]
            fired = iter(self.fires(points, coupling))
            spans = [self._between(grid, [next(fired) for _ in grid]) for grid in grids]
        return [(low + high) / 2 for low, high in spans]

    def _between(
        self, grid: Sequence[float], fired: Sequence[NDArray[np.int64]]
    ) -> tuple[float, float]:
        """The last flux at which no window fires, and the first beyond at which all do."""
        found = list(zip(grid, fired, strict=True))
        dark = [flux for flux, pulses in found if not pulses.any()]
        top = max(dark, default=grid[-1])
        lit = [flux for flux, pulses in found if flux > top and pulses.all()]
        if not dark or not lit:
            raise SimulatorError(
                f"a neuron of fan-in {self.fan_in} has no edge between {grid[0]:.3f} and "
                f"{grid[-1]:.3f} Phi0 of threshold"
            )
        return top, min(lit)

    def edge_and_step(self, coupling: float) -> tuple[float, float]:
        """Edge at a count of 0, and how far it moves down with each fluxon more, both Phi0."""
        edges = self.edge([self.pulses(count) for count in self.counts], coupling)
        step = -float(np.polyfit(self.counts, edges, 1)[0])
        return edges[self.counts.index(0)], step

    def empty_edge(self, coupling: float) -> float:
        """The edge where no line is pulsed, Phi0."""
        (edge,) = self.edge([self._all_lines(pulsed=False)], coupling)
        return edge

    def rise(self, coupling: float) -> float:
        """How far the edge is higher where every line is pulsed than where none is, Phi0."""
        empty, full = self.edge([self._all_lines(pulsed=p) for p in (False, True)], coupling)
        return full - empty

    def _all_lines(self, *, pulsed: bool) -> NDArray[np.bool_]:
        return np.full((self._windows, self.fan_in), pulsed)

    def right_to(
        self, fluxes: Sequence[float], counts: Sequence[int], edge: float, full: float
    ) -> float:
        """The last of ``fluxes`` up to which all counts are decided rightly at all biases.

        What is closer to the edge than half a synapse may go either way with bias.
        """
        coupling = self.design.coupling
        unit = self.unit(coupling, full)
        points = [(count, flux) for flux in fluxes for count in counts]
        stimuli = [(self.pulses(count), flux) for count, flux in points]
        wrong = {
            flux
            for bias in BIASES
            for (n, flux), pulses in zip(points, self.fires(stimuli, coupling, bias), strict=True)
            if abs(flux + unit * n - edge) > unit / 2 and np.any(pulses != (flux + unit * n > edge))
        }
        right = list(itertools.takewhile(lambda flux: flux not in wrong, fluxes))
        return right[-1] if right else fluxes[0]

    def sigma(self, edge: float) -> float:
        """Spread of the edge by thermal noise, Phi0; ``edge`` is that at a count of 0.

        Raises:
            SimulatorError: the windows do not determine it.
        """
        balanced = self.pulses(0)
        points = [(balanced, edge + offset) for offset in NOISE_POINTS for _ in range(NOISY_LANES)]
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


def _couplings(library: CellLibrary) -> tuple[float, float]:
    """Those at which edges are measured."""
    return WEAK_COUPLING, coupler_of(library).transformer.coupling


def _measure_stage(library: CellLibrary, loops: int) -> tuple[Edge, float]:
    """A stage's edge, and the current of a fluxon that the steps between counts give."""
    neuron = _FluxNeuron(library, loops)
    weak, strong = _couplings(library)
    found = {coupling: neuron.edge_and_step(coupling) for coupling in (weak, strong)}
    screening = (found[weak][0] - found[strong][0]) / (strong**2 - weak**2)
    offset = found[weak][0] + screening * weak**2
    slopes = [step / neuron.unit(coupling, 1.0) for coupling, (_, step) in found.items()]
    noisy = _FluxNeuron(
        library, loops, windows=NOISY_WINDOWS, temperature_K=library.process.temperature
    )
    sigma = noisy.sigma(offset - screening * noisy.design.coupling**2)
    crosstalk = 0.0
    if library.process.drawing.crosstalk is not None:
        coupled = _FluxNeuron(CellLibrary(library.process, crosstalk=True), loops)
        crosstalk = coupled.empty_edge(strong) - neuron.empty_edge(strong)
    return Edge(loops, offset, screening, sigma, crosstalk), float(np.mean(slopes))


def _measure_neighbours(library: CellLibrary, loops: int) -> Neighbours | None:
    """What neighbours of either sign add to a synapse, from a neuron of one and one of both."""
    crosstalk = library.process.drawing.crosstalk
    if crosstalk is None:
        return None
    strong = _couplings(library)[1]
    both_kinds = library, CellLibrary(library.process, crosstalk=True)
    shares: list[float] = []
    for one_sided in (True, False):
        plain, coupled = (_FluxNeuron(own, loops, one_sided=one_sided) for own in both_kinds)
        # Two neighbours each, but for the first and the last.
        neighbours = 2 - 2 / plain.fan_in
        steps = [neuron.edge_and_step(strong)[1] for neuron in (plain, coupled)]
        shares.append((steps[1] / steps[0] - 1) / neighbours)
    moved = coupled.rise(strong) - plain.rise(strong)
    alike, other = shares
    return Neighbours(crosstalk, alike, other, moved * loops / plain.fan_in / neighbours)


def measure_design(
    process: Process | str = DEFAULT_PROCESS, loops: Sequence[int] | None = None
) -> FluxDesign:
    """Measure the flux design of a process in the embedded engine (some minutes).

    Args:
        process: it, with the bias of its junctions, or its name or file.
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
    neighbours = _measure_neighbours(library, stage.loops)
    return FluxDesign(edges, full, neighbours, min(above, below), -rests)


def cells_digest(library: CellLibrary) -> str:
    """SHA-256 of the cells that the measurement depends on, and of the process's junctions."""
    digest = hashlib.sha256(library.process.content().encode())
    digest.update(library.process.bias_digest().encode())
    for name in ("branch", "decision"):
        digest.update(Circuit(library.cell(name)).digest().encode())
    return digest.hexdigest()


def design_path(process: Process) -> Path:
    """The file that neurons of a process of the library, with its bias, are designed by."""
    name = tables_name(process.with_splitters(LIBRARY))  # thresholds do not depend on trees
    return resource_dir("cells") / "design" / "flux" / f"{name}.toml"


def write_design(found: FluxDesign, path: Path, process: Process) -> None:
    """Write the measured design; ``load_rules`` reads it in a new process."""
    library = CellLibrary(process)
    values = {
        "process": process.name,
        "process_digest": process.digest(),
        "bias": process.bias_kind,
        "bias_digest": process.bias_digest(),
        "simulator": f"embedded {get_simulator('embedded').version()}",
        "digest": cells_digest(library),
        "couplings": _couplings(library),
        "biases": BIASES,
        "found": found,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, template("models/flux.toml.j2").render(values))


def design_is_stale(process: Process) -> str | None:
    """A sentence where the cells are no longer those that the stored design was measured on."""
    flags = f"--design --tables --process {process.name}"
    if process.network is not None:
        flags += f" --bias {process.bias_kind}"
    return measured_of_other_cells(design_path(process), process, flags)


def measured_of_other_cells(path: Path, process: Process | str, flags: str) -> str | None:
    """A sentence where a file of what was measured is missing, or is not of a process's cells.

    Args:
        path: holds the table ``[measured]`` with ``cells_sha256``.
        process: it, or its name.
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

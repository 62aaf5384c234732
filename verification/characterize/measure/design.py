"""The flux by which neurons are designed, measured: where a decision turns, and what a fluxon adds.

``cells/design/flux.toml`` holds what is measured here, and ``circuit.neuron`` designs by it. A
neuron of balanced signs runs in lanes that differ in the current of its threshold line; the edge
is the threshold flux at which windows without pulses (or with a given count) begin to fire:

    edge(n, k) = offset - screening * k**2 - unit(k) * n,    unit = M * full / Phi0

with k the coupling of storage and pick-up inductors and M their mutual inductance.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from netlist_gen.circuit.model import Circuit
from netlist_gen.circuit.neuron import library_design
from netlist_gen.circuit.view import SYNAPSE_COUPLINGS, THRESHOLD_SOURCE
from netlist_gen.constants import PHI0
from netlist_gen.errors import SimulatorError
from netlist_gen.files import atomic_path
from netlist_gen.library.cells import CellLibrary
from netlist_gen.library.design import DesignRules
from netlist_gen.library.process import DEFAULT_PROCESS, read_toml
from netlist_gen.resources import resource_dir, template
from verification.characterize.trials.neuron_lanes import NeuronLane, NeuronLanes, windows_of_counts
from verification.simulators.registry import get_simulator

FAN_IN = 16
COUPLINGS = (0.2, 0.42)
COUNTS = (-3, -1, 0, 1, 3)
BIASES = (0.9, 1.0, 1.1)
"""At which the limits are looked for."""

WINDOWS = 4
POINTS, ROUNDS = 8, 6
LOWEST, HIGHEST = -0.2, 0.35
"""Where the edges are looked for, Phi0: rounds of so many points, each between two of the last."""

LIMIT_STEP = 0.01
SAME_FLUX, SAME_SHARE = 5e-4, 2e-3
"""Measured anew, offset and screening agree to this flux (Phi0), the current to this share."""


@dataclass(frozen=True)
class FluxDesign:
    """What is measured.

    Attributes:
        offset, screening, full: as ``circuit.neuron.DesignRules``.
        decided_to: farthest flux from the edge, on either side, at which all windows are right at
            every bias of ``BIASES``, Phi0.
        rests_to: largest negative threshold at which they are, whatever the count, Phi0.
    """

    offset: float
    screening: float
    full: float
    decided_to: float
    rests_to: float

    def differences(self, rules: DesignRules) -> list[str]:
        """What the rules say otherwise, or beyond what was shown to work, a sentence each."""
        found = []
        for name in ("offset", "screening"):
            mine, stored = getattr(self, name), getattr(rules, name)
            if abs(mine - stored) > SAME_FLUX:
                found.append(f"{name}: {stored:.4f} Phi0 is now {mine:.4f}")
        if abs(self.full / rules.full - 1) > SAME_SHARE:
            found.append(f"full: {rules.full * 1e6:.2f} uA is now {self.full * 1e6:.2f}")
        for name, limit in (("reach", self.decided_to), ("rest", self.rests_to)):
            if getattr(rules, name) > limit:
                found.append(
                    f"{name}: {getattr(rules, name):.2f} Phi0, shown to work is {limit:.2f}"
                )
        return found


class _Neuron:
    """A neuron whose threshold flux and couplings are set lane by lane."""

    def __init__(self, library: CellLibrary) -> None:
        self.signs = [1, -1] * (FAN_IN // 2)
        self.lanes = NeuronLanes(library.process, self.signs, WINDOWS)
        self.design = library_design(library, "design", self.signs, 1)
        self.storage = library.description("branch").parameters["l_store"]
        names = {label: label.split("|")[0] for label in self.lanes.elements}
        self._threshold = next(label for label, name in names.items() if name == THRESHOLD_SOURCE)
        self._couplings = [label for label, name in names.items() if name in SYNAPSE_COUPLINGS]

    def unit(self, coupling: float, full: float) -> float:
        """Flux of a stored fluxon of current ``full``, Phi0."""
        return coupling * math.sqrt(self.storage * self.design.pickup) * full / PHI0

    def fires(
        self, points: Sequence[tuple[int, float]], coupling: float, bias: float = 1.0
    ) -> list[NDArray[np.int64]]:
        """Output pulses in each window, for (count in all windows, threshold flux) points."""
        scaled = dict.fromkeys(self._couplings, coupling / self.design.coupling)
        cases = []
        for count, flux in points:
            stimulus = windows_of_counts(self.signs, [count] * WINDOWS, np.random.default_rng(1))
            factors = {self._threshold: flux / self.design.threshold, **scaled}
            cases.append(NeuronLane(1, stimulus, bias=bias, factors=factors))
        return [verdict.pulses for verdict in self.lanes.run(cases)]

    def edges(self, coupling: float) -> dict[int, float]:
        """The threshold flux at which each of ``COUNTS`` is on the edge, Phi0."""
        spans = dict.fromkeys(COUNTS, (LOWEST, HIGHEST))
        for _ in range(ROUNDS):
            points = [
                (count, float(flux))
                for count, span in spans.items()
                for flux in np.linspace(*span, POINTS)
            ]
            found = self.fires(points, coupling)
            for count in COUNTS:
                fired = [
                    (flux, bool(pulses.all()), bool(pulses.any()))
                    for (n, flux), pulses in zip(points, found, strict=True)
                    if n == count
                ]
                dark = [flux for flux, _, some in fired if not some]
                lit = [flux for flux, every, _ in fired if every and flux > max(dark, default=flux)]
                if not dark or not lit:
                    raise SimulatorError(
                        f"a neuron of fan-in {FAN_IN} has no edge between {spans[count][0]:.3f} "
                        f"and {spans[count][1]:.3f} Phi0 of threshold with {count} pulses"
                    )
                spans[count] = max(dark), min(lit)
        return {count: (low + high) / 2 for count, (low, high) in spans.items()}

    def right_to(
        self, fluxes: Sequence[float], counts: Sequence[int], edge: float, full: float
    ) -> float:
        """The last of ``fluxes`` up to which all counts are decided rightly at all biases."""
        unit = self.unit(self.design.coupling, full)
        points = [(count, flux) for flux in fluxes for count in counts]
        good = dict.fromkeys(fluxes, True)
        for bias in BIASES:
            for (count, flux), pulses in zip(
                points, self.fires(points, self.design.coupling, bias), strict=True
            ):
                wanted = flux + unit * count > edge
                good[flux] &= bool(np.all(pulses == wanted))
        last = fluxes[0]
        for flux in fluxes:
            if not good[flux]:
                break
            last = flux
        return last


def measure_design(process: str = DEFAULT_PROCESS) -> FluxDesign:
    """Measure the flux design of a process in the embedded engine (some 20 s).

    Raises:
        SimulatorError: there is no edge where it is looked for.
    """
    neuron = _Neuron(CellLibrary(process))
    at = {coupling: neuron.edges(coupling) for coupling in COUPLINGS}
    weak, strong = COUPLINGS
    screening = (at[weak][0] - at[strong][0]) / (strong**2 - weak**2)
    offset = at[weak][0] + screening * weak**2
    steps = [
        -np.polyfit(COUNTS, [edges[n] for n in COUNTS], 1)[0] / neuron.unit(coupling, 1.0)
        for coupling, edges in at.items()
    ]
    full = float(np.mean(steps))
    own = neuron.design.coupling
    edge, most = offset - screening * own**2, FAN_IN // 2
    far = neuron.unit(own, full) * most

    def grid(start: float, stop: float) -> list[float]:
        count = round(abs(stop - start) / LIMIT_STEP)
        return [round(float(x), 6) for x in np.linspace(start, stop, count + 1)]

    rests = neuron.right_to(grid(0.0, -0.3), (0, most, -most), edge, full)
    above = neuron.right_to(grid(0.0, 0.4), (most,), edge, full) + far - edge
    below = edge + far - neuron.right_to(grid(0.0, rests), (-most,), edge, full)
    return FluxDesign(offset, screening, full, min(above, below), -rests)


def cells_digest(library: CellLibrary) -> str:
    """SHA-256 of the cells that the measurement depends on, and of the process's junctions."""
    digest = hashlib.sha256(library.process.content().encode())
    for name in ("branch", "decision"):
        digest.update(Circuit(library.cell(name)).digest().encode())
    return digest.hexdigest()


def design_path() -> Path:
    """The file that neurons are designed by."""
    return resource_dir("cells") / "design" / "flux.toml"


def write_design(found: FluxDesign, path: Path, process: str = DEFAULT_PROCESS) -> None:
    """Write the measured design; ``load_rules`` reads it in a new process."""
    values: Mapping[str, object] = {
        "process": process,
        "simulator": f"embedded {get_simulator('embedded').version()}",
        "digest": cells_digest(CellLibrary(process)),
        "fan_in": FAN_IN,
        "couplings": COUPLINGS,
        "biases": BIASES,
        "offset": f"{found.offset:.4f}",
        "screening": f"{found.screening:.4f}",
        "full": f"{found.full * 1e6:.2f}",
        "decided_to": f"{found.decided_to:.2f}",
        "rests_to": f"{found.rests_to:.2f}",
    }
    with atomic_path(path) as temporary:
        temporary.write_text(template("models/flux.toml.j2").render(values), encoding="utf-8")


def design_is_stale() -> str | None:
    """A sentence where the cells are no longer those that the stored design was measured on."""
    path = design_path()
    measured = read_toml(path).get("measured", {})
    library = CellLibrary(str(measured.get("process", "")))
    if measured.get("cells_sha256") == cells_digest(library):
        return None
    return (
        f"{path}: the branch, the decision stage or the process has changed since it was measured; "
        "`netlist-gen characterize --design --tables` measures it again"
    )

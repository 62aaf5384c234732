"""The dialects' rules: what a template needs to know of a simulator beside its syntax.

JoSIM knows the phase of a junction by the junction's name. WRspice and ngspice know voltages
and currents only, so each junction gets a node there whose voltage is its phase in rad. A deck
ties each saved vector to JoSIM's name of the same signal in a comment, ``* signal P(B1|X1) =
v(ph_b1.X1)``, so that waveforms carry the same names whatever simulator they are from.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

from netlist_gen.circuit.elements import Coupling, Junction
from netlist_gen.circuit.model import Cell, Circuit
from netlist_gen.constants import PHI0
from netlist_gen.errors import ConfigurationError, DeckError
from netlist_gen.library.process import JunctionModel, Process

if TYPE_CHECKING:
    from netlist_gen.circuit.probe import Analysis, Probe

PHASE_NODE = "ph_"
"""A junction's phase node is this and its name in lower case, in the junction's own cell."""

WRSPICE_RANGES = {
    "vg": ("gap_voltage", 0.1e-3, 10e-3),
    "icrit": ("critical_current", 1e-9, 0.1),
}
"""Model parameters that WRspice 4.3 resets outside these limits, whatever ``force`` says."""

WRSPICE_DELV_PER_VG = (0.001, 0.2)
"""Likewise delv over vg."""

WRSPICE_CAP_PER_A = (0.0, 1e-6)
"""Likewise cap over icrit, F/A."""

WRSPICE_MAXDATA_KB = 256_000
"""What WRspice holds of a run's data by default, kB; a run that needs more does not start."""


@dataclass(frozen=True)
class Dialect:
    """How a simulator wants its decks.

    Attributes:
        name: the dialect's, and of its folder in ``templates/``.
        title: the simulator's, in sentences.
        phase_node: each junction has a node whose voltage is its phase.
        junction_prefix: put before a junction's name to make the element's (ngspice has no
            junctions: a subcircuit stands for each).
        inside_out: ``node.inner.outer`` (else ``outer.inner.node``).
    """

    name: str
    title: str
    phase_node: bool
    junction_prefix: str
    inside_out: bool

    def vector(self, probe: Probe) -> str:
        """The simulator's own name of the phase that a probe asks for."""
        if not self.phase_node:
            return ".".join(probe.inside_out)
        node = PHASE_NODE + probe.junction.lower()
        parts = (node, *reversed(probe.path)) if self.inside_out else (*probe.path, node)
        return f"v({'.'.join(parts)})"


JOSIM = Dialect("josim", "JoSIM", phase_node=False, junction_prefix="", inside_out=True)
WRSPICE = Dialect("wrspice", "WRspice", phase_node=True, junction_prefix="", inside_out=True)
NGSPICE = Dialect("ngspice", "ngspice", phase_node=True, junction_prefix="X", inside_out=False)

DIALECTS = {dialect.name: dialect for dialect in (JOSIM, WRSPICE, NGSPICE)}


def dialect_context(
    dialect: str,
    circuit: Circuit,
    process: Process,
    analysis: Analysis,
    probes: Sequence[Probe],
) -> dict[str, Any]:
    """What a dialect's template gets beside the circuit.

    ``rules`` is the ``Dialect``, ``signals`` the (JoSIM column, vector) pairs to save. For
    WRspice ``maxdata_kB`` is None or the limit to ask for. For ngspice ``phase_per_volt_second``
    is 2 pi / Phi0, ``junctions`` are the models and areas of the circuit's, each once, and
    ``uncoupled`` gives for each cell the pairs of inductors between which it has to be told that
    there is no coupling.

    Raises:
        ConfigurationError: a dialect without rules, or a process that the simulator would
            change or can't show.
        DeckError: a cell's own name is the one that a phase node or a junction would get.
    """
    if dialect not in DIALECTS:
        raise ConfigurationError(
            f"no rules for the dialect {dialect!r}; there are {', '.join(sorted(DIALECTS))}"
        )
    rules = DIALECTS[dialect]
    _check_names(rules, circuit)
    context: dict[str, Any] = {
        "rules": rules,
        "phase_node": PHASE_NODE,
        "signals": [(probe.column, rules.vector(probe)) for probe in probes],
    }
    if rules is WRSPICE:
        for model in process.models:
            _check_kept(process, model)
        context["maxdata_kB"] = _wrspice_maxdata(analysis, len(probes))
    if rules is NGSPICE:
        _check_below_gap(process)
        context["phase_per_volt_second"] = 2 * math.pi / PHI0
        context["junctions"] = [
            (process.model_of(name), area) for name, area in _junctions(circuit)
        ]
        cells = (circuit.top, *circuit.cells.values())
        context["uncoupled"] = {cell.name: _uncoupled(cell) for cell in cells}
    return context


def _check_names(rules: Dialect, circuit: Circuit) -> None:
    if not rules.phase_node:
        return
    for cell in (circuit.top, *circuit.cells.values()):
        junctions = [junction.name for junction in cell.junctions()]
        nets = {net.lower() for net in _nets(cell.ports, cell.elements, cell.instances)}
        instances = {instance.name.lower() for instance in cell.instances}
        for name in junctions:
            node = PHASE_NODE + name.lower()
            if node in nets:
                raise DeckError(
                    f"cell {cell.name} has a net {node}, which is the phase node of its junction "
                    f"{name} in {rules.name} decks; name it otherwise"
                )
            element = rules.junction_prefix + name
            if rules.junction_prefix and element.lower() in instances:
                raise DeckError(
                    f"cell {cell.name} has an instance {element}, which stands for its junction "
                    f"{name} in {rules.name} decks; name it otherwise"
                )


def _junctions(circuit: Circuit) -> list[tuple[str, float]]:
    """Models, as junctions name them, with areas: one of those that decks write alike."""
    cells = (circuit.top, *circuit.cells.values())
    found = {(e.model, e.area) for cell in cells for e in cell.elements if isinstance(e, Junction)}
    return list({(model, f"{area:.10g}"): (model, area) for model, area in sorted(found)}.values())


def _uncoupled(cell: Cell) -> list[tuple[str, str]]:
    """Pairs of inductors joined by couplings to others, but not by one of their own.

    ngspice takes them as uncoupled, but says so on stderr, which PySpice takes for a failure.
    """
    couplings = [e for e in cell.elements if isinstance(e, Coupling)]
    known = {frozenset((c.first.lower(), c.second.lower())) for c in couplings}
    systems: list[list[str]] = []
    for coupling in couplings:
        joined = [coupling.first, coupling.second]
        apart = []
        for system in systems:
            if any(name.lower() in {s.lower() for s in system} for name in joined):
                joined = [*system, *(n for n in joined if n not in system)]
            else:
                apart.append(system)
        systems = [*apart, joined]
    return [
        pair
        for system in systems
        for pair in combinations(system, 2)
        if frozenset(name.lower() for name in pair) not in known
    ]


def _nets(ports: Sequence[str], elements: Sequence[Any], instances: Sequence[Any]) -> set[str]:
    found = set(ports)
    for element in elements:
        if hasattr(element, "plus"):
            found |= {element.plus, element.minus}
    for instance in instances:
        found |= set(instance.nets)
    return found


def _check_kept(process: Process, model: JunctionModel) -> None:
    """What WRspice would change in a model with ``force=1``."""
    for key, (name, low, high) in WRSPICE_RANGES.items():
        _within(process, key, getattr(model, name), low, high)
    if model.phase:
        raise ConfigurationError(
            f"process {process.name}: the model {model.name} has a phase of {model.phase:g} rad; "
            "decks for wrspice have none"
        )
    vg, icrit = model.gap_voltage, model.critical_current
    _within(process, "delv", model.gap_width, *(bound * vg for bound in WRSPICE_DELV_PER_VG))
    _within(process, "cap", model.capacitance, *(bound * icrit for bound in WRSPICE_CAP_PER_A))
    if model.subgap < model.normal:
        raise ConfigurationError(
            f"process {process.name}: the subgap resistance {model.subgap:g} ohm is below the "
            f"normal resistance {model.normal:g} ohm; WRspice would change it"
        )


def _within(process: Process, key: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise ConfigurationError(
            f"process {process.name}: {key} is {value:g} in SI units; WRspice takes {low:g} to "
            f"{high:g} and would write another value in its place"
        )


def _wrspice_maxdata(analysis: Analysis, vectors: int) -> int | None:
    points = analysis.stop_s / analysis.print_step_s + 2
    needed = round(8e-3 * points * (vectors + 1))
    return 2 * needed if 2 * needed > WRSPICE_MAXDATA_KB else None


def _check_below_gap(process: Process) -> None:
    """ngspice decks have no gap: the highest voltage, about 2 IcRs, must stay below it."""
    model: JunctionModel = process.model
    edge = model.gap_voltage - model.gap_width / 2
    if 2 * process.ic_rs >= edge:
        raise ConfigurationError(
            f"process {process.name}: pulses reach about 2 IcRs = {2e3 * process.ic_rs:.3g} mV, "
            f"the gap begins at {1e3 * edge:.3g} mV; junctions in ngspice decks have no gap, so "
            "2 IcRs must stay below it"
        )

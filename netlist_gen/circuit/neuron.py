"""The differential neuron: from signs and a threshold to a circuit.

Each synapse is a storage branch; its loop current I is coupled with mutual inductance M into
the bottom SQUID's loop with the sign of the weight and into the top SQUID's with the other
sign. An empty loop carries no current, so that with ``unit = M I_full / Phi0`` the loops see

    bottom = common + threshold + unit * n,    top = common - threshold - unit * n   (in Phi0)

and the clock pulse flips the SQUID with the smaller critical current: the bottom one (output
pulse) where ``threshold + unit * n > offset``. The builder puts that edge half-way between
``theta - 1`` and ``theta``: ``threshold = offset - unit * (theta - 1/2)``.

The decision is right while ``unit * |n - theta + 1/2|`` stays within ``reach``, and no SQUID
traps flux between windows while the threshold stays above ``-rest``. The builder knows the
signed range of n, so it takes the largest unit that keeps all of it within both. The storage
loops screen the pick-ups, which makes the SQUID loops smaller and moves the offset by
``-screening * coupling**2``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from netlist_gen.circuit.elements import GROUND, CurrentSource, Role
from netlist_gen.circuit.model import Cell, CircuitBuilder
from netlist_gen.circuit.trees import splitter_tree
from netlist_gen.circuit.view import (
    COMMON_SOURCE,
    DECISION,
    RESET_TREE,
    SYNAPSE,
    THRESHOLD_SOURCE,
)
from netlist_gen.constants import PHI0
from netlist_gen.errors import NetworkError
from netlist_gen.library.cells import CellLibrary
from netlist_gen.library.design import DesignRules, load_rules


@dataclass(frozen=True)
class NeuronDesign:
    """The numbers of one neuron.

    Attributes:
        unit: flux of one stored fluxon in either loop, Phi0.
        pickup: pick-up inductor of each branch in each loop, H.
        mutual: mutual inductance between storage and pick-up inductor, H.
        coupling: the same as a coefficient.
        common: common flux, Phi0.
        threshold: differential flux, Phi0.
    """

    unit: float
    pickup: float
    mutual: float
    coupling: float
    common: float
    threshold: float


def design_neuron(
    signs: Sequence[int],
    theta: int,
    storage_H: float,
    rules: DesignRules | None = None,
    *,
    branches: int | None = None,
    capacity: int = 1,
) -> NeuronDesign:
    """Design a neuron.

    A theta that no n reaches is the same neuron as the nearest one beyond the range: with
    ``theta > excitatory + 1`` it never fires, with ``theta < -inhibitory`` it always does.

    Args:
        signs: +1 or -1 for each line.
        theta: fires when n >= theta.
        storage_H: storage inductor of a branch that stores one fluxon.
        rules: default those of the library.
        branches: storage branches, where several lines share one (default: one for each line).
        capacity: fluxons that each branch stores; its inductor is as many times as long.

    Raises:
        NetworkError: wrong sign, or a fan-in of 0 or beyond what was shown to work.
    """
    rules = rules or load_rules()
    count = len(signs)
    if not 1 <= count <= rules.max_fan_in:
        raise NetworkError(
            f"a neuron of fan-in {count} can't be built: shown to work are 1 to {rules.max_fan_in}"
        )
    for index, sign in enumerate(signs):
        if sign not in (-1, 1):
            raise NetworkError(f"branch {index} has sign {sign}; only +1 and -1 are built")
    excitatory = sum(sign > 0 for sign in signs)
    inhibitory = count - excitatory
    edge = min(max(theta, -inhibitory), excitatory + 1) - 0.5
    farthest = max(excitatory - edge, edge + inhibitory)
    pickup = rules.pickup_total / (branches or count)
    per_coupling = math.sqrt(capacity * storage_H * pickup)
    # What the loop's junctions add to the storage inductor stays when the inductor grows.
    full = PHI0 / (PHI0 / rules.full + (capacity - 1) * storage_H)
    unit = min(
        rules.unit_max,
        rules.reach / farthest,
        rules.coupling_max * per_coupling * full / PHI0,
    )
    if edge > 0:
        lowest_offset = rules.offset - rules.screening * rules.coupling_max**2
        unit = min(unit, (rules.rest + lowest_offset) / edge)
    mutual = unit * PHI0 / full
    coupling = mutual / per_coupling
    offset = rules.offset - rules.screening * coupling**2
    return NeuronDesign(unit, pickup, mutual, coupling, rules.common, offset - unit * edge)


def library_design(
    library: CellLibrary, name: str, signs: Sequence[int], theta: int
) -> NeuronDesign:
    """The design of a neuron of the library's branches.

    Raises:
        NetworkError: as ``design_neuron``; it names the neuron.
    """
    try:
        return design_neuron(signs, theta, library.description("branch").parameters["l_store"])
    except NetworkError as error:
        raise NetworkError(f"neuron {name}: {error}") from None


def neuron_cell(
    library: CellLibrary,
    name: str,
    signs: Sequence[int],
    theta: int,
    *,
    labels: Sequence[str] | None = None,
) -> Cell:
    """A neuron with ports d0 .. d{n-1}, clk, rst, q.

    Args:
        library: cells of one process.
        name: the subcircuit's name.
        signs: +1 or -1 for each branch.
        theta: fires when (pulses on +1 lines) - (pulses on -1 lines) >= theta.
        labels: a name for each branch, used in its instance's name (default 0, 1, ...).

    Raises:
        NetworkError: wrong sign, or a fan-in beyond what was shown to work; it names the neuron.
    """
    design = library_design(library, name, signs, theta)
    labels = labels or [str(i) for i in range(len(signs))]
    key = (name, tuple(signs), theta, tuple(labels), design)
    return library.own(key, lambda: _build(library, name, signs, theta, labels, design))


def _build(
    library: CellLibrary,
    name: str,
    signs: Sequence[int],
    theta: int,
    labels: Sequence[str],
    design: NeuronDesign,
) -> Cell:
    count = len(signs)
    branches = branch_cells(library, name, signs, design)
    builder = CircuitBuilder(
        name,
        (*(f"d{i}" for i in range(count)), "clk", "rst", "q"),
        kind="neuron",
        title=f"neuron {name}: {count} synapses ({sum(s > 0 for s in signs)} excitatory), "
        f"theta {theta}, {design.unit:.4g} Phi0 each",
    )
    resets = (f"r{i}" for i in range(count))
    builder.place(RESET_TREE, splitter_tree(library, count), "rst", *resets)
    for i, sign in enumerate(signs):
        nets = (f"d{i}", f"r{i}", f"b{i}", f"b{i + 1}", f"u{i}", f"u{i + 1}")
        builder.place(f"{SYNAPSE}{labels[i]}", branches[sign], *nets)
    add_decision(library, builder, count, design)
    return builder.cell()


def branch_cells(
    library: CellLibrary,
    name: str,
    signs: Sequence[int],
    design: NeuronDesign,
    **parameters: float,
) -> dict[int, Cell]:
    """The branch of each sign that a neuron has; ``parameters`` beyond those of its design."""
    return {
        sign: library.cell(
            "branch",
            f"{name}_{'exc' if sign > 0 else 'inh'}",
            sign=float(sign),
            k=design.coupling,
            l_pickup=design.pickup,
            **parameters,
        )
        for sign in set(signs)
    }


def add_decision(
    library: CellLibrary, builder: CircuitBuilder, branches: int, design: NeuronDesign
) -> None:
    """The decision stage on the ends of the pick-up chains, and its two control currents."""
    ends = ("clk", "b0", f"b{branches}", "u0", f"u{branches}", "cm", "dm", "q")
    builder.place(DECISION, library.cell("decision"), *ends)
    stage = library.description("decision").parameters
    control = stage["k_control"] * math.sqrt(stage["l_control"] * stage["l_coil"])
    for source, net, flux in (
        (COMMON_SOURCE, "cm", design.common),
        (THRESHOLD_SOURCE, "dm", design.threshold),
    ):
        builder.add(CurrentSource(source, GROUND, net, flux * PHI0 / control, Role.FLUX))


TABLE_FAN_INS = (2, 4, 8, 16)
"""Fan-ins of the neurons that tables are measured of."""


def table_neuron(fan_in: int) -> tuple[tuple[int, ...], int]:
    """Signs and theta of the neuron that the table ``neuron{fan_in}`` is measured of.

    Every fourth synapse is inhibitory, theta is half of the excitatory ones (at least 1).
    """
    signs = tuple(-1 if i % 4 == 3 else 1 for i in range(fan_in))
    return signs, max(1, sum(s > 0 for s in signs) // 2)


def table_neuron_cell(library: CellLibrary, fan_in: int, theta: int | None = None) -> Cell:
    """That neuron's cell, with another threshold if one is given."""
    signs, own = table_neuron(fan_in)
    theta = own if theta is None else theta
    return neuron_cell(library, f"N{fan_in}T{theta}".replace("-", "M"), signs, theta)

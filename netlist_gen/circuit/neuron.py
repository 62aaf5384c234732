"""The differential neuron: from signs and a threshold to a circuit.

Each synapse is a storage branch; its loop current I is coupled with mutual inductance M into one
loop of the bottom SQUID with the sign of the weight and into the same loop of the top SQUID with
the other sign. An empty branch carries no current. The currents of the S loops add up in the near
junctions, so that with ``unit = M I_full / (S Phi0)`` the SQUIDs see

    bottom = common + threshold + unit * n,    top = common - threshold - unit * n   (in Phi0)

and the clock pulse flips the SQUID with the smaller critical current: the bottom one (output
pulse) where ``threshold + unit * n > offset``. The builder puts that edge half-way between
``theta - 1`` and ``theta``: ``threshold = offset - unit * (theta - 1/2)``, and a little beyond
where patterns of one count differ (``LoopSum.allowed``).

The decision is right while ``unit * |n - theta + 1/2|`` stays within ``reach``, no SQUID traps flux
between windows while the threshold stays above ``-rest``, and the loops' sum is linear while few
of them hold much more flux than the others (``LoopSum``). M is the most that one turn couples
(``Transformer``), or less where one of these asks for it. The storage loops screen the pick-ups,
which makes the loops smaller and moves the offset by ``-screening * coupling**2``; where places of
the stage are free the offset moves by less, and a fluxon counts less (``LoopSum.missing``). Where
neighbouring synapses are coupled, thresholds are set for that too (``circuit.crosstalk``).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from netlist_gen.circuit.clock_line import clock_stages
from netlist_gen.circuit.crosstalk import NOT_MOVED, drawn_order, moved, with_crosstalk
from netlist_gen.circuit.elements import GROUND, CurrentSource, Inductor, Role
from netlist_gen.circuit.linear import LoopSum
from netlist_gen.circuit.loops import LoopSize, deal, loop_shares, loop_size
from netlist_gen.circuit.model import Cell, CircuitBuilder
from netlist_gen.circuit.trees import splitter_tree
from netlist_gen.circuit.view import (
    BOTTOM_SOURCE,
    DECISION,
    RESET_TREE,
    STARTUP,
    SYNAPSE,
    TOP_SOURCE,
)
from netlist_gen.constants import PHI0
from netlist_gen.errors import NetworkError
from netlist_gen.library.cells import CellLibrary
from netlist_gen.library.design import DesignRules, load_rules
from netlist_gen.library.drawing import ONE_TURN, Crosstalk, Transformer
from netlist_gen.library.splitters import RESETS


@dataclass(frozen=True)
class Coupler:
    """What couples a synapse to its loops.

    Attributes:
        storage: inductor of a branch that stores one fluxon, H.
        transformer: what one turn over it couples.
        rules: of the neurons.
        crosstalk: between neighbouring synapses; None for none.
    """

    storage: float
    transformer: Transformer = ONE_TURN
    rules: DesignRules = field(default_factory=load_rules)
    crosstalk: Crosstalk | None = None


def coupler_of(library: CellLibrary) -> Coupler:
    """That of a library's branches, in its process."""
    storage = library.description("branch").parameters["l_store"]
    process = library.process
    turn = process.drawing.transformer or ONE_TURN
    return Coupler(storage, turn, load_rules(process), library.crosstalk)


@dataclass(frozen=True)
class NeuronDesign:
    """The numbers of one neuron.

    Attributes:
        size: loops and places of its decision stage.
        edge: count on the edge, half-way between theta - 1 and theta.
        unit: flux of one stored fluxon, as the decision sees it, Phi0.
        pickup: pick-up inductor of each branch in each of its two loops, H.
        mutual: mutual inductance between storage and pick-up inductor, H.
        coupling: the same as a coefficient.
        shares: of the coupling that excitatory and inhibitory branches have: 1 for both, or less
            for the sign that crosstalk makes count more.
        common: common flux, Phi0.
        threshold: differential flux, Phi0.
    """

    size: LoopSize
    edge: float
    unit: float
    pickup: float
    mutual: float
    coupling: float
    shares: tuple[float, float]
    common: float
    threshold: float

    @property
    def bottom(self) -> float:
        """Control flux of the bottom loops, Phi0."""
        return self.common + self.threshold

    @property
    def top(self) -> float:
        """Control flux of the top loops, Phi0."""
        return self.common - self.threshold


def design_neuron(
    signs: Sequence[int],
    theta: int,
    coupler: Coupler,
    *,
    branches: int | None = None,
    capacity: int = 1,
    size: LoopSize | None = None,
    loop_flux: float = math.inf,
) -> NeuronDesign:
    """Design a neuron.

    A theta that no n reaches is the same neuron as the nearest one beyond the range: with
    ``theta > excitatory + 1`` it never fires, with ``theta < -inhibitory`` it always does.

    Args:
        signs: +1 or -1 for each line.
        theta: fires when n >= theta.
        coupler: of the branches.
        branches: storage branches, where several lines share one (default: one for each line).
        capacity: fluxons that each branch stores; its inductor is as many times as long.
        size: of its stage (default: the smallest).
        loop_flux: the most that a loop's branches of one sign may give it, Phi0.

    Raises:
        NetworkError: wrong sign, or a fan-in of 0 or beyond what was shown to work.
    """
    rules = coupler.rules
    if size is None:
        built = len(signs) if branches is None else branches
        size = loop_size(built, rules.loops, rules.places, rules.max_fan_in)
    for index, sign in enumerate(signs):
        if sign not in (-1, 1):
            raise NetworkError(f"branch {index} has sign {sign}; only +1 and -1 are built")
    excitatory = sum(sign > 0 for sign in signs)
    inhibitory = len(signs) - excitatory
    edge = min(max(theta, -inhibitory), excitatory + 1) - 0.5
    farthest = max(excitatory - edge, edge + inhibitory)
    if branches is not None:
        excitatory = -(-excitatory // capacity)
        inhibitory = branches - excitatory
    # What the loop's junctions add to the storage inductor stays when the inductor grows.
    loop = PHI0 / rules.full
    long = loop + (capacity - 1) * coupler.storage
    full = PHI0 / long
    beside = NOT_MOVED
    if coupler.crosstalk is not None:
        share = (capacity * coupler.storage / long) / (coupler.storage / loop)
        beside = moved(excitatory, inhibitory, size, coupler.crosstalk, rules, capacity, share)
    pickup = rules.pickup_total / size.places
    per_coupling = math.sqrt(capacity * coupler.storage * pickup)
    turn = coupler.transformer
    most = min(turn.mutual_share * pickup, turn.coupling * per_coupling) * full / PHI0
    stage = rules.edge(size.loops)
    taken = (excitatory + inhibitory) / size.synapses
    screening = stage.screening * taken
    unit = min(most / size.loops, rules.reach / farthest)
    if edge > 0:
        lowest_offset = stage.offset - screening * turn.coupling**2 + beside.flux
        unit = min(unit, (rules.rest + lowest_offset) / edge)
    kinds = loop_shares(excitatory, inhibitory, size)
    alike = max(max(plus, minus) for _, plus, minus in kinds)
    unit = min(unit, loop_flux / (size.loops * capacity * alike))
    per_unit = size.loops * PHI0 / full / per_coupling
    loops = LoopSum(size, kinds, capacity, rules, per_unit)
    unit = loops.linear_unit(unit, edge, stage.offset)
    mutual = unit * size.loops * PHI0 / full
    coupling = per_unit * unit
    offset = stage.offset - screening * coupling**2 + beside.flux
    counted, shares = beside.trimmed(unit, excitatory, inhibitory)
    counted *= 1.0 - loops.missing(unit, taken)
    allowed = loops.allowed(unit, edge, stage.offset)
    threshold = offset - counted * edge + allowed * unit
    return NeuronDesign(size, edge, unit, pickup, mutual, coupling, shares, rules.common, threshold)


def library_design(
    library: CellLibrary, name: str, signs: Sequence[int], theta: int
) -> NeuronDesign:
    """The design of a neuron of the library's branches.

    Raises:
        NetworkError: as ``design_neuron``; it names the neuron.
    """
    try:
        return design_neuron(signs, theta, coupler_of(library))
    except NetworkError as error:
        raise NetworkError(f"neuron {name}: {error}") from None


def neuron_cell(
    library: CellLibrary,
    name: str,
    signs: Sequence[int],
    theta: int,
    *,
    labels: Sequence[str] | None = None,
    startup: Cell | None = None,
) -> Cell:
    """A neuron with ports d0 .. d{n-1}, clk, rst, q.

    Args:
        library: cells of one process.
        name: the subcircuit's name.
        signs: +1 or -1 for each branch.
        theta: fires when (pulses on +1 lines) - (pulses on -1 lines) >= theta.
        labels: a name for each branch, used in its instance's name (default 0, 1, ...).
        startup: sources on its control lines in start-up windows (``circuit.startup``), if any.

    Raises:
        NetworkError: wrong sign, or a fan-in beyond what was shown to work; it names the neuron.
    """
    design = library_design(library, name, signs, theta)
    labels = labels or [str(i) for i in range(len(signs))]
    key = (name, tuple(signs), theta, tuple(labels), design, startup)
    return library.own(key, lambda: _build(library, name, signs, theta, labels, design, startup))


def _build(
    library: CellLibrary,
    name: str,
    signs: Sequence[int],
    theta: int,
    labels: Sequence[str],
    design: NeuronDesign,
    startup: Cell | None,
) -> Cell:
    count = len(signs)
    branches = branch_cells(library, name, signs, design)
    builder = CircuitBuilder(
        name,
        (*(f"d{i}" for i in range(count)), "clk", "rst", "q"),
        kind="neuron",
        title=f"neuron {name}: {count} synapses ({sum(s > 0 for s in signs)} excitatory), "
        f"theta {theta}, {design.size.loops} loops, {design.unit:.4g} Phi0 each",
    )
    resets = (f"r{i}" for i in range(count))
    builder.place(RESET_TREE, splitter_tree(library, count, RESETS), "rst", *resets)
    pickups = loop_nets(builder, signs, design)
    for i, sign in enumerate(signs):
        nets = (f"d{i}", f"r{i}", *pickups[i])
        builder.place(f"{SYNAPSE}{labels[i]}", branches[sign], *nets)
    add_decision(library, builder, design, startup)
    return finished(library, builder, signs, labels, design)


def finished(
    library: CellLibrary,
    builder: CircuitBuilder,
    signs: Sequence[int],
    labels: Sequence[str],
    design: NeuronDesign,
) -> Cell:
    """The cell of a neuron whose parts are placed, with crosstalk where the library has it.

    ``signs`` and ``labels`` are those of its branches.
    """
    cell = builder.cell()
    if library.crosstalk is None:
        return cell
    drawn = [f"{SYNAPSE}{labels[i]}" for i in drawn_order(signs, design.size)]
    return with_crosstalk(cell, drawn, library.crosstalk)


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
            k=design.coupling * design.shares[0 if sign > 0 else 1],
            l_pickup=design.pickup,
            **parameters,
        )
        for sign in set(signs)
    }


def loop_nets(
    builder: CircuitBuilder, signs: Sequence[int], design: NeuronDesign
) -> dict[int, tuple[str, str, str, str]]:
    """Each branch's ends of its pick-ups: bottom in and out, top in and out.

    The pick-ups of a loop are in series between the ends b{i}_0 and b{i}_e of the bottom one,
    u{i}_0 and u{i}_e of the top one. A plain inductor stands in for those that are missing.
    """
    found = {}
    for i, loop in enumerate(deal(signs, design.size)):
        missing = design.size.places - len(loop)
        last = len(loop) - 1 if not missing else len(loop)
        for place, branch in enumerate(loop):
            ends = [
                net
                for side in "bu"
                for net in (
                    f"{side}{i}_{place}",
                    f"{side}{i}_{'e' if place == last else place + 1}",
                )
            ]
            found[branch] = (ends[0], ends[1], ends[2], ends[3])
        if missing:
            for side in "bu":
                inductor = missing * design.pickup
                begin, end = f"{side}{i}_{len(loop)}", f"{side}{i}_e"
                builder.add(Inductor(f"L{side.upper()}{i}", begin, end, inductor))
    return found


def decision_cell(library: CellLibrary, loops: int) -> Cell:
    """The decision stage of so many loops."""
    stages = float(clock_stages(library, loops))
    return library.cell("decision", f"{loops}", loops=float(loops), stages=stages)


def control_current(library: CellLibrary, flux: float) -> float:
    """Current in a control line, A, for a flux in each of its loops, Phi0."""
    stage = library.description("decision").parameters
    mutual = stage["k_control"] * math.sqrt(stage["l_control"] * stage["l_coil"])
    return flux * PHI0 / mutual


def add_decision(
    library: CellLibrary,
    builder: CircuitBuilder,
    design: NeuronDesign,
    startup: Cell | None = None,
    output: str = "q",
) -> None:
    """The decision stage on the ends of the loops, and the currents of its two control lines.

    Those of a start-up supply are added to them where there is one. ``output`` is the net that its
    pulses leave on.
    """
    loops = design.size.loops
    cell = decision_cell(library, loops)
    ends = [f"{side}{i}_{end}" for i in range(loops) for side in "bu" for end in "0e"]
    lines = []
    for source, line, flux in (
        (BOTTOM_SOURCE, "cb", design.bottom),
        (TOP_SOURCE, "ct", design.top),
    ):
        # A line whose flux is negative is fed from its other end: no supply is negative.
        lines += [line, GROUND] if flux >= 0 else [GROUND, line]
        current = control_current(library, abs(flux))
        builder.add(CurrentSource(source, GROUND, line, current, Role.FLUX))
    builder.place(DECISION, cell, "clk", *ends, *lines, output)
    if startup is not None:
        builder.place(STARTUP, startup, *lines)

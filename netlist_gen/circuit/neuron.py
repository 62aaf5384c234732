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

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from netlist_gen.circuit.model import GROUND, PHI0, Cell, CircuitBuilder, CurrentSource, Role
from netlist_gen.circuit.trees import splitter_tree, tree_shape
from netlist_gen.errors import ConfigurationError, NetworkError
from netlist_gen.library.cells import CellLibrary
from netlist_gen.library.process import Process, quantity, read_toml
from netlist_gen.resources import resource_dir


@dataclass(frozen=True)
class ClockPhases:
    """When things happen in a clock window, in s after its data pulses.

    Attributes:
        period: length of a window.
        decision: decision clock at the neuron's port.
        reset: reset pulse at the branches (the reset tree's delay is taken off at its port).
        earliest, latest: an output pulse belongs to the clock if it comes between these times
            after the decision clock.
        tree_stage: delay of one stage of a splitter tree.
        skew: how far apart the data pulses of one window may reach a neuron.
        slowness: by how much all of them are longer than the design table's.
    """

    period: float
    decision: float
    reset: float
    earliest: float
    latest: float
    tree_stage: float
    skew: float
    slowness: float = 1.0

    def slowed(self, slowness: float) -> ClockPhases:
        """All phases so many times as long."""
        names = [f.name for f in dataclasses.fields(self)]
        return ClockPhases(**{name: getattr(self, name) * slowness for name in names})

    def with_period(self, period: float) -> ClockPhases:
        """The phases of a window of another length.

        These phases where the reset still has its 30 ps before the next data pulses, else those
        of ``[timing_short]``: less skew allowed at the inputs, decision and reset sooner.

        Raises:
            ConfigurationError: shorter than the shortest window that was shown to work.
        """
        if period >= self.reset + RESET_TIME * self.slowness:
            return dataclasses.replace(self, period=period)
        short = self.short()
        if period < short.period * (1 - 1e-9):
            raise ConfigurationError(
                f"a clock of {1e-9 / period:.4g} GHz leaves windows of {period * 1e12:.4g} ps; the "
                f"shortest shown to work is {short.period * 1e12:.4g} ps "
                f"({1e-9 / short.period:.4g} GHz)"
            )
        return dataclasses.replace(short, period=period)

    def short(self) -> ClockPhases:
        """The phases of the shortest window that was shown to work, in the same process."""
        return load_phases("timing_short").slowed(self.slowness)


RESET_TIME = 30e-12
"""From the reset at a neuron's branches to the next data pulses at the least, at the phases of
``[timing]``: at bias x 0.8 the slower reset tree still comes in time."""


@cache
def load_phases(table: str = "timing", process: Process | None = None) -> ClockPhases:
    """Clock phases of ``cells/design/neuron.toml``: its table ``timing`` or ``timing_short``.

    Args:
        process: whose phases; a pulse is about Phi0 / IcRs long, so that the table's are longer
            by the ratio of its own process's IcRs to this one's (default: the table's own).
    """
    path = resource_dir("cells") / "design" / "neuron.toml"
    data = read_toml(path)
    names = [f.name for f in dataclasses.fields(ClockPhases) if f.name != "slowness"]
    values = {name: quantity(data.get(table), name, f"{path}: [{table}]") for name in names}
    own = quantity(data.get("process"), "ic_rs", f"{path}: [process]")
    return ClockPhases(**values).slowed(own / process.ic_rs if process else 1.0)


@dataclass(frozen=True)
class DesignRules:
    """What every neuron is designed by; the TOML files say where each number is from.

    Attributes:
        max_fan_in: largest fan-in shown to work.
        reach: largest ``unit * |n - theta + 1/2|`` that is decided rightly, Phi0.
        rest: largest negative threshold at which no SQUID traps flux at rest, Phi0.
        unit_max: largest flux of one stored fluxon in either loop, Phi0.
        common: flux that biases both loops alike, Phi0.
        offset: differential flux at which the decision is on the edge, without coupling, Phi0.
        screening: how far the offset moves with the square of the coupling, Phi0.
        pickup_total: sum of the pick-ups in each loop, H.
        coupling_max: largest coupling coefficient between storage and pick-up inductor.
        full: current of a storage inductor with a fluxon, A.
    """

    max_fan_in: int
    reach: float
    rest: float
    unit_max: float
    common: float
    offset: float
    screening: float
    pickup_total: float
    coupling_max: float
    full: float


@cache
def load_rules() -> DesignRules:
    """The rules chosen in ``cells/design/neuron.toml`` and those measured in ``flux.toml``."""
    folder = resource_dir("cells") / "design"
    chosen, measured = (read_toml(folder / name) for name in ("neuron.toml", "flux.toml"))

    def get(table: str, key: str) -> float:
        name = "flux" if key in ("offset", "screening", "full") else "neuron"
        data = measured if name == "flux" else chosen
        return quantity(data.get(table), key, f"{folder / name}.toml: [{table}]")

    return DesignRules(
        max_fan_in=int(chosen["neuron"]["max_fan_in"]),
        reach=get("flux", "reach") / PHI0,
        rest=get("flux", "rest") / PHI0,
        unit_max=get("flux", "unit_max") / PHI0,
        common=get("flux", "common") / PHI0,
        offset=get("flux", "offset") / PHI0,
        screening=get("flux", "screening") / PHI0,
        pickup_total=get("branch", "pickup_total"),
        coupling_max=get("branch", "coupling_max"),
        full=get("branch", "full"),
    )


@dataclass(frozen=True)
class NeuronDesign:
    """The numbers of one neuron.

    Attributes:
        unit: flux of one stored fluxon in either loop, Phi0.
        pickup: pick-up inductor of each branch in each loop, H.
        mutual: mutual inductance between storage and pick-up inductor, H.
        coupling: the same as a coefficient.
        common: common flux, Phi0. threshold: differential flux, Phi0.
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
        signs: +1 or -1 for each line. theta: fires when n >= theta.
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
    count = len(signs)
    labels = labels or [str(i) for i in range(count)]
    key = (name, tuple(signs), theta, tuple(labels), design)
    if key in library.neurons:  # decks of one neuron share it, with the text it keeps
        return library.neurons[key]
    branches = branch_cells(library, name, signs, design)
    builder = CircuitBuilder(
        name,
        (*(f"d{i}" for i in range(count)), "clk", "rst", "q"),
        kind="neuron",
        title=f"neuron {name}: {count} synapses ({sum(s > 0 for s in signs)} excitatory), "
        f"theta {theta}, {design.unit:.4g} Phi0 each",
    )
    tree = splitter_tree(library, count)
    builder.place("XRT", tree, "rst", *(f"r{i}" for i in range(count)), needs=library.needs(tree))
    for i, sign in enumerate(signs):
        nets = (f"d{i}", f"r{i}", f"b{i}", f"b{i + 1}", f"u{i}", f"u{i + 1}")
        branch = branches[sign]
        builder.place(f"XS{labels[i]}", branch, *nets, needs=library.needs(branch))
    add_decision(library, builder, count, design)
    cell = library.neurons[key] = library.register(builder.cell())
    return cell


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
    """The decision stage as XD on the ends of the pick-up chains, and its two control currents."""
    decision = library.cell("decision")
    ends = ("clk", "b0", f"b{branches}", "u0", f"u{branches}", "cm", "dm", "q")
    builder.place("XD", decision, *ends, needs=library.needs(decision))
    stage = library.description("decision").parameters
    control = stage["k_control"] * math.sqrt(stage["l_control"] * stage["l_coil"])
    for source, net, flux in (("ICM", "cm", design.common), ("IDM", "dm", design.threshold)):
        builder.add(CurrentSource(source, GROUND, net, flux * PHI0 / control, Role.FLUX))


def reset_depth(fan_in: int) -> int:
    """Splitter (or JTL) stages between the neuron's reset port and its branches."""
    return max(1, tree_shape(fan_in).depth)

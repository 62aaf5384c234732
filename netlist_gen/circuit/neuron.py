"""The differential neuron: from signs and a threshold to a circuit.

Each synapse is a storage branch; its loop current I is coupled with mutual inductance M into
the bottom SQUID's loop with the sign of the weight and into the top SQUID's with the other
sign. With ``unit = M (I_full - I_empty) / Phi0`` the two loops see

    bottom = common + threshold + unit * n,    top = common - threshold - unit * n   (in Phi0)

and the clock pulse flips the SQUID with the smaller critical current: the bottom one (output
pulse) where ``threshold + unit * n > offset``. The builder puts that edge half-way between
``theta - 1`` and ``theta``: ``threshold = offset - unit * (theta - 1/2)``, less what the small
current of empty loops adds (``unit * sum(signs) * I_empty / (I_full - I_empty)``).
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass

from netlist_gen.cell_library import CellLibrary
from netlist_gen.circuit.model import PHI0, Cell, CircuitBuilder, CurrentSource, Role
from netlist_gen.circuit.trees import splitter_tree, tree_shape
from netlist_gen.errors import ConfigurationError, NetworkError
from netlist_gen.process import quantity, read_toml
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
        decide: from the decision clock at the neuron's port to its output.
        skew: how far apart the data pulses of one window may reach a neuron.
    """

    period: float
    decision: float
    reset: float
    earliest: float
    latest: float
    tree_stage: float
    decide: float
    skew: float

    def with_period(self, period: float) -> ClockPhases:
        """The same phases in a window of another length.

        Raises:
            ConfigurationError: the reset does not fit into the window any more.
        """
        if period < self.reset + 30e-12:
            raise ConfigurationError(
                f"a clock of {1e-9 / period:.4g} GHz leaves windows of {period * 1e12:.4g} ps; the "
                f"reset comes at {self.reset * 1e12:.4g} ps and needs 30 ps more"
            )
        return dataclasses.replace(self, period=period)


def load_phases() -> ClockPhases:
    """The clock phases of ``cells/design/neuron.toml``."""
    path = resource_dir("cells") / "design" / "neuron.toml"
    table = read_toml(path).get("timing")
    names = [field.name for field in dataclasses.fields(ClockPhases)]
    return ClockPhases(**{name: quantity(table, name, f"{path}: [timing]") for name in names})


@dataclass(frozen=True)
class NeuronDesign:
    """One row of the design table; fluxes in Phi0, inductances in H, currents in A.

    Attributes:
        fan_in: the largest fan-in the row holds for.
        unit: flux of one stored fluxon in either SQUID loop.
        pickup: pick-up inductor of each branch in each loop.
        common: flux that biases both loops alike.
        offset: differential flux at which the decision is on the edge.
        full, empty: current of a storage inductor with and without a fluxon.
    """

    fan_in: int
    unit: float
    pickup: float
    common: float
    offset: float
    full: float
    empty: float

    @property
    def mutual(self) -> float:
        """Mutual inductance between storage and pick-up inductor, H."""
        return self.unit * PHI0 / (self.full - self.empty)

    def threshold_flux(self, signs: Sequence[int], theta: int) -> float:
        """Differential control flux in Phi0 that makes the neuron fire at n >= theta."""
        rest = self.unit * sum(signs) * self.empty / (self.full - self.empty)
        return self.offset - self.unit * (theta - 0.5) - rest


def load_designs() -> tuple[NeuronDesign, ...]:
    """The design table of ``cells/design/neuron.toml``, by rising fan-in."""
    path = resource_dir("cells") / "design" / "neuron.toml"
    data = read_toml(path)
    full = quantity(data.get("currents"), "full", f"{path}: [currents]")
    empty = quantity(data.get("currents"), "empty", f"{path}: [currents]")
    rows = []
    for row in data.get("design", []):
        where = f"{path}: [[design]] of fan-in {row.get('fan_in')}"
        rows.append(
            NeuronDesign(
                fan_in=int(row["fan_in"]),
                unit=quantity(row, "unit", where) / PHI0,
                pickup=quantity(row, "pickup", where),
                common=quantity(row, "common", where) / PHI0,
                offset=quantity(row, "offset", where) / PHI0,
                full=full,
                empty=empty,
            )
        )
    return tuple(sorted(rows, key=lambda d: d.fan_in))


def design_for(fan_in: int) -> NeuronDesign:
    """The design row for a fan-in.

    Raises:
        NetworkError: a fan-in of 0, or beyond what was shown to work.
    """
    designs = load_designs()
    for design in designs:
        if 1 <= fan_in <= design.fan_in:
            return design
    raise NetworkError(
        f"a neuron of fan-in {fan_in} can't be built: shown to work are 1 to {designs[-1].fan_in}"
    )


def branch_cell(library: CellLibrary, design: NeuronDesign, sign: int) -> Cell:
    """The storage branch of this design with excitatory (+1) or inhibitory (-1) coupling."""
    store = library.description("branch").parameters["l_store"]
    k = design.mutual / math.sqrt(store * design.pickup)
    if not 0 < k < 0.6:
        raise ConfigurationError(
            f"the design for fan-in {design.fan_in} needs a coupling of {k:.3f} between storage "
            "and pick-up inductor; realisable are 0 to 0.6"
        )
    variant = f"{'exc' if sign > 0 else 'inh'}{design.fan_in}"
    return library.cell("branch", variant, sign=float(sign), k=k, l_pickup=design.pickup)


def neuron_cell(
    library: CellLibrary,
    name: str,
    signs: Sequence[int],
    theta: int,
    *,
    labels: Sequence[str] | None = None,
    design: NeuronDesign | None = None,
) -> Cell:
    """A neuron with ports d0 .. d{n-1}, clk, rst, q.

    Args:
        library: cells of one process.
        name: the subcircuit's name.
        signs: +1 or -1 for each branch, length 1 to the design's fan-in.
        theta: fires when (pulses on +1 lines) - (pulses on -1 lines) >= theta.
        labels: a name for each branch, used in its instance's name (default 0, 1, ...).
        design: a row of the design table (default: the one for this fan-in).

    Raises:
        NetworkError: wrong sign, fan-in beyond the table.
    """
    design = design or design_for(len(signs))
    for index, sign in enumerate(signs):
        if sign not in (-1, 1):
            raise NetworkError(
                f"branch {index} of neuron {name} has sign {sign}; only +1 and -1 are built"
            )
    labels = labels or [str(i) for i in range(len(signs))]
    decision = library.cell("decision")
    parameters = library.description("decision").parameters
    count = len(signs)
    builder = CircuitBuilder(
        name,
        (*(f"d{i}" for i in range(count)), "clk", "rst", "q"),
        kind="neuron",
        title=f"neuron {name}: {count} synapses ({sum(s > 0 for s in signs)} excitatory), "
        f"theta {theta}",
    )
    tree = splitter_tree(library, count)
    builder.place("XRT", tree, "rst", *(f"r{i}" for i in range(count)), needs=library.needs(tree))
    for i, sign in enumerate(signs):
        branch = branch_cell(library, design, sign)
        builder.place(
            f"XS{labels[i]}",
            branch,
            f"d{i}",
            f"r{i}",
            *(f"b{i}", f"b{i + 1}", f"u{i}", f"u{i + 1}"),
            needs=library.needs(branch),
        )
    builder.place(
        "XD",
        decision,
        *("clk", "b0", f"b{count}", "u0", f"u{count}", "cm", "dm", "q"),
        needs=library.needs(decision),
    )
    control = parameters["k_control"] * math.sqrt(parameters["l_control"] * parameters["l_coil"])
    for source, net, flux in (
        ("ICM", "cm", design.common),
        ("IDM", "dm", design.threshold_flux(signs, theta)),
    ):
        builder.add(CurrentSource(source, "0", net, flux * PHI0 / control, Role.FLUX))
    return library.register(builder.cell())


def reset_depth(fan_in: int) -> int:
    """Splitter (or JTL) stages between the neuron's reset port and its branches."""
    return max(1, tree_shape(fan_in).depth)

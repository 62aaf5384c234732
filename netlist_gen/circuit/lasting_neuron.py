"""Neurons whose membranes last: storage loops that count, cleared by the neuron's own pulses.

Each branch is that of any neuron with a storage inductor as many times as long as a sample has
steps, so that its loop holds a fluxon for each step in which its line carries a pulse, and the
decision stage sees the sum of all steps. Nothing is reset from window to window. A pulse at
``rst``, one a sample, is made a train of as many pulses as a loop can hold, which empties all.

    reset zero       a copy of the output pulse takes the same way: output -> splitter -> merger,
                     at whose other input ``rst`` comes in -> train -> tree of resets
    reset subtract   a copy of the output pulse goes to as many inhibitory branches of the neuron's
                     own as it takes off, which count it like the others
    reset none       nothing

A loop that holds fluxons for C steps has a C-th of the current for each. So the flux of a pulse is
some C-th of that in a neuron without a memory, at the same noise. The smallest decision stage,
which moves most with bias, is not used (``loops.lasting_size``).
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

from netlist_gen.circuit.loops import lasting_size
from netlist_gen.circuit.model import Cell, CircuitBuilder
from netlist_gen.circuit.neuron import (
    Coupler,
    NeuronDesign,
    add_decision,
    branch_cells,
    coupler_of,
    design_neuron,
    finished,
    loop_nets,
    neuron_cell,
)
from netlist_gen.circuit.pulse_train import last_pulse_s, pulse_train
from netlist_gen.circuit.sites import NeuronSite, SiteMemory, neuron_sites
from netlist_gen.circuit.trees import splitter_tree, tree_depth
from netlist_gen.circuit.view import (
    CLEARING,
    GUARD_S,
    OWN_SPLIT,
    OWN_TREE,
    RESET_TREE,
    SYNAPSE,
    TRAIN,
)
from netlist_gen.errors import ConfigurationError, NetworkError
from netlist_gen.library.cells import CellLibrary
from netlist_gen.library.design import ClockPhases
from netlist_gen.library.splitters import DATA, RESETS
from netlist_gen.network import TernaryNetwork

STEPS_MAX = 8
"""Fluxons that a storage branch counts and gives back at any bias from x 0.7 to x 1.3."""

SOME = 4
"""Fluxons up to which the junction that clears a loop has the bias of any branch."""

BIAS_MORE = 11e-6
"""More bias of that junction in loops that hold more, A: a single fluxon's current in them is a
third of the usual, and without it the last one stays in. JoSIM's equations: 8 fluxons are counted
and given back at bias x 0.7 to x 1.3 with 10 to 12 uA more, 6 with 0 to 12."""

LOOP_FLUX = 0.2
"""The most flux that the branches of a loop may give it, Phi0. JoSIM's equations: membranes far
above the threshold leave a far junction behind where full loops have 0.24 and more."""


def design_site(site: NeuronSite, coupler: Coupler) -> NeuronDesign:
    """The design of a neuron of a network.

    Raises:
        NetworkError: a fan-in or steps beyond what was shown to work; it names the neuron.
    """
    try:
        return design_of(site.signs, site.theta, coupler, site.memory)
    except NetworkError as error:
        raise NetworkError(f"neuron {site.name}: {error}") from None


def design_of(
    signs: Sequence[int], theta: int, coupler: Coupler, memory: SiteMemory | None = None
) -> NeuronDesign:
    """The design of a neuron, with a memory or without.

    Args:
        signs: +1 or -1 for each synapse.
        theta: fires when its membrane is so high.
        coupler: of the branches.
        memory: of the membrane.

    Raises:
        NetworkError: a fan-in or steps beyond what was shown to work.
    """
    if memory is None:
        return design_neuron(signs, theta, coupler)
    if not 1 <= memory.steps <= STEPS_MAX:
        raise NetworkError(
            f"samples of {memory.steps} steps: a storage loop counts the pulses of 1 to {STEPS_MAX}"
        )
    every = [*signs, *[-1] * memory.subtract]
    return design_neuron(
        every * memory.steps,
        theta,
        coupler,
        branches=len(every),
        capacity=memory.steps,
        size=lasting_size(len(every)),
        loop_flux=LOOP_FLUX,
    )


OUTPUT_S = 34e-12
"""From the decision's phase to the output pulse behind a splitter, at the most: 28 ps where the
membrane is next to the threshold (cells/tables); longer clock lines are no part of it."""

CELLS_S = {"jtl": 1.9e-12, "splitter": 3.9e-12, "merger": 3.0e-12}
"""Cells of a train and of the trees (cells/tables), rounded up."""

EMPTIED_S = 16e-12
"""From a reset at a branch until its loop is empty and rests: 6 ps, and a pulse's width."""

SLOWER = 1.2
"""At low bias everything takes longer: at x 0.85 a train by so much. Windows that are chosen here
have room for that."""


def emptied_s(memory: SiteMemory, branches: int) -> float:
    """From the decision clock until a neuron of so many branches rests, its loops emptied, s.

    A bound, good for benches; static timing has the cells' tables (``assembly.delays``). A clearing
    window, whose pulse comes with its decision clock, takes no longer.
    """
    last = last_pulse_s(memory.steps, CELLS_S.__getitem__)
    resets = last + CELLS_S["splitter"] * tree_depth(branches) + EMPTIED_S
    if memory.reset != "zero":
        return max(OUTPUT_S, resets)
    return OUTPUT_S + CELLS_S["merger"] + resets


def roomy_period_s(memory: SiteMemory, branches: int, phases: ClockPhases) -> float:
    """A period in which such a neuron rests after its decision at low bias too, s."""
    return phases.decision + SLOWER * emptied_s(memory, branches) * phases.slowness + GUARD_S


def lasting_phases(site: NeuronSite, phases: ClockPhases) -> ClockPhases:
    """The phases of a neuron's bench: the decision comes sooner where the rest needs the time.

    Raises:
        ConfigurationError: a window in which the loops can't be emptied.
    """
    assert site.memory is not None
    needed = emptied_s(site.memory, len(site.branch_signs)) * phases.slowness + GUARD_S
    first = phases.short().decision
    if phases.period < first + needed:
        least = first + needed
        raise ConfigurationError(
            f"neuron {site.name}: in windows of {phases.period * 1e12:.4g} ps its loops, which "
            f"hold the pulses of {site.memory.steps} steps, are not empty in time; "
            f"{least * 1e12:.4g} ps are needed, --clock-ghz {1e-9 / least:.3f} or less"
        )
    slow = (SLOWER - 1.0) * (needed - GUARD_S)
    decision = max(first, min(phases.decision, phases.period - needed - slow))
    return dataclasses.replace(phases, decision=decision, reset=decision)


def memory_phases(
    network: TernaryNetwork, phases: ClockPhases, asked_ghz: float | None
) -> ClockPhases:
    """The phases with windows long enough for a network's memories, where no clock is asked for.

    Raises:
        NetworkError: as ``sites.neuron_sites``.
    """
    if not network.has_memory or asked_ghz is not None:
        return phases
    sites = neuron_sites(network)
    period = max(
        (roomy_period_s(s.memory, len(s.branch_signs), phases) for s in sites if s.memory),
        default=0.0,
    )
    return phases.with_period(max(phases.period, math.ceil(period * 1e12) * 1e-12))


def site_cell(library: CellLibrary, site: NeuronSite, startup: Cell | None = None) -> Cell:
    """The cell of a neuron of a network, with ports d0 .. d{n-1}, clk, rst, q.

    Args:
        library: cells of one process.
        site: the neuron.
        startup: as ``neuron.neuron_cell``.

    Raises:
        NetworkError: as ``design_site``.
    """
    memory = site.memory
    if memory is None:
        return neuron_cell(
            library, site.name, site.signs, site.theta, labels=site.labels, startup=startup
        )
    design = design_site(site, coupler_of(library))
    key = (site.name, site.signs, site.theta, site.labels, memory, design, startup)
    return library.own(key, lambda: _build(library, site, memory, design, startup))


def _build(
    library: CellLibrary,
    site: NeuronSite,
    memory: SiteMemory,
    design: NeuronDesign,
    startup: Cell | None,
) -> Cell:
    signs, labels = site.branch_signs, site.branch_labels
    lines, count = len(site.signs), len(signs)
    builder = CircuitBuilder(
        site.name,
        (*(f"d{i}" for i in range(lines)), "clk", "rst", "q"),
        kind="lasting_neuron",
        title=f"neuron {site.name}: {lines} synapses ({sum(s > 0 for s in site.signs)} "
        f"excitatory), theta {site.theta}, {memory.steps} steps, reset {memory.reset}, "
        f"{design.size.loops} loops, {design.unit:.4g} Phi0 each",
    )
    _add_resets(library, builder, memory, count)
    branches = branch_cells(library, site.name, signs, design, **branch_parameters(library, memory))
    pickups = loop_nets(builder, signs, design)
    data = [*(f"d{i}" for i in range(lines)), *(f"w{i}" for i in range(count - lines))]
    for i, sign in enumerate(signs):
        builder.place(f"{SYNAPSE}{labels[i]}", branches[sign], data[i], f"r{i}", *pickups[i])
    if memory.subtract:
        builder.place(OWN_TREE, splitter_tree(library, memory.subtract, DATA), "own", *data[lines:])
    add_decision(library, builder, design, startup, output="o" if memory.feeds_back else "q")
    return finished(library, builder, signs, labels, design)


def branch_parameters(library: CellLibrary, memory: SiteMemory) -> dict[str, float]:
    """What a branch has that differs from those of other neurons, design aside."""
    usual = library.description("branch").parameters
    parameters = {"l_store": memory.steps * usual["l_store"]}
    if memory.steps > SOME:
        parameters["ib_clear"] = usual["ib_clear"] + BIAS_MORE
    return parameters


def _add_resets(
    library: CellLibrary, builder: CircuitBuilder, memory: SiteMemory, count: int
) -> None:
    """From ``rst``, and from the output where it feeds back, to the resets of so many branches."""
    start = "rst"
    if memory.feeds_back:
        builder.place(OWN_SPLIT, library.cell("splitter"), "o", "q", "own")
    if memory.reset == "zero":
        start = "clear"
        builder.place(CLEARING, library.cell("merger"), "own", "rst", start)
    builder.place(TRAIN, pulse_train(library, memory.steps), start, "train")
    resets = (f"r{i}" for i in range(count))
    builder.place(RESET_TREE, splitter_tree(library, count, RESETS), "train", *resets)

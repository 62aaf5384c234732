"""What stands beside a cell in trees, chains and clocks: the neighbourhoods that are simulated.

A cell's delay depends on what drives it and on what it and its driver's other outputs carry, some
levels deep. Here is which of these there are, and the circuits that stand for them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from netlist_gen.assembly.stages import Stage
from netlist_gen.circuit.bench import drive
from netlist_gen.circuit.elements import GROUND, LOAD_OHM, Resistor
from netlist_gen.circuit.model import CircuitBuilder
from netlist_gen.circuit.neuron import neuron_cell
from netlist_gen.circuit.table_neuron import table_neuron
from netlist_gen.errors import ConfigurationError
from netlist_gen.library.cells import CellLibrary
from netlist_gen.library.splitters import (
    BY_LOAD,
    DATA,
    DATA_PORT,
    JTL_CELLS,
    LARGE,
    RESETS,
    SPLITTER_CELLS,
    stage_cells,
    tree_cells,
)

BEFORE = {
    "source": (),
    "first": ("jtl",),
    "jtl": ("jtl", "jtl", "jtl"),
    "merger": ("jtl", "jtl", "jtl", "merger"),
    **{name: ("jtl", name, name) for name in SPLITTER_CELLS},
}
"""From a source to each driver."""

BELOW: Mapping[str, tuple[str, ...]] = {
    **{name: (name,) for name in (*JTL_CELLS, "merger", "end", DATA_PORT)},
    **{name: (name, name, name) for name in SPLITTER_CELLS},
}
"""A load of each kind, and what it drives. A splitter's delay in a tree is 0.03 ps less than where
it drives splitters that drive JTL stages; three levels below it are enough."""

CHAINS: tuple[Stage, ...] = (
    *(Stage("jtl", d, load) for d in BEFORE for load in ("jtl", "splitter", "merger")),
    *(
        Stage("splitter", d, load, beside)
        for d in ("first", "jtl", "splitter")
        for load in ("jtl", "splitter")
        for beside in ("jtl", "splitter")
    ),
    Stage("merger"),
)
"""Neighbourhoods of trees and chains; each is simulated by itself."""


def chains(splitters: str) -> tuple[Stage, ...]:
    """The same, with those of small cells where trees are made of them."""
    found = list(CHAINS)
    for cells in (tree_cells(splitters, drives) for drives in (DATA, RESETS)):
        if cells is LARGE:
            continue
        inside = (cells.splitter, cells.stage)
        found += [Stage("jtl", driver, load) for driver in ("source", "first", "jtl")
                  for load in inside]  # fmt: skip
        found += [Stage(cells.stage, driver, load) for driver in ("first", "jtl", cells.splitter)
                  for load in (*inside, cells.port)]  # fmt: skip
        found += [
            Stage(cells.splitter, driver, load, beside)
            for driver in ("first", "jtl", cells.splitter)
            for load in (*inside, cells.port)
            for beside in (*inside, cells.port)
        ]
    return tuple(found)


BESIDE = 8
"""Fan-in of the neurons whose clock ports are beside the measured one's."""

CLOCKED_BY: Mapping[str, tuple[str, ...]] = {
    "table": ("jtl",),
    "first": (),
    "jtl": ("splitter", "splitter", "splitter", "jtl"),
    "splitter": ("splitter", "splitter", "splitter"),
}
"""From a JTL stage behind a source to each cell that drives a neuron's clock; ``table`` as in the
measurement of its table. Deep in a tree a pulse has the shape that splitters give it."""

LAST: Mapping[str, tuple[Stage, ...]] = {
    "first": (Stage("jtl", "source"),),
    "jtl": (Stage("splitter", "splitter", "jtl", "jtl"), Stage("jtl", "splitter")),
    "splitter": (
        Stage("splitter", "splitter", "splitter", "jtl"),
        Stage("splitter", "splitter", "jtl", "jtl"),
    ),
}
"""The last two of those cells, as trees count them. What a neuron's clock port, a larger load than
a JTL stage, changes in them is told with the neuron: 0.6 ps in the cell next to it and 0.1 ps in
the one before that."""


def output_loads(splitters: str) -> tuple[str, ...]:
    """What a neuron's output stage may drive: a chain, a tree, a class line, or a bench's end."""
    tree = tree_cells(splitters, DATA)
    return tuple(dict.fromkeys(("jtl", tree.splitter, tree.stage, "merger", "end")))


def add_load(
    builder: CircuitBuilder, library: CellLibrary, net: str, kind: str, *behind: str
) -> None:
    """What a cell drives: a cell of a kind, a neuron's clock, or the end itself.

    That cell in turn drives the first of ``behind``, and so on; the last one drives an idle-ended
    JTL stage.
    """

    def follow(port: str) -> None:
        if behind:
            add_load(builder, library, port, *behind)
            return
        builder.place(f"XE{port}", library.cell("jtl"), port, f"{port}e")
        end(f"{port}e")

    def end(port: str) -> None:
        builder.add(Resistor(f"R{port}", port, GROUND, LOAD_OHM))

    if kind == "end":
        end(net)
        return
    if kind == DATA_PORT:
        quiet, branch = drive(builder, library, f"{net}q", ()), library.cell("branch")
        pickups = [f"{net}{port}" for port in branch.ports[2:]]
        builder.place(f"XB{net}", branch, net, quiet, *pickups)
        for pickup in pickups:
            builder.add(Resistor(f"R{pickup}", pickup, GROUND, 1.0))
        return
    if kind == "neuron":
        signs, theta = table_neuron(BESIDE)
        idle = [drive(builder, library, f"{net}i{k}", ()) for k in range(len(signs))]
        reset = drive(builder, library, f"{net}r", ())
        neuron = neuron_cell(library, "beside", signs, theta)
        builder.place(f"XN{net}", neuron, *idle, net, reset, f"{net}o")
        follow(f"{net}o")
        return
    nets = (net, f"{net}x") if kind in JTL_CELLS else (net, f"{net}y", f"{net}x")
    builder.place(f"XL{net}", library.cell(kind), *nets)
    follow(f"{net}x")
    if kind in SPLITTER_CELLS:
        follow(f"{net}y")
    elif kind == "merger":  # an idle stage at its other input
        builder.place(f"XI{net}", library.cell("jtl"), f"{net}i", f"{net}y")
        end(f"{net}i")


def add_cell(
    builder: CircuitBuilder,
    library: CellLibrary,
    name: str,
    kind: str,
    nets: tuple[str, str],
    beside: Sequence[str],
) -> None:
    """A cell between two nets; a splitter's other output carries ``beside`` (``add_load``)."""
    if kind in JTL_CELLS:
        builder.place(name, library.cell(kind), *nets)
    elif kind in SPLITTER_CELLS:
        builder.place(name, library.cell(kind), *nets, f"s{name}")
        add_load(builder, library, f"s{name}", *beside)
    elif kind == "merger":
        builder.place(name, library.cell(kind), nets[0], f"i{name}", nets[1])
        builder.place(f"XI{name}", library.cell("jtl"), f"j{name}", f"i{name}")
        builder.add(Resistor(f"R{name}", f"j{name}", GROUND, LOAD_OHM))
    else:
        raise ConfigurationError(
            f"a chain can't hold {kind!r}; it takes {', '.join(stage_cells(BY_LOAD))}"
        )

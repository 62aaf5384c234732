"""What a cell meets at its ports: cells of the library, or cells of the user's own.

An own cell comes from a TOML file like any that is characterised. As a load its first input is
joined to the output, as a driver its first output to the input; other inputs stay quiet, other
outputs are ended, and what closes its further ports comes with it. Its junction models are brought
into the process of the bench.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from netlist_gen.circuit.elements import GROUND, Element, Junction, Resistor
from netlist_gen.circuit.model import Cell
from netlist_gen.errors import ConfigurationError
from netlist_gen.library.cells import CellLibrary
from netlist_gen.library.process import JunctionModel, Process
from netlist_gen.library.splitters import (
    BY_LOAD,
    DATA_PORT,
    LIBRARY,
    stage_cells,
)
from verification.characterize.subject.model import Subject

NEIGHBOURS = stage_cells(LIBRARY)
"""Cells of the library that ports are characterised against."""


@dataclass(frozen=True, eq=False)
class Neighbour:
    """A cell with its ports by direction, and what closes further ones."""

    cell: Cell
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    elements: tuple[Element, ...] = ()


def library_neighbour(library: CellLibrary, kind: str) -> Neighbour:
    """A stage of the library. Raises ConfigurationError for another cell."""
    if kind == DATA_PORT:
        return _data_port(library)
    known = stage_cells(library.process.splitters)
    if kind not in known:
        raise ConfigurationError(
            f"no driver or load {kind!r}; ports can meet {', '.join(known)}, and TOML files "
            "of your own cells"
        )
    cell = library.cell(kind)
    inputs = tuple(p for p in cell.ports if p in ("a", "b"))
    return Neighbour(cell, inputs, tuple(p for p in cell.ports if p not in inputs))


ROOM = 8
"""Pulses that the loop of a branch takes up that is a load: no stimulus has more."""


def _data_port(library: CellLibrary) -> Neighbour:
    """A storage branch at its data port; its pick-ups are closed."""
    long = ROOM * library.description("branch").parameters["l_store"]
    cell = library.cell("branch", "load", l_store=long)
    closed = [Resistor(f"R{port}", port, GROUND, 1.0) for port in cell.ports[2:]]
    return Neighbour(cell, ("d", "r"), (), tuple(closed))


def own_neighbour(subject: Subject, side: str, process: Process) -> tuple[Neighbour, Process]:
    """A user's cell as a neighbour on a bench in a process, which then has its models too.

    Args:
        subject: the cell.
        side: "load" or "driver".
        process: of the bench.

    Raises:
        ConfigurationError: a cell that can't be at that side, or has the name of another kind.
    """
    name = subject.name
    if name in stage_cells(BY_LOAD):
        raise ConfigurationError(
            f"--{side}: {subject.source} is of a cell {name}, as the library has one; name it "
            "otherwise"
        )
    if subject.levels or subject.grouped:
        raise ConfigurationError(
            f"--{side}: {subject.source or name} takes more than pulses at its inputs; such a cell "
            "can't be at a port"
        )
    if not subject.inputs or (side == "driver" and not subject.outputs):
        needed = "an input" if side == "load" else "an input and an output"
        raise ConfigurationError(f"--{side}: {subject.source} has not {needed}, which it needs")
    names: dict[str, str] = {}
    for own, model in zip(("", *(m.name for m in subject.process.others)), subject.process.models,
                          strict=True):  # fmt: skip
        names[own], process = _brought(model, process)
    elements = tuple(
        dataclasses.replace(e, model=names[e.model]) if isinstance(e, Junction) else e
        for e in subject.cell.elements
    )
    cell = dataclasses.replace(subject.cell, name=f"{name}_{side}", elements=elements)
    return Neighbour(cell, subject.inputs, subject.outputs, subject.elements), process


def _brought(model: JunctionModel, process: Process) -> tuple[str, Process]:
    """The name of a model in a process, as junctions have it, and the process with the model."""
    for name, known in zip(("", *(m.name for m in process.others)), process.models, strict=True):
        if dataclasses.replace(model, name=known.name) == known:
            return name, process
    taken = {known.name for known in process.models}
    name = model.name
    while name in taken:
        name = f"{name}_2"
    others = (*process.others, dataclasses.replace(model, name=name))
    return name, dataclasses.replace(process, others=others)

"""What is characterised: a library cell, a neuron of some fan-in, or a user's own subcircuit.

All three become a ``Subject``. A library cell has its stimulus in the table ``[bench]`` of its own
TOML file (see ``bench_table``); a user's cell has the same table in a TOML file beside the
subcircuit:

    [cell]
    name = "dff"                      # the .subckt
    netlist = "dff.cir"
    ports = ["d", "t", "out"]         # optional: other names for its ports, in their order
    flux = ["ICTRL"]                  # optional: current sources that feed no junction
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

from netlist_gen.circuit.elements import CurrentSource, Role, ends
from netlist_gen.circuit.model import Cell
from netlist_gen.circuit.table_neuron import TABLE_FAN_INS
from netlist_gen.constants import PHI0
from netlist_gen.errors import ConfigurationError
from netlist_gen.files import shown
from netlist_gen.library.cells import CellLibrary
from netlist_gen.library.design import load_phases, load_rules
from netlist_gen.library.process import DEFAULT_PROCESS, Process
from netlist_gen.library.splitters import LIBRARY, SMALL_CELLS
from netlist_gen.library.toml_file import line_of, name_of, read_toml
from verification.characterize.subject.bench_table import with_bench
from verification.characterize.subject.foreign import read_subcircuit
from verification.characterize.subject.model import Subject, moved
from verification.characterize.subject.neuron import NAMES, NeuronKind, neuron_subject

_TABLES = ("cell", "bench")
_CELL_KEYS = ("flux", "name", "netlist", "ports", "title")


def subject_names(library: CellLibrary) -> list[str]:
    """All cells of the library that have a bench and circuits may hold, and the neurons."""
    left_out = SMALL_CELLS if library.process.splitters == LIBRARY else ()
    cells = [
        name
        for name, description in library.descriptions.items()
        if name not in left_out and "bench" in read_toml(description.path)
    ]
    return [*cells, *(f"neuron{fan_in}" for fan_in in TABLE_FAN_INS)]


def has_neighbours(name_or_file: str) -> bool:
    """Whether a subject is a neuron, whose synapses may be coupled."""
    return NeuronKind.named(name_or_file) is not None


def load_subject(
    name_or_file: str, process: Process | str = DEFAULT_PROCESS, *, crosstalk: bool = False
) -> Subject:
    """A subject by name (``splitter``, ``neuron16``) or by a user's TOML file.

    Args:
        name_or_file: which.
        process: of its cells, or the name or file of one.
        crosstalk: a neuron's neighbouring synapses are coupled; other cells are as they are.

    Raises:
        ConfigurationError: no such cell or file, a cell of trees by load with the library's, a
            bench that can't be read, or crosstalk of a process that says nothing of it.
        DeckError: a user's netlist that can't be read.
        NetworkError: a fan-in that can't be built.
    """
    library = CellLibrary(process, crosstalk=crosstalk)
    if name_or_file.endswith(".toml"):
        return _user_subject(Path(name_or_file), library)
    kind = NeuronKind.named(name_or_file)
    if kind is not None:
        return neuron_subject(library, kind)
    if name_or_file not in library.descriptions:
        raise ConfigurationError(
            f"no cell {name_or_file!r}; there are {', '.join(subject_names(library))}, "
            f"{NAMES}, and TOML files of your own cells"
        )
    if name_or_file in SMALL_CELLS and library.process.splitters == LIBRARY:
        raise ConfigurationError(
            f"the cell {name_or_file!r} is in splitter trees by load alone, and is measured with "
            "what is beside it there; give --splitters by-load"
        )
    return _library_subject(name_or_file, library)


def _library_subject(name: str, library: CellLibrary) -> Subject:
    description = library.description(name)
    process = library.process
    bare = Subject(
        name, description.title, library.cell(name), library, process, description.path.name
    )
    rules = {f"rules.{key}": value for key, value in load_rules(process).numbers().items()}
    numbers = {**description.parameters, "phi0": PHI0, **rules}
    table = read_toml(description.path).get("bench")
    slowness = load_phases(process=process).slowness
    return with_bench(bare, table, numbers, f"{description.path}: [bench]", slowness)


def _only(table: dict[str, object], allowed: tuple[str, ...], where: str) -> None:
    for key in table:
        if key not in allowed:
            raise ConfigurationError(f"{where} may hold {', '.join(allowed)}; found {shown(key)}")


def _user_subject(path: Path, library: CellLibrary) -> Subject:
    data = read_toml(path)
    _only(data, _TABLES, f"{path}")
    head = data.get("cell")
    if not isinstance(head, dict) or not isinstance(head.get("netlist"), str):
        raise ConfigurationError(f"{path}: [cell] must name the subcircuit's file as netlist")
    _only(head, _CELL_KEYS, f"{path}: [cell]")
    name = name_of(head.get("name", path.stem), f"{path}: [cell] name")
    if not head["netlist"].isprintable():
        raise ConfigurationError(f"{path}: [cell] netlist is {shown(head['netlist'])}, no file")
    cell, process = read_subcircuit(path.parent / head["netlist"], name, library.process)
    ports = head.get("ports")
    if ports is not None:
        if not isinstance(ports, list) or len(ports) != len(cell.ports):
            raise ConfigurationError(
                f"{path}: [cell] ports must be {len(cell.ports)} names, in the order of the "
                f"subcircuit's: {', '.join(cell.ports)}"
            )
        for port in ports:
            name_of(port, f"{path}: [cell] a name of ports")
        if len({port.upper() for port in ports}) != len(ports):
            raise ConfigurationError(f"{path}: [cell] ports names one twice: {', '.join(ports)}")
        names = dict(zip(cell.ports, ports, strict=True))
        inside = {net.upper() for e in cell.elements for net in ends(e)}
        inside -= {port.upper() for port in cell.ports}
        for port in ports:
            if port.upper() in inside:
                raise ConfigurationError(
                    f"{path}: [cell] ports names {port}, which is a net inside the cell; name the "
                    "port otherwise"
                )
        elements = tuple(moved(e, lambda net: names.get(net, net)) for e in cell.elements)
        cell = dataclasses.replace(cell, ports=tuple(ports), elements=elements)
    cell = _with_flux(cell, head.get("flux", []), f"{path}: [cell] flux")
    title = line_of(
        head.get("title", f"subcircuit {name} of {head['netlist']}"), f"{path}: [cell] title"
    )
    bare = Subject(name.lower(), title, cell, library, process, path.name)
    return with_bench(bare, data.get("bench"), {"phi0": PHI0}, f"{path}: [bench]")


def _with_flux(cell: Cell, names: object, where: str) -> Cell:
    """The cell with the role of the named current sources, which are control currents."""
    sources = {e.name.upper(): e for e in cell.elements if isinstance(e, CurrentSource)}
    if not isinstance(names, list):
        raise ConfigurationError(f"{where} must be a list of current sources, not {shown(names)}")
    for name in names:
        if not isinstance(name, str) or name.upper() not in sources:
            raise ConfigurationError(
                f"{where} names {shown(name)}; the current sources of the cell are "
                f"{', '.join(e.name for e in sources.values()) or 'none'}"
            )
    chosen = {sources[name.upper()] for name in names}
    elements = (
        dataclasses.replace(e, role=Role.FLUX)
        if isinstance(e, CurrentSource) and e in chosen
        else e
        for e in cell.elements
    )
    return dataclasses.replace(cell, elements=tuple(elements))

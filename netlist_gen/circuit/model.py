"""A circuit as elements, cells, instances and nets, free of any dialect.

Values are SI. Node ``"0"`` is ground. A cell is a subcircuit: ports, elements, instances of
other cells. A circuit is a top cell with every cell it needs. Counts (junctions, bias
current) come from walking this structure, so they can't drift from what is simulated.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple

from netlist_gen.circuit.elements import GROUND, CurrentSource, Element, Inductor, Junction, Role
from netlist_gen.errors import DeckError


@dataclass(frozen=True, slots=True)
class Instance:
    """One use of a cell: ``nets[i]`` is joined to port i of ``cell``."""

    name: str
    cell: Cell
    nets: tuple[str, ...]

    def __repr__(self) -> str:
        return f"Instance(name={self.name!r}, cell={self.cell.name!r}, nets={self.nets!r})"


@dataclass(frozen=True)
class Cell:
    """A subcircuit.

    Attributes:
        name: unique in its circuit.
        ports: the nets joined to the outside, in order.
        elements: in the order they are written.
        instances: cells used inside.
        kind: the library cell it was made from ("jtl", ...), for tables and for its events.
        title: one line that says what it is.
    """

    name: str
    ports: tuple[str, ...]
    elements: tuple[Element, ...] = ()
    instances: tuple[Instance, ...] = ()
    kind: str = ""
    title: str = ""

    @cached_property
    def texts(self) -> dict[Hashable, str]:
        """The cell's text in decks, by dialect and what else it depends on (see ``deck.emit``)."""
        return {}

    def junctions(self) -> tuple[Junction, ...]:
        """The junctions of this cell itself (not of its instances)."""
        return tuple(e for e in self.elements if isinstance(e, Junction))

    def added_inductors(self) -> frozenset[str]:
        """Names of the inductances that a library cell's junctions and shunts come with.

        ``LGB1`` at the net b1_g and ``LB1`` at the net b1_s of the junction B1: vias and the
        shunt's own wiring (``library.cells``), no lines. Another inductor of such a name, in a
        user's cell, lies elsewhere.
        """
        at = {e.name: (e.plus, e.minus) for e in self.elements if isinstance(e, Inductor)}
        added = (
            (f"L{begin}{j.name}", f"{j.name.lower()}_{net}")
            for j in self.junctions()
            for begin, net in (("G", "g"), ("", "s"))
        )
        return frozenset(name for name, net in added if net in at.get(name, ()))

    def biases(self) -> tuple[CurrentSource, ...]:
        """The bias sources of this cell itself."""
        return tuple(
            e for e in self.elements if isinstance(e, CurrentSource) and e.role is Role.BIAS
        )

    @cached_property
    def biased(self) -> tuple[Biased, ...]:
        """Each of the cell's own bias sources that feeds a junction."""
        found = ((self.biased_junction(bias), bias) for bias in self.biases())
        return tuple(Biased((), j.name, self.name, bias) for j, bias in found if j is not None)

    def biased_junction(self, bias: CurrentSource) -> Junction | None:
        """The grounded junction that carries the flux of the bias source's node.

        Found at the node itself or through inductors only: between two states of rest the
        integral of the voltage is the same at all nodes joined by inductors, up to the flux
        of currents that are the same at both times.
        """
        feet = {GROUND}  # a drawn junction stands on an inductance to ground
        for e in self.elements:
            if isinstance(e, Inductor) and GROUND in (e.plus, e.minus):
                feet.add(e.plus if e.minus == GROUND else e.minus)
        grounded: dict[str, Junction] = {}
        for j in self.junctions():
            if j.minus in feet:
                grounded.setdefault(j.plus, j)  # of several in parallel the first
        reached, frontier = {bias.minus}, [bias.minus]
        while frontier:
            node = frontier.pop(0)
            if node in grounded:
                return grounded[node]
            for e in self.elements:
                if isinstance(e, Inductor) and node in (e.plus, e.minus):
                    other = e.minus if e.plus == node else e.plus
                    if other not in reached and other != GROUND:
                        reached.add(other)
                        frontier.append(other)
        return None


class Biased(NamedTuple):
    """A bias source and the junction that it feeds.

    Attributes:
        path: instance names from the top to the junction's cell.
        junction: that it feeds.
        cell: the cell's name.
        source: its current is ``value``.
    """

    path: tuple[str, ...]
    junction: str
    cell: str
    source: CurrentSource


@dataclass(frozen=True)
class Placed:
    """A cell at its place: ``path`` is the chain of instance names from the top."""

    path: tuple[str, ...]
    cell: Cell


@dataclass(frozen=True)
class Totals:
    """What a circuit costs: junctions, bias current of junctions and of control lines (A)."""

    junctions: int
    bias_A: float
    flux_A: float
    cells: dict[str, int] = field(default_factory=dict)

    @property
    def supply_A(self) -> float:
        """All the current that the supplies carry, in A."""
        return self.bias_A + self.flux_A


@dataclass(frozen=True)
class Circuit:
    """A top cell and all that is placed in it.

    Raises:
        DeckError: two different cells of one name.
    """

    top: Cell

    def __post_init__(self) -> None:
        # Found out at once, not where a deck with one of the two would be wrong.
        _ = self.cells

    @cached_property
    def cells(self) -> dict[str, Cell]:
        """The cells inside the top by name, each after those it uses itself."""
        found: dict[str, Cell] = {}

        def collect(cell: Cell) -> None:
            for instance in cell.instances:
                inner = instance.cell
                known = found.get(inner.name)
                if known is None:
                    collect(inner)
                    found[inner.name] = inner
                elif known is not inner and known != inner:
                    raise DeckError(
                        f"cell {inner.name} in {self.top.name} is defined twice with different "
                        "contents"
                    )

        collect(self.top)
        return found

    @cached_property
    def places(self) -> dict[str, int]:
        """How often each cell is placed, by its name; the top once."""
        found = {self.top.name: 1} | dict.fromkeys(self.cells, 0)
        for cell in (self.top, *reversed(self.cells.values())):  # who places before who is placed
            for instance in cell.instances:
                found[instance.cell.name] += found[cell.name]
        return found

    def digest(self) -> str:
        """SHA-256 of all cells: their names, ports, elements and instances."""
        total = hashlib.sha256()
        for cell in (*self.cells.values(), self.top):
            total.update(repr((cell.name, cell.ports, cell.elements, cell.instances)).encode())
        return total.hexdigest()

    def walk(self) -> Iterator[Placed]:
        """Every placed cell, top first, in the order of instances."""
        stack: list[Placed] = [Placed((), self.top)]
        while stack:
            here = stack.pop()
            yield here
            for instance in reversed(here.cell.instances):
                stack.append(Placed((*here.path, instance.name), instance.cell))

    def changed(self, change: Callable[[Cell], Cell]) -> Circuit:
        """The circuit with ``change`` done to each cell; instances stay as they are."""
        done: dict[str, Cell] = {}

        def renewed(cell: Cell) -> Cell:
            inside = tuple(
                replace(instance, cell=done[instance.cell.name]) for instance in cell.instances
            )
            return replace(change(cell), instances=inside)

        for name, cell in self.cells.items():
            done[name] = renewed(cell)
        return Circuit(renewed(self.top))

    def biased(self) -> list[Biased]:
        """Every bias source that feeds a junction, in order of places.

        What is inside a cell is gathered once for all its places.
        """
        known: dict[str, list[Biased]] = {}

        def inside(cell: Cell) -> list[Biased]:
            found = list(cell.biased)
            for instance in cell.instances:
                own = (instance.name,)
                found += [Biased(own + b[0], *b[1:]) for b in known[instance.cell.name]]
            return found

        for name, cell in self.cells.items():
            known[name] = inside(cell)
        return inside(self.top)

    @cached_property
    def cell_totals(self) -> dict[str, Totals]:
        """Of each cell by name, with all that is placed in it; the top too."""
        known: dict[str, Totals] = {}

        def inside(cell: Cell) -> Totals:
            junctions = len(cell.junctions())
            bias = flux = 0.0
            for element in cell.elements:
                if isinstance(element, CurrentSource):
                    if element.role is Role.BIAS:
                        bias += abs(element.value)
                    else:
                        flux += abs(element.value)
            kinds = {cell.kind or "top": 1}
            for instance in cell.instances:
                part = known[instance.cell.name]
                junctions += part.junctions
                bias += part.bias_A
                flux += part.flux_A
                for kind, count in part.cells.items():
                    kinds[kind] = kinds.get(kind, 0) + count
            return Totals(junctions, bias, flux, kinds)

        for name, cell in self.cells.items():
            known[name] = inside(cell)
        known[self.top.name] = inside(self.top)
        return known

    def totals(self) -> Totals:
        """Junctions and currents, counted over all placed cells."""
        return self.cell_totals[self.top.name]


class CircuitBuilder:
    """Collects instances, elements and nets of one cell and checks them as they come."""

    def __init__(self, name: str, ports: tuple[str, ...] = (), *, kind: str = "", title: str = ""):
        self.name = name
        self.ports = ports
        self.kind = kind
        self.title = title
        self._elements: list[Element] = []
        self._instances: list[Instance] = []
        self._names: set[str] = set()

    def add(self, element: Element) -> None:
        """Add an element. Raises DeckError for a name already taken (ignoring case)."""
        self._claim(element.name)
        self._elements.append(element)

    def place(self, name: str, cell: Cell, *nets: str) -> None:
        """Place ``cell`` as instance ``name``.

        Raises:
            DeckError: wrong number of nets, or a name already taken.
        """
        self._claim(name)
        if len(nets) != len(cell.ports):
            raise DeckError(
                f"instance {name} of cell {cell.name} in {self.name} got {len(nets)} nets; "
                f"the cell has {len(cell.ports)} ports: {', '.join(cell.ports)}"
            )
        self._instances.append(Instance(name, cell, tuple(nets)))

    def cell(self) -> Cell:
        """The finished cell."""
        return Cell(
            self.name,
            self.ports,
            tuple(self._elements),
            tuple(self._instances),
            self.kind,
            self.title,
        )

    def circuit(self) -> Circuit:
        """The finished cell as the top of a circuit. Raises DeckError as ``Circuit``."""
        return Circuit(self.cell())

    def _claim(self, name: str) -> None:
        if name.upper() in self._names:
            raise DeckError(f"the name {name} is used twice in cell {self.name} (case is ignored)")
        self._names.add(name.upper())

"""Inductors lifted out of instances into the cell that places them, so that they can be coupled.

A coupling joins two inductors of one cell: no dialect reaches into a subcircuit. ``lifted`` moves
inductors of chosen instances, with the couplings among them, up into the parent. What is left of an
instance's cell is a variant (``NAME_lifted``) with a port for each net at which a lifted inductor
ended. In the parent the inductor LST of the instance XS012 is ``LST_XS012``, the net p that was
inside it ``XS012_p``. The circuit is the same to the last ohm; only names and levels differ.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from netlist_gen.circuit.elements import GROUND, Coupling, Element, Inductor
from netlist_gen.circuit.model import Cell, Instance
from netlist_gen.errors import DeckError


def lifted_name(element: str, instance: str) -> str:
    """The parent's name for an element that was lifted out of an instance."""
    return f"{element}_{instance}"


def lifted(parent: Cell, inductors: Mapping[str, Sequence[str]]) -> Cell:
    """A cell with inductors of its instances among its own elements.

    Args:
        parent: the cell.
        inductors: names of inductors by the instance that they are in. Instances of one cell must
            be lifted alike, else the circuit has two variants of one name and refuses them.

    Raises:
        DeckError: an instance or inductor that is not there, or a coupling of an inductor that is
            lifted with one that is not.
    """
    known = {instance.name for instance in parent.instances}
    for name in inductors:
        if name not in known:
            raise DeckError(f"cell {parent.name} has no instance {name} to lift inductors out of")
    variants: dict[tuple[str, tuple[str, ...]], Cell] = {}
    elements: list[Element] = []
    instances: list[Instance] = []
    for instance in parent.instances:
        names = tuple(inductors.get(instance.name, ()))
        if not names:
            instances.append(instance)
            continue
        key = instance.cell.name, names
        if key not in variants:
            variants[key] = _without(instance.cell, names)
        nets = _nets(instance)
        variant = variants[key]
        outside = tuple(nets.get(port, f"{instance.name}_{port}") for port in variant.ports)
        instances.append(Instance(instance.name, variant, outside))
        elements += _raised(instance, names, nets)
    return replace(parent, elements=(*parent.elements, *elements), instances=tuple(instances))


def _nets(instance: Instance) -> dict[str, str]:
    """The parent's nets by the cell's, as far as they have one."""
    return {GROUND: GROUND, **dict(zip(instance.cell.ports, instance.nets, strict=True))}


def _raised(instance: Instance, names: Sequence[str], nets: Mapping[str, str]) -> list[Element]:
    """The lifted inductors of an instance and the couplings among them, as the parent has them."""

    def net(inner: str) -> str:
        return nets.get(inner, f"{instance.name}_{inner}")

    found: list[Element] = []
    for e in instance.cell.elements:
        name = lifted_name(e.name, instance.name)
        if isinstance(e, Inductor) and e.name in names:
            found.append(replace(e, name=name, plus=net(e.plus), minus=net(e.minus)))
        elif isinstance(e, Coupling) and e.first in names:
            first, second = (lifted_name(end, instance.name) for end in (e.first, e.second))
            found.append(Coupling(name, first, second, e.k))
    return found


def _without(cell: Cell, names: Sequence[str]) -> Cell:
    """What is left of a cell: its ports are the nets that the inductors shared with the rest."""
    gone = {e.name: e for e in cell.elements if isinstance(e, Inductor) and e.name in names}
    for name in names:
        if name not in gone:
            raise DeckError(f"cell {cell.name} has no inductor {name} to lift")
    kept: list[Element] = []
    used: set[str] = {net for inner in cell.instances for net in inner.nets}
    for e in cell.elements:
        if isinstance(e, Coupling):
            if (e.first in gone) != (e.second in gone):
                raise DeckError(
                    f"cell {cell.name}: {e.name} couples {e.first} with {e.second}, and only one "
                    "of them is lifted"
                )
            if e.first not in gone:
                kept.append(e)
        elif e.name not in gone:
            kept.append(e)
            used |= {e.plus, e.minus}
    ends = dict.fromkeys(net for e in gone.values() for net in (e.plus, e.minus))
    # A port that only lifted inductors were on is none any more: nothing would be on it.
    ports = [port for port in cell.ports if port in used]
    ports += [net for net in ends if net in used and net not in (*cell.ports, GROUND)]
    return replace(cell, name=f"{cell.name}_lifted", ports=tuple(ports), elements=tuple(kept))

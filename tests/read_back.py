"""Decks read back into flat circuits, to hold them against the circuit that they were made from.

JoSIM's dialect is read by the embedded engine's own reader. For WRspice and ngspice there is a
reader here that knows no more than lines, subcircuits and ports, and for ngspice its own listing
of the deck as it understood it. A flat circuit is a dictionary: from each element's flat name,
inside-out and in upper case (``B1|X2|X1``), to its kind, nodes and values.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest

from netlist_gen.circuit.elements import (
    GROUND,
    PULSE_HALF_S,
    Coupling,
    CurrentSource,
    Inductor,
    Junction,
    LevelSource,
    PulseSource,
    Resistor,
)
from netlist_gen.circuit.model import Circuit
from netlist_gen.circuit.probe import Analysis
from netlist_gen.constants import PHI0
from netlist_gen.library.process import JunctionModel
from verification.engine.text.flatten import flatten
from verification.engine.text.reader import read_deck

KINDS = {Junction: "B", Inductor: "L", Resistor: "R", Coupling: "K"}


@dataclass(frozen=True)
class Part:
    """One element: ``nodes`` of a coupling (K) are its inductors; sources' values are points."""

    kind: str
    nodes: tuple[str, ...]
    values: tuple[float, ...]


Flat = dict[str, Part]


def inside_out(name: str, path: tuple[str, ...]) -> str:
    return "|".join((name, *reversed(path))).upper()


def of_circuit(circuit: Circuit, analysis: Analysis) -> Flat:
    """What the deck has to say, straight from the circuit."""
    flat: Flat = {}

    def expand(cell, path, nets):
        def net(name):
            return nets.get(name) or inside_out(name, path)

        for e in cell.elements:
            if isinstance(e, Coupling):
                nodes = (inside_out(e.first, path), inside_out(e.second, path))
                values = (e.k,)
            else:
                nodes = (net(e.plus), net(e.minus))
                if isinstance(e, CurrentSource):
                    values = (0.0, 0.0, analysis.ramp_s, e.value)
                elif isinstance(e, PulseSource):
                    peak = PHI0 / PULSE_HALF_S
                    corners = ((-PULSE_HALF_S, 0.0), (0.0, peak), (PULSE_HALF_S, 0.0))
                    points = [(t + dt, v) for t in e.times_s for dt, v in corners]
                    values = (0.0, 0.0, *(x for point in points for x in point))
                elif isinstance(e, LevelSource):
                    values = (0.0, 0.0, *(x for point in e.points() for x in point))
                else:
                    values = (e.area if isinstance(e, Junction) else e.value,)
            kind = KINDS.get(type(e)) or ("V" if isinstance(e, PulseSource) else "I")
            flat[inside_out(e.name, path)] = Part(kind, nodes, values)
        for x in cell.instances:
            outer = dict(zip(x.cell.ports, (net(n) for n in x.nets), strict=True))
            expand(x.cell, (*path, x.name), {**outer, GROUND: GROUND})

    expand(circuit.top, (), {GROUND: GROUND})
    return flat


def of_josim(text: str) -> Flat:
    """A JoSIM deck, by the embedded engine's reader."""
    flat = flatten(read_deck(text))
    names = flat.node_names
    found: Flat = {}
    for e in flat.elements:
        nodes = e.pair if e.kind == "K" else tuple("0" if n < 0 else names[n] for n in e.nodes)
        values = (e.value,)
        if e.wave is not None:
            times, heights = np.split(e.wave.values, 2)
            values = tuple(np.stack([times, heights], axis=1).ravel().tolist())
        found[e.label] = Part(e.kind, nodes, values)
    return found


def of_wrspice(text: str) -> Flat:
    """A WRspice deck; each junction's third node has to be its own alone."""
    found = dict(_expanded(text))
    phase_nodes = [part.nodes[2] for part in found.values() if part.kind == "B"]
    assert len(set(phase_nodes)) == len(phase_nodes)
    for name, part in found.items():
        assert not set(part.nodes) & set(phase_nodes) - set(part.nodes[2:3]), name
    return {
        name: Part("B", part.nodes[:2], part.values) if part.kind == "B" else part
        for name, part in found.items()
    }


def of_ngspice(text: str, model: JunctionModel) -> Flat:
    """An ngspice deck: a junction is the five elements of its subcircuit."""
    return _junctions_joined(dict(_expanded(text)), model)


def of_ngspice_listing(listing: str, model: JunctionModel) -> Flat:
    """What ngspice's own ``listing expand`` says of a deck (all lower case, outside-in)."""
    found: Flat = {}
    for line in listing.splitlines():
        match = re.match(r"\s*\d+ : ([a-z])\S* ", line)
        if match is None:
            continue
        words = line.split(":", 1)[1].split()
        parts = words[0].split(".")
        if len(parts) > 1:  # b.xc.xba.bj is bj in xba in xc
            parts = parts[1:]
        name = "|".join(reversed(parts)).upper()

        def node(text: str) -> str:
            return "|".join(reversed(text.split("."))).upper()

        def inductor(text: str) -> str:
            return "|".join(reversed(text.split(".")[1:] or [text])).upper()

        kind = match[1].upper()
        count = 4 if kind == "G" else 2
        first = [inductor(w) if kind == "K" else node(w) for w in words[1 : 1 + count]]
        found[name] = Part(kind, tuple(first), _values(kind, " ".join(words[1 + count :])))
    return _junctions_joined(found, model)


def assert_same(found: Flat, expected: Flat) -> None:
    """The same elements between the same nodes, values to the digits of a deck."""
    assert found.keys() == expected.keys()
    for name, part in expected.items():
        assert (found[name].kind, found[name].nodes) == (part.kind, part.nodes), name
        values = pytest.approx(part.values, rel=2e-9, abs=0)
        assert found[name].values == values, name


def _expanded(text: str) -> Iterator[tuple[str, Part]]:
    """Elements of a deck of subcircuits, flat; every line that is no element is left out."""
    cells: dict[str, tuple[list[str], list[list[str]]]] = {"": ([], [])}
    here = ""
    body = re.sub(r"\n\+", " ", text.split("\n", 1)[1])
    for line in body.splitlines():
        words = line.split()
        if not words or words[0].startswith("*"):
            continue
        if words[0] == ".subckt":
            here = words[1]
            cells[here] = (words[2:], [])
        elif words[0] == ".ends":
            here = ""
        elif not words[0].startswith("."):
            cells[here][1].append(words)

    def expand(cell: str, path: tuple[str, ...], nets: dict[str, str]):
        def net(name: str) -> str:
            return nets.get(name) or inside_out(name, path)

        for words in cells[cell][1]:
            kind = words[0][0].upper()
            if kind == "X":
                ports = cells[words[-1]][0]
                inner = dict(zip(ports, (net(n) for n in words[1:-1]), strict=True))
                yield from expand(words[-1], (*path, words[0]), {**inner, GROUND: GROUND})
                continue
            if kind == "K":
                nodes = tuple(inside_out(name, path) for name in words[1:3])
                rest = words[3:]
            else:
                count = {"G": 4, "B": 2 if "=" in words[3] else 3}.get(kind, 2)
                nodes = tuple(net(name) for name in words[1 : 1 + count])
                rest = words[1 + count :]
            yield inside_out(words[0], path), Part(kind, nodes, _values(kind, " ".join(rest)))

    yield from expand("", (), {GROUND: GROUND})


def _values(kind: str, text: str) -> tuple[float, ...]:
    if match := re.fullmatch(r"(?:jjmit )?area=(\S+)", text):
        return (float(match[1]),)
    if kind == "B":  # ngspice: I=0.00025*sin(V(ph))
        match = re.fullmatch(r"[iI]=\s*(\S+?)\s*\*\s*sin\s*\(\s*[vV]\(\S+\)\s*\)", text)
        assert match, text
        return (float(match[1]),)
    if match := re.fullmatch(r"pwl\((.*)\)", text):
        return tuple(float(word) for word in match[1].split())
    if kind in "VI":
        assert text == "0"
        return (0.0, 0.0)
    return (float(text),)


def _junctions_joined(found: Flat, model: JunctionModel) -> Flat:
    """Five elements ``BJ|XB1|..`` to one junction ``B1|..``; couplings of 0 are none."""
    joined: Flat = {}
    owners = {name.partition("|")[2] for name in found if name.startswith("BJ|")}
    for name, part in found.items():
        own, _, owner = name.partition("|")
        if owner not in owners:
            if part.kind != "K" or part.values != (0.0,):
                joined[name] = part
            continue
        if own != "BJ":
            continue
        plus, minus = part.nodes
        area = part.values[0] / model.critical_current
        phase = found[f"CPH|{owner}"].nodes[0]
        expected = {
            f"CJ|{owner}": Part("C", (plus, minus), (area * model.capacitance,)),
            f"RJ|{owner}": Part("R", (plus, minus), (model.subgap / area,)),
            f"GPH|{owner}": Part("G", ("0", phase, plus, minus), (2 * np.pi / PHI0,)),
            f"CPH|{owner}": Part("C", (phase, "0"), (1.0,)),
        }
        assert_same({key: found[key] for key in expected}, expected)
        joined[owner.removeprefix("X")] = Part("B", part.nodes, (area,))
    return joined

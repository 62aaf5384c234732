"""A user's subcircuit, in JoSIM's syntax, as a cell of ours.

The file is read by the embedded engine's reader, so that parameters, nested subcircuits and
expressions mean what they mean to JoSIM. Of the main design only models and parameters count:
a test bench in the same file is passed over.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Callable
from pathlib import Path

from netlist_gen.circuit.elements import (
    GROUND,
    Capacitor,
    Coupling,
    CurrentSource,
    Element,
    Inductor,
    Junction,
    Resistor,
    Role,
)
from netlist_gen.circuit.model import Cell
from netlist_gen.errors import ConfigurationError, DeckError
from netlist_gen.files import shown
from netlist_gen.library.process import JunctionModel, Process
from netlist_gen.library.toml_file import read_small_text
from verification.engine.text.deck import ModelCard as DeckModel
from verification.engine.text.devices import Element as FlatElement
from verification.engine.text.flatten import flatten
from verification.engine.text.reader import read_deck
from verification.engine.text.sources import DC, PWL

MOST_BYTES = 10_000_000
"""Of a netlist."""

_WORD = re.compile(r"[A-Za-z0-9_]{1,200}")
_INSTANCE = "XC"
_PLAIN: dict[str, Callable[..., Element]] = {"L": Inductor, "R": Resistor, "C": Capacitor}
_KEPT_CONTROLS = (".SUBCKT", ".ENDS", ".MODEL", ".PARAM")


def read_subcircuit(path: Path, name: str, process: Process) -> tuple[Cell, Process]:
    """Read subcircuit ``name`` of a file.

    The cell is flat: names of nested elements are joined by ``__``. Its process is the one given,
    with the file's junction models in it where there are any.

    Raises:
        DeckError: the file can't be read, has no such subcircuit, or uses what a cell here can't
            hold.
    """
    try:
        text = read_small_text(path, MOST_BYTES)
    except ConfigurationError as error:
        raise DeckError(str(error)) from error
    ports = _ports(text, name, path)
    body = _definitions(text)
    if ".model" not in text.lower():
        body = [_model_line(process.model), *body]
    nodes = {f"N{i}": port for i, port in enumerate(ports)}
    lines = ["* cell", *body, f"{_INSTANCE} {' '.join(nodes)} {name}", ".tran 1e-12 1e-11", ".end"]
    deck = read_deck("\n".join(lines) + "\n", name=path.name, directory=path.parent)
    flat = flatten(deck, path.parent)

    def net(number: int) -> str:
        known = flat.node_names[number] if number >= 0 else GROUND
        return nodes.get(known) or _plain(known)

    models: dict[str, DeckModel] = {}
    elements = [
        _element(e, [net(n) for n in e.nodes], models, path)
        for e in flat.elements
        if e.label.endswith(f"|{_INSTANCE}")
    ]
    found = {name: _model(model, path) for name, model in models.items()}
    # Sources and loads have the process's own model: the first one that is no pi junction's.
    plain = next((name for name, model in found.items() if model.phase == 0.0), None)
    own = process.model if plain is None else found.pop(plain)
    others = tuple(found.values())
    if plain is None:
        own = _apart(own, others)
    process = dataclasses.replace(process, model=own, others=others)
    elements = [
        dataclasses.replace(e, model="") if isinstance(e, Junction) and e.model == own.name else e
        for e in elements
    ]
    for element in elements:
        _require_names(element, path)
    cell = Cell(name.lower(), tuple(ports), tuple(elements), (), name.lower(), f"subcircuit {name}")
    return cell, process


def _definitions(text: str) -> list[str]:
    """Lines of subcircuits, models and parameters; the main design's elements are left out."""
    kept: list[str] = []
    inside = taking = False
    for line in text.split("\n"):  # as simulators do: other characters end no line
        word = line.strip().split(" ", 1)[0].upper()
        if word.startswith("*"):
            continue
        if not word.startswith("+"):  # what goes on belongs to the line before
            inside = inside or word == ".SUBCKT"
            taking = word in _KEPT_CONTROLS or (inside and not word.startswith("."))
            inside = inside and word != ".ENDS"
        if taking:
            kept.append(line)
    return kept


def _ports(text: str, name: str, path: Path) -> list[str]:
    heads = re.findall(r"(?im)^[ \t]*\.subckt[ \t]+(\S+)(.*)$", text)
    for known, ports in heads:
        if known.upper() == name.upper():
            found = str(ports).split()
            for port in found:
                _require_word(port, f"port of subcircuit {name}", path)
            if len({port.upper() for port in found}) < len(found):
                raise DeckError(
                    f"{path}: two ports of subcircuit {name} have one name: {', '.join(found)}; "
                    "capitals make no difference"
                )
            return found
    raise DeckError(
        f"{path}: there is no subcircuit {name}; the file has "
        f"{', '.join(known for known, _ in heads) or 'none'}"
    )


def _require_word(word: str, what: str, path: Path) -> None:
    if not _WORD.fullmatch(word):
        raise DeckError(
            f"{path}: {shown(word)} is a {what}; here a name may have letters, digits and _, and "
            "at most 200 characters"
        )


def _require_names(element: Element, path: Path) -> None:
    """Names go into decks of every dialect, and onto pages."""
    for side in ("name", "plus", "minus", "first", "second"):
        if hasattr(element, side):
            _require_word(getattr(element, side), f"name of the subcircuit ({side})", path)


def _plain(label: str) -> str:
    return re.sub(rf"\|{_INSTANCE}$", "", label.upper()).replace("|", "__").replace(".", "__")


def _element(e: FlatElement, nets: list[str], models: dict[str, DeckModel], path: Path) -> Element:
    name = _plain(e.label)
    match e.kind:
        case "B" if e.model is not None:
            models[e.model.name] = e.model
            return Junction(name, nets[0], nets[1], e.value, e.model.name.lower())
        case "L" | "R" | "C":
            return _PLAIN[e.kind](name, nets[0], nets[1], e.value)
        case "K":
            return Coupling(name, _plain(e.pair[0]), _plain(e.pair[1]), e.value)
        case "I" if e.wave is not None and e.wave.kind in (DC, PWL):
            return CurrentSource(name, nets[0], nets[1], float(e.wave.values[-1]), Role.BIAS)
    raise DeckError(
        f"{path}: {e.label.removesuffix('|' + _INSTANCE)} can't be part of a cell; it may hold "
        "junctions, L, R, C, K, subcircuits and current sources that are dc or pwl"
    )


def _model_line(model: JunctionModel) -> str:
    return (
        f".model {model.name} jj(rtype=1, vg={model.gap_voltage!r}, delv={model.gap_width!r}, "
        f"icrit={model.critical_current!r}, r0={model.subgap!r}, rn={model.normal!r}, "
        f"cap={model.capacitance!r})"
    )


def _model(model: DeckModel, path: Path) -> JunctionModel:
    plain = DeckModel(
        model.name, 1, model.vg, model.icrit, model.rn, model.r0, model.cap, model.delv,
        phi=model.phi,
    )  # fmt: skip
    _require_word(model.name, "junction model", path)
    sizes = (model.icrit, model.cap, model.r0, model.rn, model.vg, model.delv)
    if not all(0 < size < math.inf for size in sizes):
        raise DeckError(
            f"{path}: model {model.name} has a value that is not positive and finite; vg, delv, "
            "icrit, r0, rn and cap must be"
        )
    if model != plain:
        raise DeckError(
            f"{path}: model {model.name} sets more than rtype=1, vg, delv, icrit, r0, rn, cap "
            "and phi"
        )
    return JunctionModel(
        model.name.lower(), model.icrit, model.cap, model.r0, model.rn, model.vg, model.delv,
        model.phi,
    )  # fmt: skip


def _apart(model: JunctionModel, others: tuple[JunctionModel, ...]) -> JunctionModel:
    """The model under a name that none of the others has."""
    names = {other.name for other in others}
    while model.name in names:
        model = dataclasses.replace(model, name=f"{model.name}_own")
    return model

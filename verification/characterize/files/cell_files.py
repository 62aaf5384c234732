"""A cell as its user brings it: a JoSIM subcircuit and the TOML file beside it.

What is written here is read again by ``subject.load_subject``: the same elements, stimulus and
junction models, so that a cell goes on from where it was left.
"""

from __future__ import annotations

import json
from pathlib import Path

from netlist_gen.circuit.elements import CurrentSource, Element, Inductor, Resistor, Role
from netlist_gen.deck.emit import emit_cell, format_number
from netlist_gen.files import write_text
from netlist_gen.resources import template
from netlist_gen.version import __version__
from verification.characterize.files.summary import Characterization
from verification.characterize.subject.model import Subject
from verification.characterize.subject.stimulus import PS, BenchCase, Step

CELL_SUFFIXES = ("_optimized.toml", "_optimized.cir")
"""Of the files of an optimized cell, after its name."""


def write_cell(subject: Subject, result: Characterization, out: Path) -> list[Path]:
    """Write the subcircuit and the TOML file of a cell. Returns both paths.

    Raises:
        ConfigurationError: the directory can't be written.
    """
    table, netlist = (out / f"{subject.name.removesuffix('_optimized')}{s}" for s in CELL_SUFFIXES)
    notes = [f"netlist-gen {__version__}"]
    if result.optimized is not None:
        notes.append(f"{result.optimized.sentence()}; seed {result.optimized.seed}")
    write_text(netlist, emit_cell(subject.cell, subject.process, notes))
    write_text(table, cell_table(subject, netlist.name, notes))
    return [table, netlist]


def cell_table(subject: Subject, netlist: str, notes: list[str]) -> str:
    """The TOML file of a subject whose subcircuit is in the file ``netlist``."""
    flux = [
        e.name
        for e in subject.cell.elements
        if isinstance(e, CurrentSource) and e.role is Role.FLUX
    ]
    cases = [(c, [_step(step) for step in c.steps], _settings(c)) for c in subject.cases]
    return template("models/own_cell.toml.j2", {"toml": _quoted}).render(
        s=subject,
        netlist=netlist,
        notes=notes,
        flux=flux,
        elements=[_line(e) for e in subject.elements],
        cases=cases,
        uA=1e-6,
        ps=PS,
    )


def _quoted(value: object) -> str:
    """A text, or a list of texts, as TOML has it: all are printable."""
    return json.dumps(value, ensure_ascii=False)


def _step(step: Step) -> str:
    return f"{step.time_s / PS:.10g}: {step.text}"


def _settings(case: BenchCase) -> str:
    return ", ".join(f"{name} = {format_number(value)}" for name, value in case.settings)


def _line(element: Element) -> str:
    """An element of ``[bench] elements``."""
    assert isinstance(element, Resistor | Inductor | CurrentSource)
    kind = {Resistor: "R", Inductor: "L", CurrentSource: "I"}[type(element)]
    words = [kind, element.name, element.plus, element.minus, format_number(element.value)]
    if isinstance(element, CurrentSource):
        words.append(element.role.value)
    return " ".join(words)

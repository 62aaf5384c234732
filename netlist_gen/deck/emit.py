"""Circuit and dialect in, deck text out, through ``templates/<dialect>/``.

Deterministic to the byte: the same circuit, analysis and probes give the same text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from netlist_gen.circuit.elements import Element, pulse_corners
from netlist_gen.circuit.model import Cell, Circuit
from netlist_gen.circuit.probe import Analysis, Probe
from netlist_gen.deck.dialects import dialect_context
from netlist_gen.deck.parameters import PARAMETERS
from netlist_gen.errors import ConfigurationError, DeckError
from netlist_gen.library.process import JunctionModel, Process
from netlist_gen.resources import resource_dir, template

if TYPE_CHECKING:
    import jinja2


@dataclass(frozen=True)
class Deck:
    """A deck: its name (also of its file, without suffix), dialect and whole text."""

    name: str
    dialect: str
    text: str
    probes: tuple[Probe, ...]


def format_number(value: float) -> str:
    """A plain number with 10 significant digits, no unit and no suffix (``5F`` is 5 femto)."""
    # 0.0 and -0.0 are one key, but two texts. The times of a window come on many lines.
    return _formatted(value) if value else f"{value:.10g}"


@lru_cache(maxsize=1 << 16)
def _formatted(value: float) -> str:
    return f"{value:.10g}"


@lru_cache(maxsize=1 << 16)
def format_pulse(time_s: float) -> str:
    """A pulse's corners for a pwl. The same times come in every deck of a neuron."""
    return " ".join(format_number(value) for corner in pulse_corners(time_s) for value in corner)


@cache
def dialects() -> tuple[str, ...]:
    """The dialects there are templates for."""
    root = resource_dir("templates")
    return tuple(sorted(p.parent.name for p in root.glob("*/deck.cir.j2")))


def _cell_texts(dialect: str, circuit: Circuit, values: Mapping[str, Any]) -> Iterator[str]:
    """Each subcircuit's text. A cell keeps it: decks share most of their cells."""
    cell_template = _template(dialect, "cell.cir.j2")
    key = tuple(values.values())
    for cell in circuit.cells.values():
        if key not in cell.texts:
            cell.texts[key] = cell_template.render(values, cell=cell)
        yield cell.texts[key]


def check_dialects(asked: Sequence[str]) -> None:
    """Raises ConfigurationError for none, or for one that there is not."""
    if not asked:
        raise ConfigurationError("no dialect is named, so there would be no deck; name one")
    for dialect in asked:
        if dialect not in dialects():
            raise ConfigurationError(f"no dialect {dialect!r}; there are {', '.join(dialects())}")


def _refuse(element: Element, dialect: str) -> str:
    raise DeckError(
        f"element {element.name}: templates/{dialect} has no line for a "
        f"{type(element).__name__}; its macro element must have one for each kind"
    )


# The environment is shared: no filter may depend on the dialect that is written just now.
_FILTERS: dict[str, Callable[..., Any]] = {
    "number": format_number,
    "pulse": format_pulse,
    "refuse": _refuse,
}


def _template(dialect: str, name: str) -> jinja2.Template:
    return template(f"{dialect}/{name}", _FILTERS)


def emit_cell(cell: Cell, process: Process, notes: Sequence[str] = ()) -> str:
    """A cell without instances as a JoSIM subcircuit in a file of its own, with its models.

    Args:
        cell: what to write.
        process: gives the junction model.
        notes: comment lines at the head.
    """
    used = {process.model_of(junction.model) for junction in cell.junctions()}
    values = _context("josim", process, [m for m in process.models if m in used], Analysis.ramp_s)
    return _template("josim", "subcircuit.cir.j2").render(
        values, cell=cell, title=cell.title, notes=notes
    )


def _context(
    dialect: str,
    process: Process,
    models: Sequence[JunctionModel],
    ramp_s: float,
    parameters: bool = False,
) -> dict[str, Any]:
    """What the templates of subcircuits need beside the cell."""
    return {
        "dialect": dialect,
        "model": process.model,
        "models": models,
        "ramp_s": ramp_s,
        "params": tuple(PARAMETERS) if parameters else (),
    }


def emit(
    circuit: Circuit,
    process: Process,
    analysis: Analysis,
    probes: Sequence[Probe],
    *,
    name: str,
    dialect: str = "josim",
    notes: Sequence[str] = (),
    parameters: bool = False,
) -> Deck:
    """Write ``circuit`` as a deck.

    Args:
        circuit: what to write; its top cell becomes the deck's top level.
        process: gives the junction model.
        analysis: times of the transient analysis.
        probes: which junction phases the simulator has to print, in this order.
        name: the deck's name.
        dialect: a folder of ``templates/`` with a ``deck.cir.j2``.
        notes: comment lines after the title.
        parameters: whether factors of its values stand at its head (``PARAMETERS``).

    Raises:
        ConfigurationError: unknown dialect, a process that the dialect cannot carry, or noise in
            a dialect other than JoSIM's.
        DeckError: a name of the circuit that the dialect needs for itself.
    """
    if analysis.temperature_K and dialect != "josim":
        raise ConfigurationError(
            f"decks for {dialect} have no thermal noise; a temperature of "
            f"{analysis.temperature_K:g} K needs the dialect josim"
        )
    check_dialects([dialect])
    common = _context(dialect, process, process.models, analysis.ramp_s, parameters)
    text = _template(dialect, "deck.cir.j2").render(
        common,
        title=f"{name}: {circuit.top.title}",
        notes=notes,
        cells=circuit.cells.values(),
        cell_texts=_cell_texts(dialect, circuit, common),
        top=circuit.top,
        probes=probes,
        step_s=analysis.step_s,
        stop_s=analysis.stop_s,
        print_step_s=analysis.print_step_s,
        temperature_K=analysis.temperature_K,
        noise_bandwidth_Hz=analysis.noise_bandwidth_Hz,
        seed=analysis.seed,
        **dialect_context(dialect, circuit, process, analysis, probes),
    )
    return Deck(name, dialect, text, tuple(probes))

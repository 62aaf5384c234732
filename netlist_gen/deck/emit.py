"""Circuit and dialect in, deck text out, through ``templates/<dialect>/``.

Deterministic to the byte: the same circuit, analysis and probes give the same text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, NamedTuple

import jinja2

from netlist_gen.circuit.model import PHI0, Circuit
from netlist_gen.deck.dialects import dialect_context
from netlist_gen.errors import ConfigurationError
from netlist_gen.library.process import Process
from netlist_gen.resources import resource_dir

PULSE_HALF_S = 2e-12
"""Half width of the triangular input pulses, s: on the grid of every step that divides 1 ps,
so that the integral stays Phi0 to rounding under the simulator's BDF2 rule."""


@dataclass(frozen=True)
class Analysis:
    """Transient analysis: internal step, end, output step, and the ramp of all biases, in s.

    A ``temperature_K`` above 0 gives every resistance its thermal noise, white up to
    ``noise_bandwidth_Hz`` and drawn from ``seed`` (None: the simulator draws one).
    """

    stop_s: float
    step_s: float = 0.05e-12
    print_step_s: float = 0.5e-12
    ramp_s: float = 10e-12
    temperature_K: float = 0.0
    noise_bandwidth_Hz: float = 1e12
    seed: int | None = None


class Probe(NamedTuple):
    """Asks for the phase of ``junction`` in the cell placed at ``path``."""

    path: tuple[str, ...]
    junction: str

    @property
    def inside_out(self) -> tuple[str, ...]:
        """The junction, then the instances that it is in, outwards."""
        return (self.junction, *self.path[::-1])

    @property
    def column(self) -> str:
        """The column's name in JoSIM's output: inside-out, upper case."""
        return f"P({'|'.join(self.inside_out)})".upper()


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


def pulse_corners(time_s: float) -> tuple[tuple[float, float], ...]:
    """Time (s) and voltage (V) of a pulse's beginning, middle and end."""
    return (
        (time_s - PULSE_HALF_S, 0.0),
        (time_s, PHI0 / PULSE_HALF_S),
        (time_s + PULSE_HALF_S, 0.0),
    )


@lru_cache(maxsize=1 << 16)
def format_pulse(time_s: float) -> str:
    """A pulse's corners for a pwl. The same times come in every deck of a neuron."""
    return " ".join(format_number(value) for corner in pulse_corners(time_s) for value in corner)


def dialects() -> tuple[str, ...]:
    """The dialects there are templates for."""
    root = resource_dir("templates")
    return tuple(sorted(p.parent.name for p in root.glob("*/deck.cir.j2")))


def _cell_texts(dialect: str, circuit: Circuit, values: Mapping[str, Any]) -> Iterator[str]:
    """Each subcircuit's text. A cell keeps it: the decks of a network share most of their cells,
    and those of a neuron all."""
    template = _template(dialect, "cell.cir.j2")
    key = ("text", dialect, *values.values())
    for cell in circuit.cells.values():
        if key not in cell.__dict__:
            cell.__dict__[key] = template.render(values, cell=cell)  # type: ignore[index]
        yield cell.__dict__[key]  # type: ignore[index]


def check_dialect(dialect: str) -> None:
    """Raises ConfigurationError for a dialect that there is not."""
    if dialect not in dialects():
        raise ConfigurationError(f"no dialect {dialect!r}; there are {', '.join(dialects())}")


@cache
def _template(dialect: str, name: str = "deck.cir.j2") -> jinja2.Template:
    check_dialect(dialect)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(resource_dir("templates") / dialect),
        undefined=jinja2.StrictUndefined,
        autoescape=False,
        keep_trailing_newline=True,
        auto_reload=False,
    )
    environment.filters |= {"number": format_number, "pulse": format_pulse}
    return environment.get_template(name)


def emit(
    circuit: Circuit,
    process: Process,
    analysis: Analysis,
    probes: Sequence[Probe],
    *,
    name: str,
    dialect: str = "josim",
    notes: Sequence[str] = (),
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
    common = {
        "model": process.model,
        "ramp_s": analysis.ramp_s,
    }
    text = _template(dialect).render(
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

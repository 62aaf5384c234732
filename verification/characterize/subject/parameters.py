"""What can be varied in a bench: global factors first, then every element of the cell alone.

| name | what it scales |
|---|---|
| bias | all bias currents of the bench: cell, sources and loads hang on one bus |
| flux | all control currents of the bench |
| Ic | areas of all junctions of the cell; capacitance and subgap conductance follow |
| L, R, C, K | all inductors, resistors, capacitors, couplings of the cell |
| B1, L2, ... | one element of the cell (``B1.XD1``: in instance XD1) |

In a neuron, elements of one name in cells of one kind are one parameter (``branch.BA``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from netlist_gen.circuit.model import (
    Capacitor,
    Cell,
    Coupling,
    CurrentSource,
    Element,
    Inductor,
    Junction,
    LevelSource,
    PulseSource,
    Resistor,
    Role,
)
from netlist_gen.errors import ConfigurationError
from verification.characterize.subject.bench import CELL, Bench
from verification.characterize.subject.stimulus import Case
from verification.characterize.trials.trial import Trial

GLOBALS = ("bias", "flux", "Ic", "L", "R", "C", "K")
_KIND = {Junction: "Ic", Inductor: "L", Resistor: "R", Capacitor: "C", Coupling: "K"}


@dataclass(frozen=True)
class Parameter:
    """Elements that a factor scales together.

    Attributes:
        name: as above.
        kind: bias, flux, Ic, L, R, C or K.
        labels: flat labels of the elements.
        nominal: value of the first one, SI (junctions: area).
        shared: a global, not one element.
    """

    name: str
    kind: str
    labels: tuple[str, ...]
    nominal: float
    shared: bool = False


def parameters(bench: Bench) -> dict[str, Parameter]:
    """All parameters of a bench by name, globals first."""
    groups: dict[str, list[str]] = {}
    kinds: dict[str, str] = {}
    shared: dict[str, list[str]] = {name: [] for name in GLOBALS}
    for label, (path, cell, element) in bench.elements.items():
        kind = element_kind(element)
        inside = path[:1] == (CELL,)
        if kind is None or element_value(element) == 0.0:
            continue
        own_supply = path == () and kind == "flux"
        if kind == "bias" or inside or own_supply:
            shared[kind].append(label)
        if not inside and not own_supply:
            continue
        name = element_name(bench, path, cell, element)
        groups.setdefault(name, []).append(label)
        kinds[name] = kind

    def nominal(labels: list[str]) -> float:
        return element_value(bench.elements[labels[0]][2])

    found = {
        name: Parameter(name, name, tuple(labels), nominal(labels), True)
        for name, labels in shared.items()
        if labels
    }
    for name, labels in groups.items():
        if name in found:
            raise ConfigurationError(
                f"cell {bench.subject.name}: element {name} has the name of a global parameter; "
                "name it otherwise"
            )
        found[name] = Parameter(name, kinds[name], tuple(labels), nominal(labels))
    return found


def element_name(bench: Bench, path: tuple[str, ...], cell: Cell, element: Element) -> str:
    """An element's name as a parameter: in a neuron one name stands for all cells of a kind."""
    if bench.subject.grouped:
        return f"{cell.kind or cell.name}.{element.name}"
    return ".".join((element.name, *reversed(path[1:])))


def element_kind(element: object) -> str | None:
    """The kind of parameter an element is; None for sources of pulses."""
    if isinstance(element, CurrentSource):
        return "bias" if element.role is Role.BIAS else "flux"
    return _KIND.get(type(element))


def element_value(element: object) -> float:
    """An element's value, SI (junction: area; coupling: coefficient).

    Raises:
        TypeError: a source of pulses or of levels, which has none.
    """
    if isinstance(element, PulseSource | LevelSource):
        raise TypeError(f"the source {element.name} has no value")
    for field in ("area", "k", "value"):
        if hasattr(element, field):
            return float(getattr(element, field))
    raise TypeError(f"{type(element).__name__} has no value")


def get_parameter(known: Mapping[str, Parameter], name: str, cell: str) -> Parameter:
    """A parameter by name. Raises ConfigurationError."""
    if name not in known:
        shown = [n for n in known if known[n].shared] + [n for n in known if not known[n].shared]
        raise ConfigurationError(
            f"cell {cell} has no parameter {name!r}; it has {', '.join(shown[:40])}"
            + (" and more" if len(shown) > 40 else "")
        )
    return known[name]


def trial(
    bench: Bench,
    case: Case,
    factors: Mapping[Parameter, float] | None = None,
    *,
    elements: Mapping[str, float] | None = None,
    seed: int = 0,
) -> Trial:
    """A trial of a case with parameters scaled.

    Args:
        factors: on each parameter; those on one element multiply.
        elements: further factors, by flat label.
        seed: of the noise.
    """
    values = {label.upper(): value for label, value in case.settings}

    def scale(label: str, factor: float) -> None:
        base = values.get(label)
        if base is None:
            base = element_value(bench.elements[label][2])
        values[label] = base * factor

    for parameter, factor in (factors or {}).items():
        if factor != 1.0:
            for label in parameter.labels:
                scale(label, factor)
    for label, factor in (elements or {}).items():
        scale(label, factor)
    return Trial(tuple(values.items()), tuple(case.pulses().items()), seed)

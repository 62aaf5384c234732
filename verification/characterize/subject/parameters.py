"""What can be varied in a bench: global factors first, then every element of the cell alone.

| name | what it scales |
|---|---|
| bias | all bias currents of the bench: cell, sources and loads hang on one bus |
| flux | all control currents of the bench |
| Ic | areas of all junctions of the cell; capacitance and subgap conductance follow |
| L, R, C, K | all inductors, resistors, capacitors, couplings of the cell |
| B1, L2, ... | one element of the cell (``B1.XD1``: in instance XD1) |

With a bias network ``bias`` scales what feeds the bus. In a neuron, elements of one name in cells
of one kind are one parameter (``branch.BA``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from netlist_gen.circuit.elements import (
    VALUE_FIELDS,
    BusSource,
    Capacitor,
    Coupling,
    CurrentSource,
    Element,
    Inductor,
    Junction,
    Resistor,
    Role,
)
from netlist_gen.errors import ConfigurationError
from verification.characterize.subject.bench import Bench, PlacedElement
from verification.characterize.subject.stimulus import BenchCase
from verification.characterize.trials.trial import Trial

GLOBALS = ("bias", "flux", "Ic", "L", "R", "C", "K")
_KIND = {Junction: "Ic", Inductor: "L", Resistor: "R", Capacitor: "C", Coupling: "K"}


@dataclass(frozen=True)
class Parameter:
    """Elements, by flat label, that a factor scales together: a global's are ``shared``.

    The nominal value is that of the first one, SI (junctions: area).
    """

    name: str
    labels: tuple[str, ...]
    nominal: float
    shared: bool = False


def parameters(bench: Bench) -> dict[str, Parameter]:
    """All parameters of a bench by name, globals first."""
    groups: dict[str, list[str]] = {}
    shared: dict[str, list[str]] = {name: [] for name in GLOBALS}
    for label, placed in bench.elements.items():
        kind = element_kind(placed.element)
        if kind is None or element_value(placed.element) == 0.0:
            continue
        varied = placed.own or (placed.path == () and kind == "flux")
        if varied or kind == "bias":
            shared[kind].append(label)
        if varied:
            groups.setdefault(element_name(bench, placed), []).append(label)

    def parameter(name: str, labels: list[str], is_global: bool) -> Parameter:
        first = bench.elements[labels[0]].element
        return Parameter(name, tuple(labels), element_value(first), is_global)

    found = {name: parameter(name, labels, True) for name, labels in shared.items() if labels}
    for name, labels in groups.items():
        if name in found:
            raise ConfigurationError(
                f"cell {bench.subject.name}: element {name} has the name of a global parameter; "
                "name it otherwise"
            )
        found[name] = parameter(name, labels, False)
    return found


def element_name(bench: Bench, placed: PlacedElement) -> str:
    """An element's name as a parameter.

    In a neuron one name stands for all cells of a kind, and for all loops of its decision stage
    (``decision.BT2`` for BT2_0, BT2_1, ...).
    """
    path, cell, element = placed
    if bench.subject.grouped:
        return f"{cell.kind or cell.name}.{element.name.split('_')[0]}"
    return ".".join((element.name, *reversed(path[1:])))


def element_kind(element: object) -> str | None:
    """The kind of parameter an element is; None for sources of pulses."""
    if isinstance(element, CurrentSource):
        return "bias" if element.role is Role.BIAS else "flux"
    if isinstance(element, BusSource):
        return "bias"
    return _KIND.get(type(element))


def element_value(element: Element) -> float:
    """An element's value, SI (junction: area; coupling: coefficient).

    Raises:
        TypeError: a source of pulses or of levels, which has none.
    """
    if type(element) not in VALUE_FIELDS:
        raise TypeError(f"the source {element.name} has no value")
    return float(getattr(element, VALUE_FIELDS[type(element)]))


def trial(
    bench: Bench,
    case: BenchCase,
    factors: Mapping[Parameter, float] | None = None,
    *,
    elements: Mapping[str, float] | None = None,
    seed: int = 0,
) -> Trial:
    """A trial of a case with parameters, and elements by flat label, scaled.

    Factors on one element multiply.
    """
    values = {label.upper(): value for label, value in case.settings}
    scaled = [(x, p.labels) for p, x in (factors or {}).items() if x != 1.0]
    scaled += [(x, (label,)) for label, x in (elements or {}).items()]
    for factor, labels in scaled:
        for label in labels:
            base = values.get(label)
            if base is None:
                base = element_value(bench.elements[label].element)
            values[label] = base * factor
    return Trial(tuple(values.items()), tuple(case.pulses().items()), seed)

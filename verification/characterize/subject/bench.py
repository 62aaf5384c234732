"""The bench of a cell: sources, the cell as instance XC, loads, and probes at its ports.

Each input is driven by a pulse source through a stage of the library's JTL and one cell more
(``source``, a JTL unless another is asked for), or, where the subject has a level for it, by a
current that goes up and down again. Each output is loaded by one cell (``load``, a JTL
unless another is asked for) and a JTL after it, ended by a resistor. Further outputs of either are
ended the same way, further inputs stay quiet.

At each port sits a probe: a junction of a millionth of a unit (0.1 nA), whose phase is the
node's own. A pulse at a port so has its time by the rule of phases, which at a node is the
rule of voltage integrals too: the node's phase is 2 pi / Phi0 times the integral of its voltage.
A level is no pulse: its probe is beside the cell, on a pulse source that marks the rise's middle.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from netlist_gen.circuit.bench import LOAD_OHM
from netlist_gen.circuit.model import (
    GROUND,
    Cell,
    Circuit,
    CircuitBuilder,
    Coupling,
    CurrentSource,
    Element,
    Junction,
    LevelSource,
    PulseSource,
    Resistor,
    Role,
)
from netlist_gen.circuit.probe import Analysis, Probe
from netlist_gen.deck.emit import Deck, emit
from netlist_gen.errors import ConfigurationError
from verification.characterize.subject.stimulus import PS, START_S
from verification.characterize.subject.subject import Subject

CELL = "XC"
PROBE_AREA = 1e-6
PROBE_PREFIX = "BP_"
SOURCE_STAGES = 2
STEP_S = 0.05 * PS
NEIGHBOURS = ("jtl", "splitter", "merger")
"""Cells that ports are characterised against."""


@dataclass(frozen=True, eq=False)
class Bench:
    """A subject with sources and loads, and the labels by which its elements are known.

    Attributes:
        subject: what is tested.
        load: library cell at each output.
        analysis: of the deck.
        source: library cell before each input.
    """

    subject: Subject
    load: str
    analysis: Analysis
    source: str = "jtl"

    @cached_property
    def circuit(self) -> Circuit:
        """The bench as a circuit. Raises ConfigurationError for an unknown source or load."""
        subject = self.subject
        builder = CircuitBuilder(
            f"bench_{subject.name}", title=f"bench of {subject.name}, load {self.load}"
        )
        nets = {port: f"n_{port}" for port in subject.cell.ports}
        for port in subject.inputs:
            self._drive(builder, port, nets[port])
        builder.place(CELL, subject.cell, *nets.values())
        for port in subject.outputs:
            self._load(builder, port, nets[port])
        for element in subject.elements:
            builder.add(_joined(element, nets))
        for port in (*subject.inputs, *subject.outputs):
            builder.add(Junction(probe_name(port), self.port_net(port), GROUND, PROBE_AREA))
        return builder.circuit()

    def port_net(self, port: str) -> str:
        """The net whose phase gives the times of a port's pulses."""
        return f"{'m' if port in self.subject.levels else 'n'}_{port}"

    def _drive(self, builder: CircuitBuilder, port: str, net: str) -> None:
        if port in self.subject.levels:
            builder.add(PulseSource(f"V{port}", self.port_net(port), GROUND, ()))
            builder.add(self.subject.levels[port].source(port, net, ()))
            return
        jtl = self.subject.library.cell("jtl")
        builder.add(PulseSource(f"V{port}", f"s_{port}_0", GROUND, ()))
        builder.place(f"XI{port}0", jtl, f"s_{port}_0", f"s_{port}_1")
        self._place(builder, self.source, f"XI{port}1", port, {"a": f"s_{port}_1", "q": net})

    def _load(self, builder: CircuitBuilder, port: str, net: str) -> None:
        self._place(builder, self.load, f"XO{port}", port, {"a": net})

    def _place(
        self, builder: CircuitBuilder, kind: str, name: str, port: str, joined: dict[str, str]
    ) -> None:
        """A cell of ``NEIGHBOURS`` at a port; what ``joined`` leaves open is ended or kept quiet.

        ``joined``'s q is the cell's first output.
        """
        library = self.subject.library
        if kind not in NEIGHBOURS:
            raise ConfigurationError(
                f"no source or load {kind!r}; ports can meet {', '.join(NEIGHBOURS)}"
            )
        jtl, cell = library.cell("jtl"), library.cell(kind)
        side = name[1].lower()
        inputs = [p for p in cell.ports if p in ("a", "b")]
        outputs = [p for p in cell.ports if p not in inputs]
        nets = {p: f"{side}_{port}_{p}" for p in cell.ports}
        nets["a"] = joined["a"]
        if "q" in joined:
            nets[outputs[0]] = joined["q"]
        builder.place(name, cell, *(nets[p] for p in cell.ports))
        for quiet in inputs[1:]:
            end = f"z{side}_{port}_{quiet}"
            builder.place(f"XQ{side}{port}{quiet}", jtl, end, nets[quiet])
            builder.add(Resistor(f"RQ{side}{port}{quiet}", end, GROUND, LOAD_OHM))
        for out in outputs[1 if "q" in joined else 0 :]:
            end = f"e{side}_{port}_{out}"
            builder.place(f"XE{side}{port}{out}", jtl, nets[out], end)
            builder.add(Resistor(f"RE{side}{port}{out}", end, GROUND, LOAD_OHM))

    @cached_property
    def elements(self) -> dict[str, tuple[tuple[str, ...], Cell, Element]]:
        """Every element by its flat label (``B1|XC``): its path, the cell it is in, itself."""
        return {
            flat_label(placed.path, e.name): (placed.path, placed.cell, e)
            for placed in self.circuit.walk()
            for e in placed.cell.elements
        }

    @cached_property
    def junctions(self) -> tuple[str, ...]:
        """Labels of all junctions of the cell and of its instances."""
        return tuple(
            label
            for label, (path, _, e) in self.elements.items()
            if path[:1] == (CELL,) and isinstance(e, Junction)
        )

    @cached_property
    def turning(self) -> frozenset[str]:
        """Labels of the cell's junctions that turn in the voltage state of some output."""
        return frozenset(self.target_label(name) for name in self.subject.turning)

    @cached_property
    def biases(self) -> tuple[str, ...]:
        """Labels of all bias sources: of the cell, of sources and loads."""
        return tuple(
            label
            for label, (_, _, e) in self.elements.items()
            if isinstance(e, CurrentSource) and e.role is Role.BIAS and e.value != 0.0
        )

    def target_label(self, target: str) -> str:
        """The label of the junction at which a target is watched.

        Raises:
            ConfigurationError: neither an output (or input) port nor a junction of the cell.
        """
        if target in (*self.subject.outputs, *self.subject.inputs):
            return probe_name(target).upper()
        label = f"{target.upper()}|{CELL}"
        if label not in self.junctions:
            raise ConfigurationError(
                f"cell {self.subject.name}: a step expects {target!r}, which is neither an output "
                f"({', '.join(self.subject.outputs) or 'none'}) nor a junction of the cell"
            )
        return label

    def deck(
        self,
        name: str,
        labels: tuple[str, ...],
        values: Mapping[str, float] | None = None,
        pulses: Mapping[str, tuple[float, ...]] | None = None,
        dialect: str = "josim",
        seed: int | None = None,
    ) -> Deck:
        """The bench as a deck.

        Args:
            name: the deck's.
            labels: junctions to print.
            values: replaced element values by label. pulses: source times of each input, s. With
                either, even an empty one, the deck is flat.
            seed: of the noise.
        """
        circuit = self.circuit
        paths = {label: (self.elements[label][0], self.elements[label][2].name) for label in labels}
        if values is not None or pulses is not None:
            circuit = flattened(circuit, values or {}, pulses or {})
            probes = [Probe((), flat_name(path, name)) for path, name in paths.values()]
        else:
            probes = [Probe(path, name) for path, name in paths.values()]
        analysis = dataclasses.replace(self.analysis, seed=seed)
        return emit(circuit, self.subject.process, analysis, probes, name=name, dialect=dialect)


def make_bench(
    subject: Subject,
    *,
    load: str = "jtl",
    source: str = "jtl",
    temperature_K: float = 0.0,
    step_s: float = STEP_S,
    length_s: float | None = None,
) -> Bench:
    """A bench whose deck runs ``length_s`` of stimulus (default: the longest case) and the tail."""
    longest = max(case.length_s for case in subject.cases) if length_s is None else length_s
    analysis = Analysis(
        START_S + longest + subject.tail_s,
        step_s=step_s,
        temperature_K=temperature_K,
    )
    return Bench(subject, load, analysis, source)


def probe_name(port: str) -> str:
    """The probe junction at a port."""
    return f"{PROBE_PREFIX}{port}"


def flat_label(path: tuple[str, ...], name: str) -> str:
    """The engine's and JoSIM's label: inside-out, joined by ``|``, upper case."""
    return "|".join((name, *reversed(path))).upper()


def flat_name(path: tuple[str, ...], name: str) -> str:
    """A name for the same element in a flat deck."""
    return "__".join((name, *reversed(path)))


def flattened(
    circuit: Circuit, values: Mapping[str, float], pulses: Mapping[str, tuple[float, ...]]
) -> Circuit:
    """The circuit without instances, with values replaced by label and pulses by input port.

    Any dialect can so carry what the engine does with lanes of values.
    """
    builder = CircuitBuilder(circuit.top.name, title=circuit.top.title)
    stack: list[tuple[tuple[str, ...], Cell, dict[str, str]]] = [((), circuit.top, {})]
    while stack:
        path, cell, outer = stack.pop()

        def net(node: str, path: tuple[str, ...] = path, outer: dict[str, str] = outer) -> str:
            if node == GROUND:
                return GROUND
            return outer.get(node, flat_name(path, node))

        for e in cell.elements:
            builder.add(_flat_element(e, path, net, values, pulses))
        for instance in reversed(cell.instances):
            inner = instance.cell
            joined = {p: net(n) for p, n in zip(inner.ports, instance.nets, strict=True)}
            stack.append(((*path, instance.name), inner, joined))
    return builder.circuit()


def _flat_element(e, path, net, values, pulses) -> Element:  # type: ignore[no-untyped-def]
    name = flat_name(path, e.name)
    if isinstance(e, PulseSource):
        times = pulses.get(e.name.removeprefix("V"), ())
        return PulseSource(name, net(e.plus), net(e.minus), times)
    if isinstance(e, LevelSource):
        times = pulses.get(e.name.removeprefix("I"), ())
        return dataclasses.replace(
            e, name=name, plus=net(e.plus), minus=net(e.minus), times_s=times
        )
    value = values.get(flat_label(path, e.name))
    changes: dict[str, object] = {"name": name}
    if isinstance(e, Coupling):
        changes |= {"first": flat_name(path, e.first), "second": flat_name(path, e.second)}
    else:
        changes |= {"plus": net(e.plus), "minus": net(e.minus)}
    if value is not None:
        key = {"Junction": "area", "Coupling": "k"}.get(type(e).__name__, "value")
        changes[key] = value
    return dataclasses.replace(e, **changes)


def _joined(element: Element, nets: Mapping[str, str]) -> Element:
    changes = {
        side: nets.get(getattr(element, side), getattr(element, side))
        for side in ("plus", "minus")
        if hasattr(element, side)
    }
    return dataclasses.replace(element, **changes)

"""The bench of a cell: sources, the cell as instance XC, loads, and probes at its ports.

Each input is driven by a pulse source through a stage of the library's JTL and one cell more
(``source``), or, where the subject has a level for it, by a current that goes up and down again.
Each output is loaded by one cell (``load``) and a JTL after it, ended by a resistor. Further
outputs of either are ended the same way, further inputs stay quiet.

A bias network feeds all of it from one bus; ERSFQ has no feeding JTL, as no clock drives a bench.
Its stimulus begins later by ``later_s``, when the bus is there: all else tells times without that.

At each port sits a probe: a junction of a millionth of a unit (0.1 nA), whose phase is the
node's own, 2 pi / Phi0 times the integral of its voltage. A level is no pulse: its probe is beside
the cell, on a pulse source that marks the rise's middle.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from netlist_gen.circuit.bias import Island, with_bias
from netlist_gen.circuit.elements import (
    GROUND,
    LOAD_OHM,
    VALUE_FIELDS,
    BusSource,
    Coupling,
    CurrentSource,
    Element,
    Junction,
    LevelSource,
    PulseSource,
    Resistor,
    Role,
)
from netlist_gen.circuit.model import Cell, Circuit, CircuitBuilder
from netlist_gen.circuit.probe import Analysis, Probe
from netlist_gen.circuit.view import later_s
from netlist_gen.deck.emit import Deck, emit
from netlist_gen.errors import ConfigurationError
from netlist_gen.library.annotations import annotator_of
from verification.characterize.subject.model import Subject, moved
from verification.characterize.subject.neighbours import (
    Neighbour,
    library_neighbour,
    own_neighbour,
)
from verification.characterize.subject.processes import with_capacitors
from verification.characterize.subject.stimulus import PS, START_S
from verification.characterize.subject.subject import load_subject
from verification.characterize.trials.trial import Trial

CELL = "XC"
PROBE_AREA = 1e-6
PROBE_PREFIX = "BP_"
SOURCE_STAGES = 2
STEP_S = 0.05 * PS


class PlacedElement(NamedTuple):
    """An element at its place: instances from the top, the cell that holds it, itself."""

    path: tuple[str, ...]
    cell: Cell
    element: Element

    @property
    def own(self) -> bool:
        """Whether it is part of the cell that is characterised."""
        return self.path[:1] == (CELL,)


@dataclass(frozen=True, eq=False)
class Bench:
    """A subject with sources before its inputs and loads at its outputs: cells of the library.

    Cells of the user's own are ``own``, by the names that ``load`` and ``source`` have. Its deck
    runs ``length_s`` of stimulus (None: as long as the longest case), and a tail.
    """

    subject: Subject
    load: str = "jtl"
    source: str = "jtl"
    temperature_K: float = 0.0
    length_s: float | None = None
    print_step_s: float = 0.5 * PS
    own: Mapping[str, Neighbour] = field(default_factory=dict)

    @cached_property
    def analysis(self) -> Analysis:
        """Times of the run."""
        length_s = self.subject.longest_s if self.length_s is None else self.length_s
        return Analysis(
            START_S + self.later_s + length_s + self.subject.tail_s,
            step_s=STEP_S,
            print_step_s=self.print_step_s,
            temperature_K=self.temperature_K,
        )

    @cached_property
    def later_s(self) -> float:
        """By how much the stimulus begins later than with ideal bias sources."""
        return later_s(self.subject.library.process)

    @cached_property
    def circuit(self) -> Circuit:
        """The bench as a circuit. Raises ConfigurationError for an unknown driver or load."""
        subject = self.subject
        builder = CircuitBuilder(
            f"bench_{subject.name}", title=f"bench of {subject.name}, load {self.load}"
        )
        nets = {port: f"n_{port}" for port in subject.cell.ports}
        for port in subject.inputs:
            self._drive(builder, port, nets[port])
        builder.place(CELL, subject.cell, *nets.values())
        for port in subject.outputs:
            self._place(builder, self.load, f"XO{port}", port, {"a": nets[port]})
        for element in subject.elements:
            builder.add(moved(element, lambda net: nets.get(net, net)))
        for port in (*subject.inputs, *subject.outputs):
            builder.add(Junction(f"{PROBE_PREFIX}{port}", self.port_net(port), GROUND, PROBE_AREA))
        circuit = with_bias(builder.circuit(), subject.library, [Island("0")])
        if subject.annotations is not None:
            circuit = annotator_of(subject.annotations).apply(circuit)
        return circuit if subject.whole is None else with_capacitors(circuit, subject.whole)

    def port_net(self, port: str) -> str:
        """The net whose phase gives the times of a port's pulses."""
        return f"{'m' if port in self.subject.levels else 'n'}_{port}"

    def _drive(self, builder: CircuitBuilder, port: str, net: str) -> None:
        if port in self.subject.levels:
            builder.add(PulseSource(f"V{port}", self.port_net(port), GROUND, ()))
            builder.add(dataclasses.replace(self.subject.levels[port], minus=net))
            return
        jtl = self.subject.library.cell("jtl")
        builder.add(PulseSource(f"V{port}", f"s_{port}_0", GROUND, ()))
        builder.place(f"XI{port}0", jtl, f"s_{port}_0", f"s_{port}_1")
        self._place(builder, self.source, f"XI{port}1", port, {"a": f"s_{port}_1", "q": net})

    def _place(
        self, builder: CircuitBuilder, kind: str, name: str, port: str, joined: dict[str, str]
    ) -> None:
        """A cell at a port; what ``joined`` leaves open is ended or kept quiet.

        ``joined``'s a is the cell's first input, its q the first output.
        """
        library = self.subject.library
        jtl = library.cell("jtl")
        beside = self.own.get(kind) or library_neighbour(library, kind)
        inputs, outputs = beside.inputs, beside.outputs
        side = name[1].lower()
        nets = {p: f"{side}_{port}_{p}" for p in beside.cell.ports}
        nets[inputs[0]] = joined["a"]
        if "q" in joined:
            nets[outputs[0]] = joined["q"]
        builder.place(name, beside.cell, *(nets[p] for p in beside.cell.ports))
        for element in beside.elements:
            own = dataclasses.replace(element, name=f"{element.name}_{side}{port}")
            builder.add(moved(own, lambda net: nets.get(net, net)))
        for open_port in (*inputs[1:], *outputs[1 if "q" in joined else 0 :]):
            # A JTL ended by a resistor: behind an output, or before an input that stays quiet.
            mark, end = ("Q", "z") if open_port in inputs else ("E", "e")
            ends = (nets[open_port], f"{end}{side}_{port}_{open_port}")
            builder.place(
                f"X{mark}{side}{port}{open_port}", jtl, *ends[:: -1 if mark == "Q" else 1]
            )
            builder.add(Resistor(f"R{mark}{side}{port}{open_port}", ends[1], GROUND, LOAD_OHM))

    @cached_property
    def elements(self) -> dict[str, PlacedElement]:
        """Every element by its flat label (``B1|XC``)."""
        return {
            flat_label(placed.path, e.name): PlacedElement(placed.path, placed.cell, e)
            for placed in self.circuit.walk()
            for e in placed.cell.elements
        }

    @cached_property
    def own_elements(self) -> dict[str, PlacedElement]:
        """Those of the cell and of its instances."""
        return {label: placed for label, placed in self.elements.items() if placed.own}

    @cached_property
    def junctions(self) -> tuple[str, ...]:
        """Labels of all junctions of the cell and of its instances, limiting ones left out."""
        return tuple(
            label
            for label, (_, cell, e) in self.own_elements.items()
            if isinstance(e, Junction) and all(e.name != tap.element for tap in cell.taps)
        )

    @cached_property
    def turning(self) -> frozenset[str]:
        """Labels of the cell's junctions that turn in the voltage state of some output."""
        return frozenset(self.target_label(name) for name in self.subject.turning)

    @cached_property
    def supplies(self) -> tuple[str, ...]:
        """Labels of what scales all biases: the bus, or every bias source."""
        return tuple(self.buses) or self.biases

    @cached_property
    def buses(self) -> dict[str, BusSource]:
        """What feeds the bus, by label; nothing where bias sources are ideal."""
        return {label: e for label, (_, _, e) in self.elements.items() if isinstance(e, BusSource)}

    @cached_property
    def biases(self) -> tuple[str, ...]:
        """Labels of all bias sources: of the cell, of sources and loads; none on a bus."""
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
            return f"{PROBE_PREFIX}{target}".upper()
        label = f"{target.upper()}|{CELL}"
        if label not in self.junctions:
            raise ConfigurationError(
                f"cell {self.subject.name}: a step expects {target!r}, which is neither an output "
                f"({', '.join(self.subject.outputs) or 'none'}) nor a junction of the cell"
            )
        return label

    def deck(
        self, name: str, labels: tuple[str, ...], trial: Trial | None = None, dialect: str = "josim"
    ) -> Deck:
        """The bench as a deck that prints the phases of junctions.

        With a trial it has its values and pulses, and is flat; without, no source has a pulse.
        """
        circuit, analysis = self.circuit, self.analysis
        found = [self.elements[label] for label in labels]
        probes = [Probe(placed.path, placed.element.name) for placed in found]
        if trial is not None:
            pulses = {
                port: tuple(time + self.later_s for time in times) for port, times in trial.pulses
            }
            circuit = flattened(circuit, dict(trial.values), pulses)
            probes = [Probe((), flat_name(probe.path, probe.junction)) for probe in probes]
            if analysis.temperature_K:
                analysis = dataclasses.replace(analysis, seed=trial.seed)
        table = self.subject.annotations
        notes = () if table is None else (table.note,)
        process = self.subject.process
        return emit(circuit, process, analysis, probes, name=name, dialect=dialect, notes=notes)


def make_bench(subject: Subject, *, load: str = "jtl", driver: str = "jtl") -> Bench:
    """The bench that a subject is characterised on.

    Args:
        subject: what is characterised.
        load: at each output, a cell of the library or a TOML file of the user's own.
        driver: likewise, before each input.

    Raises:
        ConfigurationError: a file that can't be read, or a cell that can't be there.
    """
    own: dict[str, Neighbour] = {}
    kinds = []
    for side, kind in (("load", load), ("driver", driver)):
        if kind.endswith(".toml"):
            beside = load_subject(kind, subject.library.process)
            found, process = own_neighbour(beside, side, subject.process)
            subject = dataclasses.replace(subject, process=process)
            name = f"{beside.name} ({side})" if beside.name in own else beside.name
            own[name] = found
            kinds.append(name)
        else:
            kinds.append(kind)
    return Bench(subject, load=kinds[0], source=kinds[1], own=own)


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
            return GROUND if node == GROUND else outer.get(node, flat_name(path, node))

        for e in cell.elements:
            changes: dict[str, Any] = {"name": flat_name(path, e.name)}
            if isinstance(e, Coupling):
                changes |= {side: flat_name(path, getattr(e, side)) for side in ("first", "second")}
            elif isinstance(e, PulseSource | LevelSource):
                changes["times_s"] = pulses.get(e.name[1:], ())
            value = values.get(flat_label(path, e.name))
            if value is not None:
                changes[VALUE_FIELDS[type(e)]] = value
            builder.add(dataclasses.replace(moved(e, net), **changes))
        for instance in reversed(cell.instances):
            inner = instance.cell
            joined = {p: net(n) for p, n in zip(inner.ports, instance.nets, strict=True)}
            stack.append(((*path, instance.name), inner, joined))
    return builder.circuit()

"""One fluxon trapped at start, loop by loop: do the start-up windows take it out?

    python benchmarks/trapped_fluxons.py                     # every loop of a small network
    python benchmarks/trapped_fluxons.py --without-startup   # the same without them
    python benchmarks/trapped_fluxons.py --josim 12          # some of them in JoSIM too
    python benchmarks/trapped_fluxons.py --fan-in 16 --every 5

A voltage pulse of area Phi0 in series with an inductor leaves one fluxon in the loop that the
inductor is in, as if it had been trapped there when the circuit was cooled; it comes before the
biases have risen. Each lane of the embedded engine has one such fluxon, of either sign. After the
run all printed junctions of a lane are held against those of a run without one: where a loop still
holds a fluxon, its current keeps junctions off whole turns. What becomes of it:

    gone      it left before the first window
    healed    the start-up windows took it out: every sample is right and none is left
    named     a window of a sample is wrong, or its pulse comes at another time
    harmless  it stays, and every window of every sample is right
"""

from __future__ import annotations

import dataclasses
import fnmatch
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import click
import numpy as np

from netlist_gen.assembly.network_circuit import NetworkBench, network_bench
from netlist_gen.circuit.elements import PULSE_HALF_S, Element, Inductor, PulseSource, pulse_corners
from netlist_gen.circuit.model import Cell, Circuit
from netlist_gen.constants import TWO_PI
from netlist_gen.deck.emit import Deck, emit
from netlist_gen.library.cells import CellLibrary
from netlist_gen.network import TernaryNetwork
from netlist_gen.spikes import NetworkSpikes
from verification.campaign.cases import network_readout
from verification.engine.run import CompiledDeck, compile_deck
from verification.engine.text.sources import SourceWave
from verification.simulators.base import DeckJob
from verification.simulators.embedded import extract_of, sampled_readings
from verification.simulators.josim import JosimSimulator
from verification.verdict.class_lines import judge_lines, lines_of
from verification.verdict.neuron import compare
from verification.waves.readings import Readings, readings_of

LOOPS = {
    "jtl": ("LA",),
    "splitter": ("LA", "L2", "L3"),
    "merger": ("LA", "LB", "L1"),
    "branch": ("LD", "LP", "LST"),
    "escape": ("LR1", "LR2"),
    "decision": ("LC0", "LCO*", "LT_*", "LB_*", "LO", "LO2"),
}
"""An inductor of each loop that junctions close, by kind of cell."""

TRAP = "VTRAP_"
"""Begins the name of the source in series with an inductor."""

TRAPPED_S = PULSE_HALF_S + 1e-12
"""When the fluxon comes: the biases are at a tenth of their currents."""

RAMP_S = 30e-12
"""Of the biases, slower than in other decks for that."""

LEFT_TURNS = 0.01
"""How far from a whole turn a junction may be beside the run without a fluxon."""

LANES = 64

WORDS = ("gone", "healed", "named", "harmless")
"""What may become of a fluxon."""


def traps_of(cell: Cell) -> list[str]:
    """Names of the inductors of a cell whose loops are tried.

    One that is several lines in parallel (``LCO5``, ``LCO5_2``) is passed over: they go to a
    junction each in a layout, and would close a loop without one here.
    """
    patterns = LOOPS.get(cell.kind, ())
    names = {e.name: None for e in cell.elements if isinstance(e, Inductor)}
    whole = [n for n in names if f"{n}_2" not in names and n.rpartition("_")[0] not in names]
    return [name for name in whole if any(fnmatch.fnmatchcase(name, p) for p in patterns)]


def with_traps(cell: Cell) -> Cell:
    """The cell with a silent source in series with each of those inductors."""
    elements: list[Element] = []
    wanted = set(traps_of(cell))
    for e in cell.elements:
        if isinstance(e, Inductor) and e.name in wanted:
            net = f"trap_{e.name.lower()}"
            elements.append(PulseSource(f"{TRAP}{e.name}", e.plus, net, ()))
            elements.append(dataclasses.replace(e, plus=net))
        else:
            elements.append(e)
    return dataclasses.replace(cell, elements=tuple(elements))


@dataclass(frozen=True)
class Trap:
    """A fluxon in the loop of an inductor."""

    path: tuple[str, ...]
    kind: str
    inductor: str
    sign: int

    @property
    def label(self) -> str:
        """Of its source in the engine."""
        return "|".join((f"{TRAP}{self.inductor}", *reversed(self.path)))

    @property
    def where(self) -> str:
        """The kind of loop."""
        return f"{self.kind} {self.inductor.split('_')[0].rstrip('0123456789')}"

    def wave(self) -> SourceWave:
        """Of its source."""
        corners = pulse_corners(TRAPPED_S)
        return SourceWave.pwl(
            [0.0, *(t for t, _ in corners)], [0.0, *(self.sign * v for _, v in corners)]
        )


def traps(circuit: Circuit) -> Iterator[Trap]:
    """One of either sign in each loop of a circuit."""
    for placed in circuit.walk():
        for name in traps_of(placed.cell):
            for sign in (1, -1):
                yield Trap(placed.path, placed.cell.kind, name, sign)


def small_network(seed: int) -> TernaryNetwork:
    """Three layers of fan-in 2 to 4, one-sided neurons among them."""
    rng = np.random.default_rng(seed)
    layers, thetas = [], []
    for inputs, outputs in ((5, 4), (4, 4), (4, 2)):
        weights = np.zeros((outputs, inputs), dtype=np.int8)
        for row in weights:
            fan_in = int(rng.integers(2, 5))
            row[rng.choice(inputs, fan_in, replace=False)] = rng.choice([-1, 1, 1], fan_in)
        layers.append(weights)
        thetas.append(rng.integers(0, 3, outputs))
    return TernaryNetwork.from_arrays(layers, thetas)


def wide_network(seed: int, fan_in: int) -> TernaryNetwork:
    """Two neurons of a fan-in, and one behind them."""
    rng = np.random.default_rng(seed)
    wide = rng.choice(np.array([-1, 1, 1, 1], dtype=np.int8), (2, fan_in))
    return TernaryNetwork.from_arrays([wide, [[1, -1]]], [[1, fan_in // 4], [1]])


def deck_of(library: CellLibrary, bench: NetworkBench) -> Deck:
    """Its deck, the biases' ramp slower than the fluxon."""
    analysis = dataclasses.replace(bench.analysis(), ramp_s=RAMP_S)
    return emit(bench.circuit, library.process, analysis, bench.probes(), name="network")


@dataclass(frozen=True)
class Seen:
    """What a run says."""

    startup_wrong: int
    wrong: int
    phases: np.ndarray
    first: str

    def what(self, clean: Seen) -> str:
        """What became of a fluxon, beside a run without one."""
        turns = (self.phases - clean.phases) / TWO_PI
        left = bool((np.abs(turns - np.rint(turns)) > LEFT_TURNS).any())
        if self.wrong:
            return "named"
        if left:
            return "harmless"
        return "healed" if self.startup_wrong else "gone"


def see(bench: NetworkBench, spikes: NetworkSpikes, readings: Readings) -> Seen:
    """Judge a run, the start-up window apart from those of the samples."""
    wrong = np.zeros(spikes.windows, dtype=int)
    first = ""
    for view in bench.views:
        verdict = compare(view, spikes.neuron(view.site.layer, view.site.neuron), readings)
        wrong += verdict.wrong
        if verdict.first is not None and not first:
            said = verdict.first
            first = f"window {said.window}, {verdict.name}: {said.expected}: {said.measured}"
    lines = judge_lines(lines_of(bench), spikes, readings)
    if lines.first is not None:
        wrong[lines.first.window] += lines.wrong
        first = first or f"window {lines.first.window}, class lines: {lines.first.expected}"
    columns = [probe.column for probe in bench.probes()]
    phases = readings.phases(columns, np.array(bench.span_s()))[:, -1]
    before = spikes.startup
    return Seen(int(wrong[:before].sum()), int(wrong[before:].sum()), phases, first)


def in_engine(
    compiled: CompiledDeck, bench: NetworkBench, spikes: NetworkSpikes, some: list[Trap]
) -> Iterator[Seen]:
    """Run lanes with a fluxon each; the first that comes back is without one."""
    readout = network_readout(bench)
    extract = extract_of(readout, compiled.transient.stop)
    for start in range(0, max(1, len(some)), LANES - 1):
        part = some[start : start + LANES - 1]
        stimuli = [{}, *({trap.label: trap.wave()} for trap in part)]
        results = compiled.run_lanes(stimuli, extract=extract, threads=2)
        for number, result in enumerate(results):
            if number or not start:
                yield see(bench, spikes, sampled_readings(readout, result))


def in_josim(
    library: CellLibrary, bench: NetworkBench, spikes: NetworkSpikes, some: list[Trap]
) -> Iterator[Seen]:
    """Run a deck for each in JoSIM, after one without a fluxon."""
    for trap in (None, *some):
        circuit = bench.circuit if trap is None else with_pulse(bench.circuit, trap)
        deck = deck_of(library, dataclasses.replace(bench, circuit=circuit))
        outcome = JosimSimulator().run(DeckJob("network", deck.text), timeout_s=600.0)
        if outcome.waveforms is None:
            raise click.ClickException(outcome.message)
        yield see(bench, spikes, readings_of(outcome.waveforms))


def with_pulse(circuit: Circuit, trap: Trap) -> Circuit:
    """The circuit with cells of their own on the way to a fluxon's source, which is pulsed."""

    def own(cell: Cell, path: tuple[str, ...]) -> Cell:
        if not path:
            return dataclasses.replace(
                cell, name=f"{cell.name}_own", elements=tuple(map(pulsed, cell.elements))
            )
        instances = tuple(
            dataclasses.replace(one, cell=own(one.cell, path[1:])) if one.name == path[0] else one
            for one in cell.instances
        )
        return dataclasses.replace(cell, name=f"{cell.name}_own", instances=instances)

    def pulsed(element: Element) -> Element:
        if element.name != f"{TRAP}{trap.inductor}" or not isinstance(element, PulseSource):
            return element
        plus, minus = (element.plus, element.minus)[:: trap.sign]
        return PulseSource(element.name, plus, minus, (TRAPPED_S,))

    return Circuit(own(circuit.top, trap.path))


def show(title: str, some: list[Trap], seen: Iterator[Seen]) -> None:
    """Print what became of each fluxon, by kind of loop."""
    clean = next(seen)
    if clean.wrong or clean.startup_wrong:
        raise click.ClickException(f"without a fluxon: {clean.first}")
    found: dict[str, Counter[str]] = defaultdict(Counter)
    wrong, wrong_first = [], ""
    for trap, one in zip(some, seen, strict=True):
        what = one.what(clean)
        found[trap.where][what] += 1
        found["all"][what] += 1
        if one.wrong:
            wrong.append(one.wrong)
            wrong_first = wrong_first or one.first
    click.echo(f"{title}\n  {'loop':16}" + "".join(f"{word:>10}" for word in WORDS))
    for where, counts in sorted(found.items(), key=lambda item: (item[0] == "all", item[0])):
        click.echo(f"  {where:16}" + "".join(f"{counts[word]:10}" for word in WORDS))
    if wrong:
        click.echo(f"  wrong neuron windows: {min(wrong)} to {max(wrong)}; {wrong_first}")


@click.command()
@click.option("--fan-in", type=int, help="Of the first layer's only neurons [default: 2 to 4].")
@click.option("--windows", default=8, help="Of samples.")
@click.option("--every", default=1, help="Try one loop in so many.")
@click.option("--startup/--without-startup", default=True)
@click.option("--josim", default=0, help="Try so many in JoSIM, too.")
@click.option("--seed", default=3, help="Of the network.")
def main(
    fan_in: int | None, windows: int, every: int, startup: bool, josim: int, seed: int
) -> None:
    """Print what becomes of one fluxon in each loop of a small network."""
    network = small_network(seed) if fan_in is None else wide_network(seed, fan_in)
    x = np.random.default_rng(1).random((windows, network.inputs)) < 0.5
    spikes = NetworkSpikes.of(network, x)
    spikes = spikes.with_startup() if startup else spikes
    library = CellLibrary()
    bench = network_bench(network, library, spikes.layers[0], startup=spikes.startup)
    bench = dataclasses.replace(bench, circuit=bench.circuit.changed(with_traps))
    some = list(traps(bench.circuit))[::every]
    before = f"{spikes.startup} start-up windows" if startup else "no start-up window"
    title = (
        f"{network.neurons} neurons, {network.synapses} synapses, {len(some)} fluxons, "
        f"{before}, {windows} windows of samples"
    )
    compiled = compile_deck(deck_of(library, bench).text, name="network")
    show(f"{title}, embedded engine", some, in_engine(compiled, bench, spikes, some))
    if josim:
        few = some[:: max(1, len(some) // josim)][:josim]
        show(f"{title}, JoSIM", few, in_josim(library, bench, spikes, few))


if __name__ == "__main__":
    main()

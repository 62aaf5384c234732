"""How far simulators are apart on the same circuits: ``python benchmarks/dialects.py``.

Every cell and every neuron of the digits example (each over ``--windows`` held-out images, the
first of which makes it fire, if any does) is run in every simulator that is here, ngspice both
as a program and through its shared library. All junctions that are printed are compared with the
embedded engine's: number and sign of pulses, their times, the energy of the bias sources; neurons
also with the reference. Printed are the largest differences. Exit status 1 if one is beyond what
``verification/verdict/simulators.py`` allows, or a count differs.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from cell_benches import EVENTS, cell_bench, digits_network, digits_neuron_bench, settled, swings
from support import measured_energy

from netlist_gen.circuit.model import Circuit
from netlist_gen.circuit.sites import neuron_sites
from netlist_gen.circuit.view import NeuronView
from netlist_gen.deck.decks import neuron_deck
from netlist_gen.spikes import NeuronSpikes
from verification.simulators.base import DeckJob, Simulator
from verification.simulators.embedded import EmbeddedSimulator
from verification.simulators.josim import JosimSimulator
from verification.simulators.ngspice import NgspiceSimulator
from verification.simulators.wrspice import WrspiceSimulator
from verification.verdict.neuron import compare
from verification.verdict.simulators import (
    SAME_DIALECT_TIME_TOLERANCE_S,
    SIMULATORS_ENERGY_TOLERANCE,
    TIME_TOLERANCE_S,
)
from verification.waves.pulses import detect_phase
from verification.waves.waveforms import Waveforms


@dataclass
class Case:
    """A circuit with its decks by dialect; of a neuron where and what it must do too."""

    name: str
    circuit: Circuit
    decks: dict[str, str]
    view: NeuronView | None = None
    spikes: NeuronSpikes | None = None


@dataclass
class Found:
    """The worst of one simulator against the embedded engine."""

    circuits: int = 0
    junctions: int = 0
    pulses: int = 0
    other_counts: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    time_s: float = 0.0
    time_at: str = ""
    energy: float = 0.0
    wall_s: float = 0.0


def simulators() -> dict[str, Simulator]:
    """Every one that is here, the embedded engine first."""
    known: dict[str, Simulator] = {
        "embedded": EmbeddedSimulator(),
        "josim": JosimSimulator(),
        "wrspice": WrspiceSimulator(),
        "ngspice": NgspiceSimulator(backend="subprocess"),
        "ngspice (library)": NgspiceSimulator(backend="shared"),
    }
    return {name: simulator for name, simulator in known.items() if simulator.available()}


def cases(dialects: set[str], windows: int, every: int) -> Iterator[Case]:
    """All cells, then every so manieth neuron of the digits example."""
    for name in EVENTS:
        bench = cell_bench(name)
        yield Case(name, bench.circuit, {d: bench.deck(d).text for d in dialects})
    for site in neuron_sites(digits_network())[::every]:
        library, neuron, spikes = digits_neuron_bench(site, windows)
        decks = {d: neuron_deck(library, neuron, site.name, 0, d).text for d in dialects}
        yield Case(site.name, neuron.circuit, decks, neuron.view, spikes)


def hold(case: Case, mine: Waveforms, theirs: Waveforms, found: Found) -> None:
    """Add one circuit's differences to what was found."""
    for name in mine.names:
        found.junctions += 1
        one, other = (settled(detect_phase(w.time_s, w.signal(name))) for w in (mine, theirs))
        if one.signs.tolist() != other.signs.tolist():
            found.other_counts.append(f"{case.name} {name}")
            continue
        found.pulses += one.times_s.size
        if one.times_s.size and not swings(name):
            apart = float(np.abs(one.times_s - other.times_s).max())
            if apart > found.time_s:
                found.time_s, found.time_at = apart, f"{case.name} {name}"
    end = min(mine.time_s[-1], theirs.time_s[-1])
    energy, again = (measured_energy(case.circuit, w, 0.0, end) for w in (mine, theirs))
    found.energy = max(found.energy, abs(again - energy) / energy)
    if case.view is not None and case.spikes is not None:
        verdict = compare(case.view, case.spikes, theirs)
        if verdict.first is not None:
            found.wrong.append(f"{case.name}: {verdict.first.measured}")


def main() -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition(":")[0])
    parser.add_argument("--windows", type=int, default=2, help="images for each neuron")
    parser.add_argument("--every", type=int, default=1, help="take every so manieth neuron")
    parser.add_argument(
        "--only", nargs="+", help="these simulators alone, beside the embedded engine"
    )
    options = parser.parse_args()
    here = simulators()
    for name in set(options.only or ()) - set(here):
        parser.error(f"the simulator {name!r} is not here; there are {', '.join(here)}")
    if options.only:
        here = {name: s for name, s in here.items() if name in ("embedded", *options.only)}
    for name, simulator in here.items():
        print(f"{name} {simulator.version()}")
    found = {name: Found() for name in here}
    dialects = {simulator.dialect for simulator in here.values()}
    for done, case in enumerate(cases(dialects, options.windows, options.every)):
        print(f"{done} circuits done, {case.name}", end="\r", file=sys.stderr, flush=True)
        mine: Waveforms | None = None
        for name, simulator in here.items():
            began = time.perf_counter()
            outcome = simulator.run(
                DeckJob(case.name, case.decks[simulator.dialect]), timeout_s=600
            )
            found[name].wall_s += time.perf_counter() - began
            if outcome.waveforms is None:
                found[name].failed.append(f"{case.name}: {outcome.message}")
                continue
            found[name].circuits += 1
            mine = outcome.waveforms if mine is None else mine
            hold(case, mine, outcome.waveforms, found[name])
    print(file=sys.stderr)
    beyond = False
    for name, one in found.items():
        allowed = (
            SAME_DIALECT_TIME_TOLERANCE_S if here[name].dialect == "josim" else TIME_TOLERANCE_S
        )
        print(
            f"{name}: {one.circuits} circuits, {one.junctions} junctions, {one.pulses} pulses; "
            f"other counts {len(one.other_counts)}, against the reference {len(one.wrong)}, "
            f"failed {len(one.failed)}; times within {one.time_s * 1e12:.4f} ps (allowed "
            f"{allowed * 1e12:g}; {one.time_at or 'none apart'}), energies within "
            f"{100 * one.energy:.1e} % (allowed {100 * SIMULATORS_ENERGY_TOLERANCE:g}); "
            f"{one.wall_s:.0f} s"
        )
        for problem in (*one.other_counts, *one.wrong, *one.failed)[:10]:
            print(f"  {problem}")
        beyond |= bool(one.other_counts or one.wrong or one.failed)
        beyond |= one.time_s > allowed or one.energy > SIMULATORS_ENERGY_TOLERANCE
    return int(beyond)


if __name__ == "__main__":
    sys.exit(main())

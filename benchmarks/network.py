"""Whole networks: the figures of clock, timing, campaigns and generation.

    python benchmarks/network.py digits --images 50 --simulator embedded
    python benchmarks/network.py timed
    python benchmarks/network.py clock --ghz 8.929 --ghz 15
    python benchmarks/network.py generation examples/mnist-f32.npz
    python benchmarks/network.py synthetic --synapses 1000000
    python benchmarks/network.py neurons examples/mnist-f32.npz --neurons 20 --images 1000
    python benchmarks/network.py one-deck examples/mnist-f32.npz --images 1
    python benchmarks/network.py harness
    python benchmarks/network.py kill --times 50

Wall and processor time are both printed: on a machine shared with others only the second means
much. Images are the digits example's held-out ones; for other networks random pixels of the
density of MNIST's (a fifth), unless --inputs names a file.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import click
import numpy as np
from stopwatch import timed

from netlist_gen.assembly.close_timing import shortest_period
from netlist_gen.assembly.delays import measured_delays
from netlist_gen.assembly.network_circuit import network_bench
from netlist_gen.assembly.plan import outline
from netlist_gen.assembly.timing_values import CORNERS
from netlist_gen.checkpoint.registry import read_network, write_network
from netlist_gen.deck.decks import network_deck
from netlist_gen.deck.generate import GenerateOptions, generate
from netlist_gen.deck.plan import Cut, NetworkRun, NetworkTask, NeuronTask, plan_decks
from netlist_gen.library.cells import CellLibrary
from netlist_gen.library.design import load_phases
from netlist_gen.library.process import load_process
from netlist_gen.network import TernaryNetwork
from netlist_gen.spikes import NetworkSpikes
from verification.campaign.cases import network_readout
from verification.campaign.plan import Setup, cut_for
from verification.campaign.run import Workers, run_tasks
from verification.campaign.work import build, run_built
from verification.reference.timed import timed_reference
from verification.simulators.base import DeckJob, Outcome, Simulator
from verification.simulators.embedded import EmbeddedSimulator
from verification.simulators.registry import get_simulator

EXAMPLES = Path(__file__).parent.parent / "examples"
HOUR_S = 3600.0


def peak_MB() -> float:
    """Largest memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def digits(images: int) -> tuple[TernaryNetwork, np.ndarray]:
    """The bundled example and its first held-out images."""
    network = read_network(EXAMPLES / "digits.npz")
    return network, network.check_inputs(np.load(EXAMPLES / "digits_inputs.npy"))[:images]


def samples(network: TernaryNetwork, images: int, inputs: Path | None) -> np.ndarray:
    """Images from a file, or random ones."""
    if inputs is not None:
        return network.check_inputs(np.load(inputs))[:images]
    return np.random.default_rng(0).random((images, network.inputs)) < 0.2


def simulate(network: TernaryNetwork, x: np.ndarray, simulator: Simulator, period_s: float) -> None:
    """One deck of the whole network: print what was found."""
    library = CellLibrary()
    phases = load_phases().with_period(period_s)
    setup = Setup(library.process, phases, timeout_s=4 * HOUR_S)
    spikes = NetworkSpikes.of(network, x).with_startup()
    task = NetworkTask((NetworkRun("network", 0, spikes),))
    with timed("  built, timing closed") as _:
        cases = build(task, setup, simulator)
    text = cases[0].job.text
    totals = network_bench(network, library, x[:1], phases).circuit.totals()
    click.echo(f"  {totals.junctions} junctions, deck of {len(text) / 1e6:.1f} MB")
    with timed(f"  {x.shape[0]} windows of {period_s * 1e12:.4g} ps simulated and judged"):
        (row,) = run_built(cases, setup, simulator)
    energy, reference = row.energy_J, row.reference_J.sum()
    click.echo(
        f"  {simulator.name} {simulator.version()}: {row.checked} neuron windows, those of "
        f"the start-up included, "
        f"{row.mismatches} mismatches, {row.lines_wrong} on class lines, energy off by "
        f"{100 * (energy / reference - 1) if reference else 0:.2g} %, {peak_MB():.0f} MB "
        f"{row.failure}"
    )


@click.group()
def main() -> None:
    """Figures of whole networks; see the head of this file."""


@main.command("digits")
@click.option("--images", default=50)
@click.option("--simulator", default="embedded")
@click.option("--ghz", default=1e3 / 112)
def digits_(images: int, simulator: str, ghz: float) -> None:
    """The digits network as one deck, all layers, images in a pipeline."""
    network, x = digits(images)
    click.echo(f"digits as one deck, {ghz:.4g} GHz")
    simulate(network, x, get_simulator(simulator), 1e-9 / ghz)


@main.command("timed")
@click.option("--images", default=6)
@click.option("--ghz", default=1e3 / 112)
def timed_(images: int, ghz: float) -> None:
    """The timed reference against simulation, every pulse."""
    network, x = digits(images)
    library = CellLibrary()
    bench = network_bench(network, library, x, load_phases().with_period(1e-9 / ghz))
    reference = timed_reference(bench.plan, x, library.process)
    deck = network_deck(library, bench, "network")
    job = DeckJob("network", deck.text, network_readout(bench))
    readings = EmbeddedSimulator().run(job, timeout_s=4 * HOUR_S).readings
    assert readings is not None
    apart: dict[str, list[float]] = {}
    for view in bench.views:
        predicted = reference.neurons[view.site.layer, view.site.neuron]
        seen = readings.train(view.output.column).times_s
        apart.setdefault(f"layer {view.site.layer}", []).extend(
            seen - predicted.times_s[predicted.fires]
        )
    for line in bench.plan.class_lines:
        seen = readings.train(line.output.column).times_s
        apart.setdefault("class lines", []).extend(seen - reference.lines[line.name])
    click.echo(f"timed reference against simulation, {ghz:.4g} GHz, {images} images")
    for name, values in apart.items():
        ps = np.array(values) * 1e12
        click.echo(
            f"  {name}: {ps.size} pulses, mean {ps.mean():+.3f} ps, standard deviation "
            f"{ps.std():.3f}, worst {np.abs(ps).max():.3f} ps"
        )


@main.command()
@click.option("--ghz", multiple=True, default=(1e3 / 112, 15.0))
@click.option("--images", default=6)
def clock(ghz: tuple[float, ...], images: int) -> None:
    """Clocks at which the digits network closes, and at which it verifies."""
    network, x = digits(images)
    delays = measured_delays(load_process())
    for corners in (CORNERS[:1], CORNERS):
        period = shortest_period(outline(network), delays, corners)
        names = ", ".join(c.name for c in corners)
        click.echo(f"closes up to {1e-9 / period:.2f} GHz ({period * 1e12:.2f} ps) at {names}")
    for one in ghz:
        click.echo(f"{one:.4g} GHz")
        simulate(network, x, EmbeddedSimulator(), 1e-9 / one)


def neuron_tasks(network: TernaryNetwork, x: np.ndarray, cut: Cut) -> list[NeuronTask]:
    """The work of the scope "neurons"."""
    tasks = plan_decks(NetworkSpikes.of(network, x), "neurons", cut)
    return [task for task in tasks if isinstance(task, NeuronTask)]


def write_decks(network: TernaryNetwork, scopes: tuple[str, ...], jobs: int) -> None:
    x = samples(network, 1, None)
    options = GenerateOptions(scopes=scopes, jobs=jobs)
    with tempfile.TemporaryDirectory() as out, timed(f"  scope {', '.join(scopes)}") as used:
        decks = generate(network, x, Path(out), options)
    click.echo(
        f"  {decks} decks, {network.synapses} synapses, "
        f"{used['cpu'] * 1e6 / network.synapses:.0f} us of processor each, {peak_MB():.0f} MB"
    )


@main.command()
@click.argument("net", type=click.Path(path_type=Path))
@click.option("--scope", multiple=True, default=("neurons",))
@click.option("--jobs", default=1)
def generation(net: Path, scope: tuple[str, ...], jobs: int) -> None:
    """Decks of a network written to a directory."""
    click.echo(f"generation of {net}")
    write_decks(read_network(net), scope, jobs)


@main.command()
@click.option("--synapses", default=1_000_000)
@click.option("--fan-in", default=32)
@click.option("--jobs", default=1)
def synthetic(synapses: int, fan_in: int, jobs: int) -> None:
    """Decks of a random network of so many synapses."""
    rng = np.random.default_rng(0)
    inputs, outputs = 1024, max(1, synapses // fan_in)
    weights = np.zeros((outputs, inputs), dtype=np.int8)
    for row in weights:
        row[rng.choice(inputs, fan_in, replace=False)] = rng.choice([-1, 1], fan_in)
    click.echo("generation of a random network")
    write_decks(TernaryNetwork.from_arrays([weights], [np.full(outputs, 3)]), ("neurons",), jobs)


@main.command()
@click.argument("net", type=click.Path(path_type=Path))
@click.option("--neurons", default=0, help="So many drawn neurons; 0 is all.")
@click.option("--images", default=1000)
@click.option("--inputs", type=click.Path(path_type=Path))
@click.option("--jobs", default=1)
def neurons(net: Path, neurons: int, images: int, inputs: Path | None, jobs: int) -> None:
    """A network's neurons over many images, embedded engine; extrapolated where drawn."""
    network = read_network(net)
    x = samples(network, images, inputs)
    library, simulator = CellLibrary(), EmbeddedSimulator()
    tasks = neuron_tasks(network, x, cut_for(images, simulator.name, None, usual=False))
    sites = {task.site.name for task in tasks}
    chosen = sites
    if neurons:
        names = sorted(sites)
        chosen = set(np.random.default_rng(1).choice(names, neurons, replace=False))
    drawn = [task for task in tasks if task.site.name in chosen]
    setup = Setup(library.process, load_phases(), HOUR_S)
    with timed(f"{len(chosen)} of {len(sites)} neurons, {images} images") as used:
        results = [result for result, _ in run_tasks(drawn, setup, simulator, Workers(jobs))]
    checked, wrong = (sum(getattr(r, n) for r in results) for n in ("checked", "mismatches"))
    failed = sum(r.failed for r in results)
    whole = used["cpu"] * len(sites) / len(chosen)
    click.echo(
        f"{checked} neuron windows, {wrong} mismatches, {failed} failed; {peak_MB():.0f} MB; "
        f"{checked / used['cpu']:.0f} windows a second and core; all neurons: {whole / HOUR_S:.2f} "
        f"core hours"
    )


@main.command("one-deck")
@click.argument("net", type=click.Path(path_type=Path))
@click.option("--images", default=1)
@click.option("--inputs", type=click.Path(path_type=Path))
@click.option("--simulator", default="embedded")
def one_deck(net: Path, images: int, inputs: Path | None, simulator: str) -> None:
    """A network as one deck."""
    network = read_network(net)
    click.echo(f"{net} as one deck")
    period = load_phases().period
    simulate(network, samples(network, images, inputs), get_simulator(simulator), period)


class _Stopwatch:
    """A simulator that adds up the time spent inside it."""

    def __init__(self, inner: Simulator) -> None:
        self.inner, self.seconds = inner, 0.0
        self.name, self.dialect = inner.name, inner.dialect
        self.available, self.version = inner.available, inner.version
        self.run, self.cancel = inner.run, inner.cancel
        self.clock = time.process_time if inner.name == "embedded" else time.perf_counter

    def run_many(
        self, jobs: Sequence[DeckJob], *, workers: int, timeout_s: float
    ) -> Iterator[Outcome]:
        begin = self.clock()
        outcomes = list(self.inner.run_many(jobs, workers=workers, timeout_s=timeout_s))
        self.seconds += self.clock() - begin
        return iter(outcomes)


@main.command()
@click.option("--images", default=256)
@click.option("--neurons", default=6)
@click.option("--simulator", "names", multiple=True, default=("embedded",))
def harness(images: int, neurons: int, names: tuple[str, ...]) -> None:
    """Time of the harness (planning, decks, judging, ledger keys) on top of the simulator's."""
    network, x = digits(images)
    x = np.resize(x, (images, x.shape[1]))
    for name in names:
        watch = _Stopwatch(get_simulator(name))
        tasks = neuron_tasks(network, x, cut_for(images, name, None, usual=False))
        first = {t.site.name for t in tasks[: neurons if name == "embedded" else 1]}
        drawn = [t for t in tasks if t.site.name in first]
        setup = Setup(CellLibrary().process, load_phases(), HOUR_S)
        run_built(build(drawn[0], setup, watch), setup, watch)  # compiled and warm
        watch.seconds = 0.0
        begin = watch.clock()
        list(run_tasks(drawn, setup, watch, Workers(1)))
        whole = watch.clock() - begin
        share = 100 * (whole - watch.seconds) / watch.seconds
        click.echo(f"harness on {name}: {whole:.1f} s, {watch.seconds:.1f} s of it simulator: "
                   f"{share:.1f} % on top")  # fmt: skip


@main.command()
@click.option("--times", default=50)
def kill(times: int) -> None:
    """A campaign killed with SIGKILL at random moments, resumed, compared with an unbroken one."""
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        weights = [rng.choice([-1, 1], (12, 6)), rng.choice([-1, 1], (4, 12))]
        write_network(
            TernaryNetwork.from_arrays(weights, [np.ones(12), np.ones(4)]), root / "n.npz"
        )
        np.save(root / "x.npy", rng.random((120, 6)) < 0.4)

        def command(out: Path) -> list[str]:
            return [
                sys.executable, "-m", "netlist_gen.cli", "verify", str(root / "n.npz"),
                "--inputs", str(root / "x.npy"), "-o", str(out), "--simulator", "embedded",
                "--jobs", "1", "--resume",
            ]  # fmt: skip

        begin = time.perf_counter()
        subprocess.run(command(root / "whole"), check=True, capture_output=True)
        took = time.perf_counter() - begin
        whole, kills, same, runs, broken = found(root / "whole"), 0, 0, 0, root / "b0"
        while kills < times:
            child = subprocess.Popen(
                command(broken), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            try:
                child.wait(rng.uniform(0.05, 1.0) * took)
            except subprocess.TimeoutExpired:
                os.kill(child.pid, signal.SIGKILL)
                child.wait()
                kills += 1
                continue
            runs, same = runs + 1, same + (found(broken) == whole)
            broken = root / f"b{runs}"
        subprocess.run(command(broken), check=True, capture_output=True)
        runs, same = runs + 1, same + (found(broken) == whole)
        with closing(sqlite3.connect(broken / "ledger.sqlite")) as db:
            rows = db.execute("SELECT count(*) FROM runs").fetchone()[0]
    click.echo(
        f"{kills} kills over {runs} campaigns of {rows} decks: {same} ended with the unbroken "
        f"run's verdict and numbers, {runs - same} did not"
    )


def found(run: Path) -> tuple[object, ...]:
    """What a run found: its summary without times, and all arrays."""
    summary = json.loads((run / "verify.json").read_text())
    for part in (summary, *summary["scopes"]):
        for key in ("wall_s", "from_ledger"):
            part.pop(key)
    with np.load(run / "results.npz") as arrays:
        return summary, {name: arrays[name].tobytes() for name in arrays.files}


if __name__ == "__main__":
    main()

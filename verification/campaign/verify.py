"""The verification of a network: plan, run, compare, and the files that hold the result.

A finished run is a directory: ``verify.json`` (the verdict, the contract with scripts),
``results.npz`` (spikes, delays and the waveforms of one neuron, for the report),
``ledger.sqlite`` (for resuming) and ``decks/`` (those that a counter-example names). The first
two are written last and by renaming, so that an unfinished run never looks whole.
"""

from __future__ import annotations

import dataclasses
import errno
import math
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netlist_gen.assembly.network_circuit import network_outline
from netlist_gen.circuit.bench import neuron_sites
from netlist_gen.circuit.neuron import ClockPhases
from netlist_gen.deck.generate import SCOPES
from netlist_gen.deck.manifest import read_manifest
from netlist_gen.deck.windows import WINDOWS_PER_DECK, chunks, pipelines
from netlist_gen.errors import ConfigurationError
from netlist_gen.files import atomic_path
from netlist_gen.library.cells import CellLibrary
from netlist_gen.network import TernaryNetwork
from verification.campaign.cases import deck_path
from verification.campaign.ledger import Ledger
from verification.campaign.plan import (
    RUNS_PER_TASK,
    NeuronTask,
    Run,
    Setup,
    Task,
    plan_network,
    plan_neurons,
    windows_of,
    windows_per_deck,
)
from verification.campaign.run import Measured, RunOptions, collect, run_tasks
from verification.campaign.summary import (
    SHOWN_WINDOWS,
    Example,
    Scope,
    counter_example,
    summarise,
    write_run,
)
from verification.campaign.work import run_example, run_remote_example
from verification.reference.energy import COOLING_W_PER_W
from verification.simulators.base import Simulator


@dataclass(frozen=True)
class VerifyOptions:
    """What to verify and how.

    Attributes:
        phases: clock phases. jobs: simulations at a time. timeout_s: for each.
        cooling_W_per_W: wall-plug watts for one at 4.2 K. seed: recorded in the result.
        decks: judge the decks in this directory instead of new ones. resume: take what the
            ledger of the run's directory already holds.
        scopes: "neurons", "network" or both, in the order in which they run.
        windows_per_deck: of the scope "neurons"; default: as suits the simulator.
        pipeline: windows in one deck of the scope "network"; default: all of them.
        cluster: an executor of other processes to run on, and ``jobs`` of it at a time.
        rows: which rows of the samples' file these are; None is all of them in order.
    """

    phases: ClockPhases
    jobs: int = 2
    timeout_s: float = 600.0
    cooling_W_per_W: float = COOLING_W_PER_W
    seed: int = 0
    decks: Path | None = None
    resume: bool = False
    source: str = ""
    notes: dict[str, Any] = field(default_factory=dict)
    scopes: tuple[str, ...] = ("neurons",)
    windows_per_deck: int | None = None
    pipeline: int | None = None
    cluster: Executor | None = None
    rows: tuple[int, ...] | None = None


@dataclass(frozen=True, eq=False)
class Verification:
    """The result of a run: the content of ``verify.json`` and the arrays beside it.

    ``scopes`` are the results of each scope; ``measured`` are those of the first.
    """

    summary: dict[str, Any]
    measured: Measured
    scopes: tuple[Scope, ...] = ()

    @property
    def agreed(self) -> bool:
        """Every window compared and equal, no run failed, energy within the tolerance."""
        return bool(self.summary["agreed"])


FOLDER = "simulators"
"""Where in a run's directory the runs of the other simulators are."""


def prepare_directory(out: Path, *, resume: bool, decks: Path | None = None) -> None:
    """Make a run's directory and remove what would make an unfinished run look whole.

    The decks of an earlier counter-example go too, unless they are the ``decks`` to be judged.

    Raises:
        ConfigurationError: it can't be made or written.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name in ("verify.json", "results.npz", "report.html"):
            (out / name).unlink(missing_ok=True)
        kept = out / "decks"
        if kept.exists() and not kept.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, f"{kept} is not a directory")
        generated = (kept / "manifest.json").exists()
        if not generated and (decks is None or decks.resolve() != kept.resolve()):
            for path in kept.glob("*.cir"):
                path.unlink()
        if not resume:
            for path in out.glob("ledger.sqlite*"):
                path.unlink()
        for folder in sorted(path for path in (out / FOLDER).glob("*") if path.is_dir()):
            prepare_directory(folder, resume=resume, decks=decks)
        with atomic_path(out / ".writable") as probe:
            probe.touch()
        (out / ".writable").unlink()
    except OSError as error:
        raise ConfigurationError(
            f"the output directory {out} can't be written ({error.strerror})"
        ) from error


def verify(
    network: TernaryNetwork,
    inputs: NDArray[np.bool_],
    labels: NDArray[np.int64] | None,
    simulator: Simulator,
    library: CellLibrary,
    out: Path,
    options: VerifyOptions,
    progress: Callable[[str, int, int], None] | None = None,
    finish: Callable[[dict[str, Any], Sequence[Scope]], None] | None = None,
) -> Verification:
    """Verify every neuron window of the given samples in each scope; write the run's files.

    Args:
        network: what is verified.
        inputs: bool, shape (samples, inputs) or (samples, steps, inputs).
        labels: shape (samples,), or None.
        simulator: which runs the decks.
        library: cells of one process.
        out: the run's directory, prepared with ``prepare_directory``.
        options: see there.
        progress: called with (stage, done, all).
        finish: called with the summary and the scopes' results before the summary is written; may
            add to it.

    Raises:
        NetworkError, DeckError, ConfigurationError: wrong input.
        SimulatorError: the simulator is not there.
    """
    begin = time.perf_counter()
    check_scopes(options.scopes)
    inputs = network.check_inputs(inputs)
    windows, steps = windows_of(inputs)
    if not windows.shape[0]:
        raise ConfigurationError("there are no samples to verify; give at least one")
    version = simulator.version()
    setup = Setup(library.process, options.phases, options.timeout_s, options.decks)
    silent = {
        (index, neuron)
        for index, layer in enumerate(network.layers)
        for neuron in np.flatnonzero(layer.fan_in == 0).tolist()
    }
    totals = network_outline(network, library.fork(), options.phases).circuit.totals()
    if options.decks is not None:
        check_manifest(options.decks, library.process.name, options.phases)
        for scope in options.scopes:
            for task in _plan(scope, network, windows, simulator, options)[0]:
                for part in task.runs:
                    deck_path(options.decks, part.name, simulator.dialect)
    ledger = Ledger(out / "ledger.sqlite")
    run = RunOptions(options.jobs, ledger, options.cluster)
    scopes = []
    try:
        for scope in options.scopes:
            tasks, total = _plan(scope, network, windows, simulator, options)
            stage = _stage(scope, progress)
            if stage:
                stage(0, total)  # the first deck may take a while: the engine is compiled once
            results = run_tasks(tasks, total, setup, simulator, run, stage)
            widths = [layer.outputs for layer in network.layers]
            scopes.append(Scope(scope, collect(results, widths, windows.shape[0], silent)))
    finally:
        ledger.close()
    measured = scopes[0].measured
    summary = summarise(network, windows, steps, labels, library, totals, scopes, options)
    summary["simulator"] = {"name": simulator.name, "version": version}
    wrong = counter_example(scopes, steps, options.rows, out)
    if wrong is not None:
        wrong["simulator"] = simulator.name
    summary["counter_example"] = wrong
    if finish:
        finish(summary, scopes)
    example = None
    if summary["checked"]:  # a simulator that fails everywhere is not asked once more
        if wrong is not None and (wrong["failed"] or wrong["scope"] != "neurons"):
            wrong = None
        example = _example(network, windows, setup, simulator, options, wrong)
    summary["wall_s"] = time.perf_counter() - begin
    write_run(out, network, windows, labels, measured, summary, example)
    return Verification(summary, measured, tuple(scopes))


def check_manifest(folder: Path, process: str, phases: ClockPhases) -> None:
    """Raises ConfigurationError for decks of another process or clock."""
    manifest = read_manifest(folder)
    if manifest is None:
        return
    if manifest.process != process:
        raise ConfigurationError(
            f"{folder / 'manifest.json'}: the decks are for the process {manifest.process}, "
            f"asked for is {process}"
        )
    clock_ghz = 1e-9 / phases.period
    if not math.isclose(manifest.clock_ghz, clock_ghz, rel_tol=1e-9):
        raise ConfigurationError(
            f"{folder / 'manifest.json'}: the decks are for a clock of {manifest.clock_ghz:.6g} "
            f"GHz, asked for is {clock_ghz:.6g} GHz"
        )


def check_scopes(scopes: tuple[str, ...]) -> None:
    """Raises ConfigurationError for no scope, one that there is not, or one that is there twice."""
    unknown = [scope for scope in scopes if scope not in SCOPES]
    if not scopes or unknown or len(set(scopes)) != len(scopes):
        raise ConfigurationError(
            f"the scopes are {', '.join(scopes) or 'none'}; allowed are {' and '.join(SCOPES)}, "
            "each once"
        )


def _stage(
    scope: str, progress: Callable[[str, int, int], None] | None
) -> Callable[[int, int], None] | None:
    if progress is None:
        return None
    return lambda done, total: progress(f"simulation, {scope}", done, total)


def _plan(
    scope: str,
    network: TernaryNetwork,
    windows: NDArray[np.bool_],
    simulator: Simulator,
    options: VerifyOptions,
) -> tuple[Iterable[Task], int]:
    """Tasks of a scope, and how many decks they hold."""
    count = windows.shape[0]
    if scope == "network":
        tasks: Iterable[Task] = plan_network(network, windows, options.pipeline)
        return tasks, len(pipelines(count, options.pipeline))
    most = _windows_per_deck(count, simulator, options)
    # A program runs one deck at a time: nothing is gained where decks share a task.
    together = RUNS_PER_TASK if simulator.name == "embedded" else 1
    tasks = plan_neurons(network, windows, most, together)
    return tasks, len(chunks(count, most)) * len(neuron_sites(network))


def _windows_per_deck(windows: int, simulator: Simulator, options: VerifyOptions) -> int:
    if options.decks is not None:
        return WINDOWS_PER_DECK  # what is there has the usual length
    return options.windows_per_deck or windows_per_deck(windows, simulator.name)


def _example(
    network: TernaryNetwork,
    windows: NDArray[np.bool_],
    setup: Setup,
    simulator: Simulator,
    options: VerifyOptions,
    wrong: dict[str, Any] | None,
) -> Example | None:
    """One neuron with waveforms: that of the counter-example, or else, of those that both fire and
    stay silent in the first windows, the neuron of most synapses."""
    if "neurons" not in options.scopes and options.decks is not None:
        # Judged were decks of the whole network: the neuron that is shown is built anew.
        options = dataclasses.replace(options, decks=None)
        setup = dataclasses.replace(setup, decks=None)
    whole = wrong is not None or options.decks is not None  # the deck as it was judged, not a part
    shown = windows if whole else windows[:SHOWN_WINDOWS]
    most = _windows_per_deck(len(windows), simulator, options) if whole else SHOWN_WINDOWS

    def interest(task: NeuronTask) -> tuple[bool, bool, int]:
        counts = task.runs[0].stimulus[:SHOWN_WINDOWS].astype(int) @ np.asarray(task.site.signs)
        fires = counts >= task.site.theta
        place = (task.site.layer, task.site.neuron)
        named = wrong is not None and place == (wrong["layer"], wrong["neuron"])
        return named, bool(fires.any() and not fires.all()), len(task.site.inputs)

    task = max(plan_neurons(network, shown, most, len(shown)), key=interest)
    window = wrong["window"] if wrong is not None and interest(task)[0] else 0
    run = next(r for r in task.runs if window < r.first + r.stimulus.shape[0])
    name = run.name if whole else f"{run.name}_shown"
    task = NeuronTask(task.site, (Run(name, run.first, run.stimulus),))
    if options.cluster is None:
        case, waves = run_example(task, setup, simulator)
    else:
        sent = options.cluster.submit(run_remote_example, task, setup, simulator.name)
        case, waves = sent.result()
    if waves is None:
        return None
    last = max(0, run.stimulus.shape[0] - SHOWN_WINDOWS)
    return Example(case, waves, min(last, max(0, window - run.first - SHOWN_WINDOWS // 2)))

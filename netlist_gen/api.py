"""The front door: what the command line does, as functions.

    import netlist_gen as ng

    net = ng.read("digits.pt")
    run = ng.verify(net, x, labels, simulator="embedded")     # a directory is optional
    run.agreed, run.counter_example, run.energy.wall_plug_J, run.windows.to_pandas()
    ng.generate(net, x, "decks", dialects=["josim", "wrspice"])
    ng.performance(net, x)
    ng.characterize("splitter")
    waves = ng.simulate("deck.cir")
    waves.to_pandas(), waves.plot()
    ng.compare("a.csv", "b.csv").agreed

A network may be given by its file, samples and labels by ``.npy`` files, paths as texts. Options
are those of the commands, by the names of their options' classes, which check them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from netlist_gen.errors import ConfigurationError
from netlist_gen.files import shown
from netlist_gen.network import TernaryNetwork
from netlist_gen.parallel import Progress

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from netlist_gen.samples import Source
    from verification.campaign.result import Verification
    from verification.characterize.run import Characterization
    from verification.reference.options import PerformanceOptions
    from verification.reference.performance import Performance, SimulatedClock
    from verification.simulators.simulate import Simulated
    from verification.waves.compare import Comparison
    from verification.waves.waveforms import Waveforms

PathLike = str | os.PathLike[str]
Network = TernaryNetwork | PathLike


def read(
    path: PathLike,
    *,
    population: int | None = None,
    steps: int | None = None,
    input_shape: str | None = None,
    layers: str | None = None,
) -> TernaryNetwork:
    """The network in a checkpoint: ``.pt``, ``.safetensors``, ``.nir`` or ``.npz``.

    Args:
        path: of the file.
        population: output neurons per class; None: what the file says, else 1.
        steps: that it will run for; 1 admits neurons with memory.
        input_shape: of what goes into a first convolution, where the file does not say it, as
            "1,28,28".
        layers: its modules in order, likewise, as "conv, max 2, leaky, linear, leaky".

    Raises:
        NetworkError: the file is missing, damaged, or not what the hardware can be.
        ConfigurationError: another extension, or a layout that the file does not have.
    """
    from netlist_gen.checkpoint.registry import read_checkpoint

    _path(path, "path")
    found = read_checkpoint(
        path, population=population, steps=steps, input_shape=input_shape, layers=layers
    )
    return found.network


def generate(
    net: Network,
    x: Source | None = None,
    out: PathLike = "decks",
    *,
    progress: Progress | None = None,
    **options: Any,
) -> int:
    """Write a network's decks and ``manifest.json`` into a directory; how many decks.

    Args:
        net: a network or its file.
        x: samples, or their file; None is one window in which every line is pulsed.
        out: the directory.
        progress: see ``Progress``.
        **options: of ``netlist_gen.deck.options.GenerateOptions``: dialects, scopes, ...

    Raises:
        NetlistGenError: wrong input, or a directory that can't be written.
    """
    from netlist_gen.deck.generate import generate as write
    from netlist_gen.deck.options import GenerateOptions
    from netlist_gen.samples import read_samples

    network, source, steps = _network(net)
    inputs = str(x) if isinstance(x, str | os.PathLike) else ""
    chosen = GenerateOptions.of({"source": source, "inputs": inputs, **options})
    given = None
    if x is not None:
        given = read_samples(network, x, steps=steps, time_first=chosen.time_first).inputs
    return write(network, given, _path(out, "out"), chosen, progress)


def verify(
    net: Network,
    x: Source | None = None,
    labels: Source | None = None,
    out: PathLike | None = None,
    *,
    progress: Progress | None = None,
    **options: Any,
) -> Verification:
    """Simulate a network's neurons and hold them against the integer model.

    Args:
        net: a network or its file.
        x: samples, or their file; with ``exhaustive`` they may be left out.
        labels: the class of each, or their file.
        out: a directory for ``verify.json``, ``report.html`` and what else a run leaves; None
            keeps no files.
        progress: see ``Progress``.
        **options: of ``verification.campaign.options.VerifyOptions``: simulator, scopes, ...

    Raises:
        NetlistGenError: wrong input, or a simulator that is not there. A disagreement is a
            result, not an error.
    """
    from netlist_gen.samples import no_samples, read_samples
    from verification.campaign.options import VerifyOptions
    from verification.campaign.verify import verify as run
    from verification.report.html import write_report

    network, source, steps = _network(net)
    chosen = VerifyOptions.of({"source": source, **options})
    if x is None:
        if not chosen.exhaustive:
            raise ConfigurationError(
                "there are no samples to verify; give --inputs, or make windows with --exhaustive"
            )
        given = no_samples(network, labels, steps)
    else:
        given = read_samples(network, x, labels, steps=steps, time_first=chosen.time_first)
    samples = given.draw(chosen.samples, chosen.seed)
    chosen = replace(chosen, rows=samples.rows if chosen.rows is None else chosen.rows)
    where = _path_or_none(out)
    result = run(network, samples.inputs, samples.labels, where, chosen, progress)
    if where is not None:
        write_report(where)
    return result


def performance(
    net: Network, x: Source | None = None, labels: Source | None = None, **options: Any
) -> Performance:
    """Throughput, latency, power, energy and chip budget of a network, beside the source's.

    Args:
        net: a network or its file.
        x: samples, or their file: the dynamic energy is the mean over them.
        labels: the class of each, or their file.
        **options: of ``verification.reference.options.PerformanceOptions``: clock_ghz, ...

    Raises:
        NetlistGenError: wrong input, a timing that does not close, or a run (``verified``) of
            another network, or one that found a disagreement.
    """
    from netlist_gen.samples import read_samples
    from netlist_gen.spikes import with_room
    from verification.reference.options import PerformanceOptions
    from verification.reference.performance import performance as measure

    network, _, steps = _network(net)
    chosen = PerformanceOptions.of(options)
    samples = None
    if x is not None:
        found = read_samples(network, x, labels, steps=steps, time_first=chosen.time_first)
        samples = found.first(chosen.samples)
        network = with_room(network, samples.inputs)
    elif labels is not None:
        raise ConfigurationError("there are labels without samples; give --inputs too")
    run, circuit = None, None
    if chosen.verified is not None:
        run, circuit = _simulated(chosen.verified, network, chosen)
    if samples is None:
        figures = measure(network, None, None, chosen, simulated=run, sample_steps=steps)
    else:
        figures = measure(network, samples.inputs, samples.labels, chosen, simulated=run)
    mine = _circuit_words(figures.junctions, figures.bias_A)
    if circuit not in (None, mine):
        raise ConfigurationError(
            f"{chosen.verified} simulated a circuit of {circuit}, this one has {mine}: "
            "--splitters, extracted values or the version of the program are other ones"
        )
    return figures


def characterize(cell: str, out: PathLike | None = None, **options: Any) -> Characterization:
    """Measure a cell: delays, spacings, energies; margins, yield and noise where asked for.

    Args:
        cell: a cell of the library, ``neuron16`` (any fan-in), or a TOML file of one's own.
        out: a directory for tables, models, plots and pages; None keeps no files.
        **options: of ``verification.characterize.options.CharacterizeOptions``: margins, ...

    Raises:
        NetlistGenError: wrong input, or a simulator that is missing or fails.
    """
    from verification.characterize.options import CharacterizeOptions
    from verification.characterize.run import characterize_cell

    if not isinstance(cell, str):
        cell = str(_path(cell, "cell"))
    return characterize_cell(cell, CharacterizeOptions.of(options), _path_or_none(out))


@overload
def simulate(deck: PathLike, out: None = None, **options: Any) -> Waveforms: ...
@overload
def simulate(deck: PathLike, out: PathLike, **options: Any) -> Simulated: ...
def simulate(
    deck: PathLike,
    out: PathLike | None = None,
    *,
    note: Callable[[str], None] = lambda _: None,
    **options: Any,
) -> Waveforms | Simulated:
    """Simulate a deck: its waveforms, or, with ``out``, what was written there.

    Args:
        deck: the file.
        out: .csv (JoSIM's columns), .parquet, .npz, .raw or .vcd, written while the run goes on;
            the files that a JoSIM deck names (.file, .iv) are written beneath its folder.
        note: called with each sentence that a user should read.
        **options: of ``verification.simulators.options.SimulateOptions``: simulator, ...

    Raises:
        NetlistGenError: a deck that can't be read, or a simulator that is missing or fails.
    """
    from verification.simulators.options import SimulateOptions
    from verification.simulators.simulate import simulate as run

    where = _path_or_none(out)
    done = run(_path(deck, "deck"), where, SimulateOptions.of(options), note)
    return done if done.waveforms is None else done.waveforms


def plot(
    waves: Waveforms | PathLike,
    signals: Sequence[str] | str | None = None,
    out: PathLike | None = None,
    *,
    simulator: str = "auto",
    **style: Any,
) -> Figure | Path:
    """Draw waveforms, those in a file (CSV, raw, Parquet, NPZ), or those of a deck, simulated.

    Args:
        waves: the waveforms, their file, or a deck.
        signals: names or patterns (``P(B1*)``); None is all in an interactive page, the first
            ones in a picture.
        out: a file to write, .png, .svg or .pdf, or .html: an interactive page (needs plotly).
        simulator: that runs a deck.
        **style: of ``verification.waves.options.PlotOptions``: layout, phases, window_ps, marks.

    Returns:
        the figure; of an interactive page its path.

    Raises:
        NetlistGenError: a file that can't be read or written, a deck that does not run, or a
            signal that is not there.
    """
    from verification.waves.options import PlotOptions
    from verification.waves.plot import plot_waveforms
    from verification.waves.read import SUFFIXES, read_waveforms
    from verification.waves.waveforms import Waveforms

    options, title = PlotOptions.of(style), ""
    if not isinstance(waves, Waveforms):
        path = _path(waves, "waves", "waveforms or a path")
        title = path.name
        if path.suffix.lower() in SUFFIXES:
            waves = read_waveforms(path)
        else:
            waves = simulate(path, simulator=simulator)
    return plot_waveforms(waves, signals, _path_or_none(out), options, title)


def compare(
    a: Waveforms | PathLike,
    b: Waveforms | PathLike,
    signals: Sequence[str] | None = None,
    **options: Any,
) -> Comparison:
    """Waveforms, or those in files (CSV, raw, Parquet, NPZ), held against each other.

    Args:
        a: one of them; its times are compared at.
        b: the other.
        signals: names or patterns; None is all.
        **options: of ``verification.waves.options.CompareOptions``: turns, shift_ps, share,
            overlap.

    Raises:
        NetlistGenError: a file that can't be read, or nothing that both hold.
    """
    from verification.waves.compare import compare as hold
    from verification.waves.options import CompareOptions
    from verification.waves.read import read_waveforms
    from verification.waves.waveforms import Waveforms

    def waves(one: Waveforms | PathLike, name: str) -> Waveforms:
        if isinstance(one, Waveforms):
            return one
        return read_waveforms(_path(one, name, "waveforms or a path"))

    return hold(waves(a, "a"), waves(b, "b"), signals, CompareOptions.of(options))


def _path(value: object, name: str, needed: str = "a path") -> Path:
    if not isinstance(value, str | os.PathLike):
        raise ConfigurationError(f"{name} is {shown(value)}; {needed} is needed")
    return Path(value)


def _path_or_none(out: PathLike | None) -> Path | None:
    return None if out is None else _path(out, "out")


def _network(net: Network) -> tuple[TernaryNetwork, str, int | None]:
    """The network, the file it is from, and the steps for which it was made, where that says."""
    if isinstance(net, TernaryNetwork):
        return net, "", None
    from netlist_gen.checkpoint.registry import read_checkpoint

    _path(net, "net", "a network or a path")
    found = read_checkpoint(net)
    # A network whose membranes last has room for samples of fewer steps too.
    return found.network, str(net), None if found.network.has_memory else found.card.steps


def _simulated(
    run: Path, network: TernaryNetwork, chosen: PerformanceOptions
) -> tuple[SimulatedClock, str]:
    """The clock at which a finished run simulated this network, what of it, and its circuit."""
    from netlist_gen.checkpoint.digest import network_digest
    from netlist_gen.library.bias import IDEAL
    from verification.campaign.altered import MOST_DECKS
    from verification.reference.performance import SimulatedClock
    from verification.report.html import load_run

    verdict, _ = load_run(run)
    mine, theirs = network_digest(network), verdict.network.sha256
    if theirs != mine:
        raise ConfigurationError(
            f"{run} is a run of a network of the SHA-256 {shown((theirs or '')[:12])}, this one "
            f"has {mine[:12]!r}"
        )
    buses, process = verdict.energy.buses, chosen.loaded_process()
    theirs, mine = (
        f"process {verdict.process}, bias {IDEAL if buses is None else buses.bias}",
        f"process {process.name}, bias {chosen.bias}",
    )
    if theirs != mine:
        raise ConfigurationError(f"{run} is a run with {theirs}, not {mine}")
    content = {} if verdict.origin is None else verdict.origin.hashes
    theirs, mine = content.get("process", ""), process.digest()
    if theirs != mine:
        raise ConfigurationError(
            f"{run} is a run with a process {verdict.process} of the SHA-256 {shown(theirs[:12])}, "
            f"this one has {mine[:12]!r}"
        )
    if content.get("manifest of decks") == "":
        raise ConfigurationError(
            f"{run} judged decks without a manifest, which may be of another circuit; a clock is "
            "taken from a run of the network's own"
        )
    for other in verdict.altered:
        if other.count or len(verdict.altered) >= MOST_DECKS:  # of more nothing is told
            raise ConfigurationError(
                f"{run} judged {other.deck}, which is not the deck that generate wrote; a clock "
                "is taken from a run of the network's own"
            )
    if not verdict.agreed:
        raise ConfigurationError(
            f"{run}: that run did not agree ({verdict.mismatches} of {verdict.checked} windows "
            "wrong); a clock is taken from one that did"
        )
    clock = SimulatedClock(
        verdict.clock_ghz, verdict.simulator.name, verdict.scope, verdict.checked
    )
    return clock, _circuit_words(verdict.circuit.junctions, verdict.circuit.bias_A)


def _circuit_words(junctions: int, bias_A: float) -> str:
    return f"{junctions} junctions and {bias_A * 1e3:.6g} mA of bias"

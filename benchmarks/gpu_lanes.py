"""Lanes on a GPU: ``python benchmarks/gpu_lanes.py``; some three minutes on a large one.

First they are held against lanes of the processor: phases, pulses, energies of the 16-input
neuron. Then junction-steps per second against one core of the processor, for lanes of stimuli and
of values; ``device`` is the time loop alone, ``whole`` with tables, copies and results. Last a
campaign: the digits network verified on each device. Names of figures pick some. The extra
``cuda`` has to be installed; without a GPU it says so and ends.
"""

from __future__ import annotations

import contextlib
import io
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np
from engine_circuits import NeuronDeck, neuron_deck

from netlist_gen.errors import ConfigurationError
from verification.engine.cuda.devices import target_of
from verification.engine.cuda.target import Target
from verification.engine.run import CompiledDeck, Extract, LaneResult, compile_deck
from verification.engine.text.sources import SourceWave
from verification.simulators.base import DeckJob
from verification.simulators.embedded import source_waves

ROOT = Path(__file__).parents[1]
DISTINCT = 64
"""Stimuli that differ; more lanes repeat them."""
PHASE_RAD, PULSE_S, ENERGY = 1e-9, 1e-18, 1e-9
"""What lanes of both devices may differ by: rad, s, a share."""
Lanes = list[dict[str, SourceWave]] | list[dict[str, float]]


class Stopped:
    """A target that knows for how long it ran steps."""

    def __init__(self, target: Target, workers: int | None) -> None:
        self._target = target
        self._workers = workers
        self.seconds = 0.0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._target, name)

    def workers(self, lanes: int) -> int:
        """As many as were asked for, or the target's own choice."""
        return self._workers or self._target.workers(lanes)

    def advance(self, *arguments: Any, **options: Any) -> None:
        """The target's, timed."""
        begin = time.perf_counter()
        self._target.advance(*arguments, **options)
        self.seconds += time.perf_counter() - begin


class Bench:
    """The neuron, and lanes of it."""

    def __init__(self, stop_ps: float | None) -> None:
        rng = np.random.default_rng(0)
        decks = [neuron_deck(rng.random((2, 16)) < 0.5) for _ in range(DISTINCT)]
        texts = [_shortened(deck, stop_ps) for deck in decks]
        self.deck: CompiledDeck = compile_deck(texts[0], name="neuron16")
        self.output = decks[0].output
        self.waves = [source_waves(texts[0], DeckJob("d", text)) for text in texts]
        self.junctions = len(self.deck.topology.junctions)
        self.steps = self.deck.transient.steps

    def lanes(self, kind: str, count: int) -> Lanes:
        """Stimuli, or sets of values that are all different."""
        if kind == "stimuli":
            return [self.waves[k % DISTINCT] for k in range(count)]
        rng = np.random.default_rng(1)
        drawn = rng.normal(1.0, 0.02, (count, 4)).tolist()
        return [dict(zip(("I*", "B*", "L*", "R*"), row, strict=True)) for row in drawn]

    def run(self, kind: str, lanes: Lanes, extract: Extract, device: Any) -> list[LaneResult]:
        """Run lanes of a kind."""
        run: Callable[..., list[LaneResult]] = (
            self.deck.run_lanes if kind == "stimuli" else self.deck.run_parameter_lanes
        )
        return run(lanes, extract=extract, device=device)


def _shortened(deck: NeuronDeck, stop_ps: float | None) -> str:
    """The deck with its run ended after so many ps."""
    if stop_ps is None:
        return deck.text
    lines = deck.text.splitlines()
    at = next(k for k, line in enumerate(lines) if line.lower().startswith(".tran"))
    words = lines[at].split()
    lines[at] = " ".join([*words[:2], f"{stop_ps:g}p", *words[3:]])
    return "\n".join(lines) + "\n"


def agreement(bench: Bench, target: Target, lanes: int) -> bool:
    """Lanes of both kinds on both devices; whether they differ by rounding alone."""
    good = True
    extract = Extract(pulses=(bench.output,), energy=True)
    for kind in ("stimuli", "values"):
        some = bench.lanes(kind, lanes)
        here, there = (bench.run(kind, some, extract, device) for device in ("cpu", target))
        phase = pulse = energy = 0.0
        counts = True
        for a, b in zip(here, there, strict=True):
            assert a.waveforms is not None
            assert b.waveforms is not None
            rows = [k for k, name in enumerate(a.waveforms.names) if name.startswith("P(")]
            moved = np.abs(a.waveforms.values[rows] - b.waveforms.values[rows])
            phase = max(phase, float(moved.max(initial=0.0)))
            times = [each.pulses[bench.output].time_s for each in (a, b)]
            counts = counts and times[0].size == times[1].size
            if counts:
                pulse = max(pulse, float(np.abs(times[0] - times[1]).max(initial=0.0)))
            works = [sum(each.bias_energy_J.values()) for each in (a, b)]
            energy = max(energy, abs(works[0] - works[1]) / max(abs(works[0]), 1e-30))
        agrees = counts and phase < PHASE_RAD and pulse < PULSE_S and energy < ENERGY
        good = good and agrees
        click.echo(
            f"agreement, {lanes} lanes of {kind}, {bench.steps} steps: phases {phase:.1e} rad, "
            f"pulses {pulse * 1e12:.1e} ps, energies {energy:.1e}; "
            f"{'all agree' if agrees else 'THEY DIFFER'}"
        )
    return good


def throughput(bench: Bench, target: Target, counts: Sequence[int], workers: int | None) -> None:
    """Junction-steps per second of each number of lanes, beside one core's."""
    extract = Extract(waveforms=False, pulses=(bench.output,), max_pulses=64)
    for kind in ("stimuli", "values"):
        some = bench.lanes(kind, 256)
        bench.run(kind, some[:8], extract, "cpu")
        begin = time.process_time()
        bench.run(kind, some, extract, "cpu")
        core = 256 * bench.junctions * bench.steps / (time.process_time() - begin)
        click.echo(f"throughput, {kind}: one core {core:.3g} junction-steps/s (256 lanes)")
        for count in counts:
            lanes = bench.lanes(kind, count)
            clock = Stopped(target, workers)
            begin = time.perf_counter()
            bench.run(kind, lanes, extract, clock)
            whole = time.perf_counter() - begin
            work = count * bench.junctions * bench.steps
            click.echo(
                f"throughput, {count} lanes of {kind}, {clock.workers(count)} threads each: device "
                f"{work / clock.seconds:.3g} junction-steps/s ({work / clock.seconds / core:.1f} "
                f"cores), whole {work / whole:.3g} ({work / whole / core:.1f} cores), {whole:.1f} s"
            )


def campaign(device: str, samples: int) -> None:
    """``verify`` of the bundled digits on each device."""
    from netlist_gen.cli import main

    for where in dict.fromkeys((device, "cpu")):
        with tempfile.TemporaryDirectory() as folder:
            words = [
                "netlist-gen", "verify", str(ROOT / "examples" / "digits.npz"), "--inputs",
                str(ROOT / "examples" / "digits_inputs.npy"), "--labels",
                str(ROOT / "examples" / "digits_labels.npy"), "-o", folder, "--simulator",
                "embedded", "--every-window", "--samples", str(samples), "--device", where,
            ]  # fmt: skip
            sys.argv = words
            begin, cpu = time.perf_counter(), time.process_time()
            with contextlib.redirect_stdout(io.StringIO()):
                status = 0
                try:
                    main()
                except SystemExit as ended:
                    status = int(ended.code or 0)
            click.echo(
                f"campaign, {samples} digits on {where}: exit status {status}, "
                f"{time.perf_counter() - begin:.1f} s wall, {time.process_time() - cpu:.1f} s "
                "processor"
            )


@click.command()
@click.argument("figures", nargs=-1, type=click.Choice(["agreement", "throughput", "campaign"]))
@click.option("--lanes", default="256,4096,65536", help="Numbers of lanes, with commas.")
@click.option("--workers", type=int, help="Threads at each lane [default: as the GPU is filled].")
@click.option("--checked", default=64, help="Lanes that are held against the processor's.")
@click.option("--samples", default=360, help="Digits of the campaign.")
@click.option("--stop-ps", type=float, help="A shorter run than the neuron's two windows.")
def run(
    figures: tuple[str, ...],
    lanes: str,
    workers: int | None,
    checked: int,
    samples: int,
    stop_ps: float | None,
) -> None:
    """Measure the FIGURES, all by default."""
    try:
        target = target_of("cuda")
    except ConfigurationError as error:
        raise click.ClickException(str(error)) from error
    assert target is not None
    bench = Bench(stop_ps)
    begin = time.perf_counter()
    bench.run("stimuli", bench.lanes("stimuli", 1), Extract(waveforms=False), target)
    bench.run("values", bench.lanes("values", 2), Extract(waveforms=False), target)
    click.echo(f"kernels compiled, first lanes run: {time.perf_counter() - begin:.1f} s")
    wanted = figures or ("agreement", "throughput", "campaign")
    good = agreement(bench, target, checked) if "agreement" in wanted else True
    if "throughput" in wanted:
        throughput(bench, target, [int(each) for each in lanes.split(",")], workers)
    if "campaign" in wanted:
        campaign("cuda", samples)
    raise SystemExit(0 if good else 1)


if __name__ == "__main__":
    run()

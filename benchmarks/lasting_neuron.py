"""Neurons whose membranes last, in figures: exactness, bias, noise, window.

    python benchmarks/lasting_neuron.py                         # all of it
    python benchmarks/lasting_neuron.py exact --josim           # some of it in josim-cli too
    python benchmarks/lasting_neuron.py exact --steps 8 --reset zero --fan-in 16
    python benchmarks/lasting_neuron.py waves --figure docs/images/lasting-neuron.png

Trains are random: each line of each sample has a rate of its own, a third of them 0 or 1, so that
loops are full and empty beside each other. Crosstalk is at the process's values.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
from neuron_cases import run_all
from neuron_exactness import josim_wrong
from numpy.typing import NDArray

from netlist_gen.circuit.lasting_neuron import design_of, roomy_period_s
from netlist_gen.circuit.neuron import coupler_of
from netlist_gen.circuit.sites import SiteMemory
from netlist_gen.library.cells import CellLibrary
from netlist_gen.library.design import load_phases, load_rules
from netlist_gen.memory import RESETS, Reset
from verification.characterize.trials.neuron_lanes import NeuronLane, NeuronLanes
from verification.characterize.trials.statistics import wilson
from verification.simulators.base import DeckJob
from verification.simulators.registry import get_simulator

PROCESS = "sfq5ee"
PARTS = ("exact", "bias", "grey", "waves")
KELVIN = 4.2
STEPS = {"zero": 8, "none": 4, "subtract": 4}
"""Of a sample, where nothing else is asked for."""


@dataclass(frozen=True)
class Neuron:
    """A neuron of random signs.

    Attributes:
        signs: +1 or -1 for each line.
        theta: threshold.
        memory: of its membrane.
        crosstalk: whether neighbours are coupled.
    """

    signs: NDArray[np.int64]
    theta: int
    memory: SiteMemory
    crosstalk: bool

    def lanes(self, samples: int, temperature_K: float = 0.0) -> NeuronLanes:
        """It, compiled for so many samples in a row."""
        phases = load_phases()
        branches = self.signs.size + self.memory.subtract
        period = roomy_period_s(self.memory, branches, phases)
        return NeuronLanes(
            PROCESS,
            self.signs.tolist(),
            samples * (self.memory.steps + 1),
            phases=phases.with_period(max(phases.period, period)),
            temperature_K=temperature_K,
            crosstalk=self.crosstalk,
            memory=self.memory,
        )

    def trains(self, samples: int, rng: np.random.Generator) -> NDArray[np.bool_]:
        """Windows of samples, the clearing windows with them."""
        steps, lines = self.memory.steps, self.signs.size
        rate = rng.random((samples, 1, lines))
        rate = np.where(rng.random(rate.shape) < 1 / 3, np.round(rate), rate)
        found = rng.random((samples, steps, lines)) < rate
        return np.pad(found, ((0, 0), (1, 0), (0, 0))).reshape(-1, lines)

    def lane(self, samples: int, rng: np.random.Generator, *, seed: int = 0) -> NeuronLane:
        """Random trains whose pulses come at random times within 10 ps."""
        stimulus = self.trains(samples, rng)
        arrivals = rng.uniform(0.0, 10e-12, stimulus.shape)
        return NeuronLane(self.theta, stimulus, arrivals, seed=seed)


def drawn(fan_in: int, reset: Reset, steps: int, *, crosstalk: bool) -> Iterator[Neuron]:
    """Neurons of random signs: half and three quarters excitatory, and all; several thetas."""
    rng = np.random.default_rng((fan_in, steps))
    for share in (2, 3, 4):
        excitatory = fan_in * share // 4
        signs = rng.permutation([1] * excitatory + [-1] * (fan_in - excitatory))
        for theta in (1, 2, 3, max(4, excitatory // 2)):
            amount = theta - 1 if reset == "subtract" else 0
            yield Neuron(signs, theta, SiteMemory(reset, steps, amount), crosstalk)


def exact(
    fan_in: int, reset: Reset, steps: int, samples: int, *, crosstalk: bool, josim: bool
) -> None:
    """Random trains against the integer model."""
    wrong = windows = fired = 0
    begin = time.process_time()
    in_josim = []
    for neuron in drawn(fan_in, reset, steps, crosstalk=crosstalk):
        rng = np.random.default_rng(neuron.theta)
        lanes = neuron.lanes(samples)
        cases = [neuron.lane(samples, rng) for _ in range(4)]
        wrong += sum(run_all(lanes, cases))
        windows += 4 * samples * steps
        fired += sum(int(lanes.spikes(case).fires.sum()) for case in cases)
        if josim:
            in_josim.append(josim_wrong(lanes, cases[0]))
    click.echo(
        f"  fan-in {fan_in:2d}, reset {reset}, {steps} steps: {wrong} wrong of {windows} decided "
        f"windows, {fired} with a pulse ({time.process_time() - begin:.0f} s of processor)"
    )
    for told in in_josim:
        click.echo(f"    JoSIM: {told}")


def bias(fan_in: int, reset: Reset, steps: int, samples: int, *, crosstalk: bool) -> None:
    """Bias of everything but the control lines, in steps of 2.5 %."""
    signs = np.array([1, 1, 1, -1] * (fan_in // 4))
    for theta in (1, 3):
        amount = theta - 1 if reset == "subtract" else 0
        neuron = Neuron(signs, theta, SiteMemory(reset, steps, amount), crosstalk)
        rng = np.random.default_rng(1)
        lanes = neuron.lanes(samples)
        factors = [round(1 + 0.025 * k, 3) for k in range(-10, 11)]
        base = neuron.lane(samples, rng)
        cases = [
            NeuronLane(theta, base.stimulus, base.arrivals_s, bias=factor) for factor in factors
        ]
        right = {f for f, bad in zip(factors, run_all(lanes, cases), strict=True) if not bad}
        low = min(f for f in factors if all(g in right for g in factors if f <= g <= 1.0))
        high = max(f for f in factors if all(g in right for g in factors if 1.0 <= g <= f))
        click.echo(
            f"  fan-in {fan_in:2d}, theta {theta}, reset {reset}, {steps} steps: bias "
            f"{low - 1:+.1%} to {high - 1:+.1%} over {samples * steps} windows"
        )


def grey(fan_in: int, reset: Reset, steps: int, samples: int, *, crosstalk: bool) -> None:
    """Decisions at 4.2 K whose membrane is half a pulse from the edge."""
    signs = np.array([1, -1] * (fan_in // 2))
    amount = 0
    neuron = Neuron(signs, 1, SiteMemory(reset, steps, amount), crosstalk)
    lanes = neuron.lanes(samples, KELVIN)
    wrong = total = 0
    rng = np.random.default_rng(2)
    for seed in range(8):
        case = neuron.lane(samples, rng, seed=seed)
        (verdict,) = lanes.run([case])
        spikes = lanes.spikes(case)
        first = np.zeros(spikes.fires.size, dtype=bool)
        # A wrong pulse changes what follows: each sample counts up to its first wrong window.
        unlike = (verdict.pulses != spikes.fires).reshape(-1, steps + 1)
        first = (np.cumsum(unlike, axis=1) - unlike == 0).reshape(-1)
        near = np.isin(spikes.count, (0, 1)) & spikes.clocked & first
        wrong += int((near & (verdict.pulses != spikes.fires)).sum())
        total += int(near.sum())
    low, high = wilson(wrong, total)
    coupler = coupler_of(CellLibrary(PROCESS, crosstalk=crosstalk))
    design = design_of(signs.tolist(), 1, coupler, neuron.memory)
    sigma = load_rules().edge(design.size.loops).sigma
    click.echo(
        f"  fan-in {fan_in:2d}, reset {reset}, {steps} steps: {wrong} wrong of {total} at distance "
        f"1/2: {wrong / total:.2g} ({low:.1g} .. {high:.1g}); {design.unit:.4f} Phi0 for each "
        f"pulse, half of it {design.unit / 2 / sigma:.2f} sigma"
    )


def waves(figure: Path) -> None:
    """Two samples of four steps on three excitatory lines and an inhibitory one, theta 3."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    memory = SiteMemory("zero", 4)
    neuron = Neuron(np.array([1, 1, 1, -1]), 3, memory, crosstalk=False)
    lanes = neuron.lanes(2)
    rows = ["0000", "1000", "1001", "1100", "0110", "0000", "1100", "0000", "0011", "0100"]
    case = NeuronLane(3, np.array([[c == "1" for c in row] for row in rows]))
    bench, spikes = lanes.bench(case), lanes.spikes(case)
    deck = lanes.deck(case)
    instance = bench.view.instance
    stored = [f"I(LST|XS{k}|{instance})" for k in range(4)]
    prints = "".join(f".print i(LST.XS{k}.{instance})\n" for k in range(4))
    text = deck.text.replace(".end\n", prints + ".end\n")
    seen = get_simulator("embedded").run(DeckJob("waves", text), timeout_s=60.0).require()
    time_ps = (seen.time_s - bench.start_s) * 1e12
    drawn, axes = plt.subplots(6, 1, figsize=(10, 7.5), sharex=True, layout="constrained")
    for axis, column, name in zip(axes, stored, ("+", "+", "+", "-"), strict=False):
        axis.plot(time_ps, seen.signal(column) * 1e6, lw=1)
        axis.set_ylabel(f"loop {name}\nuA")
    decided = (bench.view.decisions_s() - bench.start_s) * 1e12
    axes[4].plot(decided[spikes.clocked], spikes.count[spikes.clocked], "o", ms=4)
    axes[4].axhline(2.5, color="0.5", lw=0.8, ls="--")
    axes[4].set_ylabel("membrane,\ninteger model")
    axes[5].plot(time_ps, seen.signal(bench.view.output.column) / (2 * np.pi), lw=1)
    axes[5].set_ylabel("output,\npulses")
    axes[5].set_xlabel("ps")
    edges = (bench.view.boundaries_s() - bench.start_s) * 1e12
    for axis in axes:
        axis.grid(alpha=0.3)
        for begin, end, clear in zip(edges, edges[1:], ~spikes.clocked, strict=False):
            axis.axvline(begin, color="0.8", lw=0.6)
            if clear:
                axis.axvspan(begin, end, color="0.9")
    drawn.savefig(figure, dpi=110)
    click.echo(f"  {figure}: grey are the clearing windows")


@click.command(context_settings={"show_default": True})
@click.argument("parts", nargs=-1, type=click.Choice(PARTS))
@click.option("--fan-in", "fan_ins", multiple=True, type=int, default=(8, 16))
@click.option("--reset", "resets", multiple=True, type=click.Choice(RESETS), default=RESETS)
@click.option("--steps", type=int, help="Of a sample [default: 8 for zero, else 4].")
@click.option("--samples", default=20, help="In a row; four lanes for each neuron.")
@click.option("--crosstalk/--no-crosstalk", default=True)
@click.option("--josim", is_flag=True, help="One lane of each neuron in josim-cli too.")
@click.option("--figure", type=click.Path(path_type=Path), help="Of waves: a PNG.")
def main(
    parts: tuple[str, ...],
    fan_ins: tuple[int, ...],
    resets: tuple[Reset, ...],
    steps: int | None,
    samples: int,
    crosstalk: bool,
    josim: bool,
    figure: Path | None,
) -> None:
    """Print the figures."""
    if "waves" in parts and figure is None:
        raise click.UsageError("waves draws a picture: name its file with --figure")
    for part in parts or PARTS:
        if part == "waves":
            if figure is not None:
                waves(figure)
            continue
        click.echo(part)
        for fan_in in fan_ins:
            for reset in resets:
                what = fan_in, reset, steps or STEPS[reset], samples
                if part == "exact":
                    exact(*what, crosstalk=crosstalk, josim=josim)
                elif part == "bias":
                    bias(*what, crosstalk=crosstalk)
                else:
                    grey(*what, crosstalk=crosstalk)


if __name__ == "__main__":
    main()

"""One neuron's waveforms for the report: which neuron, and what of it is kept."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from netlist_gen.circuit.lasting_neuron import lasting_phases
from netlist_gen.deck.plan import Cut, NeuronRun, NeuronTask
from netlist_gen.errors import ConfigurationError
from netlist_gen.spikes import steps_of
from verification.campaign.cases import Case
from verification.campaign.made import MadeWindows
from verification.campaign.plan import Setup
from verification.campaign.windows import SampleWindows
from verification.campaign.work import run_example, run_remote_example
from verification.simulators.base import Simulator
from verification.verdict.measured import Measured
from verification.verdict.outcome import CounterExample, ShownNeuron
from verification.waves.waveforms import Waveforms

SHOWN_WINDOWS = 6
"""Windows of the one neuron whose waveforms the report shows."""

OWN = -1
"""Stands for the input line of a loop that counts the neuron's own pulses."""


@dataclass(frozen=True, eq=False)
class Example:
    """A neuron's waveforms; shown is what begins at ``window`` of the case."""

    case: Case
    waves: Waveforms
    window: int = 0

    def shown(self) -> ShownNeuron:
        """Which neuron it is."""
        site = self.case.neurons[0].view.site
        return ShownNeuron(
            deck=self.case.job.name,
            layer=site.layer,
            neuron=site.neuron,
            theta=site.theta,
            first_window=self.case.first + self.window,
        )

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """What the report plots, see ``verification.report.plots.waveforms``."""
        view, spikes = self.case.neurons[0].view, self.case.neurons[0].spikes
        part = slice(self.window, self.window + SHOWN_WINDOWS)
        bounds = view.boundaries_s()[self.window : self.window + SHOWN_WINDOWS + 1]
        keep = (self.waves.time_s >= bounds[0]) & (self.waves.time_s <= bounds[-1])

        def phases(columns: Sequence[str]) -> NDArray[np.float64]:
            return np.stack([self.waves.signal(column)[keep] for column in columns])

        loops = (*view.loops().values(), *view.own_loops())
        into = np.hstack([spikes.arrivals, spikes.own]).astype(np.int64)
        return {
            "example_time_s": self.waves.time_s[keep],
            "example_output": phases([view.output.column])[0],
            "example_set": phases([into.column for into, _ in loops]),
            "example_clear": phases([out.column for _, out in loops]),
            "example_squids": phases([probe.column for probe, _ in view.squids()]),
            "example_signs": np.asarray(view.site.branch_signs),
            "example_lines": np.asarray([*view.site.inputs, *[OWN] * len(view.own_loops())]),
            "example_held": (into - spikes.leaving)[: self.window].sum(axis=0),
            "example_theta": np.asarray(spikes.theta),
            "example_decisions_s": view.decisions_s()[part],
            "example_bounds_s": bounds,
            "example_count": spikes.count[part],
            "example_fires": spikes.fires[part],
            "example_clocked": spikes.clocked[part],
        }


def seen_in(wrong: CounterExample, measured: Measured) -> CounterExample:
    """The counter-example in the first window in which it shows.

    One about the deck as a whole, such as a source, names the deck's first window; pulses may go
    wrong much later.
    """
    if wrong.layer is None or wrong.neuron is None or wrong.scope != measured.scope:
        return wrong
    windows = np.flatnonzero(measured.wrong[wrong.layer][:, wrong.neuron])
    return dataclasses.replace(wrong, window=int(windows[0])) if windows.size else wrong


def judged_arrays(example: Example, measured: Measured) -> dict[str, NDArray[np.generic]]:
    """What was measured of the example's neuron in the windows that are shown."""
    shown = example.shown()
    part = slice(shown.first_window, shown.first_window + SHOWN_WINDOWS)
    at = (part, shown.neuron)
    return {
        "example_pulses": measured.pulses[shown.layer][at],
        "example_wrong": measured.wrong[shown.layer][at],
    }


def find_example(
    plan: SampleWindows | MadeWindows,
    cut: Cut,
    setup: Setup,
    simulator: Simulator,
    scopes: Sequence[str],
    wrong: CounterExample | None,
    cluster: Executor | None,
) -> Example | None:
    """One neuron with waveforms: the counter-example's, or else one that says much.

    That is, of those that both fire and stay silent in the first windows, the neuron of most
    synapses. None where its run fails, or where its bench needs longer windows than its network.
    """
    if wrong is not None and (wrong.failed or wrong.scope != "neurons"):
        wrong = None
    if "neurons" not in scopes:
        # Judged were decks of the whole network: the neuron that is shown is built anew.
        setup = dataclasses.replace(setup, decks=None)
    setup = dataclasses.replace(setup, tolerance_s=None)
    # The deck as it was judged, or a short one of the first windows.
    whole = wrong is not None or setup.decks is not None or isinstance(plan, MadeWindows)
    if isinstance(plan, SampleWindows) and not whole:
        each = plan.spikes.inseparable
        shown = -(-SHOWN_WINDOWS // each) * each
        plan = SampleWindows(plan.spikes.part(0, shown), plan.asked)
    tasks = (task for task in plan.tasks("neurons", cut) if isinstance(task, NeuronTask))
    task = max(tasks, key=lambda task: _interest(task, wrong))
    run = next((r for r in task.runs if _is_deck(r, wrong)), task.runs[0])
    window = _place(run, wrong)
    name = run.name if whole else f"{run.name}_shown"
    task = NeuronTask(task.site, (dataclasses.replace(run, name=name),))
    if task.site.memory is not None and "neurons" not in scopes:
        try:
            lasting_phases(task.site, setup.phases)
        except ConfigurationError:
            return None
    if cluster is None:
        case, waves = run_example(task, setup, simulator)
    else:
        case, waves = cluster.submit(run_remote_example, task, setup, simulator.name).result()
    if waves is None:
        return None
    last = max(0, run.windows - SHOWN_WINDOWS)
    return Example(case, waves, min(last, max(0, window - SHOWN_WINDOWS // 2)))


def _is_deck(run: NeuronRun, wrong: CounterExample | None) -> bool:
    return wrong is not None and Path(wrong.deck).stem == run.name


def _place(run: NeuronRun, wrong: CounterExample | None) -> int:
    """Which window of a deck is the wrong one; 0 where none is."""
    if wrong is None or not _is_deck(run, wrong):
        return 0
    if run.stands is None:
        return wrong.window - run.first
    return int(np.argmax(run.stands.shown == wrong.window))


def _interest(task: NeuronTask, wrong: CounterExample | None) -> tuple[bool, bool, int]:
    fires = task.runs[0].spikes.fires[:SHOWN_WINDOWS]
    named = any(_is_deck(run, wrong) for run in task.runs)
    return named, bool(fires.any() and not fires.all()), len(task.site.inputs)


def run_arrays(
    measured: Measured,
    inputs: NDArray[np.bool_],
    steps: int,
    labels: NDArray[np.int64] | None,
) -> dict[str, NDArray[np.generic]]:
    """What ``results.npz`` holds of all neurons: expected and measured by layer, and classes.

    Args:
        measured: in one scope.
        inputs: windows of the samples, shape (windows, inputs).
        steps: windows of a sample.
        labels: of the samples, or None.
    """
    spikes = measured.spikes
    samples = steps_of(spikes.network, inputs, steps)
    arrays: dict[str, NDArray[np.generic]] = {
        "inputs": inputs,
        "predicted": spikes.network.predict(samples),
    }
    if not measured.made:
        arrays["simulated"] = measured.classes(steps)
    if labels is not None:
        arrays["labels"] = labels
    for index, expected in enumerate(spikes.layers[1:]):
        arrays[f"expected{index}"] = expected
        arrays[f"measured{index}"] = measured.pulses[index]
        arrays[f"delay{index}"] = measured.delays_s[index]
        arrays[f"wrong{index}"] = measured.wrong[index]
    return arrays

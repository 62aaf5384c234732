"""What the decision stage was searched for, drawn: bias, single values, noise (``neuron.py``)."""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from neuron_cases import Drawn
from neuron_margins import parameter_groups
from scipy.stats import norm

from netlist_gen.circuit.neuron import coupler_of, design_neuron
from netlist_gen.circuit.view import DECISION, instance_name
from netlist_gen.library.cells import CellLibrary
from netlist_gen.library.design import load_rules
from verification.characterize.measure.spread import ScatteredNeuron
from verification.characterize.trials.neuron_lanes import single_site

FAN_IN = 16
BIASES = np.round(np.arange(0.8, 1.201, 0.05), 3)
CURRENTS = ((107.5, 117.0), (91.0, 117.0), (91.0, 164.0), (75.0, 164.0))
"""Bias currents of the output and of the top near junction, uA: the chosen pair is the third."""

MOVE = 0.2
"""By how much each value alone is moved, and the bar of the margins of single parameters."""

SHOWN = 16
FAN_INS = (2, 4, 8, 12, 16, 24, 32, 48, 64)


def search(drawn: Drawn, path: Path) -> None:
    """Draw how the edge moves with bias and with single values, and how far noise is away."""
    neuron = ScatteredNeuron(drawn.process, FAN_IN)
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(14, 5), layout="constrained")
    _bias(left, neuron, drawn)
    _values(middle, neuron)
    _noise(right, drawn)
    figure.savefig(path, dpi=110)
    plt.close(figure)
    print(f"\nSearch of the decision stage, drawn: {path}", flush=True)


def _bias(axes: Axes, neuron: ScatteredNeuron, drawn: Drawn) -> None:
    stage = drawn.library.description("decision").parameters
    where = f"|{DECISION}|{instance_name(single_site((1,), 1))}"
    factors = [
        {f"IBO{where}": out * 1e-6 / stage["ib_out"], f"IBT{where}": top * 1e-6 / stage["ib_top"]}
        for out, top in CURRENTS
    ]
    biases = BIASES.tolist()
    edges = neuron.edges([f for f in factors for _ in biases], biases * len(factors))
    for (out, top), row in zip(CURRENTS, edges.reshape(len(factors), -1), strict=True):
        moved = (row - row[biases.index(1.0)]) / neuron.design.unit
        axes.plot(biases, moved, ".-", label=f"output {out:g} µA, top {top:g} µA")
    axes.axhspan(-0.5, 0.5, color="0.92", zorder=0)
    axes.set(
        ylim=(-1, 1),
        xlabel="factor on all bias currents",
        ylabel="the edge moves, synapses",
        title=f"Bias, fan-in {FAN_IN}, control lines on a supply of their own",
    )
    axes.legend()


def _values(axes: Axes, neuron: ScatteredNeuron) -> None:
    groups = parameter_groups(neuron.lanes)
    factors = [
        dict.fromkeys(labels, 1 + sign * MOVE) for labels in groups.values() for sign in (-1, 1)
    ]
    # A current of a control line is what the edge is looked for with.
    kept = [name for name, labels in groups.items() if not set(labels) & set(neuron.controls)]
    edges = neuron.edges([{}, *factors], [1.0] * (1 + len(factors)))
    moved = (edges[1:] - edges[0]).reshape(len(groups), 2) / neuron.design.unit
    rows = {name: row for name, row in zip(groups, moved, strict=True) if name in kept}
    shown = sorted(rows, key=lambda name: np.nanmax(np.abs(rows[name])))[-SHOWN:]
    for place, name in enumerate(shown):
        axes.barh([place, place], rows[name], color=["tab:blue", "tab:orange"])
    axes.set_yticks(range(len(shown)), shown, fontsize=8)
    axes.axvspan(-0.5, 0.5, color="0.92", zorder=0)
    axes.set(
        xlabel="the edge moves, synapses",
        title=f"Each value by -{MOVE:.0%} (blue) and +{MOVE:.0%} (orange)",
    )


def _noise(axes: Axes, drawn: Drawn) -> None:
    for process in (drawn.process, "sfq5ee_opened"):
        library = CellLibrary(process)
        coupler, rules = coupler_of(library), load_rules(library.process)
        away = []
        for fan_in in FAN_INS:
            design = design_neuron([1, -1] * (fan_in // 2), 1, coupler)
            away.append(design.unit / 2 / rules.edge(design.size.loops).sigma)
        axes.semilogx(FAN_INS, away, ".-", base=2, label=process)
    for rate in (1e-3, 1e-2, 1e-1):
        sigmas = float(norm.isf(rate))
        axes.axhline(sigmas, color="0.8", lw=0.8)
        axes.annotate(f"wrong with {rate:g}", (2, sigmas), fontsize=8, va="bottom")
    axes.set_xticks(FAN_INS, [str(fan_in) for fan_in in FAN_INS])
    axes.set(
        xlabel="fan-in, signs balanced",
        ylabel="half a synapse, in sigma of the edge at 4.2 K",
        title="Noise",
    )
    axes.legend()

"""Writing a trained network: the checkpoint with its card, the curve of accuracy, the plot."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from netlist_gen.checkpoint import write_network
from netlist_gen.files import atomic_path
from netlist_gen.training.cost import HardwareCost
from netlist_gen.training.trainer import Progress, TrainedNetwork


def card(
    trained: TrainedNetwork, command: str | None = None, cost: HardwareCost | None = None
) -> dict[str, Any]:
    """What a user must know about a trained network, in JSON types."""
    network, config = trained.network, trained.config
    low, high = network.theta_range
    facts: dict[str, Any] = {
        "dataset": config.dataset,
        "inputs": "pixel > grey level, pixels in row order",
        "grey_levels": list(config.grey_levels),
        "steps": config.steps,
        "population": network.population,
        "neurons": [layer.outputs for layer in network.layers],
        "synapses": network.synapses,
        "max_fan_in": network.max_fan_in,
        "theta_range": [low, high],
        "accuracy": trained.evaluation.as_dict(),
        "validation": None if trained.validation is None else trained.validation.as_dict(),
        "teacher_validation": trained.teacher_accuracy,
        "tie_rules": {
            "lowest": "a tie goes to the lowest class",
            "split": "a tie of k classes counts 1/k",
            "wrong": "a tie counts nothing",
        },
        "seed": config.seed,
        "train_seconds": round(trained.seconds, 1),
        "config": {k: v for k, v in config.as_dict().items() if k != "data_dir"},
    }
    if cost is not None:
        facts["junctions"] = round(cost.junctions)
        facts["static_power_w"] = float(f"{cost.static_power_w:.4g}")
    if trained.noisy is not None:
        facts["accuracy_with_noise"] = trained.noisy.as_dict()
    if command is not None:
        facts["command"] = command
    return facts


def save(
    trained: TrainedNetwork,
    paths: Sequence[str | os.PathLike[str]],
    command: str | None = None,
    cost: HardwareCost | None = None,
) -> dict[str, Any]:
    """Write the network to each path in the format of its extension; returns the card.

    Beside the first path, ``<name>.card.json`` holds the card for people.
    """
    facts = card(trained, command, cost)
    for path in paths:
        write_network(trained.network, path, facts)
    if paths:
        with atomic_path(Path(paths[0]).with_suffix(".card.json")) as temporary:
            temporary.write_text(json.dumps(facts, indent=1) + "\n")
    return facts


def plot_history(history: Sequence[Progress], path: Path) -> None:
    """Validation accuracy against synapses during a run, and against epochs (PNG or SVG)."""
    points = [line for line in history if line.validation is not None]
    curves = {
        "synapses": [(line.synapses, line.validation) for line in points],
        "epoch": [(line.epoch, line.validation) for line in points],
    }
    plot_curves({name: {"validation": points} for name, points in curves.items()}, path)


def plot_curves(
    panels: Mapping[str, Mapping[str, Sequence[tuple[float, float | None]]]], path: Path
) -> None:
    """One panel per x axis, one line per name: points (x, accuracy in 0..1)."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.0 * len(panels), 4.0), layout="constrained")
    FigureCanvasAgg(figure)
    for axes, (label, lines) in zip(
        figure.subplots(1, len(panels)).flat, panels.items(), strict=True
    ):
        for name, points in lines.items():
            ordered = sorted((x, y) for x, y in points if y is not None)
            axes.plot([x for x, _ in ordered], [100 * y for _, y in ordered], "o-", label=name)
        axes.set_xlabel(label)
        axes.set_ylabel("accuracy of the integer model (%)")
        axes.grid(alpha=0.3)
        axes.legend()
        if label != "epoch":
            axes.set_xscale("log")
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format=path.suffix.lstrip(".") or "png", dpi=120)

"""Writing a trained network: the checkpoint with its card, the curve of accuracy, the plot."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from netlist_gen.checkpoint import write_network
from netlist_gen.figures import new_figure, styled
from netlist_gen.files import atomic_path
from netlist_gen.training.cost import HardwareCost
from netlist_gen.training.trainer import EpochReport, TrainedNetwork


def card(trained: TrainedNetwork, command: str, cost: HardwareCost | None) -> dict[str, object]:
    """What a user must know about a trained network, in JSON types; ``cost`` where it is known."""
    network, config = trained.network, trained.config
    facts: dict[str, object] = {"dataset": config.dataset}
    if trained.encoding is None:
        facts["inputs"] = "pixel > grey level, pixels in row order"
        facts["grey_levels"] = list(config.grey_levels)
        if config.pixel_lines > 1:
            facts["inputs"] = (
                f"pixel > grey level, {config.pixel_lines} levels in each step: all pixels in row "
                "order at the first level, then all at the next"
            )
            facts["pixel_lines"] = config.pixel_lines
    else:
        facts["inputs"] = f"{trained.encoding.words}; values in row order"
        facts["encoding"] = trained.encoding.to_json()
    facts |= {
        "steps": config.steps,
        "population": network.population,
        "neurons": [layer.outputs for layer in network.layers],
        "synapses": network.synapses,
        "max_fan_in": network.max_fan_in,
        "theta_range": list(network.theta_range),
        "accuracy": trained.evaluation.to_json(),
        "validation": None if trained.validation is None else trained.validation.to_json(),
        "teacher_validation": trained.teacher_accuracy,
        "tie_rules": {
            "lowest": "a tie goes to the lowest class",
            "split": "a tie of k classes counts 1/k",
            "wrong": "a tie counts nothing",
        },
        "seed": config.seed,
        "train_seconds": round(trained.seconds, 1),
        "config": {k: v for k, v in config.as_dict().items() if k != "data_dir"},
        "junctions": None if cost is None else round(cost.junctions),
        "static_power_w": None if cost is None else float(f"{cost.static_power_w:.4g}"),
    }
    if config.reset is not None:
        facts["membranes"] = (
            f"last over the steps of a sample (beta {config.beta:g}), reset {config.reset}"
        )
    if trained.noisy is not None:
        facts["accuracy_with_noise"] = trained.noisy.to_json()
    return {**facts, "command": command}


def save(
    trained: TrainedNetwork,
    paths: Sequence[Path],
    command: str,
    cost: HardwareCost | None,
    more: Mapping[str, object] | None = None,
) -> None:
    """Write the network to each path in the format of its extension.

    Beside the first path, ``<name>.card.json`` holds the card for people, with what ``more`` says.
    """
    facts = {**card(trained, command, cost), **(more or {})}
    for path in paths:
        write_network(trained.network, path, facts)
    with atomic_path(paths[0].with_suffix(".card.json")) as temporary:
        temporary.write_text(json.dumps(facts, indent=1) + "\n")


def plot_history(history: Sequence[EpochReport], path: Path) -> None:
    """Validation accuracy against synapses during a run, and against epochs (PNG or SVG)."""
    shown = [(line, line.validation) for line in history if line.validation is not None]
    panels = {
        "synapses": {"validation": [(line.synapses, share) for line, share in shown]},
        "epoch": {"validation": [(line.epoch, share) for line, share in shown]},
    }
    plot_curves(panels, path)


@styled
def plot_curves(
    panels: Mapping[str, Mapping[str, Sequence[tuple[float, float]]]],
    path: Path,
    *,
    alone: Collection[str] = (),
) -> None:
    """One panel per x axis, a line per name, but for those ``alone``: (x, accuracy in 0..1)."""
    from matplotlib.ticker import EngFormatter, LogLocator, NullFormatter

    figure = new_figure(4.5 * len(panels), 3.6)
    for axes, (label, lines) in zip(
        figure.subplots(1, len(panels)).flat, panels.items(), strict=True
    ):
        for name, points in lines.items():
            ordered = sorted(points)
            style = "o" if name in alone else "o-"
            axes.plot([x for x, _ in ordered], [100 * y for _, y in ordered], style, label=name)
        axes.set_xlabel(label)
        axes.set_ylabel("accuracy of the integer model (%)")
        axes.grid()
        axes.legend()
        if label != "epoch":
            axes.set_xscale("log")
            # 10k, 20k, 50k: of the usual powers of ten a panel of less than a decade has none.
            axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
            axes.xaxis.set_major_formatter(EngFormatter(sep=""))
            axes.xaxis.set_minor_formatter(NullFormatter())
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format=path.suffix.lstrip(".") or "png", dpi=120)

"""``netlist-gen demo``: the main job, start to finish, on the bundled 8x8 digits."""

from __future__ import annotations

from pathlib import Path

import click

DECKS = "decks"


@click.command(context_settings={"show_default": True})
@click.option(
    "-o",
    "--output",
    "out",
    default=Path("netlist-gen-demo"),
    type=click.Path(path_type=Path),
    help="Directory of the run.",
)
@click.option("--simulator", default="auto", help="auto, or the name of one.")
@click.option("--samples", type=click.IntRange(min=1), default=20, help="Held-out images.")
@click.option("--seed", type=click.IntRange(min=0), default=0, help="Of the draw of images.")
@click.option("--jobs", type=click.IntRange(min=1), help="Simulations at a time [default: cores].")
def demo(out: Path, simulator: str, samples: int, seed: int, jobs: int | None) -> None:
    """Run the main job on handwritten digits: checkpoint, decks, simulation, verdict, report."""
    from netlist_gen import api
    from netlist_gen.commands.verify import run_verification
    from netlist_gen.resources import resource_dir
    from netlist_gen.samples import read_samples
    from verification.campaign.directory import RunDirectory
    from verification.simulators.registry import chosen_simulators

    examples = resource_dir("examples")
    net, x, y = (examples / f"digits{end}" for end in (".pt", "_inputs.npy", "_labels.npy"))
    network = api.read(net)
    images = read_samples(network, x, y)
    assert images.labels is not None
    click.echo(
        f"digits network: {network.inputs} inputs, {network.neurons} neurons, "
        f"{network.synapses} synapses, fan-in up to {network.max_fan_in}, integer accuracy "
        f"{network.accuracy(images.inputs, images.labels):.2%} on {images.inputs.shape[0]} "
        "held-out images",
        err=True,
    )
    drawn = images.draw(samples, seed)
    chosen_simulators(simulator)  # before anything is written
    RunDirectory(out, resume=False)
    api.generate(network, drawn.inputs, out / DECKS, source="digits.pt")
    run_verification(
        net, x, y, out,
        simulator=simulator, samples=samples, seed=seed, jobs=jobs, source="digits.pt",
    )  # fmt: skip

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
@click.option("--simulator", default="auto", help="auto, embedded, josim, wrspice or ngspice.")
@click.option("--samples", type=click.IntRange(min=1), default=20, help="Held-out images.")
@click.option("--seed", type=click.IntRange(min=0), default=0, help="Of the draw of images.")
@click.option("--jobs", type=click.IntRange(min=1), help="Simulations at a time [default: cores].")
def demo(out: Path, simulator: str, samples: int, seed: int, jobs: int | None) -> None:
    """Run the main job on handwritten digits: checkpoint, decks, simulation, verdict, report."""
    from netlist_gen.checkpoint.registry import read_checkpoint
    from netlist_gen.commands.common import clock_phases, read_samples
    from netlist_gen.commands.verify import (
        chosen_simulators,
        draw,
        print_result,
        require_agreement,
        run_verification,
    )
    from netlist_gen.deck.generate import GenerateOptions, generate
    from netlist_gen.library.cells import CellLibrary
    from netlist_gen.resources import resource_dir
    from verification.campaign.verify import prepare_directory

    examples = resource_dir("examples")
    net = examples / "digits.pt"
    network = read_checkpoint(net).network
    x, y = read_samples(network, examples / "digits_inputs.npy", examples / "digits_labels.npy")
    assert y is not None
    accuracy = network.accuracy(x, y)
    click.echo(
        f"digits network: {network.inputs} inputs, {network.neurons} neurons, "
        f"{network.synapses} synapses, fan-in up to {network.max_fan_in}, integer accuracy "
        f"{accuracy:.2%} on {x.shape[0]} held-out images",
        err=True,
    )
    x, y, rows = draw(x, y, samples, seed)
    chosen_simulators(simulator)  # before anything is written
    prepare_directory(out, resume=False)
    windows = x.reshape(-1, x.shape[-1])
    options = GenerateOptions(source="digits.pt")
    library = CellLibrary()
    generate(network, windows, library, clock_phases(None, library.process), out / DECKS, options)
    result = run_verification(
        network,
        x,
        y,
        out,
        source="digits.pt",
        simulator=simulator,
        seed=seed,
        jobs=jobs,
        timeout=600.0,
        cooling=400.0,
        decks=None,
        resume=False,
        process="sfq5ee",
        clock_ghz=None,
        rows=rows,
    )
    print_result(result, out)
    require_agreement(result)

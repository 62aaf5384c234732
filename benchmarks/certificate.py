"""Certificates: coverage, windows, faults found, data sets.

    python benchmarks/certificate.py digits
    python benchmarks/certificate.py network examples/mnist-f32.pt --data-dir DIR
    python benchmarks/certificate.py network examples/mnist-f32.pt --neurons 50 --simulator josim
    python benchmarks/certificate.py faults --neurons 20 --each 1
    python benchmarks/certificate.py planted --data-dir DIR
    python benchmarks/certificate.py images examples/mnist-f32.pt --data-dir DIR --simulate 1

Wall and processor time are both printed: on a machine shared with others only the second means
much.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import click
import numpy as np
from stopwatch import timed

import netlist_gen as ng
from netlist_gen.checkpoint.registry import read_checkpoint
from netlist_gen.circuit.neuron import control_current, library_design
from netlist_gen.circuit.sites import NeuronSite, neuron_sites
from netlist_gen.circuit.view import BOTTOM_SOURCE, TOP_SOURCE, instance_name
from netlist_gen.deck.distinct import distinct_walk
from netlist_gen.deck.windows import WINDOWS_PER_DECK
from netlist_gen.library.cells import CellLibrary
from netlist_gen.spikes import NetworkSpikes
from netlist_gen.training.datasets import binarise, load_data
from verification.campaign.result import Verification
from verification.certificate.classes import class_counts
from verification.certificate.coverage import COVERED
from verification.certificate.faults import FAULTS

EXAMPLES = Path(__file__).parent.parent / "examples"


def mnist(net: Path, folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """The 10,000 test images as a network reads them, and their labels."""
    data = load_data("mnist", str(folder))
    found = read_checkpoint(net)
    levels = found.card.extra["grey_levels"]
    assert isinstance(levels, list)
    lines = found.network.inputs // data.side**2
    return binarise(data.test_images, levels, lines), data.test_labels


def told(run: Verification) -> None:
    """Print verdict, coverage and certificate."""
    click.echo(f"  {run!r}")
    if run.coverage is not None:
        parts = zip(run.coverage.counts.parts(), COVERED.values(), strict=True)
        words = ", ".join(f"{words} {part.seen}/{part.possible}" for part, words in parts)
        click.echo(f"  {words}; {run.coverage.least_in_words}")
    if run.certificate is not None:
        one = run.certificate
        click.echo(
            f"  {one.windows} windows of {one.neurons} neurons, {one.circuits} circuits; output "
            f"pulses of the same counts within {one.spread_ps or 0:.2f} ps; "
            f"{'certified' if one.proven else 'not certified'}: {one.sentence}"
        )
    if run.counter_example is not None:
        click.echo(f"  first: {run.counter_example.sentence}")


@click.group()
def main() -> None:
    """Figures of certificates; see the head of this file."""


@main.command("digits")
@click.option("--simulator", default="embedded")
def digits_command(simulator: str) -> None:
    """Coverage of the demo's 20 images, and of made windows."""
    net, x = EXAMPLES / "digits.pt", EXAMPLES / "digits_inputs.npy"
    with timed("20 images"):
        told(ng.verify(net, x, samples=20, simulator=simulator))
    with timed("made windows"):
        told(ng.verify(net, exhaustive=True, simulator=simulator))


@main.command("network")
@click.argument("net", type=click.Path(path_type=Path))
@click.option("--data-dir", type=click.Path(path_type=Path))
@click.option("--neurons", type=int)
@click.option("--near", type=int)
@click.option("--simulator", default="embedded")
@click.option("--timeout", default=600.0)
def network_command(
    net: Path,
    data_dir: Path | None,
    neurons: int | None,
    near: int | None,
    simulator: str,
    timeout: float,
) -> None:
    """A network certified; of images that are given 256 neuron windows are simulated too."""
    x, y = (None, None) if data_dir is None else mnist(net, data_dir)
    with timed(f"{net.name}, {simulator}"):
        run = ng.verify(
            net, x, y, exhaustive=True, simulator=simulator, neurons=neurons, near=near,
            timeout=timeout,
        )  # fmt: skip
        told(run)
    if run.accuracy is not None:
        click.echo(f"  accuracy by the integer model {run.accuracy.reference:.2%}")


@main.command("faults")
@click.option("--neurons", default=20)
@click.option("--each", default=1, help="faults of each kind for each neuron")
@click.option("--seed", default=0)
@click.option("--net", default=EXAMPLES / "mnist-small.pt", type=click.Path(path_type=Path))
def faults_command(neurons: int, each: int, seed: int, net: Path) -> None:
    """Mutation score."""
    with timed("faults"):
        run = ng.verify(
            net, exhaustive=True, simulator="embedded", neurons=neurons, seed=seed,
            mutants=neurons * each * len(FAULTS),
        )  # fmt: skip
    told(run)
    found = run.mutation
    assert found is not None
    click.echo(
        f"  {found.tried} faults of {len(found.faults)} kinds on {found.neurons} neurons: "
        f"{found.caught} caught ({found.by_pulses} by the number of pulses alone, {found.failed} "
        f"did not end), {found.equivalent} change nothing that counts, {found.holes} missed; "
        f"score {found.score}"
    )
    for row in found.faults:
        click.echo(
            f"  {row.fault:34} {row.tried:4} {row.caught:4} {row.equivalent:4} {row.holes:4}"
        )
    for one in found.survivors:
        click.echo(
            f"  {one.outcome}: {one.fault}, layer {one.layer}, neuron {one.neuron}, {one.where}: "
            f"{one.why}"
        )


PLANTED = "L1N087"
PLANTED_COUNTS = 0.2375
"""Neuron of the fan-in-32 network, and by how much of a synapse its threshold is moved down."""


@main.command("planted")
@click.option("--data-dir", type=click.Path(path_type=Path), required=True)
@click.option("--images", default=1000)
@click.option("--counts", default=PLANTED_COUNTS)
def planted_command(data_dir: Path, images: int, counts: float) -> None:
    """A neuron with a threshold that is wrong for two pairs of counts: images, made windows."""
    net = EXAMPLES / "mnist-f32.pt"
    network = ng.read(net)
    x, _ = mnist(net, data_dir)
    site = next(site for site in neuron_sites(network) if site.name == PLANTED)
    lines = NetworkSpikes.of(network, x[:images]).layers[site.layer][:, list(site.inputs)]
    alone = ng.TernaryNetwork.from_arrays([[list(site.signs)]], [[site.theta]])
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "planted.csv"
        table.write_text(moved(site, counts))
        for words, given in (("as it should be", None), ("planted", table)):
            with timed(f"{words}, {images} images"):
                told(ng.verify(alone, lines, simulator="embedded", annotate=given))
            with timed(f"{words}, made windows"):
                run = ng.verify(alone, exhaustive=True, simulator="embedded", annotate=given)
                told(run)
    counted = class_counts(lines, np.array(site.signs, dtype=np.int8))
    seen = {(int(e), int(i)) for e, i in zip(*counted, strict=True)}
    click.echo(f"  the images have {len(seen)} pairs of counts")


def moved(site: NeuronSite, counts: float) -> str:
    """A table of extracted values that moves a neuron's threshold down by so many counts."""
    library = CellLibrary()
    design = library_design(library, site.name, site.signs, site.theta)
    by = counts * design.unit
    rows = ["element,value,unit"]
    path = instance_name(site).replace(site.name, "L0N0")
    for source, flux in (
        (BOTTOM_SOURCE, design.bottom + by),
        (TOP_SOURCE, design.top - by),
    ):
        rows.append(f"{source}.{path},{control_current(library, abs(flux)) * 1e6:.6f},uA")
    return "\n".join(rows) + "\n"


@main.command("images")
@click.argument("net", type=click.Path(path_type=Path))
@click.option("--data-dir", type=click.Path(path_type=Path), required=True)
@click.option("--every", default=20, help="look at every so many-th neuron")
@click.option("--simulate", default=0, help="simulate so many of these")
def images_command(net: Path, data_dir: Path, every: int, simulate: int) -> None:
    """Distinct windows of the test images, and how long they take."""
    network = ng.read(net)
    x, _ = mnist(net, data_dir)
    spikes = NetworkSpikes.of(network, x)
    sites = neuron_sites(network)[::every]
    windows = alone = simulated = 0
    with timed(f"walks of {len(sites)} neurons"):
        for site in sites:
            lines = spikes.layers[site.layer][:, list(site.inputs)]
            walk = distinct_walk(lines, WINDOWS_PER_DECK)
            windows += lines.shape[0]
            alone += len(np.unique(np.packbits(lines, axis=1), axis=0))
            simulated += lines.shape[0] if walk is None else len(walk.runs) * len_of(walk.runs[0])
    click.echo(
        f"  {windows} neuron windows; {alone} differ in their pulses; {simulated} are simulated, "
        "as they differ in their pulses or in those before"
    )
    for site in sites[:: max(1, len(sites) // simulate)][:simulate] if simulate else []:
        lines = spikes.layers[site.layer][:, list(site.inputs)]
        one = ng.TernaryNetwork.from_arrays([[list(site.signs)]], [[site.theta]])
        with timed(site.name):
            run = ng.verify(one, lines, simulator="embedded")
        (scope,) = run.verdict.scopes
        click.echo(
            f"  {scope.checked} windows, {scope.simulated} simulated, {scope.mismatches} wrong"
        )


def len_of(run: tuple[int, int]) -> int:
    """Windows of a deck."""
    return run[1] - run[0]


if __name__ == "__main__":
    main()

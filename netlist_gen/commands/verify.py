"""``netlist-gen verify``: simulate a network's neurons and hold them against the reference."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from netlist_gen.commands.common import (
    check_cooling,
    clock_option,
    clock_phases,
    default_jobs,
    names_network,
    pipeline_option,
    process_option,
    progress_bars,
    read_samples,
    split_list,
)
from netlist_gen.errors import ConfigurationError, MismatchError, SimulatorError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from rich.table import Table

    from netlist_gen.network import TernaryNetwork
    from verification.campaign.verify import Verification, VerifyOptions
    from verification.simulators.base import Simulator


@click.command(context_settings={"show_default": True})
@click.argument("net", type=click.Path(path_type=Path))
@click.option("--inputs", required=True, type=click.Path(path_type=Path), help="X.npy: samples.")
@click.option("--labels", type=click.Path(path_type=Path), help="Y.npy: the class of each sample.")
@click.option("-o", "--output", "out", required=True, type=click.Path(path_type=Path))
@click.option(
    "--simulator",
    default="auto",
    help="auto, embedded, josim, wrspice, ngspice, or several with commas; installed: all here.",
)
@click.option("--samples", type=click.IntRange(min=1), help="Take so many, drawn with --seed.")
@click.option("--seed", type=click.IntRange(min=0), default=0, help="Of the draw of --samples.")
@click.option("--jobs", type=click.IntRange(min=1), help="Simulations at a time [default: cores].")
@click.option("--timeout", type=float, default=600.0, help="Seconds one simulation may take.")
@click.option("--cooling", type=float, default=400.0, help="Wall-plug watts for one at 4.2 K.")
@click.option("--decks", type=click.Path(path_type=Path), help="Judge the decks in this directory.")
@click.option("--scope", default="neurons", help="neurons, network, or both with a comma.")
@pipeline_option
@click.option("--scheduler", help="Address of a Dask scheduler on whose workers to simulate.")
@click.option("--resume", is_flag=True, help="Go on with what a broken run left.")
@process_option
@clock_option
@names_network
def verify(net: Path, inputs: Path, labels: Path | None, out: Path, **options: Any) -> None:
    """Verify every neuron of NET on the samples in X.npy; write verify.json and report.html."""
    from netlist_gen.checkpoint.registry import read_network

    network = read_network(net)
    x, y = read_samples(network, inputs, labels)
    x, y, rows = draw(x, y, options.pop("samples"), options["seed"])
    result = run_verification(network, x, y, out, source=str(net), rows=rows, **options)
    print_result(result, out)
    require_agreement(result)


def chosen_simulators(names: str) -> list[Simulator]:
    """The simulators of these names.

    Raises:
        ConfigurationError: there is none of a name.
        SimulatorError: one that is not installed.
    """
    from verification.simulators.registry import get_simulators

    chosen = get_simulators(names)
    for one in chosen:
        if not one.available():
            raise SimulatorError(
                f"the simulator {one.name} is not here; netlist-gen doctor says how to get it"
            )
    return chosen


def require_agreement(result: Verification) -> None:
    """Raises MismatchError, with the first disagreement in words, if there is one."""
    from verification.verdict.in_words import disagreements

    if result.agreed:
        return
    facts = disagreements(result.summary)
    first = result.summary["counter_example"]
    raise MismatchError(", ".join(facts) + (f"; first: {first['sentence']}" if first else ""))


def draw(
    x: NDArray[np.bool_], y: NDArray[np.int64] | None, samples: int | None, seed: int
) -> tuple[NDArray[np.bool_], NDArray[np.int64] | None, tuple[int, ...] | None]:
    """``samples`` of the samples, drawn without repetition, in their order, and their rows.

    Without a number all of them, and None.

    Raises:
        ConfigurationError: more than there are.
    """
    if samples is None:
        return x, y, None
    if samples > x.shape[0]:
        raise ConfigurationError(f"--samples is {samples}; there are {x.shape[0]} samples")
    import numpy as np

    chosen = np.sort(np.random.default_rng(seed).choice(x.shape[0], samples, replace=False))
    return x[chosen], None if y is None else y[chosen], tuple(chosen.tolist())


def run_verification(
    network: TernaryNetwork,
    x: NDArray[np.bool_],
    y: NDArray[np.int64] | None,
    out: Path,
    *,
    source: str,
    simulator: str,
    seed: int,
    jobs: int | None,
    timeout: float,
    cooling: float,
    decks: Path | None,
    resume: bool,
    process: str,
    clock_ghz: float | None,
    scope: str = "neurons",
    pipeline: int | None = None,
    scheduler: str | None = None,
    rows: tuple[int, ...] | None = None,
) -> Verification:
    """Verify with progress bars and write all files of the run, the report included.

    Raises:
        NetlistGenError: wrong input, or a simulator that is not there.
    """
    from netlist_gen.library.cells import CellLibrary
    from verification.campaign.cluster import cluster
    from verification.campaign.several import verify_with
    from verification.campaign.verify import VerifyOptions, check_scopes, prepare_directory
    from verification.report.html import write_report

    if not timeout > 0:
        raise ConfigurationError(f"--timeout is {timeout:g}; it must be positive")
    check_cooling(cooling)
    scopes = split_list(scope)
    check_scopes(scopes)
    if decks is not None and not decks.is_dir():
        raise ConfigurationError(f"--decks: {decks} is not a directory of decks")
    library = CellLibrary(process)
    chosen = chosen_simulators(simulator)
    phases = clock_phases(clock_ghz, library.process)
    with cluster(scheduler) as workers:
        plan: VerifyOptions = VerifyOptions(
            phases=phases,
            jobs=jobs or (workers.count if workers else default_jobs()),
            timeout_s=timeout,
            cooling_W_per_W=cooling,
            seed=seed,
            decks=decks,
            resume=resume,
            source=source,
            scopes=scopes,
            pipeline=pipeline,
            cluster=workers.executor if workers else None,
            rows=rows,
        )
        prepare_directory(out, resume=resume, decks=decks)
        versions = ", ".join(f"{one.name} {one.version()}" for one in chosen)
        click.echo(f"simulator {versions}, {x.shape[0]} samples", err=True)
        with progress_bars() as tick:
            result = verify_with(network, x, y, chosen, library, out, plan, tick)
    write_report(out)
    return result


def scopes_table(rows: list[dict[str, Any]]) -> Table:
    """Each scope against the reference."""
    from rich.table import Table

    from verification.report.html import engineering, percent

    table = Table(title="Scopes against the reference", title_justify="left")
    table.add_column("scope", no_wrap=True)
    for name in ("decks", "windows", "wrong", "failed", "pulses", "energy", "error, %"):
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(
            row["scope"],
            *(str(row[c]) for c in ("decks", "checked", "mismatches", "failed", "pulses")),
            engineering(row["energy_J"], "J"),
            percent(row["energy_relative_error"]).removesuffix(" %"),
        )
    return table


def simulators_table(rows: list[dict[str, Any]]) -> Table:
    """Each simulator against the reference."""
    from rich.table import Table

    from verification.report.html import engineering, percent

    table = Table(title="Simulators against the reference", title_justify="left")
    table.add_column("simulator", no_wrap=True)
    for name in ("windows", "wrong", "failed", "pulses", "energy", "error, %"):
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(
            f"{row['name']} {row['version']}",
            *(str(row[c]) for c in ("checked", "mismatches", "failed", "pulses")),
            engineering(row["energy_J"], "J"),
            percent(row["energy_relative_error"]).removesuffix(" %"),
        )
    return table


def agreement_table(rows: list[dict[str, Any]], scope: str) -> Table:
    """The simulators against each other in one scope, two at a time."""
    from rich.table import Table

    table = Table(title=f"Simulators against each other ({scope})", title_justify="left")
    table.add_column("", no_wrap=True)
    for name in ("windows", "wrong", "pulses", "apart, ps", "energy, %"):
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(
            "{}, {}".format(*row["between"]),
            str(row["windows"]),
            str(row["count_differences"]),
            str(row["pulses"]),
            f"{row['time_ps']:.3f} of {row['time_tolerance_ps']:g}",
            f"{100 * row['energy']:.2g} of {100 * row['energy_tolerance']:g}",
        )
    return table


def print_result(result: Verification, out: Path) -> None:
    """The short table on stdout."""
    from rich.console import Console
    from rich.table import Table

    from verification.report.html import engineering, percent

    s = result.summary
    table = Table(
        title=f"{s['simulator']['name']} {s['simulator']['version']}", title_justify="left"
    )
    for name in ("layer", "neurons", "synapses", "windows", "mismatches", "energy"):
        table.add_column(name, justify="right")
    for row in s["layers"]:
        cells = ("layer", "neurons", "synapses", "checked", "mismatches")
        table.add_row(*(str(row[c]) for c in cells), engineering(row["energy_J"], "J"))
    console = Console()
    console.print(table)
    energy = s["energy"]
    lines = [
        f"windows compared {s['checked']}, mismatches {s['mismatches']}, failed runs "
        f"{len(s['failed'])}",
        f"energy measured {engineering(energy['measured_J'], 'J')}, reference "
        f"{engineering(energy['reference_J'], 'J')}, error {percent(energy['relative_error'])}, "
        f"largest of a window or network's deck {percent(energy['worst_window_error'])}",
        f"per inference: dynamic {engineering(energy['dynamic_J_per_inference'], 'J')}, static "
        f"{engineering(energy['static_J_per_inference'], 'J')}, wall plug "
        f"{engineering(energy['wall_plug_J_per_inference'], 'J')} "
        f"({energy['cooling_W_per_W']:g} W/W)",
    ]
    if s["accuracy"]:
        simulated = s["accuracy"]["simulated"]
        lines.append(
            f"accuracy on {s['samples']} samples: reference {s['accuracy']['reference']:.2%}, "
            f"simulated {'-' if simulated is None else format(simulated, '.2%')}"
        )
    if len(s["scopes"]) > 1:
        console.print(scopes_table(s["scopes"]))
        if s["scope_difference"]:
            lines.append(f"the scopes differ: {s['scope_difference']}")
    if len(s["simulators"]) > 1:
        console.print(simulators_table(s["simulators"]))
        for scope in dict.fromkeys(row["scope"] for row in s["agreement"]):
            rows = [row for row in s["agreement"] if row["scope"] == scope]
            console.print(agreement_table(rows, scope))
        lines += [p["difference"] for p in s["agreement"] if p["difference"]]
    if s["counter_example"]:
        lines.append(f"first disagreement: {s['counter_example']['sentence']}")
    lines.append("AGREED" if result.agreed else "DISAGREED")
    for line in lines:
        click.echo(line)
    click.echo(f"report: {out / 'report.html'}")

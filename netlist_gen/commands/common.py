"""What several commands share: reading inputs, the clock option, progress on stderr."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from netlist_gen.errors import ConfigurationError, NetworkError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from netlist_gen.circuit.neuron import ClockPhases
    from netlist_gen.library.process import Process
    from netlist_gen.network import TernaryNetwork

Tick = Callable[[str, int, int], None]


def read_array(path: Path, what: str) -> NDArray[Any]:
    """An array from a ``.npy`` file.

    Raises:
        ConfigurationError: missing, truncated, pickled or not ``.npy``.
    """
    import zipfile

    import numpy as np

    try:
        loaded = np.load(path, allow_pickle=False)
    except OSError as error:
        raise ConfigurationError(
            f"{path}: the {what} can't be read ({error.strerror or error})"
        ) from error
    except (ValueError, EOFError, MemoryError, zipfile.BadZipFile) as error:
        if "pickle" in str(error):  # what numpy takes for pickled is not numbers, whatever it is
            raise ConfigurationError(
                f"{path}: the {what} are not numbers in a .npy file; write them with numpy.save"
            ) from None
        raise ConfigurationError(
            f"{path}: the {what} are not a whole .npy file ({error})"
        ) from error
    if not isinstance(loaded, np.ndarray):
        raise ConfigurationError(f"{path}: the {what} must be one array (.npy), not an archive")
    return loaded


def read_samples(
    network: TernaryNetwork, inputs: Path, labels: Path | None
) -> tuple[NDArray[np.bool_], NDArray[np.int64] | None]:
    """Inputs and labels of samples, checked against the network.

    Raises:
        NetworkError: inputs of a wrong width or value. ConfigurationError: unreadable, or labels
            that do not fit.
    """
    from netlist_gen.errors import NetworkError

    try:
        x = network.check_inputs(read_array(inputs, "inputs"))
    except NetworkError as error:
        raise NetworkError(f"{inputs}: {error}") from None
    if not x.size:
        raise ConfigurationError(f"{inputs}: there is no sample in it; give at least one")
    if labels is None:
        return x, None
    y = read_array(labels, "labels")
    if y.shape != (x.shape[0],) or y.dtype.kind not in "iu":
        raise ConfigurationError(
            f"{labels}: labels of shape {y.shape} and type {y.dtype}; they must be "
            f"{x.shape[0]} whole numbers, one for each sample"
        )
    wrong = (y < 0) | (y >= network.classes)
    if wrong.any():
        at = int(wrong.argmax())
        raise ConfigurationError(
            f"{labels}: label {at} is {y[at]}; the network has classes 0 to {network.classes - 1}"
        )
    return x, y.astype("int64")


def clock_phases(clock_ghz: float | None, process: Process) -> ClockPhases:
    """The design's clock phases in a process, at another clock if one is given."""
    from netlist_gen.circuit.neuron import load_phases

    phases = load_phases(process=process)
    if clock_ghz is None:
        return phases
    if not 0 < clock_ghz < math.inf:
        raise ConfigurationError(f"--clock-ghz is {clock_ghz:g}; it must be positive and finite")
    return phases.with_period(1e-9 / clock_ghz)


def names_network(command: Callable[..., None]) -> Callable[..., None]:
    """A command whose errors about the network NET name its file, where they name none."""

    @wraps(command)
    def named(net: Path, **options: Any) -> None:
        try:
            command(net=net, **options)
        except NetworkError as error:
            files = [net, *(value for value in options.values() if isinstance(value, Path))]
            if any(str(file) in str(error) for file in files):
                raise
            raise NetworkError(f"{net}: {error}") from error

    return named


def check_cooling(cooling: float) -> None:
    """Raises ConfigurationError for a --cooling that is not positive and finite."""
    if not 0 < cooling < math.inf:
        raise ConfigurationError(f"--cooling is {cooling:g}; it must be positive and finite")


def split_list(text: str) -> tuple[str, ...]:
    """A comma list as a tuple, without blanks and repeats."""
    return tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))


def default_jobs() -> int:
    """Simulations at a time: the cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def progress_bars() -> Iterator[Tick]:
    """A bar for each stage on stderr, with rate and time left: tick(stage, done, all)."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        Task,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class RateColumn(ProgressColumn):
        """How many a second, over the last half minute."""

        def render(self, task: Task) -> Text:
            speed = task.finished_speed or task.speed
            return Text("-/s" if speed is None else f"{speed:.3g}/s")

    columns = (
        TextColumn("{task.description:22}"),
        BarColumn(),
        MofNCompleteColumn(),
        RateColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    tasks: dict[str, Any] = {}
    with Progress(*columns, console=Console(stderr=True)) as bars:

        def tick(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total)
            bars.update(tasks[stage], completed=done, total=total)

        yield tick


process_option = click.option(
    "--process",
    default="sfq5ee",
    show_default=True,
    help="Process of the library, or a .toml file.",
)
clock_option = click.option(
    "--clock-ghz",
    type=float,
    help="Clock in GHz [default: the process's; of sfq5ee 8.929, windows of 112 ps].",
)
pipeline_option = click.option(
    "--pipeline",
    type=click.IntRange(min=1),
    help="Windows in one deck of the scope network [default: all].",
)

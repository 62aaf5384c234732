"""What several commands share: progress on stderr, errors that name the network's file."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from netlist_gen.errors import INTERRUPTED, NetworkError

if TYPE_CHECKING:
    from netlist_gen.parallel import Progress


QUIET = False
"""Whether nothing but errors is to be told (--quiet)."""


STEP: list[str] = []
"""Words of the command that ``netlist-gen run`` runs just now."""


class RunInterruptedError(click.ClickException):
    """Ctrl-C, with the command that goes on."""

    exit_code = INTERRUPTED


@contextmanager
def resumed_by(ledger: Path) -> Iterator[None]:
    """While a campaign runs: an interruption names the command that goes on, if one does."""
    try:
        yield
    except KeyboardInterrupt:
        if not ledger.is_file():
            raise
        words = [word for word in given_words() if word != "--resume"]
        again = shlex.join(["netlist-gen", *words, "--resume"])
        raise RunInterruptedError(f"interrupted; go on with `{again}`") from None


def tell_replaced(out: Path, result: str, ledger: str = "", resume: bool = False) -> None:
    """Say so where a result that is there is going to be replaced.

    Args:
        out: the directory.
        result: the file in it by which a whole result is known.
        ledger: the file of what can be gone on with, or "".
        resume: whether that is done.
    """
    hint = "" if not ledger or resume else "; --resume would go on with it"
    if (out / result).is_file():
        click.echo(
            f"note: {out} holds an earlier result ({result}); it is replaced{hint}", err=True
        )
    elif ledger and (out / ledger).is_file() and not resume:
        click.echo(
            f"note: {out} holds what a broken run left ({ledger}); it is begun anew{hint}", err=True
        )


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


STEPS_HELP = (
    "Steps it will run for; 1 admits any neuron with memory. Membranes that last get room for "
    "them [default: what NET says]."
)


def layout_options(command: Callable[..., None]) -> Callable[..., None]:
    """The options that say how the modules of a state_dict stand."""
    for option in (
        click.option(
            "--layers",
            metavar="TEXT",
            help="Modules in order, where NET does not say it: 'conv padding 2, max 2, leaky, "
            "linear, leaky'.",
        ),
        click.option(
            "--input-shape",
            metavar="C,H,W",
            help="Shape of what goes into the first convolution, where NET does not say it.",
        ),
    ):
        command = option(command)
    return command


def command_line() -> str:
    """The command as it was given, to be run again."""
    return shlex.join(["netlist-gen", *given_words()])


def given_words() -> list[str]:
    """The words of the command that runs: those of a step of a file of commands, if it is one."""
    return STEP or sys.argv[1:]


@contextmanager
def progress_bars() -> Iterator[Progress]:
    """A bar for each stage on stderr, with rate and time left; none with --quiet."""
    if QUIET:
        yield lambda _stage, _done, _total: None
        return
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
    bars = Progress(*columns, console=Console(stderr=True))

    def tick(stage: str, done: int, total: int) -> None:
        if not tasks:  # not before: with nothing to show, rich prints an empty line
            bars.start()
        if stage not in tasks:
            tasks[stage] = bars.add_task(stage, total=total)
        bars.update(tasks[stage], completed=done, total=total)

    try:
        yield tick
    finally:
        if tasks:
            bars.stop()

"""What several commands share: progress on stderr, errors that name the network's file."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netlist_gen.errors import NetworkError

if TYPE_CHECKING:
    from netlist_gen.parallel import Progress


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


def command_line() -> str:
    """The command as it was given, to be run again."""
    return shlex.join(["netlist-gen", *sys.argv[1:]])


@contextmanager
def progress_bars() -> Iterator[Progress]:
    """A bar for each stage on stderr, with rate and time left."""
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

"""Wall and processor time of a part of a benchmark."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

import click


@contextmanager
def timed(what: str) -> Iterator[dict[str, float]]:
    """Print wall and processor time of a block, this process and its children."""
    used: dict[str, float] = {}
    begin, cpu = time.perf_counter(), sum(os.times()[:4])
    yield used
    used["wall"] = time.perf_counter() - begin
    used["cpu"] = sum(os.times()[:4]) - cpu
    click.echo(f"{what}: {used['wall']:.1f} s wall, {used['cpu']:.1f} s processor")

"""Work handed to an executor a little at a time: the one loop that every room uses."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from typing import TypeVar

Progress = Callable[[str, int, int], None]
"""What a long work tells of itself: called with (stage, done, all)."""

Item = TypeVar("Item")
Result = TypeVar("Result")


def usable_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def bounded(
    executor: Executor,
    work: Callable[[Item], Result],
    items: Iterable[Item],
    most: int,
    *,
    ordered: bool = False,
) -> Generator[tuple[Item, Result], None, None]:
    """Items with their results, never more than ``most`` under way or waiting to be taken.

    Items are taken from their iterator as places become free, so that memory does not grow with
    their number. An exception of the work is raised where its result would be. Closing the
    iterator drops what has not begun; ending what has is the caller's business.

    Args:
        executor: where the work is done.
        work: done to each item.
        items: in the order in which they are begun.
        most: at a time, at least 1.
        ordered: results in the order of the items; else as they are ready, of those that are
            ready together the first item's first, so that the first error is told.
    """
    waiting = iter(items)
    running: dict[Future[Result], Item] = {}
    exhausted = False
    try:
        while True:
            while not exhausted and len(running) < most:
                try:
                    item = next(waiting)
                except StopIteration:
                    exhausted = True
                else:
                    running[executor.submit(work, item)] = item
            if not running:
                return
            first = next(iter(running))
            ready, _ = wait([first] if ordered else running, return_when=FIRST_COMPLETED)
            for future in [f for f in running if f in ready]:
                yield running.pop(future), future.result()
    finally:
        for future in running:
            future.cancel()

"""Waveforms kept beside a result, in whatever formats are asked for."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path

from verification.waves.files import write_waveforms
from verification.waves.kinds import DATA, KINDS, PAGE
from verification.waves.options import PlotOptions
from verification.waves.plot import plot_waveforms
from verification.waves.waveforms import Waveforms

FOLDER = "waves"
"""Where in the directory of a result they are."""


def seen_best() -> tuple[str, ...]:
    """What is kept where nothing is asked for: a page, or a picture where plotly is absent."""
    return (PAGE.removeprefix("."),) if importlib.util.find_spec("plotly") else ("png",)


def keep_waveforms(waves: Waveforms, out: Path, stem: str, kinds: Sequence[str]) -> tuple[str, ...]:
    """Write waveforms into the folder ``FOLDER`` of a result; the files, as seen from there.

    Args:
        waves: the waveforms.
        out: the directory of the result.
        stem: of the files' names.
        kinds: of ``KINDS``.

    Raises:
        ConfigurationError: a file that can't be written, or whose package is missing.
    """
    kept = []
    for kind in kinds:
        path = out / FOLDER / f"{stem}.{kind}"
        path.parent.mkdir(exist_ok=True)
        if path.suffix in DATA:
            write_waveforms(path, waves)
        else:
            plot_waveforms(waves, None, path, PlotOptions(marks=True), stem)
        kept.append(f"{FOLDER}/{path.name}")
    return tuple(kept)


def clear_waveforms(out: Path) -> None:
    """Remove the waveforms that an earlier result kept; nothing else."""
    for kind in KINDS:
        for path in (out / FOLDER).glob(f"*.{kind}"):
            path.unlink()

"""JoSIM's raw file: ASCII with 6 significant digits, one fewer than its CSV.

On a grid of 0.1 ps the stamps repeat from 100 ns on; with the deck's controls the axis is
restored to full precision (``time_axis``), without them a repeated stamp is an error.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from netlist_gen.errors import WaveformError
from verification.waves.josim_controls import Controls
from verification.waves.readers.josim_csv import check_header
from verification.waves.readers.raw import read_raw
from verification.waves.readers.time_axis import restore_josim_axis
from verification.waves.waveforms import Waveforms

DIGITS = 6


def read_josim_raw(path: Path, controls: Controls | None = None) -> Waveforms:
    """The waveforms in a raw file that JoSIM wrote.

    Args:
        path: the file.
        controls: what the deck asked for: the columns have to be those, and the time axis is
            restored. Without it the axis is the printed one.

    Raises:
        WaveformError: as ``read_raw``; columns that are not what was asked for, missing samples,
            or a time axis that repeats or is another deck's.
    """
    raw = read_raw(path)
    names = tuple(josim_column(name) for name in raw.names)
    time = raw.time_s
    if controls is not None:
        check_header(names, controls.columns, path.name)
        try:
            time = restore_josim_axis(time, controls.transient, DIGITS)
        except WaveformError as error:
            raise WaveformError(f"{path.name}: {error}") from None
    elif not np.all(np.diff(time) > 0.0):
        at = int(np.argmin(np.diff(time) > 0.0)) + 1
        raise WaveformError(
            f"{path.name}: sample {at} repeats or goes back in time ({time[at - 1]:.6g} s, then "
            f"{time[at]:.6g} s): {DIGITS} digits are too few for this run. Read it with its deck, "
            "or use CSV"
        )
    return Waveforms(time, names, raw.values)


def josim_column(name: str) -> str:
    """The CSV's name of a column: ``L1.X1#branch`` in raw files is ``I(L1|X1)`` in CSV."""
    plain = name.strip('"').upper().replace(".", "|")
    branch = plain.removesuffix("#BRANCH")
    return plain if branch == plain else f"I({branch})"

"""Waveforms out of any file that a simulator or this package writes."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netlist_gen.errors import ConfigurationError, WaveformError
from verification.waves.readers.josim_csv import read_josim_csv
from verification.waves.readers.raw import RawFile, read_raw
from verification.waves.readers.wrspice_csv import read_wrspice_csv
from verification.waves.waveforms import Waveforms

SUFFIXES = (".csv", ".raw", ".parquet", ".npz")
"""Of files of waveforms."""


def read_waveforms(path: Path) -> Waveforms:
    """The waveforms in a file.

    ``.csv`` of JoSIM, WRspice or this package, ``.raw`` of JoSIM, WRspice or ngspice (ASCII or
    binary), ``.parquet`` or ``.npz`` of this package.

    Raises:
        ConfigurationError: another suffix.
        WaveformError: a file that can't be read, or is damaged.
    """
    suffix = path.suffix.lower()
    try:
        if suffix == ".csv":
            return _read_csv(path)
        if suffix == ".raw":
            return _of_raw(read_raw(path))
        if suffix == ".npz":
            with np.load(path, allow_pickle=False) as archive:
                names = tuple(str(name) for name in archive["names"])
                return Waveforms(_reals(archive["time_s"]), names, _reals(archive["values"]))
        if suffix == ".parquet":
            return _read_parquet(path)
    except OSError as error:
        raise WaveformError(f"{path}: can't be read ({error.strerror or error})") from error
    except (ValueError, KeyError, TypeError, IndexError, EOFError, zipfile.BadZipFile) as error:
        raise WaveformError(f"{path}: not a whole file of waveforms ({error})") from error
    raise ConfigurationError(
        f"{path}: waveforms are read from {', '.join(SUFFIXES[:-1])} and {SUFFIXES[-1]}, not "
        f"{path.suffix or 'a name without suffix'}"
    )


def _read_csv(path: Path) -> Waveforms:
    with path.open("rb") as source:
        wrspice = source.read(1) == b"#"
    return _of_raw(read_wrspice_csv(path)) if wrspice else read_josim_csv(path)


def _read_parquet(path: Path) -> Waveforms:
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    columns = [column.to_numpy() for column in table.columns]
    values = np.stack([_reals(column) for column in columns[1:]])
    return Waveforms(_reals(columns[0]), tuple(table.column_names[1:]), values)


def _reals(array: NDArray[Any]) -> NDArray[np.float64]:
    if array.dtype.kind not in "iuf":
        raise ValueError(f"numbers of type {array.dtype}; real ones are needed")
    return np.asarray(array, dtype=np.float64)


def _of_raw(raw: RawFile) -> Waveforms:
    names = []
    for name, kind in zip(raw.names, raw.kinds, strict=True):
        column = _josim_column(name)
        names.append(column if "(" in column else f"{kind or 'V'}({column})")
    return Waveforms(raw.time_s, tuple(names), raw.values)


def _josim_column(name: str) -> str:
    """The CSV's name of a column: ``L1.X1#branch`` in JoSIM's raw files is ``I(L1|X1)`` there."""
    plain = name.strip('"').upper().replace(".", "|")
    branch = plain.removesuffix("#BRANCH")
    return plain if branch == plain else f"I({branch})"

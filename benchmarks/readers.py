"""How fast waveform files are read: ``python benchmarks/readers.py``.

Each figure is the best of five readings of a file written here, beside numpy's and pandas's
readers on the same file; the pages of the file are in memory in all cases. Printed are MB per
second of the clock and, in brackets, per second of processor time summed over all cores: the
rate of one core, which other programs on the machine do not spoil.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from verification.waves.files import write_waveforms
from verification.waves.josim_controls import Controls, Transient
from verification.waves.readers.josim_csv import read_josim_csv
from verification.waves.readers.raw import read_raw
from verification.waves.readers.time_axis import josim_axis
from verification.waves.waveforms import Waveforms

STEP_S = 0.05e-12
PRINT_STEP_S = 0.25e-12


def rates(size_MB: float, read: Callable[[], object], times: int = 5) -> str:
    """MB/s of the fastest of so many calls, by the clock and by processor time."""
    clock, processor = [], []
    for _ in range(times):
        began, used = time.perf_counter(), time.process_time()
        read()
        clock.append(time.perf_counter() - began)
        processor.append(time.process_time() - used)
    return f"{size_MB / min(clock):.0f} MB/s ({size_MB / min(processor):.0f})"


def case(signals: int, samples: int) -> tuple[Waveforms, Controls]:
    """Phases as a neuron's: pulses of 2 pi here and there."""
    transient = Transient(STEP_S, samples * PRINT_STEP_S, 0.0, PRINT_STEP_S)
    axis = josim_axis(transient)
    rng = np.random.default_rng(1)
    at = rng.uniform(0.0, axis[-1], signals)[:, None]
    phases = 4.0 * np.arctan(np.exp(np.clip((axis - at) / 0.6e-12, -50.0, 50.0)))
    # Seven digits that differ everywhere, as a simulator's.
    phases += 0.1 * np.sin(axis * 1e10 + at)
    names = tuple(f"P(B{number}|XNEURON{number})" for number in range(signals))
    return Waveforms(axis, names, phases), Controls(names, transient)


def josim_text(path: Path, waveforms: Waveforms) -> None:
    """The file as JoSIM writes it: 7 digits everywhere, the time axis included."""
    write_waveforms(path, waveforms)
    frame = pd.read_csv(path)
    frame.to_csv(path, index=False, float_format="%.6e")


def by_pandas(path: Path) -> np.ndarray:
    """pandas's reader, nothing checked."""
    return pd.read_csv(path).to_numpy().T.copy()


def by_numpy(path: Path) -> np.ndarray:
    """numpy's reader, nothing checked."""
    return np.loadtxt(path, delimiter=",", skiprows=1).T.copy()


def main() -> None:
    """Print one line for each format and shape."""
    with tempfile.TemporaryDirectory() as folder:
        for signals, samples in ((200, 20_000), (20, 200_000), (1, 1_000_000), (60, 400)):
            path = Path(folder) / "out.csv"
            waveforms, controls = case(signals, samples)
            josim_text(path, waveforms)
            size = path.stat().st_size / 1e6
            again = read_josim_csv(path, controls)
            assert np.array_equal(again.time_s, waveforms.time_s)
            readers: dict[str, Callable[[], object]] = {
                "this reader": partial(read_josim_csv, path, controls),
                "pandas": partial(by_pandas, path),
                "numpy.loadtxt": partial(by_numpy, path),
            }
            print(
                f"JoSIM CSV, {signals} signals x {samples} samples, {size:.1f} MB: "
                + ", ".join(f"{name} {rates(size, read)}" for name, read in readers.items())
            )
        path = Path(folder) / "out.raw"
        waveforms, _ = case(50, 100_000)
        for binary in (True, False):
            raw_file(path, waveforms, binary=binary)
            size = path.stat().st_size / 1e6
            print(
                f"raw, {'binary' if binary else 'ASCII'}, {size:.1f} MB: "
                f"{rates(size, partial(read_raw, path))}"
            )


def raw_file(path: Path, waveforms: Waveforms, *, binary: bool) -> None:
    """A raw file as WRspice writes it."""
    table = np.vstack([waveforms.time_s[None, :], waveforms.values]).T
    head = f"Title: t\nFlags: real\nNo. Variables: {table.shape[1]}\n"
    head += f"No. Points: {table.shape[0]}\nCommand: version 4.3.23\nVariables:\n 0 time S\n"
    head += "".join(f" {n + 1} v({n}) V\n" for n in range(len(waveforms.names)))
    if binary:
        path.write_bytes(head.encode() + b"Binary:\n" + table.astype("<f8").tobytes())
        return
    indices = np.arange(table.shape[0])[:, None]
    columns = "\n\t".join(["%.15e"] * table.shape[1])
    with path.open("w") as out:
        out.write(head + "Values:\n")
        np.savetxt(out, np.hstack([indices, table]), fmt=f" %d\t{columns}")


if __name__ == "__main__":
    main()

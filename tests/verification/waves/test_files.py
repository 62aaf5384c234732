from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from netlist_gen.errors import ConfigurationError
from verification.waves.files import waveform_writer
from verification.waves.readers.josim_csv import read_josim_csv

NAMES = ("P(B1|X1)", "V(1,2)")
TIME = np.arange(5000) * 1e-13
VALUES = np.stack([np.sin(TIME * 1e11), 1e-3 * np.cos(TIME * 2e11)])


def write(path, pieces=7):
    with waveform_writer(path) as writer:
        writer.begin(("VOID",))
        writer.add(TIME[:10], VALUES[:1, :10])
        writer.begin(NAMES)  # the run began again with half the step
        for part in np.array_split(np.arange(TIME.size), pieces):
            writer.add(TIME[part], VALUES[:, part])
        assert writer.samples == TIME.size


def test_csv(tmp_path):
    path = tmp_path / "a.csv"
    write(path)
    found = read_josim_csv(path)
    assert found.names == NAMES
    np.testing.assert_array_equal(found.time_s, TIME)
    np.testing.assert_allclose(found.values, VALUES, rtol=1e-6, atol=1e-12)
    assert path.read_text().startswith('time,"P(B1|X1)","V(1,2)"\n0.0')


def test_npz_and_parquet_keep_every_bit(tmp_path):
    write(tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz", allow_pickle=False) as found:
        assert tuple(found["names"]) == NAMES
        np.testing.assert_array_equal(found["time_s"], TIME)
        np.testing.assert_array_equal(found["values"], VALUES)
    write(tmp_path / "a.parquet")
    table = pd.read_parquet(tmp_path / "a.parquet")
    assert tuple(table.columns) == ("time", *NAMES)
    np.testing.assert_array_equal(table.to_numpy().T, np.vstack([TIME, VALUES]))


@pytest.mark.parametrize("suffix", ["csv", "npz", "parquet", "raw", "vcd"])
def test_a_run_that_fails_leaves_what_was_there(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    path.write_text("old")

    def fail():
        with waveform_writer(path) as writer:
            writer.begin(NAMES)
            writer.add(TIME, VALUES)
            raise RuntimeError("the run failed")

    with pytest.raises(RuntimeError):
        fail()
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", ["csv", "npz", "parquet"])
def test_no_samples(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    with waveform_writer(path) as writer:
        writer.begin(NAMES)
    assert path.stat().st_size > 0


def test_refusals(tmp_path):
    written = ".csv, .npz, .parquet, .raw, .vcd"
    for name, message in (
        ("a.xyz", f"waveforms are written to {written}, not .xyz"),
        ("a", f"waveforms are written to {written}, not a name without suffix"),
    ):
        path = tmp_path / name
        with (
            pytest.raises(ConfigurationError, match=f"^{re.escape(f'{path}: {message}')}$"),
            waveform_writer(path),
        ):
            pass
    with (
        pytest.raises(ConfigurationError, match=r"can't be written: No such file or directory$"),
        waveform_writer(tmp_path / "none" / "a.csv"),
    ):
        pass

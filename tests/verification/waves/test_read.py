"""Waveforms out of every kind of file."""

from __future__ import annotations

import gzip
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from netlist_gen.errors import ConfigurationError, WaveformError
from verification.waves.files import write_waveforms
from verification.waves.read import SUFFIXES, read_waveforms
from verification.waves.readers.josim_csv import read_josim_csv
from verification.waves.waveforms import Waveforms

RECORDED = Path(__file__).parents[2] / "golden" / "recorded"
DECK = """* one junction
.model jmit jj(rtype=1, vg=2.8m, cap=0.07p, r0=160, rn=16, icrit=0.1m)
IB 0 1 pwl(0 0 1p 150u 9p 150u)
B1 1 0 jmit area=2
R1 1 0 3.4
X1 1 coil
.subckt coil 1
L1 1 2 1p
R2 2 0 10
.ends
.tran 0.25p 20p 0 0.25p
.print P(B1) V(1) I(L1.X1)
.end
"""


@pytest.fixture
def waves():
    time = np.linspace(0, 10e-12, 41)
    phase = 2 * np.pi / (1 + np.exp(-(time - 5e-12) / 0.5e-12))
    return Waveforms(time, ("P(B1)", "P(B2|X1)", "V(1)"), np.stack([phase, -phase, phase * 1e-4]))


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_is_written_is_read(waves, tmp_path, suffix):
    path = tmp_path / f"w{suffix}"
    write_waveforms(path, waves)
    found = read_waveforms(path)
    assert found.names == waves.names
    np.testing.assert_array_equal(found.time_s, waves.time_s)
    scale = np.abs(waves.values).max(axis=1, keepdims=True)
    digits = 1e-6 if suffix in (".csv", ".raw") else 0
    np.testing.assert_allclose(found.values / scale, waves.values / scale, rtol=0, atol=digits)


def test_a_recorded_run(tmp_path):
    path = tmp_path / "neuron.csv"
    path.write_bytes(gzip.decompress((RECORDED / "neuron.csv.gz").read_bytes()))
    found = read_waveforms(path)
    assert found.names == read_josim_csv(path).names
    frame = found.to_pandas()
    assert frame.index.name == "time"
    assert list(frame.columns) == list(found.names)
    assert frame.shape == (found.time_s.size, len(found.names))


@pytest.mark.josim
@pytest.mark.skipif(shutil.which("josim-cli") is None, reason="josim-cli is not on PATH")
def test_josims_raw_file_holds_what_its_csv_holds(tmp_path):
    (tmp_path / "deck.cir").write_text(DECK)
    for suffix in ("csv", "raw"):
        call = ["josim-cli", "-m", "1", "-o", f"out.{suffix}", "deck.cir"]
        subprocess.run(call, cwd=tmp_path, check=True, capture_output=True, timeout=60)
    raw, csv = (read_waveforms(tmp_path / f"out.{suffix}") for suffix in ("raw", "csv"))
    assert raw.names == csv.names == ("P(B1)", "V(1)", "I(L1|X1)")
    np.testing.assert_allclose(raw.time_s, csv.time_s, rtol=1e-5)
    scale = np.abs(csv.values).max(axis=1, keepdims=True)
    np.testing.assert_allclose(raw.values / scale, csv.values / scale, rtol=0, atol=2e-5)


@pytest.mark.ngspice
@pytest.mark.skipif(shutil.which("ngspice") is None, reason="ngspice is not on PATH")
def test_ngspices_raw_file(tmp_path):
    deck = "* rc\nI1 0 1 1m\nR1 1 2 1\nVS 2 0 0\n.tran 1p 10p\n.save v(1) i(vs)\n.end\n"
    (tmp_path / "deck.cir").write_text(deck)
    call = ["ngspice", "-n", "-b", "-r", "out.raw", "deck.cir"]
    subprocess.run(call, cwd=tmp_path, check=True, capture_output=True, timeout=60)
    found = read_waveforms(tmp_path / "out.raw")
    assert sorted(found.names) == ["I(VS)", "V(1)"]
    assert found.signal("V(1)") == pytest.approx(np.full(found.time_s.size, 1e-3))


@pytest.mark.parametrize(
    ("name", "data", "error", "message"),
    [
        ("w.txt", b"", ConfigurationError,
         "{path}: waveforms are read from .csv, .raw, .parquet and .npz, not .txt"),
        ("w", b"", ConfigurationError,
         "{path}: waveforms are read from .csv, .raw, .parquet and .npz, "
         "not a name without suffix"),
        ("w.npz", b"PK", WaveformError, r"{path}: not a whole file of waveforms \(.*\)"),
        ("w.parquet", b"PAR1", WaveformError, r"{path}: not a whole file of waveforms \(.*\)"),
        ("w.csv", b"", WaveformError, "w.csv: the file is empty"),
        ("w.raw", b"Title: x\n", WaveformError,
         "w.raw: no line 'Values:' or 'Binary:' ends the header; cut short?"),
    ],
)  # fmt: skip
def test_files_that_are_none(tmp_path, name, data, error, message):
    path = tmp_path / name
    path.write_bytes(data)
    pattern = message.format(path=re.escape(str(path))) if "(.*" in message else re.escape(
        message.format(path=path)
    )  # fmt: skip
    with pytest.raises(error, match=f"^{pattern}$"):
        read_waveforms(path)


@pytest.mark.parametrize(
    "changes",
    [
        {"names": np.array("V(1)")},
        {"time_s": np.array(["a", "b"])},
        {"values": np.array([[1j, 2.0]])},
        {"values": np.array([[True, False]])},
    ],
)
def test_arrays_that_are_no_waveforms(tmp_path, changes):
    path = tmp_path / "w.npz"
    arrays = {"names": np.array(["V(1)"]), "time_s": np.arange(2.0), "values": np.ones((1, 2))}
    np.savez(path, **arrays)
    assert read_waveforms(path).names == ("V(1)",)
    np.savez(path, **arrays | changes)
    with pytest.raises(WaveformError, match=f"^{path}: not a whole file of waveforms \\(.*\\)$"):
        read_waveforms(path)
    with path.open("wb") as stream:
        np.save(stream, np.ones(3))
    with pytest.raises(WaveformError, match=f"^{path}: not a whole file of waveforms \\(.*\\)$"):
        read_waveforms(path)


def test_a_file_that_is_not_there(tmp_path):
    path = tmp_path / "none.npz"
    message = f"{path}: can't be read (No such file or directory)"
    with pytest.raises(WaveformError, match=f"^{re.escape(message)}$"):
        read_waveforms(path)

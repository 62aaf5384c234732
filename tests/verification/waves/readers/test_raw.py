"""Raw files of JoSIM, WRspice and ngspice: written by them, or byte for byte as they write."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netlist_gen.errors import WaveformError
from verification.waves.readers.raw import read_raw

WRSPICE_HEADER = (
    "Title: * two points\nDate: Mon Mar 03 10:11:12 2025\nPlotname: Transient analysis\n"
    "Flags: real\nNo. Variables: 3\nNo. Points: 2       \nCommand: version 4.3.23\n"
    "Option: maxdata = 256000\nVariables:\n 0 time S\n 1 l1.x1#branch A\n 2 v(ph.x1) V\n"
)
WRSPICE = (
    WRSPICE_HEADER + "Values:\n"
    " 0\t0.000000000000000e+00\n\t1.000000000000000e-06\n\t2.500000000000000e+00\n"
    " 1\t1.000000000000000e-12\n\t-2.000000000000000e-06\n\t6.283185307179586e+00\n"
)


def write(tmp_path, content):
    path = tmp_path / "out.raw"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def wrspice_binary(table):
    """As WRspice's file_points writes: 8-byte doubles, point after point."""
    return (WRSPICE_HEADER + "Binary:\n").encode() + np.asarray(table, dtype="<f8").tobytes()


def wrspice_ascii(time, values):
    """As WRspice's file_head, file_vars and file_points write, with 15 digits."""
    head = f"Title: t\nFlags: real\nNo. Variables: {len(values) + 1}\nNo. Points: {time.size:<8d}\n"
    head += "Command: version 4.3.23\nVariables:\n 0 time S\n"
    head += "".join(f" {n + 1} v({n}) V\n" for n in range(len(values)))
    body = ""
    for point in range(time.size):
        body += f" {point}\t{time[point]:.15e}\n"
        body += "".join(f"\t{row[point]:.15e}\n" for row in values)
    return head + "Values:\n" + body


def test_wrspice_ascii(tmp_path):
    raw = read_raw(write(tmp_path, WRSPICE))
    assert raw.producer == "version 4.3.23"
    assert raw.names == ("l1.x1#branch", "v(ph.x1)")
    assert raw.kinds == ("I", "V")
    assert raw.time_s.tolist() == [0.0, 1e-12]
    assert raw.values.tolist() == [[1e-6, -2e-6], [2.5, 6.283185307179586]]


def test_wrspice_binary(tmp_path):
    table = [[0.0, 1e-6, 2.5], [1e-12, -2e-6, 6.283185307179586]]
    binary = read_raw(write(tmp_path, wrspice_binary(table)))
    text = read_raw(write(tmp_path, WRSPICE))
    assert np.array_equal(binary.values, text.values)
    assert np.array_equal(binary.time_s, text.time_s)


@given(points=st.integers(2, 40), rows=st.integers(1, 5), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=50, deadline=None)
def test_ascii_round_trip_loses_nothing(points, rows, seed):
    rng = np.random.default_rng(seed)
    time = np.cumsum(rng.uniform(1e-14, 1e-12, points))
    values = rng.normal(size=(rows, points)) * 10.0 ** rng.integers(-12, 12)
    with tempfile.TemporaryDirectory() as folder:
        raw = read_raw(write(Path(folder), wrspice_ascii(time, values)))
    assert raw.time_s == pytest.approx(time, rel=1e-15, abs=0)
    assert raw.values == pytest.approx(values, rel=1e-15, abs=0)


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_a_file_cut_anywhere_is_refused(data):
    table = [[0.0, 1e-6, 2.5], [1e-12, -2e-6, 6.283185307179586]]
    whole = data.draw(st.sampled_from([WRSPICE.encode(), wrspice_binary(table)]))
    length = data.draw(st.integers(0, len(whole) - 1))
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder), whole[:length])
        with pytest.raises(WaveformError, match=r"^out\.raw: "):
            read_raw(path)


NGSPICE_DECK = """* divider
V1 1 0 pwl(0 0 10p 1m)
L1 1 2 1p
R1 2 0 1
.options maxord=2
.tran 0.5p 10p uic
.save v(2) i(l1)
.end
"""


@pytest.mark.ngspice
@pytest.mark.skipif(shutil.which("ngspice") is None, reason="ngspice is not on PATH")
@pytest.mark.parametrize("ascii_flag", ["0", "1"])
def test_ngspice_writes_what_is_read(tmp_path, monkeypatch, ascii_flag):
    monkeypatch.setenv("SPICE_ASCIIRAWFILE", ascii_flag)
    (tmp_path / "deck.cir").write_text(NGSPICE_DECK)
    call = ["ngspice", "-n", "-b", "-r", "out.raw", "deck.cir"]
    subprocess.run(call, cwd=tmp_path, check=True, capture_output=True, stdin=subprocess.DEVNULL)
    content = (tmp_path / "out.raw").read_bytes()
    assert (b"Values:" in content) == (ascii_flag == "1")
    raw = read_raw(tmp_path / "out.raw")
    assert raw.names == ("v(2)", "i(l1)")
    assert raw.kinds == ("V", "I")
    assert raw.time_s[-1] == pytest.approx(10e-12, rel=1e-9, abs=0)
    assert raw.values[0] == pytest.approx(raw.values[1], abs=1e-12)


@pytest.mark.josim
@pytest.mark.skipif(shutil.which("josim-cli") is None, reason="josim-cli is not on PATH")
def test_josim_writes_what_is_read(tmp_path):
    (tmp_path / "deck.cir").write_text(
        "* divider\nV1 1 0 pwl(0 0 10p 1m)\nL1 1 2 1p\nR1 2 0 1\n.tran 0.1p 10p 0 0.5p\n"
        ".print V(2) I(L1) P(L1)\n.end\n"
    )
    call = ["josim-cli", "-m", "1", "-o", "out.raw", "deck.cir"]
    subprocess.run(call, cwd=tmp_path, check=True, capture_output=True)
    raw = read_raw(tmp_path / "out.raw")
    assert raw.producer == "JoSIM v2.7"
    assert raw.names == ("V(2)", "L1#branch", "P(L1)")
    assert raw.kinds == ("V", "I", "P")
    assert raw.time_s.size == 20
    assert raw.values[0] == pytest.approx(raw.values[1], abs=1e-8)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (WRSPICE, "", "out.raw: the file is empty"),
        (
            "Values:",
            "Nothing:",
            "out.raw: no line 'Values:' or 'Binary:' ends the header; cut short?",
        ),
        (
            "No. Points: 2",
            "No. Points: 3",
            "out.raw: 8 numbers, but 3 points of 3 variables and their indices take 12: the file "
            "was cut short",
        ),
        (
            "No. Points: 2",
            "No. Points: 0",
            "out.raw: the header says 0 points; the simulation stopped at once",
        ),
        (
            "No. Points: 2",
            "No. Points: some",
            "out.raw: the header's 'no. points' is 'some'; it must be a whole number",
        ),
        (
            "No. Points: 2       \n",
            "",
            "out.raw: the header's 'no. points' is None; it must be a whole number",
        ),
        (
            "No. Variables: 3",
            "No. Variables: 4",
            "out.raw: the header says 4 variables, but names 3",
        ),
        (
            "Flags: real",
            "Flags: complex",
            "out.raw: holds complex numbers; a transient analysis is real",
        ),
        ("Flags: real", "Flags real", "out.raw: header line 'Flags real' is not 'Name: value'"),
        (
            " 0 time S",
            " 0 frequency Hz",
            "out.raw: the first variable is 'frequency' in 'Hz'; it must be time in seconds",
        ),
        (
            " 2 v(ph.x1) V",
            " 2 v(ph.x1) Hz",
            "out.raw: v(ph.x1) has the unit 'Hz'; known are voltage, current, phase",
        ),
        (
            " 2 v(ph.x1) V",
            " 3 v(ph.x1) V",
            "out.raw: variable 2 is described by '3 v(ph.x1) V'; needed are its number, name and "
            "unit",
        ),
        (
            "2.500000000000000e+00",
            "nan",
            "out.raw: v(ph.x1) is nan at point 0; the simulation diverged",
        ),
        (
            "2.500000000000000e+00",
            "2.5ee",
            "out.raw: not a number among the values: invalid value '2.5ee'",
        ),
        (" 1\t1.0", " 7\t1.0", "out.raw: point 1 carries the index 7"),
        (
            "e+00\n 1",
            "e+00 9\n 1",
            "out.raw: 9 numbers, but 2 points of 3 variables and their indices take 8: the file "
            "was added to",
        ),
    ],
)
def test_damage_is_named(tmp_path, old, new, message):
    assert old in WRSPICE
    with pytest.raises(WaveformError, match=f"^{re.escape(message)}$"):
        read_raw(write(tmp_path, WRSPICE.replace(old, new, 1)))


def test_a_binary_file_of_another_length(tmp_path):
    content = wrspice_binary([[0.0, 1.0, 2.0], [1.0, 2.0, 3.0]])
    for wrong, word in ((content[:-8], "cut short"), (content + b"12345678", "added to")):
        size = 48 + (8 if word == "added to" else -8)
        message = (
            f"out.raw: {size} bytes of numbers, but 2 points of 3 variables take 48: the file was "
            f"{word}"
        )
        with pytest.raises(WaveformError, match=f"^{re.escape(message)}$"):
            read_raw(write(tmp_path, wrong))

"""WRspice's CSV, as its csvfile.cc writes it."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netlist_gen.errors import WaveformError
from verification.waves.readers.wrspice_csv import read_wrspice_csv

GOOD = (
    "#Title: * two points\n#Date: Mon Mar 03 10:11:12 2025\n#Plotname: Transient analysis\n"
    "#Flags: real\n#No. Variables: 3\n#No. Points: 2       \n#Command: version 4.3.23\n"
    '#Variables:\n"time units=S","l1.x1#branch units=A","v(ph.x1) units=V"\n#Values:\n'
    "0.000000000000000e+00,1.000000000000000e-06,2.500000000000000e+00\n"
    "1.000000000000000e-12,-2.000000000000000e-06,6.283185307179586e+00\n"
)


def write(tmp_path, text):
    path = tmp_path / "out.csv"
    path.write_text(text)
    return path


def test_names_units_and_numbers(tmp_path):
    raw = read_wrspice_csv(write(tmp_path, GOOD))
    assert raw.producer == "version 4.3.23"
    assert raw.names == ("l1.x1#branch", "v(ph.x1)")
    assert raw.kinds == ("I", "V")
    assert raw.time_s.tolist() == [0.0, 1e-12]
    assert raw.values.tolist() == [[1e-6, -2e-6], [2.5, 6.283185307179586]]


@given(st.integers(0, len(GOOD) - 1))
@settings(max_examples=100, deadline=None)
def test_a_file_cut_anywhere_is_refused(length):
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder), GOOD[:length])
        with pytest.raises(WaveformError, match=r"^out\.csv: "):
            read_wrspice_csv(path)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (GOOD, "#Title: x\n", "out.csv: no line names the columns"),
        (
            "#No. Points: 2",
            "#No. Points: 3",
            "out.csv: the header says no. points 3, but the file holds 2: it was cut short",
        ),
        (
            "#No. Points: 2",
            "#No. Points: 1",
            "out.csv: the header says no. points 1, but the file holds 2: it was added to",
        ),
        (
            "#No. Variables: 3\n",
            "",
            "out.csv: the header's 'no. variables' is None; it must be a whole number",
        ),
        (
            '"time units=S"',
            '"frequency units=Hz"',
            "out.csv: the first column is 'frequency units=Hz'; it must be time in seconds",
        ),
        (
            "units=V",
            "units=K",
            "out.csv: column 2 is 'v(ph.x1) units=K'; known units are V, A, rad",
        ),
        (
            "#Flags: real",
            "#Flags: complex",
            "out.csv: holds complex numbers; a transient analysis is real",
        ),
        (
            "2.500000000000000e+00",
            "nan",
            "out.csv: v(ph.x1) is nan at point 0; the simulation diverged",
        ),
    ],
)
def test_damage_is_named(tmp_path, old, new, message):
    assert old in GOOD
    with pytest.raises(WaveformError, match=f"^{re.escape(message)}$"):
        read_wrspice_csv(write(tmp_path, GOOD.replace(old, new, 1)))


@pytest.mark.parametrize("cell", ["two", "", "1,2"])
def test_cells_that_are_no_numbers(tmp_path, cell):
    with pytest.raises(WaveformError, match=r"^out\.csv: not a table of numbers: "):
        read_wrspice_csv(write(tmp_path, GOOD.replace("2.500000000000000e+00", cell)))

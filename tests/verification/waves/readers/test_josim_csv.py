"""JoSIM's CSV: round trips, and every kind of damage named."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netlist_gen.errors import WaveformError
from verification.waves.files import write_waveforms
from verification.waves.josim_controls import Controls, Transient
from verification.waves.readers.josim_csv import read_josim_csv
from verification.waves.waveforms import Waveforms

GOOD = 'time,"P(B1|X1)","V(A,B)"\n0.0e+00,0.0,1e-3\n1.000000e-12,-0.5,2e-3\n'


def write(tmp_path, text):
    path = tmp_path / "out.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_header_and_numbers(tmp_path):
    waveforms = read_josim_csv(write(tmp_path, GOOD))
    assert waveforms.names == ("P(B1|X1)", "V(A,B)")
    assert waveforms.time_s.tolist() == [0.0, 1e-12]
    assert waveforms.values.tolist() == [[0.0, -0.5], [1e-3, 2e-3]]
    assert waveforms.signal("v(a,b)").tolist() == [1e-3, 2e-3]


@given(
    samples=st.integers(1, 40),
    signals=st.integers(1, 6),
    seed=st.integers(0, 2**32 - 1),
    scale=st.sampled_from([1e-300, 1e-9, 1.0, 1e9, 1e300]),
)
@settings(max_examples=60, deadline=None)
def test_round_trip(samples, signals, seed, scale):
    rng = np.random.default_rng(seed)
    time = np.cumsum(rng.uniform(1e-14, 1e-11, samples))
    names = tuple(f"P(B{number}|X{number})" for number in range(signals))
    values = rng.normal(size=(signals, samples)) * scale
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "out.csv"
        write_waveforms(path, Waveforms(time, names, values))
        again = read_josim_csv(path)
        assert [entry.name for entry in Path(folder).iterdir()] == ["out.csv"]
    assert again.names == names
    assert np.array_equal(again.time_s, time)
    assert again.values == pytest.approx(values, rel=5e-7, abs=0)


def test_a_file_larger_than_a_block_keeps_its_order(tmp_path):
    time = np.arange(1, 22_001) * 1e-13
    values = np.vstack([np.sin(time * 1e12 + phase) for phase in range(12)])
    path = tmp_path / "long.csv"
    write_waveforms(path, Waveforms(time, tuple(f"P(B{n})" for n in range(12)), values))
    assert path.stat().st_size > 4_000_000  # the size of a block
    again = read_josim_csv(path)
    assert np.array_equal(again.time_s, time)
    assert np.abs(again.values - values).max() < 1e-6


@given(st.integers(0, len(GOOD) - 1))
@settings(max_examples=100, deadline=None)
def test_a_file_cut_anywhere_is_never_a_shorter_run(length):
    controls = Controls(("P(B1|X1)", "V(A,B)"), Transient(1e-12, 2e-12, 0.0, 1e-12))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "out.csv"
        path.write_bytes(GOOD.encode()[:length])
        with pytest.raises(WaveformError, match=r"^out\.csv: "):
            read_josim_csv(path, controls)


def test_the_whole_file_passes_where_its_parts_do_not(tmp_path):
    controls = Controls(("P(B1|X1)", "V(A,B)"), Transient(1e-12, 2e-12, 0.0, 1e-12))
    assert read_josim_csv(write(tmp_path, GOOD), controls).time_s.tolist() == [0.0, 1e-12]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "out.csv: the file is empty"),
        (
            "E: nothing\n",
            "out.csv: the header starts with 'E: nothing'; JoSIM's starts with 'time,'",
        ),
        ("time,P(B1)", "out.csv: the file ends within its header"),
        ("time,P(B1)\n", "out.csv: the file has a header, but no sample"),
        (b"\xff\xfe\n", "out.csv: the first line is not a CSV header"),
        ("time,P(B1)\n0,1\n1e-12,2", "out.csv: the last line was cut off (no end of line)"),
        (
            "time,P(B1)\n0,1\n1e-12,nan\n",
            "out.csv: P(B1) is nan at sample 1; the simulation diverged",
        ),
        (
            "time,P(B1)\n0,1\n1e-12,-inf\n",
            "out.csv: P(B1) is -inf at sample 1; the simulation diverged",
        ),
        (
            "time,P(B1)\n0,1\n0,2\n",
            "out.csv: sample 1 repeats or goes back in time (0 s, then 0 s): 7 digits are too few "
            "for this run. Read it with its deck, or split the stimulus",
        ),
    ],
)
def test_damage_is_named(tmp_path, text, message):
    with pytest.raises(WaveformError, match=f"^{re.escape(message)}$"):
        read_josim_csv(write(tmp_path, text))


@pytest.mark.parametrize(
    "row", ["1e-12", "1e-12,2,3", "1e-12,", "1e-12,two", "1e-12,NULL", '1e-12,"2"', "1e-12,1e"]
)
def test_rows_that_are_not_numbers_are_refused(tmp_path, row):
    with pytest.raises(WaveformError, match=r"^out\.csv: not a table of numbers: "):
        read_josim_csv(write(tmp_path, f"time,P(B1)\n0,1\n{row}\n"))


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (
            ("P(B1|X1)", "V(A,B)", "P(B9)"),
            "out.csv: no column P(B9) (1 of 3 asked for): no such node or device in the deck",
        ),
        (
            ("P(B1|X1)",),
            "out.csv: 2 columns where the deck asks for 1; it did not ask for V(A,B)",
        ),
        (
            ("V(A,B)", "P(B1|X1)"),
            "out.csv: 2 columns where the deck asks for 2, or in another order",
        ),
    ],
)
def test_the_header_must_be_what_the_deck_asks_for(tmp_path, asked, message):
    controls = Controls(asked, Transient(1e-12, 2e-12, 0.0, 1e-12))
    with pytest.raises(WaveformError, match=f"^{re.escape(message)}$"):
        read_josim_csv(write(tmp_path, GOOD), controls)


def test_a_missing_file(tmp_path):
    message = "none.csv: cannot be read: No such file or directory"
    with pytest.raises(WaveformError, match=f"^{re.escape(message)}$"):
        read_josim_csv(tmp_path / "none.csv")

"""JoSIM's raw files, written by JoSIM: the same signals as its CSV, on the exact axis."""

from __future__ import annotations

import re
import shutil
import subprocess

import numpy as np
import pytest

from netlist_gen.errors import WaveformError
from verification.waves.josim_controls import read_controls
from verification.waves.readers.josim_csv import read_josim_csv
from verification.waves.readers.josim_raw import read_josim_raw

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
.tran 0.25p {stop} {start} 0.25p
.print P(B1) V(1) I(L1.X1)
.end
"""


def text(rows):
    head = "Title: t\nFlags: real\nNo. Variables: 2\nNo. Points: {}\nCommand: v\nVariables:\n"
    return (
        head.format(len(rows))
        + " 0 time S\n 1 P(B1) Phase\nValues:\n"
        + "".join(f"{n} {time}\n {value}\n" for n, (time, value) in enumerate(rows))
    )


@pytest.mark.josim
@pytest.mark.skipif(shutil.which("josim-cli") is None, reason="josim-cli is not on PATH")
@pytest.mark.parametrize(("stop", "start"), [("20p", "0"), ("300n", "299.9n")])
def test_raw_and_csv_hold_the_same(tmp_path, stop, start):
    deck = DECK.format(stop=stop, start=start)
    (tmp_path / "deck.cir").write_text(deck)
    for suffix in ("csv", "raw"):
        call = ["josim-cli", "-m", "1", "-o", f"out.{suffix}", "deck.cir"]
        subprocess.run(call, cwd=tmp_path, check=True, capture_output=True, timeout=60)
    controls = read_controls(deck)
    raw = read_josim_raw(tmp_path / "out.raw", controls)
    csv = read_josim_csv(tmp_path / "out.csv", controls)
    assert raw.names == csv.names == ("P(B1)", "V(1)", "I(L1|X1)")
    assert np.array_equal(raw.time_s, csv.time_s)
    scale = np.abs(csv.values).max(axis=1)
    assert np.abs(raw.values - csv.values).max(axis=1) == pytest.approx(0, abs=1e-5 * scale.max())
    if start != "0":  # 6 digits cannot tell these times apart
        message = "out.raw: sample 1 repeats or goes back in time (2.999e-07 s, then 2.999e-07 s)"
        with pytest.raises(WaveformError, match=rf"^{re.escape(message)}"):
            read_josim_raw(tmp_path / "out.raw")


def test_damage_is_refused(tmp_path):
    path = tmp_path / "out.raw"
    controls = read_controls(DECK.format(stop="1p", start="0").replace(" V(1) I(L1.X1)", ""))
    rows = [("0.00000e+00", 0), ("2.50000e-13", 1), ("5.00000e-13", 2), ("7.50000e-13", 3)]
    path.write_text(text(rows))
    assert read_josim_raw(path, controls).time_s.tolist() == pytest.approx(
        [0, 0.25e-12, 0.5e-12, 0.75e-12], rel=1e-12, abs=0
    )
    path.write_text(text(rows[:3]))
    message = (
        "out.raw: the output was cut short: it holds 3, but .tran to 1e-12 s in prints of "
        "2.5e-13 s makes 4 samples"
    )
    with pytest.raises(WaveformError, match=f"^{re.escape(message)}$"):
        read_josim_raw(path, controls)
    path.write_text(text(rows).replace("P(B1)", "P(B2)"))
    message = "out.raw: no column P(B1) (1 of 1 asked for): no such node or device in the deck"
    with pytest.raises(WaveformError, match=f"^{re.escape(message)}$"):
        read_josim_raw(path, controls)

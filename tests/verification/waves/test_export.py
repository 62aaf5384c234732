"""Waveforms kept beside a result: formats, what is cleared, what is refused before a run."""

from __future__ import annotations

import re
import sys

import numpy as np
import pytest

from netlist_gen.errors import ConfigurationError
from verification.campaign.options import VerifyOptions
from verification.waves import kinds
from verification.waves.export import clear_waveforms, keep_waveforms
from verification.waves.waveforms import Waveforms


def test_what_is_kept_and_cleared(tmp_path):
    time = np.linspace(0, 1e-12, 5)
    waves = Waveforms(time, ("P(B1)",), np.zeros((1, 5)))
    kept = keep_waveforms(waves, tmp_path, "L0N0", ("csv", "raw", "png"))
    assert kept == ("waves/L0N0.csv", "waves/L0N0.raw", "waves/L0N0.png")
    assert all((tmp_path / name).is_file() for name in kept)
    mine = tmp_path / "waves" / "notes.txt"
    mine.write_text("mine")
    clear_waveforms(tmp_path)
    assert list((tmp_path / "waves").iterdir()) == [mine]


def test_kinds_that_can_not_be(monkeypatch):
    message = "--waves is 'gif'; allowed are csv, npz, parquet, raw, vcd, png, svg, pdf, html"
    with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}$"):
        VerifyOptions(waves="gif")
    monkeypatch.setitem(sys.modules, "vcd", None)
    monkeypatch.setattr(kinds, "find_spec", lambda _: None)
    message = "--waves: vcd needs pyvcd (pip install 'netlist-gen[vcd]')"
    with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}$"):
        VerifyOptions(waves=("csv", "vcd"))

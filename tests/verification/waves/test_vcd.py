"""Pulses as VCD: read back by a reader of its own, the same bytes each time."""

from __future__ import annotations

import re
import sys

import numpy as np
import pytest

from netlist_gen.errors import ConfigurationError
from verification.waves.files import write_waveforms
from verification.waves.vcd import place_of
from verification.waves.waveforms import Waveforms

pytest.importorskip("vcd")
TIME = np.linspace(0, 40e-12, 801)


def turn(at, sign=1):
    return sign * 2 * np.pi / (1 + np.exp(-(TIME - at) / 0.3e-12))


def read_vcd(text):
    """Names of variables with their changes: {"pulses.X1.B1": [(tick, value), ...]}."""
    scope, names, changes, now = [], {}, {}, 0
    for line in text.splitlines():
        words = line.split()
        if line.startswith("$scope"):
            scope.append(words[2])
        elif line.startswith("$upscope"):
            scope.pop()
        elif line.startswith("$var"):
            names[words[3]] = ".".join([*scope, words[4]])
            changes[names[words[3]]] = []
        elif line.startswith("#"):
            now = int(line[1:])
        elif line.startswith("b"):
            changes[names[words[1]]].append((now, int(words[0][1:], 2)))
        elif line and line[0] in "01x":
            changes[names[line[1:]]].append((now, line[0]))
    return changes


def test_pulses_are_wires_in_the_scopes_of_their_instances(tmp_path):
    phases = [turn(10e-12) + turn(20e-12), turn(10e-12) + turn(20e-12, -1)]
    voltage = 2.067833848e-15 / (2 * np.pi) * np.gradient(turn(30e-12), TIME)
    names = ("P(B1|XS02|XL0)", "P(B2)", "V(OUT)", "I(L1)")
    waves = Waveforms(TIME, names, np.stack([*phases, voltage, voltage]))
    path = tmp_path / "w.vcd"
    write_waveforms(path, waves)
    found = read_vcd(path.read_text())
    assert list(found) == [
        "pulses.B2", "pulses.B2_turns", "pulses.V_OUT", "pulses.V_OUT_turns",
        "pulses.XL0.XS02.B1", "pulses.XL0.XS02.B1_turns",
    ]  # fmt: skip
    near = pytest.approx
    assert [value for _, value in found["pulses.XL0.XS02.B1"]] == ["0", "1", "0", "1", "0"]
    assert [at for at, _ in found["pulses.XL0.XS02.B1"]] == near([0, 1e4, 1.1e4, 2e4, 2.1e4], abs=5)
    assert [value for _, value in found["pulses.XL0.XS02.B1_turns"]] == [0, 1, 2]
    assert [value for _, value in found["pulses.B2"]] == ["0", "1", "0", "x", "0"]  # backwards
    assert [value for _, value in found["pulses.B2_turns"]] == [0, 1, 0]
    assert [at for at, _ in found["pulses.V_OUT"]] == near([0, 3e4, 3.1e4], abs=50)
    first = path.read_bytes()
    write_waveforms(path, waves)
    assert path.read_bytes() == first


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("P(BA|XS02|XL0N00)", ("pulses.XL0N00.XS02", "BA")),
        ("V(A B.C)", ("pulses", "V_A_B_C")),
    ],
)
def test_scope_and_name(name, place):
    assert place_of(name) == place


def test_what_has_no_pulses_is_refused(tmp_path):
    waves = Waveforms(TIME, ("I(L1)",), np.zeros((1, TIME.size)))
    message = (
        "a .vcd file holds pulses of phases and voltages, and the deck prints none; print one, or "
        "write .csv"
    )
    with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}$"):
        write_waveforms(tmp_path / "w.vcd", waves)
    assert not list(tmp_path.iterdir())


def test_without_pyvcd_it_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "vcd", None)
    waves = Waveforms(TIME, ("P(B1)",), np.zeros((1, TIME.size)))
    with pytest.raises(ConfigurationError, match=r"a \.vcd file needs pyvcd \(pip install 'netlis"):
        write_waveforms(tmp_path / "w.vcd", waves)

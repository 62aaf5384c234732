"""What process files say of drawing: rules of parasitics, what is left out, what is refused."""

from __future__ import annotations

import re

import pytest

from netlist_gen.errors import ConfigurationError
from netlist_gen.library.drawing import OPENED, SOLID, Drawing, Parasitics
from netlist_gen.library.process import load_process
from netlist_gen.resources import resource_dir

TEXT = (resource_dir("cells") / "process" / "sfq5ee.toml").read_text(encoding="utf-8")


def process_of(tmp_path, *changes):
    text = TEXT
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_inductance_falls_with_more_vias():
    parasitics = Parasitics(0.42e-12, 250e-6, 0.5e-12, 1.13e-12, 1.8e-12)
    assert parasitics.ground_H(100e-6) == parasitics.ground_H(250e-6) == 0.42e-12
    assert parasitics.ground_H(500e-6) == pytest.approx(0.21e-12)
    assert parasitics.shunt_H(3.0) == pytest.approx(0.5e-12 + 3 * 1.13e-12)


def test_a_processs_shunts_follow_its_rule():
    """A JTL's junction: 2.74 ohm are 1.37 squares, 2.05 pH with the vias."""
    process = load_process()
    assert process.shunt_H(250e-6) == pytest.approx(2.0501e-12, rel=1e-4)
    assert process.ground_H(250e-6) == pytest.approx(0.42e-12)
    bare = load_process("sfq5ee_bare")
    assert (bare.shunt_H(250e-6), bare.ground_H(250e-6)) == (pytest.approx(1e-12), 0.0)


def test_what_a_file_leaves_out_is_named():
    assert load_process().drawing.left_out() == ()
    assert load_process("sfq5ee_bare").drawing.left_out() == ("parasitics",)
    assert Drawing().left_out() == (
        "parasitics", "geometry", "transformer", "crosstalk", "limits",
    )  # fmt: skip


def test_opened_ground_is_a_process_of_its_own():
    solid, opened = (load_process(n).drawing.transformer for n in ("sfq5ee", "sfq5ee_opened"))
    assert (solid.plane, opened.plane) == (SOLID, OPENED)
    assert opened.coupling > solid.coupling
    assert load_process("sfq5ee_opened").content() != load_process().content()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            ('plane = "solid"', 'plane = "open"'),
            "[transformer] plane is 'open'; it is 'solid' or 'opened'",
        ),
        (
            ("coupling = { value = 0.21", "coupling = { value = 1.0"),
            "[transformer] coupling is 1; a coupling is below 1",
        ),
        (
            ("stray = { value = 0.005", "stray = { value = 2"),
            "[crosstalk] stray is 2; a coupling is below 1",
        ),
        (
            ("largest_junction = { value = 700.0", "largest_junction = { value = 40.0"),
            "[limits] smallest_junction is not below largest_junction",
        ),
        (
            ("bias_tap = { value = 1.8", "bias_tap = { value = 0"),
            "[parasitics] bias_tap is 0; it must be positive",
        ),
        (
            ('line = { value = 0.66, unit = "pH/um"', 'line = { value = 0.66, unit = "pH"'),
            "[geometry]: line.unit is 'pH'; allowed is pH/um",
        ),
        (
            ("[shunt]\n", '[shunt]\ninductance = { value = 1, unit = "pH", source = "guess" }\n'),
            "[shunt] inductance and [parasitics] both say what a shunt's inductance is; leave out "
            "one of them",
        ),
    ],
)
def test_what_is_refused(tmp_path, change, message):
    path = process_of(tmp_path, change)
    with pytest.raises(ConfigurationError, match=f"^{re.escape(f'{path}: {message}')}$"):
        load_process(str(path))

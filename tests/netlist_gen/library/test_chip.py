"""Profiles of chips: what ships, and what a user's own file may say."""

from __future__ import annotations

import re

import pytest

from netlist_gen.errors import ConfigurationError
from netlist_gen.library.chip import load_profile, profile_names

OWN = """
[chip]
name = "own"
title = "a chip of one's own"
[limits]
pads = { value = 84, unit = "1", source = "package" }
pad_rate = { value = 20.0, unit = "Gbit/s", source = "cables" }
[assumptions]
pad_current = { value = 50.0, unit = "mA", source = "bond wires" }
defect_rate = { value = 2e-6, unit = "1", source = "own count" }
[densities]
drawn = { value = 400.0, unit = "um2", source = "own layout" }
"""


def test_what_ships():
    assert profile_names() == ["none", "supersnn-5x5"]
    chip, none = load_profile("supersnn-5x5"), load_profile()
    assert (chip.area, chip.pads, chip.current) == (pytest.approx(25e-6), 40, 1.0)
    assert (none.area, none.pads, none.current, none.pad_rate) == (None, None, None, None)
    assert next(iter(chip.densities)) == "cells"
    assert chip.densities["supersnn"] == pytest.approx(2278e-12)


def test_ones_own(tmp_path):
    file = tmp_path / "own.toml"
    file.write_text(OWN)
    own = load_profile(str(file))
    assert (own.name, own.pads, own.pad_rate, own.current) == ("own", 84, 20e9, None)
    assert own.densities == {"drawn": pytest.approx(400e-12)}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("value = 84", "value = -1", "{}: [limits] pads is -1; it must be positive"),
        ("value = 84", "value = 4.5", "{}: [limits] pads is 4.5; it must be a whole number"),
        ('unit = "Gbit/s"', 'unit = "A"', "{}: [limits]: pad_rate.unit is 'A'; allowed is Gbit/s"),
        (
            "pads =",
            "pins =",
            "{}: [limits] has no 'pins'; there are area, pads, current, pad_rate",
        ),
        (
            "pad_current",
            "pad_amps",
            "{}: [assumptions] has no 'pad_amps'; there are pad_current, defect_rate",
        ),
        (
            'drawn = { value = 400.0, unit = "um2", source = "own layout" }',
            "",
            "{}: [densities] is missing or empty; one at least is needed",
        ),
        (
            'name = "own"',
            "name = 3",
            "{}: [chip] name is 3; it must be one line of at most 300 printable characters",
        ),
        ("[limits]", "limits = 3\n[other]", "{}: [limits] must be a table"),
    ],
)
def test_what_can_not_be_is_refused(tmp_path, old, new, message):
    file = tmp_path / "own.toml"
    text = OWN.replace(old, new, 1)
    if new.startswith("limits"):
        text = "limits = 3\n" + OWN.replace("[limits]", "[other]")
    file.write_text(text)
    with pytest.raises(ConfigurationError, match=f"^{re.escape(message.format(file))}$"):
        load_profile(str(file))


def test_an_unknown_name():
    with pytest.raises(
        ConfigurationError,
        match=r"^no profile 'big'; the library has none, supersnn-5x5, or give a \.toml file$",
    ):
        load_profile("big")

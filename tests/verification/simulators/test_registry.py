"""Simulators by name."""

from __future__ import annotations

import re

import pytest

from netlist_gen.errors import ConfigurationError
from verification.simulators.registry import NAMES, automatic, get_simulator


@pytest.mark.parametrize("name", NAMES)
def test_every_name_gives_its_simulator(name):
    simulator = get_simulator(name)
    assert simulator.name == name
    assert simulator.dialect in ("josim", "wrspice", "ngspice")
    assert simulator.available() in (True, False)


def test_auto_is_josim_where_it_is_on_path(install):
    install("josim-cli", "exit 1\n")
    assert automatic() == "josim"
    assert get_simulator("auto").name == "josim"


def test_auto_is_embedded_where_josim_is_not(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert automatic() == "embedded"
    assert get_simulator().name == "embedded"


def test_unknown_names_are_refused():
    message = "there is no simulator 'spice'; allowed are auto, embedded, josim, wrspice, ngspice"
    with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}$"):
        get_simulator("spice")

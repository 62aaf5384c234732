"""Simulators by name."""

from __future__ import annotations

import re

import pytest

from netlist_gen.deck.emit import dialects
from netlist_gen.errors import ConfigurationError
from verification.engine.cuda import devices
from verification.simulators import ngspice_shared, registry
from verification.simulators.registry import (
    NAMES,
    automatic,
    chosen_simulators,
    get_simulator,
    get_simulators,
)


@pytest.mark.parametrize("name", NAMES)
def test_every_name_gives_its_simulator(name):
    simulator = get_simulator(name)
    assert simulator.name == name
    assert simulator.dialect in dialects()
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
    message = f"there is no simulator 'spice'; allowed are auto, {', '.join(NAMES)}"
    with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}$"):
        get_simulator("spice")


def test_a_comma_list_keeps_its_order():
    found = get_simulators("ngspice, embedded,josim")
    assert [simulator.name for simulator in found] == ["ngspice", "embedded", "josim"]
    assert [simulator.name for simulator in get_simulators("embedded")] == ["embedded"]


def test_what_auto_stands_for_may_be_in_the_list(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    found = get_simulators("auto,embedded,ngspice")
    assert [simulator.name for simulator in found] == ["embedded", "ngspice"]


def test_installed_stands_for_all_that_are_here(install, monkeypatch, tmp_path):
    monkeypatch.setattr(ngspice_shared, "library", lambda: None)
    install("josim-cli", "exit 1\n")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert [simulator.name for simulator in get_simulators("installed")] == ["embedded", "josim"]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ("josim,josim", "the simulator josim is twice in 'josim,josim'; once is enough"),
        ("josim,,embedded", "there is no simulator ''; allowed are auto, embedded, josim, "
         "wrspice, ngspice"),
    ],
)  # fmt: skip
def test_lists_that_make_no_sense_are_refused(names, message):
    with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}$"):
        get_simulators(names)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ("embedded,ngspice",
         "device cuda is of the embedded engine, ngspice has none; allowed is --simulator "
         "embedded"),
        *((names,
           "device cuda takes the package's extra cuda (pip install 'netlist-gen[cuda]'), which is "
           "not here. Device cpu runs the same lanes") for names in ("embedded", "auto")),
    ],
)  # fmt: skip
def test_a_device_that_is_not_there(names, message, monkeypatch):
    monkeypatch.setattr(registry, "automatic", lambda: "josim")
    monkeypatch.setattr(devices, "find_spec", lambda _: None)
    monkeypatch.delenv("NUMBA_ENABLE_CUDASIM", raising=False)
    with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}$"):
        chosen_simulators(names, "cuda")


def test_the_processor_is_the_device_where_none_is_named():
    assert [one.name for one in chosen_simulators("embedded", "cpu")] == ["embedded"]

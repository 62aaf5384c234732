"""Fixtures of several rooms: a tiny network on disk, the command line, the simulators."""

from __future__ import annotations

import contextlib
import importlib
import io
import sys
from collections.abc import Callable

import pytest
from support import NO_JOSIM, Files, Ran, tiny_network, written

from netlist_gen.library.cells import CellLibrary


@pytest.fixture
def cli(monkeypatch) -> Callable[..., Ran]:
    """``cli("verify", net, ...)`` runs the entry point as the installed program does."""
    from netlist_gen.cli import main

    def run(*arguments: object) -> Ran:
        out, err = io.StringIO(), io.StringIO()
        monkeypatch.setattr(sys, "argv", ["netlist-gen", *map(str, arguments)])
        with (
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
            pytest.raises(SystemExit) as ended,
        ):
            main()
        return Ran(int(ended.value.code or 0), out.getvalue(), err.getvalue())

    return run


@pytest.fixture
def tiny(tmp_path) -> Files:
    """The tiny network with four samples in which every neuron fires and stays silent."""
    x = [[1, 0, 1], [0, 1, 1], [0, 1, 0], [1, 0, 0]]
    return written(tiny_network(), tmp_path, x, [0, 1, 0, 1])


@pytest.fixture
def plots_aside(monkeypatch) -> None:
    """Reports without their plots, which are most of the time of a small network's run."""
    for room, name in (
        ("raster", "raster"), ("plots", "delays"), ("plots", "waveforms"), ("plots", "timing"),
    ):  # fmt: skip
        module = importlib.import_module(f"verification.report.{room}")
        monkeypatch.setattr(module, name, lambda *_: "<svg></svg>")


@pytest.fixture
def library() -> CellLibrary:
    """A fresh library: tests may build neurons of the same name."""
    return CellLibrary()


@pytest.fixture(
    params=[pytest.param("josim", marks=[pytest.mark.josim, NO_JOSIM]), "embedded"],
)
def simulator_name(request) -> str:
    """Each simulator of the JoSIM dialect that is here."""
    registry = importlib.import_module("verification.simulators.registry")
    if not registry.get_simulator(request.param).available():
        pytest.skip(f"the simulator {request.param} is not here")
    return request.param


@pytest.fixture
def simulator(simulator_name):
    """Each simulator of the JoSIM dialect that is here."""
    registry = importlib.import_module("verification.simulators.registry")
    return registry.get_simulator(simulator_name)


@pytest.fixture
def josim():
    """JoSIM alone, for what the embedded engine would only repeat more slowly."""
    registry = importlib.import_module("verification.simulators.registry")
    return registry.get_simulator("josim")

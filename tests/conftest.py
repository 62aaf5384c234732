"""What tests of several rooms share: a tiny network on disk, the command line, the simulators."""

from __future__ import annotations

import contextlib
import importlib
import io
import re
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from netlist_gen.cell_library import CellLibrary
from netlist_gen.checkpoint.registry import write_network
from netlist_gen.circuit.bench import NeuronSite
from netlist_gen.network import TernaryNetwork

NO_JOSIM = pytest.mark.skipif(shutil.which("josim-cli") is None, reason="josim-cli is not on PATH")


@dataclass(frozen=True)
class Ran:
    """What a command printed, and its exit status."""

    status: int
    out: str
    err: str

    @property
    def sentence(self) -> str:
        """The error: the last line on stderr. Before it there may only be progress."""
        assert "Traceback" not in self.err, self.err
        lines = [line for line in self.err.splitlines() if line.strip()]
        for line in lines[:-1]:
            assert re.match(r"(simulator \w+ \S+, \d+ samples$|.*[━╸╺])", line), self.err
        assert lines, f"nothing on stderr; stdout: {self.out}"
        assert lines[-1].startswith("netlist-gen: "), self.err
        return lines[-1].removeprefix("netlist-gen: ")


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


@dataclass(frozen=True)
class Files:
    """A network and samples on disk; ``run`` is a directory that is not there yet."""

    network: TernaryNetwork
    net: Path
    x: Path
    y: Path
    run: Path


def tiny_network() -> TernaryNetwork:
    """Three inputs, three hidden neurons, two classes: all signs and a theta of 0."""
    return TernaryNetwork.from_arrays(
        [
            np.array([[1, -1, 1], [0, 1, 1], [-1, 0, 1]], dtype=np.int8),
            np.array([[1, 1, -1], [0, 1, 1]], dtype=np.int8),
        ],
        [np.array([1, 2, 0]), np.array([1, 1])],
    )


@pytest.fixture
def tiny(tmp_path) -> Files:
    """The tiny network with four samples in which every neuron fires and stays silent."""
    files = Files(
        tiny_network(), tmp_path / "net.npz", tmp_path / "x.npy", tmp_path / "y.npy", tmp_path / "r"
    )
    write_network(files.network, files.net)
    np.save(files.x, np.array([[1, 0, 1], [0, 1, 1], [0, 1, 0], [1, 0, 0]], dtype=bool))
    np.save(files.y, np.array([0, 1, 0, 1]))
    return files


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


def neuron_site(signs, theta: int, name: str = "L0N0") -> NeuronSite:
    """A neuron whose synapses are input lines 0, 1, ..."""
    signs = tuple(int(s) for s in signs)
    wide = len(str(max(1, len(signs) - 1)))
    labels = tuple(f"{i:0{wide}d}" for i in range(len(signs)))
    return NeuronSite(0, 0, tuple(range(len(signs))), signs, int(theta), name, labels)

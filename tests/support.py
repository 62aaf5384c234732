"""What tests of several rooms share: a tiny network, a neuron's site, what a command printed.

Imported by name (conftest.py holds the fixtures), so that tests run alone or together.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import ArrayLike

from netlist_gen.checkpoint.registry import write_network
from netlist_gen.circuit.model import Circuit
from netlist_gen.circuit.sites import NeuronSite
from netlist_gen.network import TernaryNetwork
from netlist_gen.spikes import NetworkSpikes, NeuronSpikes
from verification.verdict.energy import BiasSources, measured_energies
from verification.waves.readings import Readings
from verification.waves.waveforms import Waveforms

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
            assert re.match(r"(note: |.* \d+/\d+ .* left )", line), self.err
        assert lines, f"nothing on stderr; stdout: {self.out}"
        assert lines[-1].startswith("netlist-gen: "), self.err
        return lines[-1].removeprefix("netlist-gen: ")


@dataclass(frozen=True)
class Files:
    """A network and samples on disk; ``run`` is a directory that is not there yet."""

    network: TernaryNetwork
    net: Path
    x: Path
    y: Path
    run: Path


def written(network: TernaryNetwork, folder: Path, x: ArrayLike, labels: ArrayLike) -> Files:
    """A network with samples and their classes, written to a folder."""
    files = Files(network, folder / "net.npz", folder / "x.npy", folder / "y.npy", folder / "r")
    write_network(network, files.net)
    np.save(files.x, np.array(x, dtype=bool))
    np.save(files.y, np.array(labels))
    return files


FIVE = np.array([[1, 0, 1], [0, 1, 1], [1, 1, 0], [0, 0, 0], [1, 1, 1]], dtype=bool)
"""Samples of the tiny network."""


def tiny_network() -> TernaryNetwork:
    """Three inputs, three hidden neurons, two classes: all signs and a theta of 0."""
    return TernaryNetwork.from_arrays(
        [
            np.array([[1, -1, 1], [0, 1, 1], [-1, 0, 1]], dtype=np.int8),
            np.array([[1, 1, -1], [0, 1, 1]], dtype=np.int8),
        ],
        [np.array([1, 2, 0]), np.array([1, 1])],
    )


def neuron_site(signs: Iterable[int], theta: int, name: str = "L0N0") -> NeuronSite:
    """A neuron whose synapses are input lines 0, 1, ..."""
    signs = tuple(int(s) for s in signs)
    wide = len(str(max(1, len(signs) - 1)))
    labels = tuple(f"{i:0{wide}d}" for i in range(len(signs)))
    return NeuronSite(0, 0, tuple(range(len(signs))), signs, int(theta), name, labels)


def site_spikes(site: NeuronSite, stimulus: ArrayLike) -> NeuronSpikes:
    """What a network's neuron with the synapses and threshold of a site must do."""
    given = np.asarray(stimulus, dtype=bool)
    weights = np.zeros((1, max(site.inputs) + 1), dtype=np.int8)
    weights[0, list(site.inputs)] = site.signs
    windows = np.zeros((len(given), weights.shape[1]), dtype=bool)
    windows[:, list(site.inputs)] = given
    network = TernaryNetwork.from_arrays([weights], [[site.theta]])
    return NetworkSpikes.of(network, windows).neuron(0, 0)


def measured_energy(
    circuit: Circuit, observed: Waveforms | Readings, start_s: float, stop_s: float
) -> float:
    """Energy in J that a circuit's bias sources deliver between two times of rest."""
    bounds = np.array([start_s, stop_s])
    currents = np.array([fed.source.value for fed in circuit.biased()])
    return float(measured_energies(BiasSources.of(circuit), currents, observed, bounds)[0])

"""Lines by channel and pixel: in names, files, decks and what is left after removal."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from netlist_gen.checkpoint import read_checkpoint, read_network, write_network
from netlist_gen.checkpoint.layout import parse_layers, stack_of
from netlist_gen.checkpoint.state_dict import parse_state_dict
from netlist_gen.checkpoint.unroll import unroll
from netlist_gen.circuit.sites import neuron_sites
from netlist_gen.errors import NetworkError
from netlist_gen.grid import Grid
from netlist_gen.network import TernaryNetwork
from netlist_gen.training.cost import remove_dead


def pictures() -> TernaryNetwork:
    """A convolution over 4 x 12 pixels, pooling, and two outputs."""
    neuron = {"threshold": np.ones(()), "beta": np.zeros(()), "reset_mechanism_val": np.array(2)}
    state = {"c.weight": np.ones((2, 1, 3, 3)), "l.weight": np.ones((2, 2 * 5))}
    state |= {f"{name}.{key}": value for name in ("a", "b") for key, value in neuron.items()}
    stack = stack_of(
        parse_state_dict(state), (1, 4, 12), parse_layers("conv, max 2, leaky, linear, leaky")
    )
    return unroll(stack).ternary(1)[0]


def test_names_are_row_order() -> None:
    grid = Grid((2, 3, 11))
    names = [f"C{c}Y{y}X{x:02d}" for c, y, x in product(range(2), range(3), range(11))]
    assert [grid.name(line) for line in range(len(grid))] == names
    assert Grid((12, 3)).name(35) == "C11X2"
    some = grid.kept([1, 40, 65])
    assert [some.name(line) for line in range(3)] == [names[1], names[40], names[65]]
    assert some.kept([2]).name(0) == names[65]
    assert Grid.from_json(json.loads(json.dumps(some.to_json()))) == some


def test_neurons_and_synapses_are_named_by_channel_and_pixel() -> None:
    network = pictures()
    assert [None if g is None else g.shape for g in network.grids] == [
        (1, 4, 12), (2, 2, 10), (2, 1, 5), None,
    ]  # fmt: skip
    sites = neuron_sites(network)
    assert sites[0].name == "L0C0Y0X0"
    assert sites[0].labels[:4] == ("C0Y0X00", "C0Y0X01", "C0Y0X02", "C0Y1X00")
    assert sites[39].name == "L0C1Y1X9"
    pooled = sites[40 + 7]
    assert (pooled.name, pooled.theta) == ("L1C1Y0X2", 1)
    assert pooled.labels == ("C1Y0X4", "C1Y0X5", "C1Y1X4", "C1Y1X5")
    assert (sites[50].name, sites[50].labels[0]) == ("L2N0", "C0Y0X0")
    assert len({site.name for site in sites}) == len(sites)


@pytest.mark.parametrize("suffix", ["npz", "pt", "safetensors", "nir"])
def test_files_keep_them(tmp_path, suffix: str) -> None:
    network = remove_dead(pictures())
    path = tmp_path / f"n.{suffix}"
    write_network(network, path, {"seed": 3})
    found = read_checkpoint(path)
    assert found.network.grids == network.grids
    assert found.card.extra == {"seed": 3, **({"population": 1} if suffix != "npz" else {})}
    write_network(replace(network, grids=()), path)
    assert read_network(path).grids == ()


def test_what_is_removed_leaves_the_names_of_the_rest() -> None:
    network = pictures()
    theta = network.layers[0].theta.copy()
    theta[3] = 10  # more than nine synapses give
    layers = [(layer.weights, layer.theta) for layer in network.layers]
    changed = TernaryNetwork.from_arrays(
        [w for w, _ in layers], [theta, *(t for _, t in layers[1:])], 1, network.grids
    )
    left = [site.name for site in neuron_sites(remove_dead(changed)) if site.layer == 0]
    assert left == [s.name for s in neuron_sites(network) if s.layer == 0 and s.neuron != 3]


def test_decks_and_manifest_have_the_names(cli, tmp_path) -> None:
    write_network(pictures(), tmp_path / "n.npz")
    ran = cli("generate", tmp_path / "n.npz", "-o", tmp_path / "decks")
    assert ran.status == 0, ran.err
    manifest = json.loads((tmp_path / "decks" / "manifest.json").read_text())
    names = [entry["name"] for entry in manifest["decks"]]
    assert names[0] == "L0C0Y0X0"
    assert "L1C1Y0X2" in names
    assert "XSC0Y1X02" in (tmp_path / "decks" / "L0C0Y0X0.cir").read_text()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Grid((3,)), "a grid has shape (3,); channels and one or two sides are needed"),
        (lambda: Grid((1, 2, 2), (0, 4)), "a grid of shape (1, 2, 2) has places that are not "
         "rising within it"),
        (lambda: Grid((1, 2, 2), (1, 0)), "a grid of shape (1, 2, 2) has places that are not "
         "rising within it"),
        (lambda: Grid.from_json({"shape": "x"}), "a grid of the file is no shape and places of "
         "whole numbers"),
        (lambda: Grid.from_json({"shape": [1, 2], "places": [0.5]}), "a grid of the file is no "
         "shape and places of whole numbers"),
        (lambda: TernaryNetwork.from_arrays([np.eye(2)], [[1, 1]], 1, (Grid((1, 2)),)), "1 grids "
         "for 2 rows of lines"),
        (lambda: TernaryNetwork.from_arrays([np.eye(2)], [[1, 1]], 1, (Grid((1, 3)), None)),
         "a grid of 3 places for 2 lines"),
    ],
)  # fmt: skip
def test_grids_that_are_none(make, message: str) -> None:
    with pytest.raises(NetworkError, match=f"^{re.escape(message)}$"):
        make()

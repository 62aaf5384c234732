"""``inspect --profile``: a chip's budget beside the circuit's cost."""

from __future__ import annotations

import json

import numpy as np

from netlist_gen.checkpoint.registry import write_network
from netlist_gen.network import TernaryNetwork


def test_inspect_says_what_a_chip_has_too_little_of(tmp_path, cli):
    net = tmp_path / "n.npz"
    wide = np.zeros((2, 44), dtype=int)
    wide[0, :22], wide[1, 22:] = 1, 1
    write_network(TernaryNetwork.from_arrays([wide], [[1, 2]]), net)
    plain = cli("inspect", net)
    assert plain.status == 0
    assert "Chip, profile" not in plain.out
    ran = cli("inspect", net, "--profile", "supersnn-5x5")
    assert ran.status == 0, ran.err
    assert "Chip, profile supersnn-5x5" in ran.out
    assert (
        "exceeded: pads are 48 (44 inputs, 2 class lines, 1 clocks, 1 bias), supersnn-5x5 allows 40"
    ) in ran.out.replace("\n", " ")
    budget = json.loads(cli("inspect", net, "--profile", "supersnn-5x5", "--json").out)["circuit"][
        "budget"
    ]
    assert (budget["profile"], budget["islands"], budget["input_pads"]) == ("supersnn-5x5", 1, 44)
    assert len(budget["exceeded"]) == 1
    unknown = cli("inspect", net, "--profile", "big")
    assert (unknown.status, unknown.sentence) == (
        2,
        "no profile 'big'; the library has none, supersnn-5x5, or give a .toml file",
    )

"""Networks whose splitters are sized by what their trees drive, in both scopes."""

from __future__ import annotations

import json
import re

import pytest
from support import FIVE, NO_JOSIM, Files, tiny_network, written

from netlist_gen.assembly.network_circuit import network_outline
from netlist_gen.library.cells import CellLibrary
from netlist_gen.library.process import load_process

pytestmark = pytest.mark.usefixtures("plots_aside")


@pytest.fixture
def tiny(tmp_path) -> Files:
    return written(tiny_network(), tmp_path, FIVE, [0, 1, 1, 0, 1])


@pytest.mark.parametrize(
    "simulator", ["embedded", pytest.param("josim", marks=[pytest.mark.josim, NO_JOSIM])]
)
@pytest.mark.parametrize("bias", ["ideal", "resistor"])
def test_both_scopes_agree(tiny, cli, simulator, bias):
    ran = cli(
        "verify", tiny.net, "--inputs", tiny.x, "-o", tiny.run, "--simulator", simulator,
        "--scope", "network,neurons", "--jobs", 1, "--splitters", "by-load", "--bias", bias,
        "--timing", "--timing-tolerance", 1.5,
    )  # fmt: skip
    assert ran.status == 0, ran.out + ran.err
    summary = json.loads((tiny.run / "verify.json").read_text())
    assert (summary["checked"], summary["mismatches"]) == (60, 0)
    assert abs(summary["energy"]["relative_error"]) < 0.001
    totals = [
        network_outline(
            tiny.network, CellLibrary(load_process(bias_kind=bias, splitters=splitters))
        ).circuit.totals()
        for splitters in ("by-load", "library")
    ]
    assert totals[0].bias_A < 0.95 * totals[1].bias_A
    assert totals[0].flux_A == totals[1].flux_A


def test_decks_of_other_splitters_are_refused(tiny, cli):
    decks = tiny.run / "decks"
    words = ("--inputs", tiny.x, "--splitters", "by-load")
    made = cli("generate", tiny.net, "-o", decks, *words)
    assert made.status == 0, made.err
    assert json.loads((decks / "manifest.json").read_text())["splitters"] == "by-load"
    (deck,) = list(decks.glob("*L0N0*.cir"))[:1]
    assert "splitters are sized by what their trees drive (--splitters by-load)" in deck.read_text()
    assert re.search(r"\.subckt reset_(splitter|jtl) ", deck.read_text())
    ran = cli("verify", tiny.net, "--inputs", tiny.x, "--decks", decks, "-o", tiny.run / "v")
    assert ran.status == 2
    assert ran.sentence == (
        f"{decks / 'manifest.json'}: the decks have the splitters 'by-load', asked for is "
        "--splitters library"
    )

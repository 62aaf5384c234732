"""Factors at a deck's head: 1 changes nothing, another value scales what it says."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from cell_benches import cell_bench
from support import tiny_network

import netlist_gen as ng
from netlist_gen.circuit.probe import Analysis
from netlist_gen.deck.emit import dialects, emit
from netlist_gen.deck.parameters import PARAMETERS, plain_deck
from netlist_gen.errors import DeckError
from verification.simulators.wrspice_rules import check_wrspice_deck

pytestmark = pytest.mark.usefixtures("plots_aside")

NGSPICE = pytest.mark.skipif(shutil.which("ngspice") is None, reason="ngspice is not on PATH")
WRSPICE = pytest.mark.skipif(shutil.which("wrspice") is None, reason="wrspice is not on PATH")
JOSIM = pytest.mark.skipif(shutil.which("josim-cli") is None, reason="josim-cli is not on PATH")
RUNS = [
    ("josim", "embedded"),
    pytest.param("josim", "josim", marks=[pytest.mark.josim, JOSIM]),
    pytest.param("ngspice", "ngspice", marks=[pytest.mark.ngspice, NGSPICE]),
    pytest.param("wrspice", "wrspice", marks=[pytest.mark.wrspice, WRSPICE]),
]


def text_of(dialect, parameters):
    bench = cell_bench("jtl")
    probes = bench.deck(dialect).probes
    return emit(
        bench.circuit, bench.library.process, Analysis(160e-12), probes, name="jtl",
        dialect=dialect, parameters=parameters,
    ).text  # fmt: skip


def scaled(text, **factors):
    for name, value in factors.items():
        text, count = re.subn(rf"(?m)^\.param {name}=1$", f".param {name}={value}", text)
        assert count == 1
    return text


@pytest.mark.parametrize("dialect", dialects())
def test_multiplied_in_they_are_the_deck_without(dialect):
    plain, given = text_of(dialect, False), text_of(dialect, True)
    head = "".join(f"* {name}=1\n" for name in PARAMETERS)
    head += "* numdgt=15\n" if dialect == "wrspice" else ""
    assert plain_deck(given).replace(head, "", 1) == plain
    assert plain_deck(plain) == plain


@pytest.mark.parametrize(
    ("dialect", "form"),
    [("josim", "{}"), ("ngspice", "{{{}}}"), ("wrspice", "'{}'")],
)
def test_the_values_that_are_scaled(dialect, form):
    """A JTL's inductors, its bias and the critical current of its junction."""
    found = re.findall(r"[{']?[\d.e-]+\*[a-z]+[}']?", text_of(dialect, True))
    icrit = "0.00025*icrit" if dialect == "ngspice" else "0.0001*icrit"
    inductors = [f"{value}*ind" for value in ("2.0678e-12", "4.2e-13", "2.050134e-12")]
    products = [icrit, *inductors, "0.000175*bias", inductors[0]]
    assert found == [form.format(product) for product in products]


@pytest.mark.parametrize(("dialect", "simulator"), RUNS)
def test_simulators_multiply_as_we_do(tmp_path, dialect, simulator):
    given = text_of(dialect, True)
    swept = scaled(given, bias=1.1, ind=0.9, icrit=0.97)
    results = {}
    for name, text in {
        "plain": text_of(dialect, False), "one": given, "swept": swept,
        "multiplied": plain_deck(swept),
    }.items():  # fmt: skip
        deck = tmp_path / f"{name}.cir"
        deck.write_text(text)
        results[name] = ng.simulate(deck, simulator=simulator)
    for one, other in (("plain", "one"), ("swept", "multiplied")):
        np.testing.assert_allclose(results[one].values, results[other].values, rtol=0, atol=1e-9)
    assert results["swept"].values.shape[0] == results["one"].values.shape[0]
    last = results["one"].values[:, -1] - results["swept"].values[:, -1]
    assert np.abs(last).max() > 0.02  # the bias moves phases at rest


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        (".param bias=1.5\nI1 0 1 pwl(0 0 1e-11 2e-05*bias)",
         "* bias=1.5\nI1 0 1 pwl(0 0 1e-11 3e-05)"),
        (".param ind=2\nL1 a b {1e-12*ind}", "* ind=2\nL1 a b 2e-12"),
        (".param ind=2\nL1 a b '1e-12*ind'", "* ind=2\nL1 a b 2e-12"),
        (".param ind=2\nL1 a b 1e-12*indx", "* ind=2\nL1 a b 1e-12*indx"),
        (".param other=2\nL1 a b 1e-12*ind", ".param other=2\nL1 a b 1e-12*ind"),
        (".param ind=2\nL1 ind b 1e-12*ind\nX1 bias ind cell\n.print v(ind)",
         "* ind=2\nL1 ind b 2e-12\nX1 bias ind cell\n.print v(ind)"),
        (".param icrit=2\n.model m jj(icrit=1e-4*icrit, rn=16)",
         "* icrit=2\n.model m jj(icrit=0.0002, rn=16)"),
        (".param icrit=2\nBJ p n I={1e-4*icrit}*sin(V(ph))",
         "* icrit=2\nBJ p n I=0.0002*sin(V(ph))"),
        (".param bias=2\nI1 0 1 pwl(0 0 1e-11 2e-05*bias) $ the bias",
         "* bias=2\nI1 0 1 pwl(0 0 1e-11 4e-05) $ the bias"),
        (".param ind=2\nL1 a b 1e-12*ind; ind", "* ind=2\nL1 a b 2e-12; ind"),
        (".param ind=2\nL1 a b 1e-12*ind * its ind", "* ind=2\nL1 a b 2e-12 * its ind"),
        (".param ind=2\n* 1/1*ind\nL1 a b 1e-12 ", "* ind=2\n* 1/1*ind\nL1 a b 1e-12 "),
    ],
)  # fmt: skip
def test_what_is_multiplied(text, plain):
    assert plain_deck(text) == plain


PRODUCT = "; a factor multiplies one number, as in 2e-12*ind"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (".param ind=1\n.subckt cell a b\n.param ind=3\nL1 a b 1e-12*ind\n.ends",
         "d, line 3: .param ind is inside the subcircuit cell; a factor is the whole deck's"),
        (".subckt cell a\n.ends\n.param ind=3\nL1 a b 1e-12*ind\n .PARAM bias = 1 IND = 2",
         "d, line 5: .param ind is there a second time; one is allowed"),
        (".param ind=3\n.subckt cell a params: ind=2\n.ends",
         "d, line 2: '.subckt cell a params: ind=2' has ind of its own; a factor is the whole "
         "deck's"),
        (".param ind=3\nX1 a cell ind = 2",
         "d, line 2: 'X1 a cell ind = 2' has ind of its own; a factor is the whole deck's"),
        (".param ind=3\nL1 a b 2e-11/1*ind", "d, line 2: ind is in '2e-11/1*ind'" + PRODUCT),
        (".param ind=3\nL1 a b 2e-12+1e-12*ind",
         "d, line 2: ind is in '2e-12+1e-12*ind'" + PRODUCT),
        (".param ind=3\nL1 a b 1e-12*ind*2", "d, line 2: ind is in '1e-12*ind*2'" + PRODUCT),
        (".param ind=3\nI1 0 b pwl(0 0 1e-11 1e-5 *ind)",
         "d, line 2: ind is in 'pwl(0 0 1e-11 1e-5 *ind)'" + PRODUCT),
        (".param ind=3\nL1 a b\n+ ind", "d, line 2: ind is in 'ind'" + PRODUCT),
        (".param ind=3\n.param other=2*ind+1", "d, line 2: ind is in 'other=2*ind+1'" + PRODUCT),
        (".param ind=3\nL1 a b -{1e-12*ind}", "d, line 2: ind is in '-{1e-12*ind}'" + PRODUCT),
    ],
)  # fmt: skip
def test_factors_that_are_more_than_factors_are_refused(text, message):
    with pytest.raises(DeckError, match=f"^{re.escape(message)}$"):
        plain_deck(text, "d")


def test_a_factor_of_one_cell_alone_is_no_verdict(tmp_path):
    """JoSIM simulates it, so another circuit must not be judged in its place."""
    network, x = tiny_network(), np.array([[1, 0, 1]], dtype=bool)
    ng.generate(network, x, tmp_path, parameters=True)
    deck = tmp_path / "L0N0.cir"
    text = deck.read_text().replace(".subckt jtl a q\n", ".subckt jtl a q\n.param ind=3\n")
    deck.write_text(text)
    message = f"{deck}, line {text[: text.index('.param ind=3')].count(chr(10)) + 1}: .param ind "
    message += "is inside the subcircuit jtl; a factor is the whole deck's"
    with pytest.raises(DeckError, match=f"^{re.escape(message)}$"):
        ng.verify(network, x, decks=tmp_path, simulator="embedded")


def test_a_swept_deck_is_judged_by_what_it_is(tmp_path):
    """At 1 it agrees; with another bias its sources are not the design's."""
    network, x = tiny_network(), np.array([[1, 0, 1]], dtype=bool)
    ng.generate(network, x, tmp_path, parameters=True)
    options = {"decks": tmp_path, "simulator": "embedded"}
    assert ng.verify(network, x, **options).agreed
    deck = tmp_path / "L0N0.cir"
    deck.write_text(scaled(deck.read_text(), bias=1.2))
    example = ng.verify(network, x, **options).counter_example
    assert re.fullmatch(r"[\d.]+ uA by \w+ of the cell \w+", example.expected)


def test_many_altered_decks_are_told_in_part(tmp_path, monkeypatch):
    from verification.campaign import altered

    monkeypatch.setattr(altered, "MOST_DECKS", 2)
    network, x = tiny_network(), np.array([[1, 0, 1]], dtype=bool)
    ng.generate(network, x, tmp_path, parameters=True)
    for deck in tmp_path.glob("*.cir"):
        deck.write_text(scaled(deck.read_text(), ind=1.01))
    run = ng.verify(network, x, decks=tmp_path, simulator="embedded")
    assert [Path(one.deck).name for one in run.verdict.altered] == ["L0N0.cir", "L0N1.cir"]
    assert run.notes[-1] == "3 more decks are not those that `generate` wrote; they are not told"
    assert run.verdict.altered[0].count > 20


def test_a_factor_that_wrspice_would_reset_is_refused():
    text = text_of("wrspice", True)
    check_wrspice_deck(text)
    check_wrspice_deck(scaled(text, icrit=0.2))  # r0 * icrit is out of the range without force=1
    message = (
        "line 7: model 'jjmit' has icrit = 0.2; outside 1e-09 to 0.1 WRspice resets it, with "
        "force=1 too"
    )
    with pytest.raises(DeckError, match=f"^{re.escape(message)}$"):
        check_wrspice_deck(scaled(text, icrit=2000))

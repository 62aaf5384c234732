"""Cells that a cell meets at its ports: the library's, and the user's own."""

from __future__ import annotations

import re
import shutil

import pytest

from netlist_gen.circuit.elements import Junction
from netlist_gen.errors import ConfigurationError
from verification.characterize.measure.timing import delays
from verification.characterize.subject.bench import make_bench
from verification.characterize.subject.neighbours import own_neighbour
from verification.characterize.subject.subject import load_subject
from verification.characterize.trials.cell import CellUnderTest
from verification.characterize.trials.runner import Runner


@pytest.fixture
def stage(tmp_path):
    """``stage(...)``: a file of two JTL stages in one cell, with text replaced."""

    def write(*replaced, name="own", table=()):
        netlist = (
            ".subckt own a b qa qb\n"
            ".model fine jj(rtype=1, vg=2.8m, cap=0.05p, r0=160, rn=16, icrit=0.1m)\n"
            "L1 a 1 2p\nB1 1 0 fine area=2.5\nR1 1 0 2.74\nL2 1 qa 2p\n"
            "I1 0 1 pwl(0 0 5p 175u)\nL3 b 2 2p\nB2 2 0 fine area=2.5\nR2 2 0 2.74\n"
            "L4 2 qb 2p\nI2 0 2 pwl(0 0 5p 175u)\n.ends\n"
        )
        text = (
            f'[cell]\nname = "{name}"\nnetlist = "{name}.cir"\n[bench]\n'
            'inputs = ["a", "b"]\noutputs = ["qa", "qb"]\nstimulus = ["a -> qa", "b -> qb"]\n'
        )
        for old, new in replaced:
            assert old in netlist
            netlist = netlist.replace(old, new)
        for old, new in table:
            assert old in text
            text = text.replace(old, new)
        (tmp_path / f"{name}.cir").write_text(netlist.replace(".subckt own", f".subckt {name}"))
        (tmp_path / f"{name}.toml").write_text(text)
        return str(tmp_path / f"{name}.toml")

    return write


def delays_of(bench, simulator="embedded"):
    cell = CellUnderTest(bench, Runner(simulator, workers=1))
    return [d.delay_s * 1e12 for d in delays(cell, cell.nominal)]


def test_own_cells_stand_at_the_ports_with_their_models(stage, cut):
    subject = cut("dff").subject
    bench = make_bench(subject, load=stage(), driver=stage())
    assert (bench.load, bench.source) == ("own", "own (driver)")
    circuit = bench.circuit
    assert {"own_load", "own_driver"} <= circuit.cells.keys()
    models = {e.model for e in circuit.cells["own_load"].elements if isinstance(e, Junction)}
    assert models == {"fine"}
    assert [m.name for m in bench.subject.process.models] == ["jj1", "fine"]
    # Inputs that are not joined stay quiet, outputs are ended.
    instances = {i.name: i.nets for i in circuit.top.instances}
    assert instances["XOq"] == ("n_q", "o_q_b", "o_q_qa", "o_q_qb")
    assert instances["XIclk1"] == ("s_clk_1", "i_clk_b", "n_clk", "i_clk_qb")
    assert {"XQoqb", "XEoqqa", "XEoqqb", "XQiclkb", "XEiclkqb"} <= instances.keys()


def test_a_load_of_one_model_takes_the_cells(stage, cut):
    like = (("fine", "jj9"), ("cap=0.05p", "cap=0.07p"))
    bench = make_bench(cut("dff").subject, load=stage(*like))
    assert [m.name for m in bench.subject.process.models] == ["jj1"]
    apart = make_bench(cut("dff").subject, load=stage(("fine", "jj1")))
    assert [m.name for m in apart.subject.process.models] == ["jj1", "jj1_2"]


def test_loads_and_drivers_count_and_simulators_agree(stage, cut):
    subject = cut("dual").subject
    plain = delays_of(make_bench(subject))
    loaded = make_bench(subject, load=stage(("L1 a 1 2p", "L1 a 1 1p")))
    driven = make_bench(subject, driver=stage())
    assert min(delays_of(loaded)) > max(plain) + 0.1
    assert max(delays_of(driven)) < min(plain) - 0.05
    if shutil.which("josim-cli"):
        for bench in (loaded, driven):
            assert delays_of(bench, "josim") == pytest.approx(delays_of(bench), abs=0.01)


def test_what_closes_a_neighbours_ports_comes_with_it(stage, cut):
    table = (
        ('inputs = ["a", "b"]\noutputs = ["qa", "qb"]', 'inputs = ["a"]\noutputs = ["qa"]'),
        ('"a -> qa", "b -> qb"]', '"a -> qa"]\nelements = ["R RX b 0 3.0", "R RY qb 0 2.0"]'),
    )
    circuit = make_bench(cut("dff").subject, load=stage(table=table)).circuit
    found = {e.name: e for e in circuit.top.elements}
    assert (found["RX_oq"].plus, found["RX_oq"].value) == ("o_q_b", 3.0)
    assert found["RY_oq"].plus == "o_q_qb"


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (
            lambda stage: {"load": stage(name="jtl")},
            "--load: jtl.toml is of a cell jtl, as the library has one; name it otherwise",
        ),
        (
            lambda stage: {
                "driver": stage(table=(('outputs = ["qa", "qb"]', "outputs = []"),
                                       ('"a -> qa", "b -> qb"', '"a -> B1"')))
            },
            "--driver: own.toml has not an input and an output, which it needs",
        ),
    ],
)  # fmt: skip
def test_cells_that_can_not_be_there(stage, cut, make, sentence):
    with pytest.raises(ConfigurationError, match=f"^{re.escape(sentence)}$"):
        make_bench(cut("dff").subject, **make(stage))


def test_a_kind_that_there_is_not(cut):
    sentence = (
        "no driver or load 'and'; ports can meet jtl, splitter, merger, and TOML files of your own "
        "cells"
    )
    with pytest.raises(ConfigurationError, match=f"^{re.escape(sentence)}$"):
        _ = make_bench(cut("dff").subject, load="and").circuit


def test_levels_are_no_pulses():
    subject = load_subject("dc_sfq")
    sentence = (
        "--load: dc_sfq.toml takes more than pulses at its inputs; such a cell can't be at a port"
    )
    with pytest.raises(ConfigurationError, match=f"^{re.escape(sentence)}$"):
        own_neighbour(subject, "load", subject.process)

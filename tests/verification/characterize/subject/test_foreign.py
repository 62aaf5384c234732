"""A user's subcircuit with junctions of several models, pi junctions among them."""

from __future__ import annotations

import math
import re
import shutil

import pytest

from netlist_gen.errors import ConfigurationError, DeckError, SimulatorError
from verification.characterize.measure.timing import delays
from verification.characterize.subject.bench import make_bench
from verification.characterize.subject.element_table import element_table
from verification.characterize.subject.subject import load_subject
from verification.characterize.trials.cell import CellUnderTest
from verification.characterize.trials.runner import Runner

PI = ".model jjpi jj(rtype=1, vg=2.8mV, cap=0.07pF, r0=160, rn=16, icrit=0.1mA, phi=3.141592654)\n"


def pi_flip_flop(own_cell, model=PI):
    """The user's flip-flop, a pi junction in its storage loop, and a quarter of its inductor."""
    return own_cell(
        netlist=(
            (".subckt shunted", f"{model}.subckt shunted"),
            ("LST 1 2 Lstore", "LST 1 5 Lstore\nBPI 5 2 jjpi area=4"),
            ("Lstore=8e-12", "Lstore=2e-12"),
            ("5p 90u", "5p 45u"),
        )
    )


def test_junctions_of_several_models(own_cell):
    subject = load_subject(str(pi_flip_flop(own_cell)))
    models = {e.name: e.model for e in subject.cell.junctions()}
    assert models == {"BIN": "", "BPI": "jjpi", "BST": "", "BCK": "", "BES": ""}
    first, second = subject.process.models
    assert (first.name, first.phase) == ("jj1", 0.0)
    assert (second.name, second.phase) == ("jjpi", pytest.approx(math.pi))
    assert subject.process.digest() != load_subject(str(own_cell())).process.digest()


def test_a_cell_of_pi_junctions_alone_has_sources_of_the_process(own_cell):
    phases = (("icrit=0.1mA)", "icrit=0.2mA, phi=3.14159265)"),)
    process = load_subject(str(own_cell(netlist=phases))).process
    assert [(m.name, m.phase) for m in process.models] == [
        ("jjmit", 0.0), ("jj1", pytest.approx(math.pi))
    ]  # fmt: skip


def delays_on(subject, simulator):
    cell = CellUnderTest(make_bench(subject), Runner(simulator, workers=1))
    return [d.delay_s * 1e12 for d in delays(cell, cell.nominal)]


@pytest.mark.parametrize(("simulator", "program"), [("josim", "josim-cli"), ("ngspice", "ngspice")])
def test_simulators_agree_on_a_pi_junction(own_cell, simulator, program):
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not here")
    subject = load_subject(str(pi_flip_flop(own_cell)))
    assert delays_on(subject, simulator) == pytest.approx(delays_on(subject, "embedded"), abs=0.01)


def test_the_loop_works_by_its_pi_junction(own_cell):
    """A fluxon does not fit into the small loop without the half one of the junction."""
    assert len(delays_on(load_subject(str(pi_flip_flop(own_cell))), "embedded")) == 2
    plain = load_subject(str(pi_flip_flop(own_cell, PI.replace("phi=3.141592654", "phi=0"))))
    with pytest.raises(SimulatorError, match=r"^cell dff fails as designed, so that nothing can "):
        delays_on(plain, "embedded")


def test_another_model_counts_in_the_table_of_elements(own_cell):
    model = PI.replace("phi=3.141592654", "phi=0").replace("icrit=0.1mA", "icrit=0.2mA")
    bench = make_bench(load_subject(str(pi_flip_flop(own_cell, model))))
    rows = {row.name: row for row in element_table(bench)}
    assert (rows["BPI"].kind, rows["BPI"].value) == ("junction jjpi", 8e-4)
    assert (rows["BST"].kind, rows["BST"].value) == ("junction", 2e-4)


def test_wrspice_has_no_phase(own_cell):
    bench = make_bench(load_subject(str(pi_flip_flop(own_cell))))
    sentence = (
        "process sfq5ee: the model jjpi has a phase of 3.14159 rad; decks for wrspice have none"
    )
    with pytest.raises(ConfigurationError, match=f"^{re.escape(sentence)}$"):
        bench.deck("pi", bench.junctions, dialect="wrspice")


def test_what_a_model_may_not_set_is_named(own_cell):
    path = pi_flip_flop(own_cell, PI.replace("phi=3.141592654", "icfact=0.9"))
    sentence = (
        f"{path.parent}/dff.cir: model JJPI sets more than rtype=1, vg, delv, icrit, r0, rn, cap "
        "and phi"
    )
    with pytest.raises(DeckError, match=f"^{re.escape(sentence)}$"):
        load_subject(str(path))


def test_two_ports_of_one_name_are_refused(own_cell):
    path = own_cell(netlist=(("DFF a clk q", "DFF a A q"),))
    sentence = (
        f"{path.parent}/dff.cir: two ports of subcircuit DFF have one name: a, A, q; capitals make "
        "no difference"
    )
    with pytest.raises(DeckError, match=f"^{re.escape(sentence)}$"):
        load_subject(str(path))

"""Optimizations of real cells, short ones."""

from __future__ import annotations

import re

import pytest

from netlist_gen.errors import ConfigurationError
from verification.characterize.measure.margins import margins
from verification.characterize.optimize.run import optimize
from verification.characterize.options import CharacterizeOptions
from verification.characterize.subject.bench import make_bench
from verification.characterize.subject.subject import load_subject
from verification.characterize.trials.cell import CellUnderTest
from verification.characterize.trials.runner import Runner


def options(**more):
    return CharacterizeOptions(optimize=True, **{"starts": 1, "rounds": 1, **more})


def cell_of(subject):
    return CellUnderTest(make_bench(subject), Runner(workers=1))


@pytest.fixture
def moved(own_cell):
    """The user's flip-flop with its escape junction 30 % too large: it barely works."""
    return cell_of(load_subject(str(own_cell(netlist=(("jj1 area=1.6", "jj1 area=2.08"),)))))


def test_a_moved_parameter_is_brought_back(moved):
    chosen = options(vary=("BES", "LST", "I*"), rounds=2)
    best, found = optimize(moved, chosen)
    assert found.before.critical == "BES+"
    assert found.before.margin == pytest.approx(0.068, abs=0.003)
    assert found.after.margin > 0.3
    # The cell that is handed on has these margins when it is measured as any other.
    cell = cell_of(best)
    measured = margins([*cell.parameters.values()], cell.passes)
    least = min(m.least[0] for m in measured.margins)
    assert least == pytest.approx(found.after.margin, abs=0.006)
    change = {c.element: c for c in found.changes}
    assert change["BES"].factor < 0.95
    assert change["RES"].factor == pytest.approx(1 / change["BES"].factor)


def test_the_margins_of_some_parameters(moved):
    chosen = options(vary=("BES",), against=("b*", "LST"))
    _, found = optimize(moved, chosen)
    # All depends on the seed alone.
    assert optimize(moved, chosen)[1] == found
    assert found.against == ("bias", "BIN", "BST", "BCK", "BES", "LST")
    assert found.after.margin > found.before.margin


def test_a_yield_is_raised(moved):
    chosen = options(vary=("BES",), goal="yield", monte_carlo=32, spreads=("Ic=0.1:0.05",))
    _, found = optimize(moved, chosen)
    assert found.before.passed < 0.95
    assert found.after.passed > found.before.passed


def test_a_delay_is_lessened_at_a_margin(cut):
    chosen = options(vary=("LQ", "I*"), goal="delay", least_margin=0.15, rounds=2)
    _, found = optimize(cut("dff"), chosen)
    assert found.after.delay_s < found.before.delay_s - 0.1e-12
    assert found.after.margin >= 0.148


def test_what_can_not_be_optimized_is_named(cut):
    sentence = (
        "--optimize: neuron8 is a neuron, which is made from its design "
        "(cells/design/neuron.toml); optimize its cells"
    )
    with pytest.raises(ConfigurationError, match=f"^{re.escape(sentence)}$"):
        optimize(cell_of(load_subject("neuron8")), options())
    sentence = "--against BESS: cell dff has no such parameter; did you mean BES?"
    with pytest.raises(ConfigurationError, match=f"^{re.escape(sentence)}"):
        optimize(cut("dff"), options(against=("BESS",)))
    sentence = "--goal yield takes no spread of C: a junction's capacitance goes with its area"
    with pytest.raises(ConfigurationError, match=f"^{re.escape(sentence)}$"):
        optimize(cut("dff"), options(goal="yield", spreads=("C=0.05",)))
    sentence = "--goal yield: nothing scatters; give a --spread above 0"
    with pytest.raises(ConfigurationError, match=f"^{re.escape(sentence)}$"):
        optimize(cut("dff"), options(goal="yield", spreads=("L=0",)))

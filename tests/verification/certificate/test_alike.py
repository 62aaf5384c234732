"""Extracted values and neighbours' couplings: what is one circuit by design no longer is."""

from __future__ import annotations

import re

import pytest

import netlist_gen as ng

pytestmark = pytest.mark.usefixtures("plots_aside")

TWINS = ng.TernaryNetwork.from_arrays([[[1, 1, 1, -1], [1, 1, 1, -1]]], [[2, 2]])
ONE_WAY = "so that counts alone do not decide"


def certified(tmp_path, *rows, **options):
    if rows:
        table = tmp_path / "t.csv"
        table.write_text("element,value,unit\n" + "".join(f"{row}\n" for row in rows))
        options["annotate"] = table
    return ng.verify(TWINS, exhaustive=True, simulator="embedded", **options)


def test_a_neuron_that_a_table_makes_wrong_is_found(tmp_path):
    """Its twin, of the same counts and theta, is right and was all that was simulated."""
    assert certified(tmp_path).certificate.proven
    run = certified(tmp_path, "branch_L0N1_exc:KB,0.4,1", "branch_L0N1_exc:KT,-0.4,1")
    assert not run.agreed
    assert not run.certificate.proven
    assert (run.counter_example.layer, run.counter_example.neuron) == (0, 1)
    assert run.certificate.sentence == "nothing is proven: there are disagreements"


def test_the_same_change_of_all_branches_leaves_counts_to_decide(tmp_path):
    run = certified(tmp_path, "branch*:LST,7.8,pH", "decision*:LT_?,1.51,pH", "jtl:LA,2.1,pH")
    found = run.certificate
    assert run.agreed
    assert (found.proven, found.shared, found.circuits) == (True, False, 2)
    assert [one.own_classes for one in run.coverage.neurons] == [8, 8]


@pytest.mark.parametrize(
    ("row", "place"),
    [
        ("LST.XS1.XL0N1,7.8,pH", "XS1 of cell L0N1"),
        ("LR1.XE.XS2.XL0N0,0.98,pH", "XS2 of cell L0N0"),
        ("LB1.XL0N0,4.5,pH", "LB1 of cell L0N0"),
        ("LQ1.XS1_0.XRT.XL0N0,1.4,pH", "XS1_0 of cell split4"),
        ("LT_1.XD.XL0N1,1.51,pH", "LT_1 of cell decision_4"),
    ],
)
def test_one_branch_that_differs_leaves_nothing_proven(tmp_path, row, place):
    run = certified(tmp_path, row, near=1)
    assert run.agreed
    assert not run.certificate.proven
    assert run.certificate.sentence == (
        "nothing is proven of inputs that were not simulated: extracted values make branches "
        f"differ ({place}), {ONE_WAY}"
    )
    assert not any(re.search("one circuit", words) for words in run.certificate.assumptions)


def test_coupled_neighbours_leave_nothing_proven():
    run = ng.verify(TWINS, exhaustive=True, simulator="embedded", crosstalk=True, near=1)
    found = run.certificate
    assert run.agreed
    assert (found.proven, found.shared, found.circuits) == (False, False, 2)
    assert found.sentence == (
        "nothing is proven of inputs that were not simulated: neighbouring synapses are coupled "
        f"(--crosstalk), {ONE_WAY}"
    )

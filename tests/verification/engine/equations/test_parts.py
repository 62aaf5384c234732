"""Cuts of large circuits, and runs of their parts side by side."""

from __future__ import annotations

import numpy as np
import pytest

from verification.engine.equations import equations, parts
from verification.engine.equations.parts import MOST_PARTS, cut, in_parts, one_part
from verification.engine.run import compile_deck

STAGE = """.model jj1 jj(rtype=1, vg=2.8m, cap=0.07p, r0=160, rn=16, icrit=0.1m)
.subckt stage 1 2
B1 1 3 jj1 area=2.5
LP1 3 0 0.2p
RS1 1 4 2.74
LS1 4 0 1.5p
R2 1 0 {shunt}
L1 1 2 2.07p
IB 0 1 pwl(0 0 5p 175u)
.ends
IIN 0 N0 pwl(0 0 {start} 0 {end} {current} 24p 0)
"""


def line(stages, more="", start="8p", end="10p", current="500u", shunt="100"):
    text = STAGE.format(start=start, end=end, current=current, shunt=shunt)
    text += "".join(f"X{k} N{k} N{k + 1} stage\n" for k in range(stages))
    probes = " ".join(f"p(b1.x{k}) i(b1.x{k}) i(rs1.x{k})" for k in (0, stages // 2, stages - 1))
    return f"{text}RL N{stages} 0 2\n{more}.tran 0.05p 40p 0 0.5p\n.print {probes}\n.end\n"


@pytest.fixture
def small(monkeypatch):
    """Circuits are cut from 50 unknowns on."""
    monkeypatch.setattr(equations, "PARTED", 50)


def run(text, **named):
    deck = compile_deck(text)
    waves = deck.run(**named).waveforms
    return deck.structure.plan.order.parts, waves.values


def graph(edges):
    a, b = np.array(edges, dtype=np.int64).T
    return np.concatenate([a, b]), np.concatenate([b, a])


def test_a_line_is_cut_at_one_node_in_its_middle():
    rows, columns = graph([(k, k + 1) for k in range(399)])
    part = cut(rows, columns, 400)
    assert np.bincount(part, minlength=3).tolist() == [199, 200, 1]
    (between,) = np.flatnonzero(part == MOST_PARTS)
    sides = {int(part[between - 1]), int(part[between + 1])}
    assert sides == {0, 1}


def test_no_edge_joins_two_parts():
    rng = np.random.default_rng(3)
    near = [(k, k + int(d)) for k in range(3000) for d in rng.integers(1, 8, 2) if k + d < 3000]
    shuffled = rng.permutation(3000)
    rows, columns = graph([(shuffled[a], shuffled[b]) for a, b in near])
    part = cut(rows, columns, 3000)
    assert not ((part[rows] == 0) & (part[columns] == 1)).any()
    assert 0 < np.count_nonzero(part == MOST_PARTS) <= 30
    assert np.count_nonzero(part == 0) > 1000 < np.count_nonzero(part == 1)


def test_what_has_no_narrow_place_is_not_cut():
    rows, columns = graph([(a, b) for a in range(60) for b in range(a)])
    assert cut(rows, columns, 60) is None


def test_circuits_that_nothing_joins_are_parts_without_a_cut():
    rows, columns = graph([(k, k + 1) for k in range(199)] + [(k, k + 1) for k in range(200, 399)])
    part = cut(rows, columns, 400)
    assert part is None or not ((part[rows] == 0) & (part[columns] == 1)).any()


def test_parts_come_one_after_the_other():
    order, found = in_parts(np.array([1, 0, 2, 0, 1]), np.array([0, 4, 1, 3, 2], dtype=np.int32))
    assert found.begin.tolist() == [0, 2, 4]
    assert found.total == 2
    assert order.tolist() == [2, 1, 4, 0, 3]
    assert one_part(7).begin.tolist() == [0, 7]


@pytest.mark.usefixtures("small")
def test_one_thread_and_two_give_the_same_bits():
    text = line(150)
    found, alone = run(text)
    assert found.total == 2
    np.testing.assert_array_equal(run(text, threads=2)[1], alone)
    np.testing.assert_array_equal(run(text, threads=5)[1], alone)
    lanes = compile_deck(text).run_lanes([{}] * 3)
    for lane in lanes:
        np.testing.assert_array_equal(lane.waveforms.values, alone)


@pytest.mark.usefixtures("small")
def test_a_cut_circuit_has_the_waveforms_of_the_whole(monkeypatch):
    text = line(150)
    _, parted = run(text, threads=2)
    monkeypatch.setattr(equations, "PARTED", 10**6)
    found, whole = run(text)
    assert found.total == 1
    assert np.abs(whole[0]).max() > 6.0  # a fluxon went by
    np.testing.assert_allclose(parted, whole, rtol=0, atol=1e-9)


@pytest.mark.usefixtures("small")
def test_junctions_off_the_subgap_branch_in_both_parts(monkeypatch):
    """A current far above all critical ones: factors change in every thread's steps."""
    text = line(150, more="IEND 0 N150 pwl(0 0 6p 0 8p 40m)\n", current="40m").replace("24p 0", "")
    parts_found, alone = run(text)
    assert parts_found.total == 2
    voltages = np.diff(alone[::3], axis=1).max(axis=1)
    assert voltages[[0, 2]].min() > 4.0  # above 2.7 mV, in rad for 0.5 ps
    np.testing.assert_array_equal(run(text, threads=2)[1], alone)
    monkeypatch.setattr(equations, "PARTED", 10**6)
    np.testing.assert_allclose(alone, run(text)[1], rtol=1e-6, atol=1e-6)


@pytest.mark.usefixtures("small")
def test_other_circuits_take_one_part():
    found, alone = run(line(150, more="C1 N3 0 1f\n"))
    assert found.total == 1
    assert parts.MOST_PARTS == 2
    np.testing.assert_array_equal(run(line(150, more="C1 N3 0 1f\n"), threads=2)[1], alone)


@pytest.mark.usefixtures("small")
def test_noise_in_a_cut_circuit_is_run_by_one_thread():
    text = line(150).replace(".tran", ".temp 4.2\n.option seed=3\n.tran")
    found, alone = run(text)
    assert found.total == 2
    np.testing.assert_array_equal(run(text, threads=2)[1], alone)

"""Lanes as a GPU runs them against the processor's, by the same kernels compiled for it."""

from __future__ import annotations

import re

import numpy as np
import pytest
from engine_decks import MODEL, compile_deck, jtl, mesh
from host_target import HostTarget

from netlist_gen.errors import ConfigurationError, DeckError, SimulatorError
from verification.engine import run as engine_run
from verification.engine.equations import equations
from verification.engine.run import Extract, SourceWave
from verification.engine.text.sources import NOISE

ALL = Extract(pulses=("B1|X0", "B1|X2"), rest_s=10e-12, energy=True)


def pulse(height_uA):
    return {"IIN": SourceWave.pwl([0, 20e-12, 22e-12, 24e-12], [0, 0, height_uA * 1e-6, 0])}


def agree(ours, theirs):
    """Phases to 1e-9 rad, pulses to 1e-6 ps, energies to 1e-9; currents, voltages to 1e-9 too."""
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs, strict=True):
        assert a.step_s == b.step_s
        if b.waveforms is None:
            assert a.waveforms is None
        else:
            assert a.waveforms.names == b.waveforms.names
            np.testing.assert_array_equal(a.waveforms.time_s, b.waveforms.time_s)
            for name, mine, other in zip(
                b.waveforms.names, a.waveforms.values, b.waveforms.values, strict=True
            ):
                whole = 1.0 if name.startswith("P") else np.abs(other).max()
                np.testing.assert_allclose(mine, other, rtol=0, atol=1e-9 * whole, err_msg=name)
        assert a.pulses.keys() == b.pulses.keys()
        for label, train in b.pulses.items():
            np.testing.assert_array_equal(a.pulses[label].sign, train.sign)
            np.testing.assert_allclose(a.pulses[label].time_s, train.time_s, rtol=0, atol=1e-18)
        assert a.bias_energy_J == pytest.approx(b.bias_energy_J, rel=1e-9, abs=1e-30)


def both(text, lanes, *, target=None, values=False, **options):
    """Lanes on a target and on the processor, which agree; those of the target."""
    deck = compile_deck(text, name="d")
    run = deck.run_parameter_lanes if values else deck.run_lanes
    ours = run(lanes, device=target or HostTarget(), **options)
    agree(ours, run(lanes, **options))
    return ours


def test_lanes_of_stimuli():
    target = HostTarget()
    found = both(jtl(3), [pulse(h) for h in range(100, 501, 50)], target=target, extract=ALL)
    assert [lane.pulses["B1|X2"].time_s.size for lane in found] == [0, 0, 0, 0, 0, 1, 1, 1, 1]
    assert min(lane.bias_energy_J["IB|X1"] for lane in found[5:]) > 3e-19  # Ib Phi0 and more
    # Nine lanes are filled up to twelve; the thousand steps before t = 0 are one.
    assert {launch.lanes for launch in target.launches} == {12}
    assert [launch.first for launch in target.launches[:2]] == [-1000, 0]
    assert target.launches[0].last == -999


def test_lanes_of_values():
    sets = [{"I*": 0.7}, {"I*": 1.0}, {"B*": 1.1, "L1|X1": 3e-12}, {"R*": 0.9}, {"RS1|X1": 4.0}]
    target = HostTarget()
    found = both(jtl(3), sets, target=target, values=True, extract=ALL)
    sizes = [lane.pulses["B1|X2"].time_s.size for lane in found]
    assert sizes[0] == 0
    assert min(sizes[1:]) > 0
    assert {launch.factor_lanes for launch in target.launches} == {8}


def test_pulses_alone():
    extract = Extract(waveforms=False, pulses=("B1|X2",))
    found = both(jtl(3, stop="40p"), [{}, pulse(0)], extract=extract)
    assert [lane.pulses["B1|X2"].time_s.size for lane in found] == [1, 0]
    found = both(jtl(3, stop="40p"), [{"I*": 1.0}, {"I*": 0.7}], values=True, extract=extract)
    assert [lane.pulses["B1|X2"].time_s.size for lane in found] == [1, 0]


@pytest.mark.parametrize("values", [False, True])
def test_how_many_workers_a_lane_has_changes_nothing(values):
    deck = compile_deck(jtl(3, stop="30p", extra=".temp 4.2\n.neb 1T\n"), name="d")
    run = deck.run_parameter_lanes if values else deck.run_lanes
    lanes = [{"I*": 1.0}, {"I*": 1.1}] if values else [pulse(300), pulse(500)]
    alone, *others = (
        run(lanes, seeds=[1, 2], extract=ALL, device=HostTarget(workers)) for workers in (1, 2, 5)
    )
    for found in others:
        for a, b in zip(alone, found, strict=True):
            np.testing.assert_array_equal(a.waveforms.values, b.waveforms.values)
            assert a.bias_energy_J == b.bias_energy_J


EVERYTHING = """.model m jj(rtype=1, vg=2.8m, cap=0.07p, r0=160, rn=16, icrit=0.1m)
.model o jj(rtype=1, vg=2.8m, cap=0.07p, r0=160, rn=16, icrit=0.1m, phi=0.3)
.model h jj(rtype=1, vg=2.8m, cap=0.07p, r0=160, rn=16, icrit=0.1m, cpr={0.9,0.1})
I1 0 1 sin(50u 40u 50g 2p)
B1 1 0 m
R1 1 0 4
L1 1 2 2p
B2 2 0 o area=2
R2 2 9 3
L9 9 0 0.5p
L2 2 3 3p
B3 3 0 h
R3 3 0 5
C3 3 0 0.02p
I3 0 3 pulse(0 120u 3p 1p 1p 4p 11p)
L4 4 0 2p
R4 4 0 2
L5 3 5 4p
K45 L4 L5 0.4
R5 5 8 1
L8 8 0 1p
V6 6 0 pwl(0 0 4p 0 6p 0.3m 8p 0)
R6 6 1 20
P7 7 0 exp(0 0.4 2p 3p)
L7 7 2 8p
E1 10 0 1 0 0.5
R10 10 0 3
G1 0 11 2 0 0.02
R11 11 0 2
C11 11 0 0.05p
R20 3 20 2
H1 12 0 20 0 1.5
R12 12 0 2
R21 3 21 2
F1 13 0 21 0 0.7
R13 13 0 2
L13 13 0 1p
R14 12 14 0
L14 14 0 6p
.tran 0.05p 25p 0 0.05p
"""


def test_every_element_and_every_signal():
    labels = [line.split()[0] for line in EVERYTHING.splitlines() if line[0] in "BRLCIVPEGHF"]
    currents = "".join(f".print i({label})\n" for label in labels)
    nodes = "".join(f".print v({node})\n.print p({node})\n" for node in range(1, 15))
    junctions = "".join(f".print v(b{k})\n.print p(b{k})\n" for k in (1, 2, 3))
    waves = [{}, {"I1": SourceWave.pwl([0, 5e-12, 9e-12], [0, 2e-4, 0])}]
    found = both(EVERYTHING + currents + nodes + junctions, waves, extract=Extract(energy=True))
    assert np.ptp(found[1].waveforms.signal("P(B1)")) > 1.0
    assert all(np.ptp(row) > 0 for row in found[1].waveforms.values)
    sets = [{"C*": 1.5, "R5": 2.0}, {"K45": 0.1, "B2": 2.5}]
    both(EVERYTHING + currents + nodes + junctions, sets, values=True, extract=Extract(energy=True))


def test_a_junction_with_the_thermal_relation():
    model = ".model t jj(rtype=1, vg=2.8m, cap=0.07p, r0=160, rn=16, icrit=0.1m, d=0.6, t=4.2)\n"
    text = (
        model + "B1 1 0 t\nR1 1 0 5\nI1 0 1 pwl(0 0 5p 120u)\n.tran 0.05p 20p\n.print p(b1) i(b1)"
    )
    found = both(text, [{}, {"I1": SourceWave.dc(5e-5)}])
    assert np.ptp(found[0].waveforms.signal("P(B1)")) > 6.0


GAP = MODEL + (
    "B1 1 0 jj1 area=2\nB2 2 0 jj1\nL1 1 2 4p\nR2 2 0 30\nI1 0 1 pwl(0 0 2p 0 6p 100u)\n"
    ".tran 0.02p 12p 0 0.02p\n.print p(b1) p(b2) i(b1) i(b2) v(1)"
)


BEHIND = MODEL + (
    "B1 1 g1 jj1 area=2\nLG1 g1 0 0.4p\nB2 2 g2 jj1\nLG2 g2 0 0.4p\nL1 1 2 4p\nR2 2 0 30\n"
    "I1 0 1 pwl(0 0 2p 0 6p 100u)\n.tran 0.02p 12p 0 0.02p\n.print i(b1) i(lg2) v(1) p(2)"
)
"""The same with inductors in series with the junctions."""


@pytest.mark.parametrize("workers", [1, 2])
def test_a_junction_that_crosses_its_gap_has_its_lane_run_with_factors_of_its_own(workers):
    strong = SourceWave.pwl([0, 2e-12, 6e-12, 9e-12], [0, 0, 2e-3, 0])
    target = HostTarget(workers)
    found = both(GAP, [{}, {"I1": strong}, {}], target=target)
    assert found[1].waveforms.signal("V(1)").max() > 3e-3
    assert found[0].waveforms.signal("V(1)").max() < 1e-3
    whole = {launch.factor_lanes for launch in target.launches if launch.lanes == 4}
    assert whole == {1, 4}  # first with shared factors; the one lane, filled up, with its own


@pytest.mark.parametrize("text", [GAP, BEHIND])
def test_lanes_of_values_cross_their_gap(text):
    strong = {"I1": SourceWave.pwl([0, 2e-12, 6e-12, 9e-12], [0, 0, 2e-3, 0])}
    sets = [{"B*": 1.0}, {"B*": 1.2}, {"R2": 10.0}]
    extract = Extract(pulses=("B1", "B2"), energy=True)
    found = both(text, sets, values=True, stimuli=[strong] * 3, extract=extract)
    assert min(lane.pulses["B1"].time_s.size for lane in found) > 2
    assert min(lane.waveforms.signal("V(1)").max() for lane in found) > 3e-3


def test_a_lane_whose_phase_moves_too_far_runs_again_with_half_the_step():
    found = both(jtl(4, step="0.5p"), [{"IIN": SourceWave.dc(0.0)}, {}], extract=ALL)
    assert found[1].step_s == pytest.approx(found[0].step_s / 2)


def test_noise_is_that_of_the_seed():
    """Junctions, resistors across them with and without an inductor, others of both kinds."""
    text = jtl(3, stop="40p", extra="R7 N1 0 9\nR8 N2 m 9\nL8 m 0 1p\n.temp 4.2\n.neb 1T\n")
    text = text.replace(".print", ".print i(rs1.x1) i(b1.x1) i(r7) i(r8)\n.print", 1)
    found = both(text, [{}] * 5, seeds=[3, 2**63 + 5, 4, 5, 7])
    assert np.std([lane.waveforms.values[:, 400] for lane in found], axis=0).min() > 0
    both(text, [{"I*": 0.9}, {"I*": 1.1}], values=True, seeds=[3, 4])


def test_noise_sources():
    text = (
        "I1 0 1 noise(1f 1p 0.5p)\nR1 1 0 2\nL1 1 2 3p\nC1 1 0 0.1p\nV1 2 0 noise(1f 0 0.3p)\n"
        "I2 0 1 pwl(0 0 1p 1m)\n.tran 0.05p 20p\n.print i(i1) v(1) i(l1)"
    )
    found = both(text, [{}] * 3, seeds=[1, 2, 3], extract=Extract(energy=True))
    assert np.ptp([lane.waveforms.values[0, 30] for lane in found]) > 0
    noise = {"I2": SourceWave(NOISE, np.array([1e-15, 0.0, 5e-13]))}
    both(text, [noise] * 2, seeds=[4, 5], extract=Extract(energy=True))


@pytest.mark.parametrize("text", [GAP, BEHIND])
def test_noise_above_the_gap(text):
    text = text.replace("6p 100u", "6p 2m") + "\n.temp 4.2\n.neb 1T\n"
    both(text, [{}, {}], seeds=[1, 2])


def test_as_many_lanes_at_once_as_the_memory_has_room_for():
    deck = compile_deck(jtl(2, stop="10p"), name="d")
    lanes = [pulse(h) for h in range(100, 600, 50)]
    target = HostTarget(room=1)
    agree(deck.run_lanes(lanes, device=target), deck.run_lanes(lanes))
    assert [launch.lanes for launch in target.launches if launch.first == 0] == [4, 4, 4]


def test_print_points_and_samples_at_given_times():
    deck = compile_deck(jtl(3).replace("80p 0 0.05p", "80p 3p 0.17p 1p"), name="d")
    agree(deck.run_lanes([{}, {}], device=HostTarget()), deck.run_lanes([{}, {}]))
    extract = Extract(sample_s=np.array([10.02e-12, 33e-12, 70e-12]))
    (found, _) = both(jtl(3), [{}, {}], extract=extract)
    assert found.waveforms.time_s.size == 3


def test_a_circuit_in_parts(monkeypatch):
    monkeypatch.setattr(equations, "PARTED", 50)
    lanes = [{}, {"IIN": SourceWave.dc(0.0)}]
    found = both(mesh(40, stop="30p"), lanes, extract=Extract(energy=True))
    assert np.ptp(found[0].waveforms.values[0]) > np.pi
    both(mesh(40, stop="5p"), [{"L*": 1.0}, {"L*": 1.1}], values=True)


def test_factors_of_a_large_circuit(monkeypatch):
    """Shared ones may leave out what is below rounding; lanes of their own take complete ones."""
    monkeypatch.setattr(engine_run, "LARGE", 0)
    deck = compile_deck(mesh(100, stop="5p"), name="d")
    lanes = [{}, {"IIN": SourceWave.dc(0.0)}]
    agree(deck.run_lanes(lanes, device=HostTarget()), deck.run_lanes(lanes))
    assert not deck.structure.pattern.complete
    sets = [{"L*": 1.0}, {"L*": 1.1}]
    agree(deck.run_parameter_lanes(sets, device=HostTarget()), deck.run_parameter_lanes(sets))


REFUSED = {
    "T1 1 0 2 0 td=2p z0=5\nR2 2 0 5": "T1 is a transmission line",
    "L1 1 0 200p ik=100u": "L1 is an inductor with ik=",
}


@pytest.mark.parametrize("lines", REFUSED)
def test_what_lanes_on_a_gpu_can_not_have(lines):
    deck = compile_deck(f"I1 0 1 dc 1u\nR1 1 0 2\n{lines}\n.tran 0.1p 5p\n.print p(1)", name="d")
    message = f"d: {REFUSED[lines]}, which lanes on a GPU can't have; device cpu runs them"
    with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}$"):
        deck.run_lanes([{}, {}], device=HostTarget())


def test_more_pulses_than_there_is_room_for():
    text = MODEL + "B1 1 0 jj1\nR1 1 0 5\nI1 0 1 pwl(0 0 5p 300u)\n.tran 0.05p 40p\n.print p(b1)"
    extract = Extract(waveforms=False, pulses=("B1",), max_pulses=3)
    message = r"^d: B1 gave \d+ pulses; max_pulses is 3$"
    with pytest.raises(SimulatorError, match=message):
        compile_deck(text, name="d").run_lanes([{}], extract=extract, device=HostTarget())


def test_a_deadline_and_a_circuit_that_diverges():
    deck = compile_deck(jtl(3), name="d")
    with pytest.raises(SimulatorError, match=r"^d: the run took too long$"):
        deck.run_lanes([{}], device=HostTarget(), deadline=lambda: True)
    deck = compile_deck("I1 0 1 exp(0 1 0 1p -1p -0.01p)\nR1 1 0 1\n.tran 0.1p 90p", name="d")
    with pytest.raises(
        SimulatorError, match=r"^d: the solution is not finite; the circuit diverges$"
    ):
        deck.run_lanes([{}], device=HostTarget())


def test_a_lane_whose_matrix_can_not_be_factorised():
    text = "I1 0 1 dc 1u\nR1 1 0 1\nG1 1 0 1 0 -0.5\n.tran 0.1p 5p\n.print p(1)"
    deck = compile_deck(text, name="d")
    with pytest.raises(DeckError, match=r"^d: a lane's matrix can't be factorised$"):
        deck.run_parameter_lanes([{"R1": 1.0}, {"R1": 2.0}], device=HostTarget())

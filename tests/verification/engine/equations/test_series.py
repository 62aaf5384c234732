"""A junction with an inductor in series is one branch: all as if the node between were printed."""

from __future__ import annotations

import numpy as np
import pytest
from engine_decks import MODEL, flat

from verification.engine.equations.topology import build_topology
from verification.engine.run import Extract, LaneResult, compile_deck

PRINTS = ".print p(2) i(b2) i(lg) i(lh) i(rs) v(3) p(3)"
TOLERANCE_RAD, TOLERANCE_A, TOLERANCE_V = 1e-9, 1e-13, 1e-10
EXTRACT = Extract(pulses=("B1", "B2", "B3"), energy=True)
WHOLE = ".print p(n2) p(n3)"
"""Keeps the nodes between unknowns."""


def circuit(current: float, further: str = "") -> str:
    """A JTL of three junctions: without, with and behind (turned round) an inductor, a shunt each.

    Args:
        current: of a pulse at its input, A.
        further: more lines.
    """
    return (
        f"{MODEL}B1 1 0 jj1 area=1\nR1 1 s1 7\nLS1 s1 0 1p\nI1 0 1 pwl(0 0 5p 70u)\n"
        f"IIN 0 1 pwl(0 0 10p 0 12p {current} 16p {current} 18p 0)\nL1 1 2 3p\n"
        "B2 2 n2 jj1 area=1\nLG n2 0 0.4p\nRS 2 s2 7\nLS2 s2 0 1p\nI2 0 2 pwl(0 0 5p 70u)\n"
        "L2 2 3 3p\nLH 3 n3 0.6p\nB3 0 n3 jj1 area=1\nR3 3 0 7\nI3 0 3 pwl(0 0 5p 70u)\n"
        f"{further}{PRINTS}\n.tran 0.05p 60p\n.end\n"
    )


def results(text: str, **values: object) -> tuple[LaneResult, LaneResult]:
    """Of a deck as it is and with its nodes all kept."""
    reduced = compile_deck(text)
    whole = compile_deck(text.replace(".end", f"{WHOLE}\n.end"))
    assert (reduced.topology.behind >= 0).sum() == 2
    assert whole.topology.unknowns == reduced.topology.unknowns + 2
    found = []
    for deck in (reduced, whole):
        lanes = values.get("lanes")
        if lanes is None:
            found.append(deck.run(extract=EXTRACT, seed=3))
        else:
            found.append(deck.run_parameter_lanes(lanes, extract=EXTRACT, seeds=[3] * 3)[1])  # type: ignore[arg-type]
    return found[0], found[1]


def agree(reduced: LaneResult, whole: LaneResult) -> None:
    assert reduced.step_s == whole.step_s
    for one, other in zip(reduced.pulses.values(), whole.pulses.values(), strict=True):
        assert one.sign.tolist() == other.sign.tolist()
        np.testing.assert_allclose(one.time_s, other.time_s, rtol=0, atol=1e-18)
    for label, work in whole.bias_energy_J.items():
        assert reduced.bias_energy_J[label] == pytest.approx(work, rel=1e-9, abs=1e-25)
    a, b = reduced.waveforms, whole.waveforms
    assert a is not None
    assert b is not None
    for name in a.names:
        tolerance = {"P": TOLERANCE_RAD, "I": TOLERANCE_A, "V": TOLERANCE_V}[name[0]]
        np.testing.assert_allclose(
            a.signal(name), b.signal(name), rtol=0, atol=tolerance, err_msg=name
        )


def test_pulses_currents_and_work_are_those_of_the_whole_circuit():
    reduced, whole = results(circuit(2e-4))
    assert [pulses.time_s.size for pulses in reduced.pulses.values()] == [2, 2, 2]
    agree(reduced, whole)


@pytest.mark.parametrize("current", [1e-3, 3e-3])
def test_so_are_they_above_the_gap(current):
    """Milliamperes drive all junctions over it: their shares of the phase change, and back."""
    reduced, whole = results(circuit(current))
    assert max(pulses.time_s.size for pulses in reduced.pulses.values()) > 2
    agree(reduced, whole)


@pytest.mark.parametrize("current", [2e-4, 1e-3])
def test_so_are_lanes_of_values(current):
    lanes = [{}, {"LG": 0.9e-12, "L*": 1.1, "B2": 1.2}, {"R*": 0.9}]
    agree(*results(circuit(current), lanes=lanes))


def test_so_is_noise():
    reduced, whole = results(circuit(2e-4, further=".temp 4.2\n.neb 1e12\n"))
    quiet, _ = results(circuit(2e-4))
    assert np.abs(reduced.waveforms.signal("P(2)") - quiet.waveforms.signal("P(2)")).max() > 1e-3
    agree(reduced, whole)


def test_currents_of_an_inductor_have_its_own_direction():
    waves = results(circuit(2e-4))[0].waveforms
    np.testing.assert_array_equal(waves.signal("I(LG)"), waves.signal("I(B2)"))
    turned = compile_deck(circuit(2e-4).replace("LG n2 0", "LG 0 n2")).run().waveforms
    np.testing.assert_array_equal(turned.signal("I(LG)"), -waves.signal("I(LG)"))


def test_which_nodes_are_kept():
    def behind(text: str) -> list[int]:
        return [int(at) for at in build_topology(flat(text)).behind]

    base = MODEL + "B1 1 2 jj1\nLG 2 0 1p\nL9 1 0 1p\nI1 0 1 dc 1u\n"
    assert behind(base + ".print p(1)") == [1]
    for kept in (
        base + ".print p(2)", base + ".print p(b1)", base + ".print v(lg)",
        base + "R1 2 0 5\n.print p(1)", base + "K1 LG L9 0.1\n.print p(1)",
    ):  # fmt: skip
        assert behind(kept) == [-1]
    # One inductor at either end: the first in the deck; one inductor between two junctions.
    both = MODEL + "L1 1 2 1p\nB1 2 3 jj1\nL2 3 0 1p\nR1 1 0 1\n.print p(1)"
    assert behind(both) == [0]
    between = MODEL + "B1 1 2 jj1\nL1 2 3 1p\nB2 3 0 jj1\nR1 1 0 1\n.print p(1)"
    assert behind(between) == [1, -1]
    # An inductor between a resistor and a junction is the resistor's.
    shared = MODEL + "B1 1 2 jj1\nL1 2 3 1p\nR1 3 0 1\nR2 1 0 1\n.print p(1)"
    assert behind(shared) == [-1]

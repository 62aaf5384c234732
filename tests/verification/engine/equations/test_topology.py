from __future__ import annotations

from engine_decks import MODEL, flat, refused

from verification.engine.equations.topology import MAX_DENSE_GROUP, build_topology


def topology(text):
    return build_topology(flat(text))


def test_the_middle_of_a_shunt_is_no_unknown():
    t = topology(MODEL + "B1 1 0 jj1\nRS 1 2 5\nLS 2 0 1p\n.print p(b1)")
    assert t.unknowns == 1
    assert len(t.resistors) == 1
    assert len(t.inductors) == 0
    assert t.devices["LS"][1].kind == "R"


def test_it_is_one_where_it_is_printed_or_joins_more():
    assert topology(MODEL + "B1 1 0 jj1\nRS 1 2 5\nLS 2 0 1p\n.print p(2)").unknowns == 2
    more = "B1 1 0 jj1\nRS 1 2 5\nLS 2 0 1p\nC1 2 0 1f\n.print p(b1)"
    assert topology(MODEL + more).unknowns == 2
    coupled = "B1 1 0 jj1\nRS 1 2 5\nLS 2 0 1p\nL9 1 0 1p\nK1 LS L9 0.1\n.print p(b1)"
    assert topology(MODEL + coupled).unknowns == 2


def test_direction_of_a_series_inductor():
    t = topology("R1 1 2 5\nL1 0 2 1p\nI1 0 1 dc 1u\n.print i(l1) i(r1)")
    assert t.devices["L1"][1].sign == -1.0
    assert t.devices["R1"][1].sign == 1.0


def test_coupled_groups_are_one_matrix_and_large_ones_keep_currents():
    def chain(count):
        lines = [f"L{k} {k} 0 1p\nR{k} {k} 0 1" for k in range(1, count + 1)]
        lines += [f"K{k} L{k} L{k + 1} 0.2" for k in range(1, count)]
        return topology("\n".join(lines) + "\n.print p(1)")

    small, large = chain(MAX_DENSE_GROUP), chain(MAX_DENSE_GROUP + 1)
    assert [len(group) for group in small.groups] == [MAX_DENSE_GROUP]
    assert small.unknowns == MAX_DENSE_GROUP
    assert large.groups == []
    assert len(large.current_inductors) == MAX_DENSE_GROUP + 1


def test_sources_and_zero_resistances_have_a_current():
    t = topology("V1 1 0 dc 1\nR1 1 2 0\nP1 3 0 dc 1\nL1 2 3 0\nR2 2 0 1\n.print v(1)")
    assert t.unknowns == 3 + 4
    assert [e.label for e in t.phase_rows.elements] == ["V1", "R1", "P1"]


def test_refusals():
    end = "\n.tran 0.1p 10p"
    refused("L1 1 0 1p\nL2 2 0 1p\nR1 1 2 1\nK1 L1 L2 1" + end, "d, line 4: K1: a coupling of "
            "exactly 1 leaves two inductors one; use less")  # fmt: skip
    refused("L1 1 0 0\nL2 2 0 1p\nR1 1 2 1\nK1 L1 L2 0.5" + end, "d, line 1: L1 is 0 and can't be "
            "coupled")  # fmt: skip
    refused("R1 0 0 5" + end, "d: every device lies between ground and ground")
    impossible = "".join(f"L{k} {k} 0 1p\nR{k} {k} 0 1\n" for k in (1, 2, 3))
    impossible += "K1 L1 L2 0.9\nK2 L2 L3 0.9\nK3 L1 L3 -0.9"
    refused(impossible + end, "d: the couplings of L1 and the inductors coupled with it are "
            "impossible: their energy would be negative")  # fmt: skip

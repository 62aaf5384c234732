"""Schematics: what is drawn, where, and what is not."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from verification.characterize.subject.bench import make_bench
from verification.characterize.subject.element_table import ElementRow, element_table
from verification.characterize.subject.subject import load_subject
from verification.report.schematic import MOST, schematic

SVG = "{http://www.w3.org/2000/svg}"


def row(name, kind, a, b, value=1e-12, unit="H"):
    return ElementRow(name, kind, (a, b), value, unit)


STAGE = (
    row("LA", "inductor", "a", "1"),
    row("B1", "junction", "1", "0", 1e-4, "A"),
    row("RB1", "resistor", "1", "2", 2.0, "Ω"),
    row("LB1", "inductor", "2", "0"),
    row("IB1", "bias current", "0", "1", 7e-5, "A"),
    row("LQ", "inductor", "1", "q"),
)


def drawn(elements, inputs=("a",), outputs=("q",)):
    text = schematic(elements, inputs, outputs)
    assert text is not None
    root = ElementTree.fromstring(text)
    places = []
    for group in root.iter(f"{SVG}g"):
        x, y, turn = re.findall(r"[\d.]+", group.get("transform"))
        places.append((float(x), float(y), int(turn)))
    words = [(t.text, float(t.get("x")), float(t.get("y"))) for t in root.iter(f"{SVG}text")]
    return root, places, words


def at(words, name):
    (place,) = [(x, y) for text, x, y in words if text == name]
    return place


def test_a_stage_is_a_line_with_what_hangs_on_it():
    root, places, words = drawn(STAGE)
    assert len(places) == len(STAGE)
    names = [text for text, _, _ in words]
    assert {e.name for e in STAGE} <= set(names)
    assert {"a", "q", "100 µA", "1 pH"} <= set(names)
    # From left to right; the shunt's resistor stands above its inductance, the source above all.
    assert at(words, "a")[0] < at(words, "LA")[0] < at(words, "B1")[0] < at(words, "LQ")[0]
    assert at(words, "LQ")[0] < at(words, "q")[0]
    assert at(words, "IB1")[1] < at(words, "B1")[1]
    assert at(words, "RB1")[0] == at(words, "LB1")[0]
    assert at(words, "RB1")[1] < at(words, "LB1")[1]
    # A current flows down into the net.
    assert sorted(turn for _, _, turn in places) == [0, 0, 90, 90, 90, 90]
    _, _, width, height = map(float, root.get("viewBox").split())
    assert all(0 < x < width and 0 < y < height for x, y, _ in places)


def test_a_current_out_of_a_net_points_away_from_it():
    turned = [e if e.name != "IB1" else row("IB1", "bias current", "1", "0") for e in STAGE]
    _, places, _ = drawn(turned)
    assert [turn for _, _, turn in places].count(270) == 1


def test_no_two_elements_lie_on_each_other():
    for name in ("splitter", "merger", "dc_sfq", "sfq_dc"):
        subject = load_subject(name)
        elements = element_table(make_bench(subject))
        _, places, words = drawn(elements, subject.inputs, subject.outputs)
        assert len(places) == len(elements)
        assert len({(x, y) for x, y, _ in places}) == len(places)
        spots = [(x, y) for _, x, y in words]
        assert len(set(spots)) == len(spots)


def test_inputs_stand_to_the_left_and_parallel_ways_in_lanes():
    more = (
        *STAGE,
        row("LC", "inductor", "clk", "3"),
        row("B3", "junction jjpi", "3", "0", 1e-4, "A"),
        row("I3", "bias current", "0", "3", 1e-4, "A"),
        row("BE", "junction", "3", "1", 1e-4, "A"),
        row("RE", "resistor", "3", "1", 3.0, "Ω"),
    )
    _, places, words = drawn(more, ("a", "clk"))
    assert len(places) == len(more)
    assert at(words, "a")[0] == at(words, "clk")[0]
    assert at(words, "a")[1] < at(words, "BE")[1] < at(words, "RE")[1] < at(words, "clk")[1]
    assert "B3 jjpi" in [text for text, _, _ in words]


def test_couplings_are_told_in_words():
    pair = (row("L1", "inductor", "a", "q"), row("L2", "inductor", "b", "0"))
    coupling = ElementRow("K1", "coupling", ("L1", "L2"), 0.25, "")
    _, places, words = drawn((*pair, coupling), ("a", "b"))
    assert len(places) == 2
    assert "K1 couples L1 and L2: 0.25" in [text for text, _, _ in words]


@pytest.mark.parametrize(
    "elements",
    [
        (),
        (*STAGE, row("B1|XE", "junction", "1", "0")),
        tuple(row(f"L{i}", "inductor", f"{i}", f"{i + 1}") for i in range(MOST + 1)),
    ],
)
def test_what_is_not_drawn(elements):
    assert schematic(elements, ("a",), ("q",)) is None


def test_names_are_no_markup():
    text = schematic([row("L<b>", "inductor", "a", "q")], ("a",), ("q",))
    assert "<b>" not in text
    ElementTree.fromstring(text)

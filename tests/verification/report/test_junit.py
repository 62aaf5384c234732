"""JUnit XML: a test for each deck, failures and errors told apart."""

from __future__ import annotations

import dataclasses
import xml.etree.ElementTree as ET

import numpy as np
from support import tiny_network

import netlist_gen as ng
from verification.report.junit import write_junit

X = np.array([[1, 0, 1], [0, 1, 1]], dtype=bool)


def test_each_deck_is_a_test(tmp_path):
    (measured,) = ng.verify(tiny_network(), X, simulator="embedded").windows.measured
    first, second, *others = measured.results
    wrong = dataclasses.replace(first.neurons[0], wrong=np.array([False, True]))
    told = dataclasses.replace(wrong, first=_words("1 pulse (n = 2)", "0 pulses"))
    results = (
        dataclasses.replace(first, neurons=(told,)),
        dataclasses.replace(second, neurons=(), failure="it took <too> long\x00"),
        *others,
    )
    path = tmp_path / "junit.xml"
    write_junit([dataclasses.replace(measured, results=results)], path)
    (suite,) = ET.parse(path).getroot()
    assert suite.get("name") == "embedded.neurons"
    assert [suite.get(name) for name in ("tests", "failures", "errors")] == ["5", "1", "1"]
    cases = list(suite)
    assert [case.get("name") for case in cases] == ["L0N0", "L0N1", "L0N2", "L1N0", "L1N1"]
    assert [(e.tag, e.get("message")) for case in cases for e in case] == [
        ("failure", "window 1: expected 1 pulse (n = 2), measured 0 pulses"),
        ("error", "it took <too> long\\x00"),
    ]


def _words(expected, measured):
    from verification.verdict.neuron import Disagreement

    return Disagreement(1, expected, measured)

"""The rules of drawing over a whole network: kinds of neurons, and what is refused."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import numpy as np
import pytest
from support import tiny_network

from netlist_gen.checkpoint.registry import read_network
from netlist_gen.circuit.rules import Finding
from netlist_gen.circuit.rules_report import (
    KindReport,
    RulesReport,
    one_of_each,
    report_rules,
    require_rules,
)
from netlist_gen.circuit.sites import neuron_sites
from netlist_gen.errors import NetworkError
from netlist_gen.library.drawing import Drawing
from netlist_gen.library.process import Process, load_process
from netlist_gen.network import TernaryNetwork

EXAMPLES = Path(__file__).parents[3] / "examples"
PROCESS = load_process("sfq5ee")


def strict(**limits: float) -> Process:
    """The process with other limits, SI."""
    assert PROCESS.drawing.limits is not None
    changed = dataclasses.replace(PROCESS.drawing.limits, **limits)
    return dataclasses.replace(
        PROCESS, drawing=dataclasses.replace(PROCESS.drawing, limits=changed)
    )


def network_of(*fan_ins: int) -> TernaryNetwork:
    weights = np.zeros((len(fan_ins), max(fan_ins)), dtype=np.int8)
    for row, fan_in in zip(weights, fan_ins, strict=True):
        row[:fan_in] = 1
    return TernaryNetwork.from_arrays([weights], [np.ones(len(fan_ins), dtype=int)])


def population_of(population: int) -> TernaryNetwork:
    """Four neurons, several of which may stand for one class."""
    weights = np.ones((4, 2), dtype=np.int8)
    return TernaryNetwork.from_arrays([weights], [np.ones(4, dtype=int)], population=population)


def test_neurons_are_grouped_by_their_decision_stage():
    report = report_rules(network_of(3, 12, 8, 2), PROCESS)
    assert [(kind.kind, kind.neurons) for kind in report.kinds] == [
        ("neurons of 4 loops of 2 synapses", 3),
        ("neurons of 8 loops of 2 synapses", 1),
        ("cell jtl", 0),
        ("cell splitter", 0),
    ]
    rules = [finding.rule for finding in report.kinds[0].findings]
    assert rules == [
        "smallest inductor", "largest M over own inductance", "largest k", "smallest junction",
        "largest junction",
    ]  # fmt: skip
    assert (report.process, report.left_out, report.unchecked) == ("sfq5ee", (), ())
    assert RulesReport.from_json(report.to_json(), "report") == report


def test_neurons_alike_are_looked_at_once():
    weights = np.array([[1, 1, -1], [-1, 1, 1], [1, 1, 1], [1, -1, 1]], dtype=np.int8)
    network = TernaryNetwork.from_arrays([weights], [[1, 1, 1, 2]])
    assert [s.name for s in one_of_each(neuron_sites(network))] == ["L0N0", "L0N2", "L0N3"]


def test_a_broken_rule_is_refused_with_neuron_element_value_and_limit():
    require_rules(tiny_network(), PROCESS, ("neurons",))
    smallest = report_rules(tiny_network(), PROCESS).kinds[0].findings[3]
    assert (smallest.rule, smallest.element) == ("smallest junction", "L0N0.XD.BB2_0")
    value = f"{smallest.value * 1e6:.4g} uA"
    message = (
        f"L0N0.XD.BB2_0 breaks the rule 'smallest junction' of the process sfq5ee: it is {value}, "
        "allowed is at least 100 uA; --rules off builds it all the same"
    )
    with pytest.raises(NetworkError, match=f"^{re.escape(message)}$"):
        require_rules(tiny_network(), strict(smallest_junction=100e-6), ("neurons",))
    both = strict(smallest_junction=100e-6, smallest_inductor=100e-12)
    end = r" allowed is at least 100 pH \(the first of 2: inspect --rules\); "
    with pytest.raises(NetworkError, match=end):
        require_rules(tiny_network(), both, ("neurons",))


def test_cells_between_neurons_count_in_whole_networks():
    kept = Finding("smallest inductor", "L0N0.L1", 1e-12, "H", 0.5e-12, True)
    broken = Finding("smallest inductor", "merger.L1", 0.4e-12, "H", 0.5e-12, False)
    kinds = (KindReport("neurons", 2, (kept,)), KindReport("cell merger", 0, (broken,)))
    report = RulesReport("sfq5ee", (), (), kinds)
    assert report.broken(("neurons",)) == ()
    assert report.broken(("neurons", "network")) == (broken,)


def test_a_network_of_single_outputs_has_no_merger():
    last = [report_rules(population_of(many), PROCESS).kinds[-1].kind for many in (1, 2)]
    assert last == ["cell splitter", "cell merger"]


def test_what_a_process_leaves_out_is_named_and_refuses_nothing():
    silent = dataclasses.replace(PROCESS, drawing=Drawing())
    report = report_rules(tiny_network(), silent)
    assert report.left_out == ("parasitics", "geometry", "transformer", "crosstalk", "limits")
    assert len(report.unchecked) == 5
    assert report.broken(("neurons", "network")) == ()
    require_rules(tiny_network(), silent, ("neurons", "network"))


@pytest.mark.parametrize(
    "name",
    ["digits", "mnist-small", "mnist-f32", "mnist-f32-t4", "mnist-f64"],
)
def test_the_neurons_of_the_examples_keep_all_rules(name):
    network = read_network(EXAMPLES / f"{name}.npz")
    assert report_rules(network, PROCESS).broken(("neurons",)) == ()


def test_the_cells_between_neurons_keep_all_rules():
    assert report_rules(population_of(2), PROCESS).broken(("network",)) == ()

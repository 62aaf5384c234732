"""Mistakes in what builds the circuit: each is caught, since the reference never saw the builder.

Every mistake is made where circuit and bench get their neurons from (``neuron_sites``, or the plan
of the class lines), so that everything built agrees with it. What must not agree is the network.
"""

from __future__ import annotations

import dataclasses
from itertools import product

import numpy as np
import pytest

import netlist_gen as ng
from netlist_gen.assembly import plan as network_plan
from netlist_gen.circuit import sites
from netlist_gen.deck import plan as deck_plan
from netlist_gen.network import TernaryNetwork
from verification.verdict import class_lines
from verification.verdict import neuron as verdict_neuron

pytestmark = pytest.mark.usefixtures("plots_aside")

NETWORK = TernaryNetwork.from_arrays(
    [np.array([[1, -1, 1], [0, 1, 1]]), np.array([[1, 1], [-1, 1]])],
    [np.array([1, 2]), np.array([1, 1])],
)
WINDOWS = np.array(list(product((0, 1), repeat=3)), dtype=bool)
PLACE = (0, 0)
"""The neuron that is built wrong: weights + - +, theta 1."""


def without_the_last_synapse(site):
    return dataclasses.replace(
        site, inputs=site.inputs[:-1], signs=site.signs[:-1], labels=site.labels[:-1]
    )


def with_a_sign_turned(site):
    return dataclasses.replace(site, signs=(-site.signs[0], *site.signs[1:]))


def with_theta_off_by_one(site):
    return dataclasses.replace(site, theta=site.theta + 1)


def with_two_inputs_exchanged(site):
    first, second, *rest = site.inputs
    return dataclasses.replace(site, inputs=(second, first, *rest))


MISTAKES = {
    without_the_last_synapse: (
        "weight +1 on line 2, as the network has it", "a circuit built with weight +0",
    ),
    with_a_sign_turned: (
        "weight +1 on line 0, as the network has it", "a circuit built with weight -1",
    ),
    with_theta_off_by_one: ("theta 1, as the network has it", "a circuit for 2"),
    with_two_inputs_exchanged: (
        "weight +1 on line 0, as the network has it", "a circuit built with weight -1",
    ),
}  # fmt: skip


@pytest.fixture(params=MISTAKES, ids=lambda mistake: mistake.__name__)
def mistake(request, monkeypatch):
    """Everything that is built is built with a mistake."""

    def wrong(network):
        return [
            request.param(site) if (site.layer, site.neuron) == PLACE else site
            for site in sites.neuron_sites(network)
        ]

    for module in (network_plan, deck_plan):
        monkeypatch.setattr(module, "neuron_sites", wrong)
    return request.param


def verify(scope):
    return ng.verify(NETWORK, WINDOWS, simulator="embedded", scopes=scope, jobs=1)


@pytest.mark.parametrize("scope", ["neurons", "network"])
def test_a_neuron_that_is_not_the_networks(mistake, scope):
    run = verify(scope)
    assert not run.agreed
    found = run.counter_example
    assert (found.layer, found.neuron) == PLACE
    assert (found.expected, found.measured) == MISTAKES[mistake]


@pytest.mark.parametrize("scope", ["neurons", "network"])
@pytest.mark.usefixtures("mistake")
def test_its_pulses_alone_give_it_away(scope, monkeypatch):
    """Also where nobody looks at what the circuit was built from."""
    monkeypatch.setattr(verdict_neuron, "_built_otherwise", lambda *_: None)
    run = verify(scope)
    assert not run.agreed
    assert run.counter_example.layer == 0
    wrong = run.windows.to_pandas().query("not agreed and layer == 0")
    assert set(wrong["neuron"]) == {0}
    expected = NETWORK.forward(WINDOWS)[0][:, 0]
    assert (wrong["expected"] == expected[wrong["window"]]).all()
    assert (wrong["expected"] != wrong["measured"]).any()


def test_a_class_line_of_the_wrong_neuron(monkeypatch):
    """Both outputs vote on the line of the other's class."""
    own = network_plan.NetworkPlan.members

    def exchanged(plan):
        labels, members = zip(*own(plan), strict=True)
        return iter(zip(labels, reversed(members), strict=True))

    monkeypatch.setattr(network_plan.NetworkPlan, "members", exchanged)
    run = verify("network")
    assert not run.agreed
    assert run.verdict.mismatches == 0  # every neuron does what it must
    assert run.verdict.scopes[0].class_lines_wrong > 0
    assert run.counter_example.expected == "class 0 on lines of the neurons [0] of layer 1"
    assert run.counter_example.measured == "lines built for the neurons [1]"
    monkeypatch.setattr(class_lines, "_built_otherwise", lambda *_: None)
    by_pulses = verify("network")
    assert not by_pulses.agreed
    assert "on the lines of class" in by_pulses.counter_example.expected


def test_a_table_of_another_process(tmp_path):
    """A process that calls itself sfq5ee, with other shunts: the library's delays are not its."""
    from netlist_gen.resources import resource_dir

    text = (resource_dir("cells") / "process" / "sfq5ee.toml").read_text()
    changed = text.replace("value = 0.6859", "value = 0.5", 1)
    assert changed != text
    path = tmp_path / "mine.toml"
    path.write_text(changed)
    with pytest.raises(ng.NetlistGenError) as refused:
        ng.verify(NETWORK, WINDOWS, simulator="embedded", scopes="network", process=str(path))
    assert f"`netlist-gen characterize --all --tables --process {path}`" in str(refused.value)

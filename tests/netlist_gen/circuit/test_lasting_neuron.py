"""Neurons whose membranes last: what is built, what is refused, and that they are exact."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from support import NO_JOSIM

import netlist_gen as ng
from netlist_gen.circuit.elements import CurrentSource, Inductor
from netlist_gen.circuit.lasting_neuron import (
    BIAS_MORE,
    LOOP_FLUX,
    STEPS_MAX,
    design_of,
    emptied_s,
    lasting_phases,
    memory_phases,
    site_cell,
)
from netlist_gen.circuit.model import Circuit
from netlist_gen.circuit.neuron import coupler_of, neuron_cell
from netlist_gen.circuit.sites import SiteMemory, neuron_sites
from netlist_gen.errors import ConfigurationError, NetworkError
from netlist_gen.library.cells import CellLibrary
from netlist_gen.library.design import load_phases
from netlist_gen.memory import RESETS, Memory
from netlist_gen.network import TernaryNetwork

pytestmark = pytest.mark.usefixtures("plots_aside")


def network(reset, fan_in=8, neurons=3, steps=3, seed=0):
    """Neurons of random signs on the same lines, thresholds in a row."""
    rng = np.random.default_rng(seed)
    weights = rng.choice([-1, 1, 1], (neurons, fan_in))
    theta = np.arange(1, neurons + 1)
    memory = Memory.of(reset, neurons, theta - 1 if reset == "subtract" else None)
    return TernaryNetwork.from_arrays([weights], [theta], memories=[memory], steps=steps)


def site(reset="zero", steps=3, **how):
    return neuron_sites(network(reset, steps=steps, **how))[1]


@pytest.mark.parametrize("reset", RESETS)
def test_what_is_in_it(library, reset):
    one = site(reset)
    cell = site_cell(library, one)
    assert cell.ports == (*(f"d{i}" for i in range(8)), "clk", "rst", "q")
    assert cell.kind == "lasting_neuron"
    there = {i.name: i.cell.name for i in cell.instances}
    own = {name for name in there if name.startswith("XSOWN")}
    assert own == ({"XSOWN0"} if reset == "subtract" else set())
    assert there["XPT"] == "train3"
    assert ("XCM" in there) == (reset == "zero")
    assert ("XOS" in there) == (reset != "none")
    assert there["XRT"] == f"split{8 + len(own)}"
    long = library.description("branch").parameters["l_store"] * 3
    stored = [
        e.value for i in cell.instances if i.name.startswith("XS") for e in i.cell.elements
        if isinstance(e, Inductor) and e.name == "LST"
    ]  # fmt: skip
    assert stored == [long] * (8 + len(own))
    assert site_cell(library, one) is cell


def test_one_that_keeps_nothing_is_the_usual_neuron(library):
    plain = neuron_sites(TernaryNetwork.from_arrays([[[1, -1]]], [[1]]))[0]
    assert site_cell(library, plain) is neuron_cell(
        library, plain.name, plain.signs, plain.theta, labels=plain.labels
    )
    coupler = coupler_of(library)
    assert design_of((1, -1), 1, coupler) == design_of((1, -1), 1, coupler, None)


def test_loops_that_hold_more_have_more_bias(library):
    def clearing(steps):
        branch = next(
            i.cell for i in site_cell(library, site(steps=steps)).instances if i.name == "XS0"
        )
        return next(
            e.value for e in branch.elements if isinstance(e, CurrentSource) and e.name == "IBB"
        )

    usual = library.description("branch").parameters["ib_clear"]
    assert [clearing(steps) for steps in (1, 4)] == [usual] * 2
    assert clearing(5) == clearing(8) == usual + BIAS_MORE


@pytest.mark.parametrize("steps", [1, 2, 4, 8])
def test_flux_of_a_pulse_falls_with_the_steps(library, steps):
    coupler = coupler_of(library)
    signs = (1, -1) * 8
    alone = design_of(signs, 1, coupler)
    kept = design_of(signs, 1, coupler, SiteMemory("zero", steps))
    assert kept.size == alone.size
    assert 0.7 * alone.unit < kept.unit * steps < 1.5 * alone.unit
    # Branches that count the neuron's own pulses take places too.
    more = design_of(signs, 3, coupler, SiteMemory("subtract", steps, 2))
    assert more.size.loops == 16
    # The smallest stage is not used: a branch has a loop to itself in the next one.
    for few in ((1,), signs[:4], signs[:8]):
        small = design_of(few, 1, coupler, SiteMemory("zero", steps))
        assert (small.size.loops, small.size.places) == (8, 1)
        assert small.pickup == 2 * alone.pickup


def test_what_is_refused(library):
    too_long = site(steps=STEPS_MAX + 1)
    message = (
        f"neuron L0N1: samples of {STEPS_MAX + 1} steps: a storage loop counts the pulses of 1 to "
        f"{STEPS_MAX}"
    )
    with pytest.raises(NetworkError, match=f"^{re.escape(message)}$"):
        site_cell(library, too_long)
    unknown = network("zero", steps=None)
    message = (
        "the membranes of layer 0 last from step to step, and nothing says for how many: their "
        "loops need room for a pulse in each. Give --inputs, or say it by `netlist-gen convert NET "
        "--steps N -o OUT`"
    )
    with pytest.raises(NetworkError, match=f"^{re.escape(message)}$"):
        neuron_sites(unknown)
    many = TernaryNetwork.from_arrays(
        [[[1]]], [[1]], memories=[Memory.of("subtract", 1, 2**31 - 1)], steps=2
    )
    message = (
        "layer 0, neuron 0: a pulse subtracts 2147483647, for which it has as many synapses of its "
        "own; shown to work are 256 in all"
    )
    with pytest.raises(NetworkError, match=f"^{message}$"):
        neuron_sites(many)
    phases = load_phases()
    needed = 16e-12 + emptied_s(SiteMemory("zero", 8), 8) + 6e-12
    message = (
        f"neuron L0N1: in windows of 112 ps its loops, which hold the pulses of 8 steps, are not "
        f"empty in time; {needed * 1e12:.4g} ps are needed, --clock-ghz {1e-9 / needed:.3f} or less"
    )
    with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}$"):
        lasting_phases(site(steps=8), phases)


def test_windows_have_room_where_no_clock_is_asked_for():
    phases = load_phases()
    assert memory_phases(network("zero"), phases, 8.9) is phases
    plain = TernaryNetwork.from_arrays([[[1]]], [[1]])
    assert memory_phases(plain, phases, None) is phases
    for reset in RESETS:
        for steps in (1, 2, 4, 8):
            made = network(reset, steps=steps)
            wide = memory_phases(made, phases, None)
            assert wide.period >= phases.period
            for one in neuron_sites(made):
                assert lasting_phases(one, wide).decision == pytest.approx(phases.decision)


def trains(samples, steps, lines, seed=1):
    """Each line of each sample has a rate of its own, some of them 0 or 1."""
    rng = np.random.default_rng(seed)
    rate = rng.random((samples, 1, lines))
    rate = np.where(rng.random(rate.shape) < 1 / 3, np.round(rate), rate)
    return rng.random((samples, steps, lines)) < rate


@pytest.mark.parametrize(
    ("reset", "steps"), [("zero", 4), ("zero", 8), ("none", 4), ("subtract", 4)]
)
def test_neurons_are_exact_over_random_trains(reset, steps):
    """Pulses, loops, SQUIDs and energies of every window, crosstalk at the rules' values."""
    made = network(reset, steps=steps)
    run = ng.verify(made, trains(12, steps, 8), simulator="embedded", crosstalk=True)
    assert run.agreed, run.counter_example and run.counter_example.sentence
    assert run.verdict.checked == 3 * 12 * (steps + 1)
    fires = made.forward(trains(12, steps, 8))[0]
    assert fires.any()
    assert not fires.all()


@pytest.mark.parametrize("steps", [4, 8])
def test_few_lines_that_fill_their_loops_are_exact(steps):
    """One to eight excitatory lines, all in all steps: membranes far above the threshold."""
    rows = [[1] * lines + [0] * (8 - lines) for lines in (1, 1, 2, 3, 5, 8, 8, 8)]
    thetas = [1, steps - 1, 1, 2, 1, 1, 2, 8 * steps]
    memories = [Memory.of("none", 8)]
    made = TernaryNetwork.from_arrays([rows], [thetas], memories=memories, steps=steps)
    x = np.ones((2, steps, 8), dtype=bool)
    x[1, : steps // 2, ::2] = False
    run = ng.verify(made, x, simulator="embedded", crosstalk=True)
    assert run.agreed, run.counter_example and run.counter_example.sentence
    coupler = coupler_of(CellLibrary(crosstalk=True))
    for one in neuron_sites(made):
        design = design_of(one.signs, one.theta, coupler, one.memory)
        assert design.unit * design.size.loops * steps <= LOOP_FLUX * (1 + 1e-12)


@pytest.mark.josim
@NO_JOSIM
@pytest.mark.parametrize("reset", RESETS)
def test_josim_says_the_same(reset):
    run = ng.verify(network(reset, neurons=2), trains(5, 3, 8), simulator="josim")
    assert run.agreed, run.counter_example and run.counter_example.sentence


@pytest.mark.parametrize("wrong", ["reset", "amount", "theta"])
def test_a_circuit_with_another_memory_is_found(monkeypatch, wrong):
    """The circuit is built with another rule than the network's."""
    import dataclasses

    from netlist_gen.circuit import sites

    made = network("subtract")
    real = sites.site_memory

    def other(memory, neuron, steps):
        own = real(memory, neuron, steps)
        if wrong == "reset":
            return dataclasses.replace(own, reset="none", subtract=0)
        if wrong == "amount":
            return dataclasses.replace(own, subtract=own.subtract + 1)
        return own

    if wrong == "theta":
        from netlist_gen.circuit import bench

        built = bench.site_cell
        monkeypatch.setattr(
            bench, "site_cell",
            lambda library, one, startup=None: built(
                library, dataclasses.replace(one, theta=one.theta + 1), startup
            ),
        )  # fmt: skip
    else:
        monkeypatch.setattr(sites, "site_memory", other)
    run = ng.verify(made, trains(6, 3, 8), simulator="embedded")
    assert not run.agreed
    assert run.counter_example is not None
    told = {
        "reset": "expected reset subtract, as the network has it, measured a circuit with reset "
        "none",
        "amount": "expected reset subtract, as the network has it, measured a circuit with reset "
        "subtract 1",
        "theta": "expected 1 pulse (membrane = 2, theta = 2), measured 0 pulses",
    }[wrong]
    assert told in run.counter_example.sentence


def test_a_loop_that_loses_a_fluxon_is_found(monkeypatch):
    """A train of one pulse too few leaves a fluxon in a full loop."""
    from netlist_gen.circuit import lasting_neuron

    real = lasting_neuron.pulse_train
    monkeypatch.setattr(
        lasting_neuron, "pulse_train", lambda library, pulses: real(library, pulses - 1)
    )
    monkeypatch.setattr("verification.verdict.energy.ENERGY_TOLERANCE", 1.0)
    # A neuron that no other test builds: a library keeps its cells.
    made = network("none", fan_in=7, neurons=1)
    run = ng.verify(made, np.ones((2, 3, 7)), simulator="embedded")
    assert not run.agreed
    assert run.counter_example is not None
    assert "sample 1, clearing window: layer 0, neuron 0: expected 3 pulses of BB in synapse" in (
        run.counter_example.sentence
    )


@pytest.mark.parametrize(
    "resets", [("zero", "zero"), ("zero", None), (None, "none"), ("none", "subtract")]
)
def test_whole_networks_as_one_deck(tmp_path, resets):
    """Layers with a memory and without, a start-up before them, pulses at their predicted times."""
    rng = np.random.default_rng(3)
    weights = [rng.integers(-1, 2, (5, 6)), rng.integers(-1, 2, (4, 5))]
    thetas = [np.array([1, 2, 1, 2, 1]), np.array([1, 1, 2, 1])]
    memories = [
        None if reset is None else Memory.of(reset, w.shape[0], 1 if reset == "subtract" else None)
        for reset, w in zip(resets, weights, strict=True)
    ]
    made = TernaryNetwork.from_arrays(weights, thetas, population=2, memories=memories, steps=3)
    x = rng.random((4, 3, 6)) < 0.5
    run = ng.verify(
        made, x, np.zeros(4, dtype=int), out=tmp_path, simulator="embedded",
        scopes=("neurons", "network"), timing=True,
    )  # fmt: skip
    assert run.agreed, run.counter_example and run.counter_example.sentence
    assert abs(run.energy.relative_error) < 1e-4
    assert run.verdict.accuracy.reference == run.verdict.accuracy.simulated
    assert run.verdict.clearing
    assert run.verdict.steps == 4
    report = (tmp_path / "report.html").read_text()
    assert "4 samples of 3 steps" in report


def test_the_manifest_names_the_loops_of_own_pulses(tmp_path):
    ng.generate(network("subtract", neurons=3), trains(1, 3, 8), tmp_path)
    entry = json.loads((tmp_path / "manifest.json").read_text())["decks"][2]
    assert entry["memory"]["reset"] == "subtract"
    assert [one["instance"] for one in entry["memory"]["own"]] == [
        "XL0N2.XSOWN0", "XL0N2.XSOWN1",
    ]  # fmt: skip
    assert entry["memory"]["own"][1]["set"] == "P(BA|XSOWN1|XL0N2)"


def test_decks_are_cut_between_samples(tmp_path):
    made = network("zero", neurons=1)
    x = trains(40, 3, 8)
    count = ng.generate(made, x, tmp_path, dialects=("josim",))
    assert count == 3  # at most 64 windows, 16 samples of 4
    entry = json.loads((tmp_path / "manifest.json").read_text())["decks"][0]
    assert entry["memory"] == {"reset": "zero", "steps": 3, "own": []}
    again = ng.verify(made, x, simulator="embedded", decks=tmp_path)
    assert again.agreed
    whole = ng.verify(made, x[[0, 1] * 10], simulator="embedded")
    assert whole.agreed
    # Samples that come again, behind the same one, are simulated once.
    assert sum(scope.simulated for scope in whole.verdict.scopes) < whole.verdict.checked


def test_a_price_is_more_than_without(library):
    """Of whole circuits: a train and longer loops, nothing else."""
    kept = Circuit(site_cell(library, site(steps=2))).totals()
    plain = Circuit(neuron_cell(library, "P", site().signs, 2)).totals()
    assert plain.junctions < kept.junctions < 1.5 * plain.junctions


def test_what_has_no_memory_is_asked_of_one():
    made = network("none")
    for flag, how in (("--exhaustive", {"exhaustive": True}), ("--mutants", {"mutants": 4})):
        message = (
            f"{flag} is of windows that each count for themselves; the membranes of layer 0 last "
            "from step to step. Allowed are samples: --inputs"
        )
        with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}$"):
            ng.verify(made, trains(2, 3, 8), simulator="embedded", **how)

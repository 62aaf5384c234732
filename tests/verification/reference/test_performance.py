"""The performance report: each figure is what the circuit and the events say."""

from __future__ import annotations

import json
import re
from types import SimpleNamespace

import numpy as np
import pytest
from support import Files, tiny_network

from netlist_gen.assembly.close_timing import shortest_period
from netlist_gen.assembly.delays import measured_delays
from netlist_gen.assembly.network_circuit import network_bench
from netlist_gen.assembly.plan import outline
from netlist_gen.checkpoint.registry import write_network
from netlist_gen.errors import ConfigurationError
from netlist_gen.library.cells import CellLibrary
from netlist_gen.library.design import load_phases
from netlist_gen.library.process import load_process
from netlist_gen.resources import resource_dir
from netlist_gen.spikes import NetworkSpikes
from verification.reference.event_energy import EventEnergy, network_energy
from verification.reference.options import PerformanceOptions
from verification.reference.performance import SourceFigures, performance

pytestmark = pytest.mark.usefixtures("plots_aside")

X = np.array([[1, 0, 1], [0, 1, 1], [1, 1, 0]], dtype=bool)


def test_figures_are_those_of_the_circuit():
    network, library = tiny_network(), CellLibrary()
    options = PerformanceOptions(clock_ghz=1e-9 / load_phases().period, cooling=300.0)
    found = performance(network, X, np.array([0, 1, 1]), options)
    bench = network_bench(network, library, X)
    totals = bench.circuit.totals()
    assert found.clock_ghz == pytest.approx(1e-9 / load_phases().period)
    assert (found.junctions, found.bias_A) == (totals.junctions, totals.bias_A)
    assert found.static_W == pytest.approx(totals.supply_A * library.process.supply_voltage)
    energy = network_energy(bench.plan, NetworkSpikes.of(network, X), EventEnergy(library)) / 3
    assert found.dynamic_J_per_inference == pytest.approx(energy, rel=1e-12, abs=0)
    static = found.static_W * load_phases().period
    assert found.static_J_per_inference == pytest.approx(static, abs=0)
    assert found.wall_plug_J_per_inference == pytest.approx(300 * (static + energy), abs=0)
    assert found.accuracy == network.accuracy(X, np.array([0, 1, 1]))
    assert found.latency_ps == bench.timing.latency_s * 1e12
    title = (
        f"Performance: 8.93 GHz, {found.inferences_per_s:.3g} inferences/s, "
        f"{found.wall_plug_J_per_inference:.3g} J at the wall for each"
    )
    assert repr(found) == f"<{title}>"
    shown = found._repr_html_()
    assert title in shown
    assert f"lt;{title}" not in shown
    assert f"{found.static_W:.4g}" in shown


def test_the_shortest_clock_stands_apart():
    network = tiny_network()
    found = performance(network, X, None, PerformanceOptions())
    shortest = shortest_period(outline(network), measured_delays(load_process()))
    assert found.shortest_period_ps == shortest * 1e12
    assert found.highest_clock_ghz == pytest.approx(1e-9 / shortest)
    assert found.clock_ghz == pytest.approx(1e-9 / load_phases().period)
    assert found.simulated is None
    assert found.slacks[0].slack_ps >= 0
    assert found.accuracy is None


def test_without_samples_every_line_has_a_pulse():
    network = tiny_network()
    full = performance(network, np.ones((1, network.inputs), bool), None, PerformanceOptions())
    found = performance(network, None, None, PerformanceOptions())
    assert found.dynamic_J_per_inference == full.dynamic_J_per_inference
    assert (
        "in a window with a pulse on every input line, as no samples were given"
        in (found.assumptions[3])
    )
    first = network.layers[0]
    assert found.synaptic.pulses_per_inference >= first.synapses


def test_synapses_count_once_a_window():
    network = tiny_network()
    found = performance(network, X, None, PerformanceOptions())
    own, spikes = found.synaptic, NetworkSpikes.of(network, X)
    arrived = sum(
        (lines[:, None, :] & (layer.weights != 0)).sum()
        for lines, layer in zip(spikes.layers, network.layers, strict=False)
    )
    assert own.pulses_per_inference == arrived / len(X)
    assert own.operations_per_s == network.synapses * found.inferences_per_s
    assert own.J_per_operation == found.at_4K_J_per_inference / network.synapses


def test_steps_take_a_window_each():
    network, options = tiny_network(), PerformanceOptions(clock_ghz=8.92)
    steps = np.repeat(X[:, None], 2, axis=1)
    one = performance(network, X, None, options)
    two = performance(network, steps, None, options)
    assert two.inferences_per_s == one.inferences_per_s / 2
    assert two.dynamic_J_per_inference == pytest.approx(
        2 * one.dynamic_J_per_inference, rel=1e-9, abs=0
    )


def test_no_samples():
    with pytest.raises(
        ConfigurationError,
        match=r"^there are no samples to take the dynamic energy of; give one$",
    ):
        performance(tiny_network(), X[:0], None, PerformanceOptions())


def test_the_command_prints_the_source_beside_and_every_assumption(tmp_path, cli):
    files = Files(
        tiny_network(), tmp_path / "n.npz", tmp_path / "x.npy", tmp_path / "y.npy", tmp_path / "r"
    )
    write_network(files.network, files.net)
    np.save(files.x, X)
    ran = cli("performance", files.net, "--inputs", files.x, "--json")
    assert ran.status == 0, ran.err
    facts = json.loads(ran.out)
    assert facts["source"] == SourceFigures().to_json()
    assert len(facts["assumptions"]) == 8
    assert facts["simulated"] is None
    assert facts["budget"]["exceeded"] == []
    shown = cli("performance", files.net, "--inputs", files.x, "--profile", "supersnn-5x5")
    assert shown.status == 0
    for text in ("8.92 GHz", "1.5 nJ", "96.1%", "Worst paths", "SPINIC", *facts["assumptions"]):
        assert text in shown.out
    assert "Chip, profile supersnn-5x5" in shown.out
    refused = cli("performance", files.net, "--inputs", files.x, "--cooling", 0)
    assert refused.status == 2
    assert refused.sentence == "--cooling is 0; it must be positive and finite"


def test_the_clock_of_a_run_that_simulated_the_network(tmp_path, cli):
    network, run = tiny_network(), tmp_path / "run"
    net, x = tmp_path / "n.npz", tmp_path / "x.npy"
    write_network(network, net)
    np.save(x, X)
    ran = cli(
        "verify", net, "--inputs", x, "--simulator", "embedded", "--clock-ghz", 12.5, "-o", run
    )
    assert ran.status == 0, ran.err
    found = cli("performance", net, "--verified", run, "--json")
    assert found.status == 0, found.err
    facts = json.loads(found.out)
    assert facts["clock_ghz"] == pytest.approx(12.5)
    windows = 3 * network.neurons
    assert facts["simulated"] == {
        "clock_ghz": pytest.approx(12.5),
        "simulator": "embedded",
        "scope": "neurons",
        "windows": windows,
    }
    assert facts["assumptions"][0].startswith(
        "clock: embedded simulated this network at it, scope neurons, "
        f"{windows} neuron windows, all right; "
    )
    other = cli("performance", net, "--verified", run, "--clock-ghz", 9)
    assert (other.status, other.sentence) == (
        2,
        "--clock-ghz is 9, the run simulated 12.5 GHz; leave out one of them",
    )
    changed = tiny_network().layers
    theta = changed[0].theta + 1
    unlike = tmp_path / "unlike.npz"
    write_network(
        network.from_arrays(
            [layer.weights for layer in changed],
            [theta, *(layer.theta for layer in changed[1:])],
            network.population,
        ),
        unlike,
    )
    refused = cli("performance", unlike, "--verified", run)
    assert refused.status == 2
    assert re.fullmatch(
        re.escape(f"{run} is a run of a network of the SHA-256 ")
        + "'[0-9a-f]{12}', this one has '[0-9a-f]{12}'",
        refused.sentence,
    )
    lone = cli("performance", net, "--labels", x)
    assert lone.sentence == "there are labels without samples; give --inputs too"


def test_without_inputs_an_inference_has_the_steps_of_the_file(tmp_path, cli):
    nets = tmp_path / "one.npz", tmp_path / "four.npz"
    for net, steps in zip(nets, (1, 4), strict=True):
        write_network(tiny_network(), net, {"steps": steps})
    one, four = (json.loads(cli("performance", net, "--json").out) for net in nets)
    assert (one["steps"], four["steps"]) == (1, 4)
    assert four["inferences_per_s"] == pytest.approx(one["inferences_per_s"] / 4)
    for name in ("static_J_per_inference", "dynamic_J_per_inference"):
        assert four[name] == pytest.approx(4 * one[name])


@pytest.fixture
def tiny(tmp_path, cli):
    """A network's file, and a run that verified it with more options."""
    net, x, run = tmp_path / "n.npz", tmp_path / "x.npy", tmp_path / "run"
    write_network(tiny_network(), net)
    np.save(x, X)

    def verified(*more):
        ran = cli("verify", net, "--inputs", x, "--simulator", "embedded", "-o", run, *more)
        assert ran.status == 0, ran.err
        return run

    return SimpleNamespace(net=net, x=x, verified=verified)


@pytest.mark.parametrize("bias", ["ideal", "resistor", "lr", "ersfq"])
def test_a_run_with_a_bias_is_of_the_circuit_with_it(cli, tiny, bias):
    run = tiny.verified("--bias", bias)
    found = cli("performance", tiny.net, "--verified", run, "--bias", bias, "--json")
    assert found.status == 0, found.err


def test_the_clock_of_a_run_of_another_circuit_is_refused(cli, tiny, tmp_path):
    run = tiny.verified("--splitters", "by-load")
    refused = cli("performance", tiny.net, "--verified", run)
    assert refused.status == 2
    circuit = r"\d+ junctions and [\d.]+ mA of bias"
    sentence = f" simulated a circuit of {circuit}, this one has {circuit}: --splitters, extracted "
    assert re.fullmatch(
        re.escape(str(run)) + sentence + "values or the version of the program are other ones",
        refused.sentence,
    )
    same = cli("performance", tiny.net, "--verified", run, "--splitters", "by-load")
    assert same.status == 0, same.err
    process = tmp_path / "sfq5ee.toml"
    text = (resource_dir("cells") / "process" / "sfq5ee.toml").read_text()
    old = "supply_voltage = { value = 2.6,"
    assert text.count(old) == 1
    process.write_text(text.replace(old, old.replace("2.6", "2.7")))
    refused = cli("performance", tiny.net, "--verified", tiny.verified("--process", process))
    assert refused.status == 2
    assert re.fullmatch(
        re.escape(f"{run} is a run with a process sfq5ee of the SHA-256 ")
        + "'[0-9a-f]{12}', this one has '[0-9a-f]{12}'",
        refused.sentence,
    )


def test_the_clock_of_a_run_of_edited_decks_is_refused(cli, tiny, tmp_path):
    decks = tmp_path / "decks"
    cli("generate", tiny.net, "--inputs", tiny.x, "-o", decks)
    deck = sorted(decks.glob("*.cir"))[0]
    deck.write_text("* mine\n" + deck.read_text())
    run = tiny.verified("--decks", decks)
    assert cli("performance", tiny.net, "--verified", run).status == 0
    manifest = (decks / "manifest.json").read_text()
    (decks / "manifest.json").unlink()
    refused = cli("performance", tiny.net, "--verified", tiny.verified("--decks", decks))
    assert refused.sentence == (
        f"{run} judged decks without a manifest, which may be of another circuit; a clock is taken "
        "from a run of the network's own"
    )
    (decks / "manifest.json").write_text(manifest)
    deck.write_text(deck.read_text().replace("LQ n q 2.0678e-12", "LQ n q 2.0679e-12"))
    refused = cli("performance", tiny.net, "--verified", tiny.verified("--decks", decks))
    assert (refused.status, refused.sentence) == (
        2,
        f"{run} judged {deck}, which is not the deck that generate wrote; a clock is taken from a "
        "run of the network's own",
    )


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("samples", 0, "--samples is 0; it must be at least 1"),
        ("cooling", 0.0, "--cooling is 0; it must be positive and finite"),
        ("clock_ghz", 0.0, "--clock-ghz is 0; it must be positive and finite"),
        ("clock_ghz", -8.9, "--clock-ghz is -8.9; it must be positive and finite"),
    ],
)
def test_figures_that_can_not_be_are_refused(name, value, message):
    with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}$"):
        PerformanceOptions.of({name: value})

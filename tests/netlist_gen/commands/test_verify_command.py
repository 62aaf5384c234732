"""``netlist-gen verify``: what a finished run holds, resuming, decks that were tampered with."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from support import tiny_network

from netlist_gen.checkpoint.registry import write_network
from netlist_gen.circuit.neuron import neuron_cell
from netlist_gen.library.cells import CellLibrary
from netlist_gen.network import TernaryNetwork
from verification.report.html import load_run

pytestmark = pytest.mark.usefixtures("plots_aside")  # pages: test_report_command


def verify(cli, tiny, *words, run=None):
    return cli("verify", tiny.net, "--inputs", tiny.x, "-o", run or tiny.run, *words)


def summary(run):
    return json.loads((run / "verify.json").read_text())


def test_a_run_that_agrees(cli, tiny, simulator_name):
    ran = verify(cli, tiny, "--labels", tiny.y, "--simulator", simulator_name, "--seed", 7)
    assert ran.status == 0, ran.err
    result = summary(tiny.run)
    version = result["simulator"]["version"]
    assert re.fullmatch(r"\d\S+", version)
    assert ran.out.startswith(f"{simulator_name} {version} ")

    # cli.md's contract with scripts.
    assert result["checked"] == 4 * 5
    assert result["mismatches"] == 0
    assert result["simulator"] == {"name": simulator_name, "version": version}
    energy = result["energy"]
    for name in ("measured_J", "reference_J", "static_W", "wall_plug_J_per_inference"):
        assert energy[name] > 0, name
    assert energy["relative_error"] == pytest.approx(
        energy["measured_J"] / energy["reference_J"] - 1, abs=1e-12
    )
    assert abs(energy["relative_error"]) < 1e-3
    assert abs(energy["worst_window_error"]) < 0.05
    assert energy["cooling_W_per_W"] == 400.0
    reference = tiny.network.accuracy(np.load(tiny.x), np.load(tiny.y))
    assert result["accuracy"] == {"reference": reference, "simulated": reference}
    assert result["counter_example"] is None
    assert result["seed"] == 7
    assert result["wall_s"] > 0
    # Three kinds of energy, apart: the wall's is all of them times the cooling factor.
    assert energy["dynamic_J_per_inference"] == pytest.approx(energy["measured_J"] / 4, abs=0)
    window_s = 1e-9 / result["clock_ghz"]
    static = energy["static_W"] * window_s
    assert energy["static_J_per_inference"] == pytest.approx(static, rel=1e-9, abs=0)
    assert energy["wall_plug_J_per_inference"] == pytest.approx(
        400 * (static + energy["dynamic_J_per_inference"]), rel=1e-9, abs=0
    )

    # The table on stdout says the same, and where the report is.
    assert f"\nwindows compared {result['checked']}, mismatches 0, failed runs 0\n" in ran.out
    assert f"accuracy on 4 samples: reference {reference:.2%}, simulated {reference:.2%}" in ran.out
    assert ran.out.endswith(f"AGREED\nreport: {tiny.run / 'report.html'}\n")
    assert (tiny.run / "report.html").exists()

    # Pulses are measured, not copied: the arrays agree with the network's own forward pass.
    _, arrays = load_run(tiny.run)
    for layer, expected in enumerate(tiny.network.forward(np.load(tiny.x))):
        assert (arrays[f"expected{layer}"] == expected).all()
        assert (arrays[f"measured{layer}"] == expected).all()
        assert (np.isfinite(arrays[f"delay{layer}"]) == expected).all()


def test_the_cooling_factor_and_the_clock_are_options(cli, tiny):
    ran = verify(cli, tiny, "--cooling", 1000, "--clock-ghz", 5, "--simulator", "embedded")
    assert ran.status == 0, ran.err
    result = summary(tiny.run)
    assert result["clock_ghz"] == pytest.approx(5.0)
    assert result["energy"]["cooling_W_per_W"] == 1000.0
    assert result["energy"]["static_J_per_inference"] == pytest.approx(
        result["energy"]["static_W"] * 200e-12, rel=1e-9, abs=0
    )
    assert "(1000 W/W)" in ran.out


def test_steps_are_windows_in_order(cli, tiny):
    np.save(tiny.x, np.load(tiny.x).reshape(2, 2, 3))
    np.save(tiny.y, np.array([0, 1]))
    ran = verify(cli, tiny, "--labels", tiny.y, "--simulator", "embedded")
    assert ran.status == 0, ran.err
    result = summary(tiny.run)
    assert (result["samples"], result["steps"], result["checked"]) == (2, 2, 20)
    window_s = 1e-9 / result["clock_ghz"]
    assert result["energy"]["static_J_per_inference"] == pytest.approx(
        2 * window_s * result["energy"]["static_W"], rel=1e-9, abs=0
    )


def test_samples_are_drawn_with_the_seed(cli, tiny):
    drawn = []
    for seed in (0, 0, 1):
        words = ("--samples", 2, "--seed", seed, "--simulator", "embedded")
        assert verify(cli, tiny, *words).status == 0
        drawn.append(load_run(tiny.run)[1]["inputs"].tolist())
    assert drawn[0] == drawn[1]
    assert len(drawn[0]) == 2
    assert drawn[0] != drawn[2]


def test_resume_runs_only_what_is_missing(cli, tiny, install_josim):
    """A simulator that dies on one deck; then one that works."""
    real = install_josim.real
    if real is None:
        pytest.skip("josim-cli is not on PATH")
    install_josim(f'grep -q "L1N0:" deck.cir && kill -9 $$\nexec {real} "$@"')
    broken = verify(cli, tiny, "--simulator", "josim")
    assert broken.status == 1
    assert broken.sentence == (
        "0 of 16 neuron windows disagree, 1 run failed; first: layer 1, neuron 0: JoSIM on deck "
        "'L1N0': killed by SIGKILL"
    )
    result = summary(tiny.run)
    assert result["failed"] == ["JoSIM on deck 'L1N0': killed by SIGKILL"]
    assert (result["agreed"], result["checked"]) == (False, 16)
    assert result["layers"][1]["failed"] == 1

    calls = tiny.run.parent / "calls"
    install_josim(f'head -1 deck.cir >> {calls}\nexec {real} "$@"')
    again = verify(cli, tiny, "--simulator", "josim", "--resume")
    assert again.status == 0, again.err
    run_again = [line.split()[1] for line in calls.read_text().splitlines()]
    assert "L1N0:" in run_again
    assert len(run_again) <= 2  # and the neuron whose waveforms the report shows
    fresh = summary(tiny.run)
    assert fresh["checked"] == 20
    assert fresh["from_ledger"] >= 3


def test_without_resume_everything_is_run_again(cli, tiny):
    for _ in range(2):
        assert verify(cli, tiny, "--simulator", "embedded").status == 0
        assert summary(tiny.run)["from_ledger"] == 0
    assert verify(cli, tiny, "--simulator", "embedded", "--resume").status == 0
    assert summary(tiny.run)["from_ledger"] >= 4


# -- decks that were tampered with ------------------------------------------------------------


@pytest.fixture
def decks(cli, tiny, tmp_path):
    """The tiny network's decks, as ``generate`` writes them."""
    folder = tmp_path / "decks"
    assert cli("generate", tiny.net, "-o", folder, "--inputs", tiny.x).status == 0
    return folder


def edit(path, pattern, replacement, count=1):
    """Replace in a deck; the pattern must be there."""
    text, made = re.subn(pattern, replacement, path.read_text(), count=count, flags=re.MULTILINE)
    assert made, f"{pattern} is not in {path.name}"
    path.write_text(text)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--clock-ghz", 15), "the decks are for a clock of 8.92857 GHz, asked for is 15 GHz"),
        (("--process", "stp2"), "the decks are for the process 'sfq5ee', asked for is stp2"),
    ],
)
def test_decks_of_another_clock_or_process(cli, tiny, decks, words, sentence):
    ran = verify(cli, tiny, "--decks", decks, "--simulator", "embedded", *words)
    assert (ran.status, ran.sentence) == (2, f"{decks}/manifest.json: {sentence}")


def test_a_directory_of_decks_that_is_a_file(cli, tiny):
    tiny.run.mkdir()
    (tiny.run / "decks").write_text("mine")
    ran = verify(cli, tiny, "--simulator", "embedded")
    assert (ran.status, ran.sentence) == (
        2,
        f"the output directory {tiny.run} can't be written ({tiny.run}/decks is not a directory)",
    )


def test_rows_that_were_drawn_are_named(cli, tiny, decks):
    """A fault in two of four samples, of which one is drawn."""
    rng = np.random.default_rng(3)
    rows = sorted(rng.choice(4, 2, replace=False).tolist())
    assert rows != [0, 1]
    chosen = tiny.x.with_name("chosen.npy")
    np.save(chosen, np.load(tiny.x)[rows])
    assert cli("generate", tiny.net, "-o", decks, "--inputs", chosen).status == 0
    edit(decks / "L0N1.cir", r"^(ICB 0 \S+ pwl\(0 0 \S+) \S+\)$", r"\g<1> 0)")
    words = ("--samples", 2, "--seed", 3, "--decks", decks, "--simulator", "embedded")
    ran = verify(cli, tiny, *words)
    assert ran.status == 1
    result = summary(tiny.run)
    assert result["rows"] == rows
    example = result["counter_example"]
    assert example["row"] == rows[example["sample"]]
    assert f"sample {example['sample']} (row {example['row']}): layer " in ran.sentence


def test_untouched_decks_agree(cli, tiny, decks):
    ran = verify(cli, tiny, "--decks", decks, "--simulator", "embedded")
    assert ran.status == 0, ran.err


def test_decks_of_an_earlier_generate_are_not_judged(cli, tiny, decks):
    """With one dialect and with several the names differ: the manifest says which are meant."""
    other = tiny.x.with_name("other.npy")
    np.save(other, ~np.load(tiny.x))
    words = ("--inputs", other, "--dialect", "josim,wrspice")
    assert cli("generate", tiny.net, "-o", decks, *words).status == 0
    ran = cli("verify", tiny.net, "--inputs", other, "-o", tiny.run, "--decks", decks)
    assert ran.status == 0, ran.err
    assert cli("generate", tiny.net, "-o", decks, "--inputs", tiny.x).status == 0
    ran = verify(cli, tiny, "--decks", decks, "--simulator", "embedded")
    assert ran.status == 0, ran.err


def test_a_deck_that_the_manifest_does_not_list(cli, tiny, decks):
    manifest = decks / "manifest.json"
    data = json.loads(manifest.read_text())
    del data["decks"][0]
    manifest.write_text(json.dumps(data))
    ran = verify(cli, tiny, "--decks", decks, "--simulator", "embedded", "--jobs", 1)
    assert ran.status == 2
    assert ran.sentence == (
        f"{decks}/manifest.json lists no deck L0N0 in the dialect josim; it has 4 decks in josim"
    )
    (decks / "manifest.json").write_text("[]")
    ran = verify(cli, tiny, "--decks", decks, "--simulator", "embedded")
    assert ran.status == 2
    assert ran.sentence.startswith(f"{decks}/manifest.json is no manifest of netlist-gen (")


def test_decks_of_a_counter_example_go_when_the_run_is_made_again(cli, tiny, decks):
    edit(decks / "L0N1.cir", r"^(ICB 0 \S+ pwl\(0 0 \S+) \S+\)$", r"\g<1> 0)")
    words = ("--simulator", "embedded")
    assert verify(cli, tiny, "--decks", decks, *words).status == 1
    kept = tiny.run / "decks"
    assert list(kept.glob("*.cir"))
    # Judged where they are, they stay.
    for path in decks.glob("L*.cir"):
        if not (kept / path.name).exists():
            (kept / path.name).write_text(path.read_text())
    assert verify(cli, tiny, "--decks", kept, *words).status == 1
    assert list(kept.glob("*.cir"))
    assert verify(cli, tiny, *words).status == 0
    assert not list(kept.glob("*.cir"))


def test_decks_of_more_windows_than_one_holds_are_found(cli, tiny, tmp_path):
    np.save(tiny.x, np.random.default_rng(0).random((70, 3)) < 0.5)
    folder = tmp_path / "decks"
    scopes = ("--scope", "neurons,network", "--pipeline", 20)
    ran = cli("generate", tiny.net, "-o", folder, "--inputs", tiny.x, *scopes)
    assert (ran.status, ran.out) == (0, f"14 decks and manifest.json in {folder}\n")
    words = ("--simulator", "embedded", *scopes)
    ran = verify(cli, tiny, "--decks", folder, *words)
    assert ran.status == 0, ran.err
    assert [row["decks"] for row in summary(tiny.run)["scopes"]] == [10, 4]
    # The second deck of a neuron is judged, too, and by itself.
    edit(folder / "L0N1_W35.cir", r"^(ICB 0 \S+ pwl\(0 0 \S+) \S+\)$", r"\g<1> 0)")
    assert verify(cli, tiny, "--decks", folder, "--simulator", "embedded").status == 1
    example = summary(tiny.run)["counter_example"]
    assert (example["layer"], example["neuron"]) == (0, 1)
    assert example["window"] >= 35


def own_branch(path, synapse, change):
    """Give one synapse its own copy of its cell, changed."""
    text = path.read_text()
    placed = re.search(rf"^{synapse} .* (branch_\S+)$", text, re.MULTILINE)
    cell = re.search(rf"^\.subckt {placed[1]} (?:.*\n)*?\.ends\n", text, re.MULTILINE)[0]
    path.write_text(text.replace(cell, cell + "\n" + change(cell.replace(placed[1], "mutant"))))
    edit(path, rf"^({synapse} .*) {placed[1]}$", r"\1 mutant")


def flip(coupling):
    def change(cell):
        mutant = re.sub(rf"^({coupling} LST \S+ )", r"\1-", cell, flags=re.MULTILINE)
        assert mutant != cell
        return mutant.replace(" --", " ")

    return change


def flip_a_bottom_coupling(folder):
    """The inhibitory synapse 1 of layer 0, neuron 0 couples into the bottom loop the wrong way."""
    own_branch(folder / "L0N0.cir", "XS1", flip("KB"))
    return 0, 0


def flip_a_top_coupling(folder):
    """The excitatory synapse 1 of layer 0, neuron 1 couples into the top loop the wrong way."""
    own_branch(folder / "L0N1.cir", "XS1", flip("KT"))
    return 0, 1


def shift_a_threshold(folder):
    """The threshold current of layer 0, neuron 2 is that of a theta one higher."""
    library = CellLibrary()
    higher = neuron_cell(library, "other", [-1, 1], 1)
    for line in ("ICB", "ICT"):
        current = next(e.value for e in higher.elements if e.name == line)
        pattern = rf"^({line} 0 \S+ pwl\(0 0 \S+) \S+\)$"
        edit(folder / "L0N2.cir", pattern, rf"\g<1> {current:.10g})")
    return 0, 2


def disconnect_a_branch(folder):
    """Synapse 1 of layer 0, neuron 1 is built but coupled to nothing."""
    own_branch(
        folder / "L0N1.cir", "XS1", lambda cell: re.sub(r"^K.*\n", "", cell, flags=re.MULTILINE)
    )
    return 0, 1


@pytest.mark.parametrize(
    "mutate",
    [flip_a_bottom_coupling, flip_a_top_coupling, shift_a_threshold, disconnect_a_branch],
)
def test_a_mutated_deck_is_caught_and_its_neuron_named(cli, tiny, decks, simulator_name, mutate):
    layer, neuron = mutate(decks)
    ran = verify(cli, tiny, "--decks", decks, "--simulator", simulator_name)
    assert ran.status == 1
    result = summary(tiny.run)
    assert not result["agreed"]
    assert result["mismatches"] >= 1
    assert [row["mismatches"] > 0 for row in result["layers"]] == [layer == 0, layer == 1]
    example = result["counter_example"]
    assert (example["layer"], example["neuron"]) == (layer, neuron)
    deck = tiny.run / "decks" / f"L{layer}N{neuron}.cir"
    assert example["deck"] == str(deck)
    assert deck.read_text() == (decks / deck.name).read_text()
    sentence = (
        f"sample {example['sample']}: layer {layer}, neuron {neuron}: expected "
        f"{example['expected']}, measured {example['measured']}; reproduce with {deck}"
    )
    assert ran.sentence == (
        f"{result['mismatches']} of {result['checked']} neuron windows disagree, 1 deck of scope "
        f"neurons with other sources than the design's; first: {sentence}"
    )
    assert f"\nfirst disagreement: {sentence}\nDISAGREED\nreport: " in ran.out
    # The deck named does show it: the reference says one thing, its waveforms another.
    expected = tiny.network.forward(np.load(tiny.x))[layer][example["window"], neuron]
    measured = load_run(tiny.run)[1][f"measured{layer}"][example["window"], neuron]
    if example["expected"].startswith(("0 pulses (n", "1 pulse (n")):
        assert int(expected) != measured
    assert (tiny.run / "report.html").is_file()


def test_a_deck_that_lacks_a_branch_is_caught_and_its_neuron_named(
    cli, tiny, tmp_path, simulator_name
):
    """Decks of a network in which one synapse of layer 0, neuron 1 is 0."""
    network = tiny_network()
    weights = [np.array(layer.weights) for layer in network.layers]
    weights[0][1, 1] = 0
    fewer = TernaryNetwork.from_arrays(weights, [layer.theta for layer in network.layers])
    net, folder = tmp_path / "fewer.npz", tmp_path / "fewer"
    write_network(fewer, net)
    assert cli("generate", net, "-o", folder, "--inputs", tiny.x).status == 0
    (folder / "manifest.json").unlink()  # it would say that they are of another network
    ran = verify(cli, tiny, "--decks", folder, "--simulator", simulator_name)
    assert ran.status == 1
    example = summary(tiny.run)["counter_example"]
    assert (example["layer"], example["neuron"]) == (0, 1)
    assert "P(BA|XS1|XL0N1)" in example["measured"]
    assert example["sentence"] in ran.sentence


def test_a_deck_of_other_inputs_is_caught(cli, tiny, tmp_path):
    """Decks are judged by the pulses of the samples that are verified, not by their own."""
    other, folder = tmp_path / "other.npy", tmp_path / "other"
    np.save(other, ~np.load(tiny.x))
    assert cli("generate", tiny.net, "-o", folder, "--inputs", other).status == 0
    (folder / "manifest.json").unlink()  # it would say that they are for other samples
    ran = verify(cli, tiny, "--decks", folder, "--simulator", "embedded")
    assert ran.status == 1
    assert summary(tiny.run)["mismatches"] > 0

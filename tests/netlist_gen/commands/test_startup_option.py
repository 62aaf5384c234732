"""``--startup`` as a user gives it: what decks, manifest, verdict and report say."""

from __future__ import annotations

import json

import pytest

import netlist_gen as ng
from netlist_gen.assembly.network_circuit import network_bench
from netlist_gen.deck.decks import network_deck
from netlist_gen.errors import ConfigurationError
from netlist_gen.library.cells import CellLibrary
from netlist_gen.samples import read_samples
from netlist_gen.spikes import windows_of

pytestmark = pytest.mark.usefixtures("plots_aside")


def manifest_of(tiny, folder, **options) -> dict:
    ng.generate(tiny.net, tiny.x, folder, scopes="neurons,network", **options)
    return json.loads((folder / "manifest.json").read_text())


def circuit_of(deck) -> str:
    """A deck without the lines that say which command made it."""
    lines = deck.read_text().splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith("* origin: "))


def test_it_is_in_decks_of_the_whole_network_alone(tiny, tmp_path):
    on, off = (manifest_of(tiny, tmp_path / word, startup=word) for word in ("on", "off"))
    assert (on["startup"], off["startup"]) == (True, False)
    windows = on["windows"]
    for with_it, without in zip(on["decks"], off["decks"], strict=True):
        file = with_it["files"]["josim"]["file"]
        texts = [circuit_of(tmp_path / word / file) for word in ("on", "off")]
        if with_it["scope"] == "neurons":
            assert texts[0] == texts[1]
            continue
        assert f"* 5 neurons, 2 start-up windows and {windows} windows in a pipeline" in texts[0]
        assert f"* 5 neurons, {windows} windows in a pipeline" in texts[1]
        assert (with_it["startup_windows"], without["startup_windows"]) == (2, 0)
        assert with_it["windows"] == without["windows"] == windows
        starts = zip(with_it["layer_starts_ps"], without["layer_starts_ps"], strict=True)
        assert all(a - b == pytest.approx(224.0) for a, b in starts)
        same = ("junctions", "bias_uA", "flux_uA", "neurons", "class_lines", "first_window")
        assert all(with_it[key] == without[key] for key in same)


def test_without_it_the_deck_is_that_of_the_samples_alone(tiny, tmp_path):
    manifest_of(tiny, tmp_path, startup="off")
    network = ng.read(tiny.net)
    windows, _ = windows_of(network, read_samples(network, tiny.x).inputs)
    bench = network_bench(network, CellLibrary(), windows)
    assert (
        circuit_of(tmp_path / "network.cir") == network_deck(CellLibrary(), bench, "network").text
    )


def test_decks_of_neurons_have_none(tiny, tmp_path):
    ng.generate(tiny.net, tiny.x, tmp_path)
    assert json.loads((tmp_path / "manifest.json").read_text())["startup"] is False
    with pytest.raises(ConfigurationError, match=r"^--startup is 'no'; allowed are on, off$"):
        ng.generate(tiny.net, tiny.x, tmp_path, startup="no")


def test_verdict_and_report_say_so(cli, tiny):
    common = ("verify", tiny.net, "--inputs", tiny.x, "-o", tiny.run, "--simulator", "embedded")
    inferences = []
    for word in ("on", "off"):
        ran = cli(*common, "--scope", "network", "--startup", word)
        assert ran.status == 0, ran.err
        said = "decks of the whole network begin with start-up windows: "
        assert (said in ran.out) == (word == "on")
        data = json.loads((tiny.run / "verify.json").read_text())
        assert data["startup"] is (word == "on")
        assert (data["energy"]["startup_J"] > 0) == (word == "on")
        inferences.append(data["energy"]["dynamic_J_per_inference"])
        report = (tiny.run / "report.html").read_text()
        row = "before the samples" if word == "on" else "none"
        assert f"<td>start-up windows of decks of the whole network</td><td>{row}</td>" in report
    assert inferences[0] == pytest.approx(inferences[1], rel=2e-4)


@pytest.mark.parametrize(("made", "asked"), [("on", "off"), ("off", "on")])
def test_decks_are_judged_as_they_were_made(cli, tiny, tmp_path, made, asked):
    manifest_of(tiny, tmp_path, startup=made)
    common = ("verify", tiny.net, "--inputs", tiny.x, "-o", tiny.run, "--simulator", "embedded")
    words = (*common, "--decks", tmp_path)
    ran = cli(*words, "--scope", "network", "--startup", asked)
    assert ran.status == 2
    has = "with" if made == "on" else "without"
    assert ran.sentence == (
        f"{tmp_path}/manifest.json: the decks of the whole network are {has} start-up windows, "
        f"asked for is --startup {asked}"
    )
    assert cli(*words, "--scope", "network", "--startup", made).status == 0
    assert cli(*words).status == 0  # those of neurons have none


def test_start_up_windows_are_of_the_whole_network_alone(cli, tiny):
    ran = cli("verify", tiny.net, "--inputs", tiny.x, "-o", tiny.run, "--startup", "off")
    assert ran.status == 2
    assert ran.sentence == "--startup counts with --scope network alone; give that too"

"""``netlist-gen report``: the page again from a finished run, and no page from anything else."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from netlist_gen.checkpoint.registry import write_network
from netlist_gen.network import TernaryNetwork

RUNS: dict[str, Path] = {}


@pytest.fixture
def finished(cli, tiny, tmp_path_factory):
    """A finished run of the tiny network: of one that is made once, a copy for each test."""
    if "tiny" not in RUNS:
        RUNS["tiny"] = tmp_path_factory.mktemp("finished") / "run"
        words = ("--labels", tiny.y, "--simulator", "embedded", "-o", RUNS["tiny"])
        assert cli("verify", tiny.net, "--inputs", tiny.x, *words).status == 0
    shutil.copytree(RUNS["tiny"], tiny.run)
    return tiny.run


def refuse(cli, run, message):
    before = (run / "report.html").read_bytes() if (run / "report.html").exists() else None
    ran = cli("report", run)
    assert (ran.status, ran.out) == (2, "")
    assert re.fullmatch(message.format(run=re.escape(str(run))), ran.sentence), ran.sentence
    after = (run / "report.html").read_bytes() if (run / "report.html").exists() else None
    assert after == before
    assert not list(run.glob(".*")) if run.is_dir() else True


def test_the_same_page_again(cli, finished):
    page = finished / "report.html"
    first = page.read_bytes()
    page.unlink()
    ran = cli("report", finished)
    assert (ran.status, ran.out, ran.err) == (0, f"{page}\n", "")
    assert page.read_bytes() == first


def test_a_page_stands_alone_and_says_what_ran(finished):
    page = (finished / "report.html").read_text(encoding="utf-8")
    result = json.loads((finished / "verify.json").read_text())
    # Nothing is fetched: no script, no style, no image beside the page. Links lead to files.
    assert not re.search(r"<script|<link|<iframe|src=\"(?!data:)|url\((?!#|data:)|@import", page)
    references = re.findall(r"<a href=\"([^\"]*)\"", page)
    assert references == ["verify.json", "results.npz", "ledger.sqlite"]
    assert all((finished / target).is_file() for target in references)
    drawn = re.findall(r"xlink:href=\"([^\"]*)\"", page)
    assert all(target.startswith(("#", "data:")) for target in drawn)
    assert page.count("<svg ") == 3
    text = re.sub(r"<svg.*?</svg>", "", page, flags=re.DOTALL)
    text = " ".join(re.sub(r"<style.*?</style>|<[^>]+>", " ", text, flags=re.DOTALL).split())
    # The verdict comes first.
    assert text.index("Simulation and reference agree") < text.index("Layers")
    for words in (
        f"Each of {result['checked']} neuron windows gave the expected pulse",
        f"simulator embedded {result['simulator']['version']}",
        "seed 0",
        "process sfq5ee",
        f"date {result['origin']['date']}",
        f"host {result['origin']['host']}",
        f"python {result['origin']['versions']['python']}, numpy",
        result["origin"]["command"],
        result["origin"]["hashes"]["network"],
        "400 W/W",
        "Spikes, expected against measured",
        "Waveforms of layer",
        f"junctions {result['circuit']['junctions']}",
    ):
        assert words in text, words
    for row in result["layers"]:
        assert re.search(rf"\b{row['layer']} {row['neurons']} {row['synapses']} ", text)


@pytest.fixture
def flipped(cli, tiny, tmp_path):
    """A run of decks of which one has a synapse of the other sign; its folder of decks."""
    decks = tmp_path / "decks"
    assert cli("generate", tiny.net, "-o", decks, "--inputs", tiny.x).status == 0
    deck = decks / "L0N0.cir"
    text = deck.read_text()
    (line,) = re.findall(r"(?m)^XS2 .*_exc$", text)
    deck.write_text(text.replace(line, line.replace("_exc", "_inh")))
    words = ("--decks", decks, "--simulator", "embedded", "-o", tiny.run)
    ran = cli("verify", tiny.net, "--inputs", tiny.x, *words)
    assert ran.status == 1
    at = text.splitlines().index(line) + 1
    told = f"note: {deck} is not the deck that `generate` wrote: line {at}, synapse from input line"
    assert told in ran.err
    return at


def test_a_flipped_sign_is_found_by_reading_the_report(tiny, flipped):
    """Window, line and deck of it, what it says and what was written, and where to look."""
    result = json.loads((tiny.run / "verify.json").read_text())
    example, (altered,) = result["counter_example"], result["altered"]
    page = (tiny.run / "report.html").read_text(encoding="utf-8")
    text = " ".join(re.sub(r"<style.*?</style>|<svg.*?</svg>|<[^>]+>", " ", page, flags=re.DOTALL)
                    .split())  # fmt: skip
    assert "<title>Disagreed: " in page
    assert "Simulation and reference disagree" in text
    assert f"neuron layer 0, neuron 0 deck {tiny.run / 'decks' / 'L0N0.cir'}" in text
    assert "window 0 (sample 0)" in text
    assert f"expected {example['expected']} measured {example['measured']}" in text
    assert (altered["count"], len(altered["lines"])) == (1, 1)
    assert re.search(
        rf"decks/L0N0.cir : layer 0, neuron 0; 1 line differs .* {flipped} synapse from input line "
        r"2 of neuron L0N0 XS2 .*_inh XS2 .*_exc", text,
    )  # fmt: skip
    assert re.search(r"windows wrong .* 0 0 1 0 0 ", text)  # layer, neuron, windows, first
    assert "WRONG: expected 1," in page
    assert "Waveforms of layer 0, neuron 0</h2>" in page
    assert 'href="decks/L0N0.cir"' in page
    assert "--window" in page
    for name in result["example"]["waves"]:
        assert f'href="{name}"' in page
        assert (tiny.run / name).is_file()


def test_decks_of_other_samples_or_another_network_are_no_fault_of_the_circuit(cli, tiny, tmp_path):
    decks = tmp_path / "decks"
    assert cli("generate", tiny.net, "-o", decks, "--inputs", tiny.x).status == 0
    words = ("--decks", decks, "--simulator", "embedded", "-o", tiny.run)
    other = tmp_path / "other.npy"
    np.save(other, ~np.load(tiny.x))
    hashes = r"SHA-256 [0-9a-f]{12}\)"
    for x, samples, count in ((other, (), "as many"), (tiny.x, ("--samples", 2), "4")):
        ran = cli("verify", tiny.net, "--inputs", x, *words, *samples)
        assert ran.status == 2
        assert re.fullmatch(
            rf"{re.escape(str(decks))}/manifest.json: the decks are for other input pulses "
            rf"\({count} windows, {hashes} than the {2 if samples else 4} windows given "
            r"\([0-9a-f]{12}\); give the samples that they were generated with, all of them",
            ran.sentence,
        ), ran.sentence
    text = tiny.network.layers[0].weights.copy()
    text[0, 0] = 0
    layers = [text, tiny.network.layers[1].weights]
    changed = TernaryNetwork.from_arrays(layers, [one.theta for one in tiny.network.layers])
    write_network(changed, tmp_path / "changed.npz")
    ran = cli("verify", tmp_path / "changed.npz", "--inputs", tiny.x, *words)
    assert (ran.status, ran.out) == (2, "")
    assert "manifest.json: the decks are of another network, of the SHA-256 " in ran.sentence
    assert not (tiny.run / "report.html").exists()


def test_what_was_not_measured_is_not_shown(cli, finished):
    """One run failed: its windows are unknown, classes not read, and that is no disagreement."""
    path = finished / "results.npz"
    with np.load(path) as archive:
        arrays = {name: archive[name].copy() for name in archive.files}
    arrays["measured1"][:, 1] = -1
    arrays["delay1"][:, 1] = np.nan
    arrays["simulated"][:] = -1
    np.savez_compressed(path, allow_pickle=False, **arrays)
    data = json.loads((finished / "verify.json").read_text())
    windows = data["samples"]
    scope, layer = data["scopes"][0], data["layers"][1]
    for one in (data, scope, layer, data["simulators"][0]):
        one["checked"] -= windows
    data["agreed"] = scope["agreed"] = data["simulators"][0]["agreed"] = False
    data["failed"] = ["L1N1: it took too long"]
    scope["failed"] = layer["failed"] = data["simulators"][0]["failed"] = 1
    data["accuracy"]["simulated"] = None
    (finished / "verify.json").write_text(json.dumps(data))
    assert cli("report", finished).status == 0
    page = (finished / "report.html").read_text(encoding="utf-8")
    assert "<title>Failed runs: " in page
    assert "<b>1 run failed</b>" in page
    assert "disagree</b>" not in page
    assert f"of {windows} windows nothing is known" in page
    assert page.count('<span class="unseen"') == windows
    assert "reference reads 0, simulation nothing" in page
    assert "<strong>not measured</strong><span>simulated accuracy" in page
    assert "L1N1: it took too long" in page


def test_a_page_of_a_layer_and_of_a_neuron(cli, finished):
    ran = cli("report", finished, "--layer", 1, "--neuron", "0:2")
    pages = [finished / "layer1.html", finished / "neuron0_2.html"]
    assert (ran.status, ran.out.split()) == (0, [str(page) for page in pages])
    layer, neuron = (page.read_text(encoding="utf-8") for page in pages)
    assert "<h1>Layer 1</h1>" in layer
    assert "layer 1, neuron 0, window " in layer
    assert layer.count("<tr><td") == 2
    assert "<h1>Layer 0, neuron 2</h1>" in neuron
    assert neuron.count("<td>right</td>") == 4
    for words, sentence in (
        (("--layer", 5), f"--layer: there is no number 5; {finished} has 2 layers, counted from 0"),
        (("--neuron", "1:9"),
         f"--neuron: there is no number 9; {finished} has 2 neurons in layer 1, counted from 0"),
        (("--neuron", "7"), "--neuron is '7'; it must be LAYER:NEURON, such as 0:7"),
    ):  # fmt: skip
        ran = cli("report", finished, *words)
        assert (ran.status, ran.sentence) == (2, sentence)
    path = finished / "results.npz"
    with np.load(path) as archive:
        arrays = {name: archive[name] for name in archive.files}
    arrays["wrong1"] = arrays["wrong1"][:1]
    np.savez_compressed(path, allow_pickle=False, **arrays)
    ran = cli("report", finished, "--layer", 1)
    assert ran.sentence == (
        f"{finished}: results.npz is damaged (ValueError the arrays of layer 1 have different "
        "shapes)"
    )


def test_the_same_input_gives_the_same_verdict(cli, tiny, tmp_path):
    """All but the wall time, and the report to the byte but for it."""
    results, reports = [], []
    for name in ("one", "two"):
        run = tmp_path / name
        words = ("--inputs", tiny.x, "--simulator", "embedded", "-o", run)
        assert cli("verify", tiny.net, *words).status == 0
        result = json.loads((run / "verify.json").read_text())
        seconds = f"{result.pop('wall_s'):.1f} s"
        date, command = result["origin"].pop("date"), result["origin"].pop("command")
        for scope in result["scopes"]:
            del scope["wall_s"]
        results.append(json.dumps(result).replace(str(run), "RUN"))
        page = (run / "report.html").read_text()
        page = page.replace(command, "COMMAND").replace(date, "DATE").replace(seconds, "? s")
        reports.append(page.replace(str(run), "RUN"))
    assert results[0] == results[1]
    assert reports[0] == reports[1]


def test_names_in_a_page_are_text_not_markup(cli, tiny, tmp_path):
    net = tmp_path / "<b>net&.npz"
    tiny.net.rename(net)
    words = ("--simulator", "embedded", "-o", tiny.run)
    assert cli("verify", net, "--inputs", tiny.x, *words).status == 0
    page = (tiny.run / "report.html").read_text(encoding="utf-8")
    assert "<b>net&.npz" not in page
    assert "&lt;b&gt;net&amp;.npz" in page


UNFINISHED = r"{run} is not the directory of a finished run: %s can't be read \(.*\)"


def test_no_run_at_all(cli, tmp_path):
    refuse(cli, tmp_path / "none", UNFINISHED % r"verify\.json")


@pytest.mark.parametrize("name", ["verify.json", "results.npz"])
def test_an_unfinished_run(cli, finished, name):
    (finished / name).unlink()
    refuse(cli, finished, UNFINISHED % re.escape(name))


def halve(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize("name", ["verify.json", "results.npz"])
def test_a_file_cut_in_half(cli, finished, name):
    halve(finished / name)
    refuse(cli, finished, r"{run}: verify\.json or results\.npz is damaged \(.*\)")


def edit_json(run, change):
    path = run / "verify.json"
    summary = json.loads(path.read_text())
    path.write_text(json.dumps(change(summary)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (list, r"\['agreed', .* is no table"),
        (lambda s: {k: v for k, v in s.items() if k != "layers"}, "'layers' is missing"),
        (lambda s: {k: v for k, v in s.items() if k != "energy"}, "'energy' is missing"),
        (lambda s: {**s, "clock_ghz": "fast"}, "clock_ghz: 'fast' is not a number"),
        (lambda s: {**s, "energy": None}, "energy: None is no table"),
        (
            lambda s: {**s, "agreed": not s["agreed"]},
            r"agreed and that of the simulators \((True and False|False and True)\) contradict "
            "each other",
        ),
        (
            lambda s: {**s, "mismatches": 1},
            r"mismatches and those of the scopes \(1 and 0\) contradict each other",
        ),
        (
            lambda s: {**s, "checked": 10**6},
            r"checked and that of the scopes \(1000000 and \d+\) contradict each other",
        ),
        (lambda s: {**s, "samples": 0}, "samples and steps must be at least 1"),
        (lambda s: {**s, "clock_ghz": 10**400}, r"clock_ghz: 10+\.\.\. is not a number"),
    ],
    ids=[
        "a list",
        "no layers",
        "no energy",
        "a word",
        "null",
        "agreed",
        "mismatches",
        "checked",
        "no samples",
        "huge",
    ],
)
def test_a_verdict_that_is_none(cli, finished, change, message):
    edit_json(finished, change)
    refuse(cli, finished, r"{run}: verify\.json is damaged: " + message)


def test_a_verdict_nested_too_deep(cli, finished):
    (finished / "verify.json").write_text('{"agreed": ' + "[" * 100_000)
    refuse(cli, finished, r"{run}: verify\.json is damaged \(nested too deep\)")


def edit_arrays(run, **changes):
    path = run / "results.npz"
    with np.load(path) as archive:
        arrays = {name: archive[name] for name in archive.files}
    arrays |= changes
    np.savez(path, **{name: value for name, value in arrays.items() if value is not None})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"measured1": None}, r"{run}: results\.npz is damaged \(it has no array measured1\)"),
        ({"predicted": None}, r"{run}: results\.npz is damaged \(it has no array predicted\)"),
        ({"example_set": None}, r"{run}: results\.npz is damaged \(KeyError 'example_set'\)"),
        ({"measured0": np.zeros((2, 2))}, r"{run}: results\.npz is damaged \(ValueError .*\)"),
    ],
)
def test_results_that_lack_something(cli, finished, changes, message):
    edit_arrays(finished, **changes)
    refuse(cli, finished, message)

"""``netlist-gen report``: the page again from a finished run, and no page from anything else."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

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
    # Nothing is fetched: no script, no link, no image beside the page.
    assert not re.search(r"<script|<link|<iframe|src=\"(?!data:)|url\((?!#|data:)|@import", page)
    references = re.findall(r"(?:xlink:)?href=\"([^\"]*)\"", page)
    assert all(target.startswith(("#", "data:")) for target in references)
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
        "400 W/W",
        "Spikes, expected against measured",
        "Waveforms of layer",
        f"junctions {result['circuit']['junctions']}",
    ):
        assert words in text, words
    for row in result["layers"]:
        assert re.search(rf"\b{row['layer']} {row['neurons']} {row['synapses']} ", text)


def test_a_page_of_a_disagreement_names_it(cli, tiny, tmp_path):
    """Decks of other inputs: the first wrong neuron is named, marked and plotted."""
    other, decks = tmp_path / "other.npy", tmp_path / "decks"
    np.save(other, ~np.load(tiny.x))
    assert cli("generate", tiny.net, "-o", decks, "--inputs", other).status == 0
    words = ("--decks", decks, "--simulator", "embedded", "-o", tiny.run)
    assert cli("verify", tiny.net, "--inputs", tiny.x, *words).status == 1
    result = json.loads((tiny.run / "verify.json").read_text())
    example = result["counter_example"]
    page = (tiny.run / "report.html").read_text(encoding="utf-8")
    assert "<b>Simulation and reference disagree</b>" in page
    assert f"<p>First: {example['sentence']}".replace("'", "&#39;") in page
    assert f"<code>netlist-gen simulate {example['deck']} -o waveforms.csv" in page
    assert f"Waveforms of layer {example['layer']}, neuron {example['neuron']}</h2>" in page
    assert "The neuron of the first disagreement" in page
    assert re.search(r"(expected, not measured|measured, not expected): [1-9]", page)
    assert "bad-number" in page.partition("</style>")[2]


def test_the_same_input_gives_the_same_verdict(cli, tiny, tmp_path):
    """All but the wall time, and the report to the byte but for it."""
    results, reports = [], []
    for name in ("one", "two"):
        run = tmp_path / name
        words = ("--inputs", tiny.x, "--simulator", "embedded", "-o", run)
        assert cli("verify", tiny.net, *words).status == 0
        result = json.loads((run / "verify.json").read_text())
        seconds = f"{result.pop('wall_s'):.1f} s"
        for scope in result["scopes"]:
            del scope["wall_s"]
        results.append(json.dumps(result).replace(str(run), "RUN"))
        page = (run / "report.html").read_text()
        reports.append(page.replace(seconds, "? s").replace(str(run), "RUN"))
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

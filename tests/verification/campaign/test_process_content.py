"""A process file that was changed under one name is another process: for decks, and the ledger."""

from __future__ import annotations

import json

import pytest

from netlist_gen.library.process import load_process
from netlist_gen.resources import resource_dir

pytestmark = pytest.mark.usefixtures("plots_aside")


@pytest.fixture
def process(tmp_path):
    """The library's process, to be changed under its name."""
    path = tmp_path / "sfq5ee.toml"
    path.write_text((resource_dir("cells") / "process" / "sfq5ee.toml").read_text("utf-8"))
    return path


def change(process):
    """Another supply, which no deck shows: it enters static power only."""
    before = process.read_text()
    process.write_text(before.replace("value = 2.6,", "value = 2.7,"))
    assert process.read_text() != before


def test_decks_of_a_changed_process_are_refused(cli, tiny, tmp_path, process):
    decks = tmp_path / "decks"
    made = cli("generate", tiny.net, "--inputs", tiny.x, "-o", decks, "--process", process)
    assert made.status == 0, made.err
    judge = (
        "verify", tiny.net, "--inputs", tiny.x, "-o", tiny.run, "--decks", decks, "--process",
        process, "--simulator", "embedded",
    )  # fmt: skip
    assert cli(*judge).status == 0
    first = load_process(str(process)).digest()
    change(process)
    second = load_process(str(process)).digest()
    ran = cli(*judge)
    assert (ran.status, ran.sentence) == (
        2,
        f"{decks / 'manifest.json'}: the decks are for another process called sfq5ee, whose values "
        f"have the SHA-256 {first[:12]}; those asked for have {second[:12]}",
    )


def test_decks_of_an_older_manifest_are_judged_with_a_note(cli, tiny, tmp_path):
    decks = tmp_path / "decks"
    assert cli("generate", tiny.net, "--inputs", tiny.x, "-o", decks).status == 0
    path = decks / "manifest.json"
    data = json.loads(path.read_text())
    del data["process_sha256"]
    path.write_text(json.dumps({**data, "format": "netlist-gen manifest 1"}))
    ran = cli(
        "verify", tiny.net, "--inputs", tiny.x, "-o", tiny.run, "--decks", decks, "--simulator",
        "embedded",
    )  # fmt: skip
    assert ran.status == 0
    assert (
        f"note: {path} is of an earlier version and holds no values of its process: only the name "
        "sfq5ee was compared\n"
    ) in ran.err


def test_a_run_of_a_changed_process_starts_anew(cli, tiny, process):
    run = (
        "verify", tiny.net, "--inputs", tiny.x, "-o", tiny.run, "--process", process,
        "--simulator", "embedded", "--resume",
    )  # fmt: skip
    for known in (0, 5):
        assert cli(*run).status == 0
        assert json.loads((tiny.run / "verify.json").read_text())["from_ledger"] == known
    change(process)  # the decks are the same, the process is not
    assert cli(*run).status == 0
    assert json.loads((tiny.run / "verify.json").read_text())["from_ledger"] == 0

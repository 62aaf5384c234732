"""What every command owes a user: quiet, JSON, what is replaced, how an interrupted run goes on."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET

import pytest

from verification.campaign import verify as campaign


def verify(cli, tiny, *words):
    return cli("verify", tiny.net, "--inputs", tiny.x, "-o", tiny.run, "--simulator", "embedded",
               *words)  # fmt: skip


def test_quiet_prints_errors_alone(cli, tiny, tmp_path):
    ran = verify(cli, tiny, "--quiet")
    assert (ran.status, ran.out, ran.err) == (0, "", "")
    assert (tiny.run / "report.html").is_file()
    ran = cli("--quiet", "inspect", tmp_path / "none.npz")
    assert (ran.status, ran.out) == (2, "")
    assert ran.err.startswith("netlist-gen: ")


@pytest.mark.usefixtures("plots_aside")
def test_json_and_junit(cli, tiny, tmp_path):
    ran = verify(cli, tiny, "--json", "--quiet", "--junit", tmp_path / "j.xml")
    assert (ran.status, ran.err) == (0, "")
    assert json.loads(ran.out) == json.loads((tiny.run / "verify.json").read_text())
    assert ET.parse(tmp_path / "j.xml").getroot()[0].get("tests") == "5"
    ran = verify(cli, tiny, "--quiet")  # an earlier result goes; with --quiet without a word
    assert ran.err == ""


@pytest.mark.usefixtures("plots_aside")
def test_what_is_replaced_is_told(cli, tiny, tmp_path):
    assert "note: " not in verify(cli, tiny).err
    told = f"note: {tiny.run} holds an earlier result (verify.json); it is replaced"
    assert f"{told}; --resume would go on with it\n" in verify(cli, tiny).err
    assert f"{told}\n" in verify(cli, tiny, "--resume").err
    (tiny.run / "verify.json").unlink()
    assert (
        f"note: {tiny.run} holds what a broken run left (ledger.sqlite); it is begun anew; "
        "--resume would go on with it\n"
    ) in verify(cli, tiny).err
    decks = tmp_path / "decks"
    assert cli("generate", tiny.net, "-o", decks).err.count("note: ") == 0
    assert (
        f"note: {decks} holds an earlier result (manifest.json); it is replaced\n"
        in cli("generate", tiny.net, "-o", decks).err
    )


def test_an_interrupted_run_says_how_it_goes_on(cli, tiny, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(campaign, "judge_simulator", interrupt)
    ran = verify(cli, tiny)
    assert ran.status == 130
    words = f"netlist-gen verify {tiny.net} --inputs {tiny.x} -o {tiny.run} --simulator embedded"
    assert ran.sentence == f"interrupted; go on with `{words} --resume`"
    # Of a file of commands it is the command that was interrupted.
    campaign_file = tiny.net.with_name("c.toml")
    campaign_file.write_text(
        '[verify]\nnet = "net.npz"\ninputs = "x.npy"\noutput = "r"\nsimulator = "embedded"\n'
    )
    ran = cli("run", campaign_file)
    assert ran.status == 130
    assert ran.err.splitlines()[-1].startswith(
        f"netlist-gen: interrupted; go on with `netlist-gen verify --inputs={tiny.x} --output="
    )

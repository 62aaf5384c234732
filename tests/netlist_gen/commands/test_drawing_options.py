"""``--rules`` and ``--crosstalk`` as a user gives them: what is refused, written and recorded."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

import netlist_gen as ng
from netlist_gen.errors import ConfigurationError
from netlist_gen.resources import resource_dir

pytestmark = pytest.mark.usefixtures("plots_aside")

SFQ5EE = (resource_dir("cells") / "process" / "sfq5ee.toml").read_text()


@pytest.fixture
def strict(tmp_path):
    """A process that draws no junction as small as the neurons'."""
    path = tmp_path / "strict.toml"
    ours, other = (f"smallest_junction = {{ value = {value}" for value in ("40.0", "100.0"))
    assert ours in SFQ5EE
    path.write_text(SFQ5EE.replace(ours, other))
    return path


@pytest.fixture
def silent(tmp_path):
    """A process that says nothing of crosstalk."""
    path = tmp_path / "silent.toml"
    path.write_text(SFQ5EE[: SFQ5EE.index("[crosstalk]")] + SFQ5EE[SFQ5EE.index("[limits]") :])
    return path


@pytest.fixture
def bare(tmp_path):
    """A process that says nothing of drawing."""
    path = tmp_path / "bare.toml"
    shunt = '[shunt]\ninductance = { value = 1.0, unit = "pH", source = "for this test" }\n'
    plain = SFQ5EE[: SFQ5EE.index("[parasitics]")]
    path.write_text(plain.replace("[shunt]\n", shunt))
    return path


def test_inspect_prints_each_rule(cli, tiny):
    words = cli("inspect", tiny.net, "--rules", "--process", "sfq5ee_bare")
    assert words.status == 0
    assert "5 neurons of 4 loops of 2 synapses, process sfq5ee_bare" in words.out
    for rule in ("smallest inductor", "largest M over own inductance", "largest k"):
        assert rule in words.out
    assert "XD.BB2_0" in words.out
    assert "not checked" not in words.out
    facts = json.loads(
        cli("inspect", tiny.net, "--rules", "--json", "--process", "sfq5ee_bare").out
    )
    rules = facts["rules"]
    assert (rules["process"], rules["unchecked"]) == ("sfq5ee_bare", [])
    assert rules["left_out"] == ["parasitics"]
    first = rules["kinds"][0]
    assert (first["kind"], first["neurons"]) == ("neurons of 4 loops of 2 synapses", 5)
    assert first["findings"][3] == {
        "rule": "smallest junction", "element": "L0N0.XD.BB2_0", "unit": "A",
        "value": pytest.approx(5e-5, rel=0.5), "limit": pytest.approx(40e-6), "kept": True,
    }  # fmt: skip
    assert "rules" not in json.loads(cli("inspect", tiny.net, "--json", "--process", "stp2").out)


def test_inspect_names_what_could_not_be_checked(cli, tiny, bare):
    words = cli("inspect", tiny.net, "--rules", "--process", bare)
    assert words.status == 0
    end = (
        "not checked, as the file of sfq5ee leaves out [parasitics], [geometry], [transformer], "
        "[crosstalk], [limits]: smallest inductor, largest M over own inductance, largest k, "
        "smallest junction, largest junction"
    )
    assert words.out.replace("\n", " ").rstrip().endswith(end)


@pytest.mark.parametrize("command", ["generate", "verify"])
def test_a_network_that_breaks_a_rule_is_refused(cli, tiny, strict, command):
    ran = cli(command, tiny.net, "--inputs", tiny.x, "-o", tiny.run, "--process", strict)
    assert ran.status == 2
    assert re.fullmatch(
        rf"{tiny.net}: L0N0\.XD\.BB2_0 breaks the rule 'smallest junction' of the process sfq5ee: "
        r"it is \S+ uA, allowed is at least 100 uA; --rules off builds it all the same",
        ran.sentence,
    )
    assert not tiny.run.exists()


def test_rules_off_is_said_in_decks_and_results(tiny, strict, tmp_path):
    decks = tmp_path / "decks"
    ng.generate(tiny.net, tiny.x, decks, process=str(strict), rules="off")
    head = (decks / "L0N0.cir").read_text().splitlines()[:8]
    assert "* rules of drawing were not checked (--rules off)" in head
    assert json.loads((decks / "manifest.json").read_text())["rules"] == "off"
    run = ng.verify(
        tiny.net, tiny.x, out=tiny.run, process=str(strict), rules="off", simulator="embedded"
    )
    assert run.agreed
    assert json.loads((tiny.run / "verify.json").read_text())["rules"] == "off"
    with pytest.raises(ConfigurationError, match=r"^--rules is 'no'; allowed are on, off$"):
        ng.generate(tiny.net, tiny.x, decks, rules="no")


def test_crosstalk_is_in_decks_and_results(tiny):
    decks = tiny.run.parent / "decks"
    plain, coupled = (
        (ng.generate(tiny.net, tiny.x, decks / name, crosstalk=name == "coupled"), decks / name)[1]
        for name in ("plain", "coupled")
    )
    texts = [(folder / "L0N0.cir").read_text() for folder in (plain, coupled)]
    assert "KNB_XS0_XS2 LBP_XS0 LBP_XS2 0.05" in texts[1]
    assert "* neighbouring synapses are coupled (--crosstalk)" in texts[1]
    assert "crosstalk" not in texts[0]
    assert "_lifted" not in texts[0]
    said = [json.loads((folder / "manifest.json").read_text())["crosstalk"] for folder in
            (plain, coupled)]  # fmt: skip
    assert said == [False, True]
    run = ng.verify(tiny.net, tiny.x, out=tiny.run, crosstalk=True, simulator="embedded")
    assert run.agreed
    assert json.loads((tiny.run / "verify.json").read_text())["crosstalk"] is True
    report = (tiny.run / "report.html").read_text()
    assert "<td>crosstalk between neighbouring synapses</td><td>in the decks</td>" in report


def test_decks_with_crosstalk_are_judged_as_such(cli, tiny, tmp_path):
    ng.generate(tiny.net, tiny.x, tmp_path / "decks", crosstalk=True)
    common = ("verify", tiny.net, "--inputs", tiny.x, "-o", tiny.run, "--simulator", "embedded")
    ran = cli(*common, "--decks", tmp_path / "decks")
    assert ran.status == 2
    assert ran.sentence == (
        f"{tmp_path}/decks/manifest.json: the decks are with crosstalk, asked for is without "
        "--crosstalk"
    )
    ran = cli(*common, "--decks", tmp_path / "decks", "--crosstalk")
    assert ran.status == 0, ran.err
    assert "crosstalk between neighbouring synapses is in the decks\n" in ran.out


def test_resume_knows_crosstalk(tiny):
    for crosstalk, again in ((False, 0), (True, 0), (True, 5), (False, 5)):
        run = ng.verify(
            tiny.net, tiny.x, out=tiny.run, simulator="embedded", resume=True, crosstalk=crosstalk
        )
        assert (run.agreed, run.verdict.from_ledger) == (True, again)


def test_crosstalk_of_a_process_that_has_none(cli, tiny, silent):
    ran = cli("generate", tiny.net, "-o", tiny.run, "--process", silent, "--crosstalk")
    assert (ran.status, ran.sentence) == (
        2,
        "the process sfq5ee has no table [crosstalk], which --crosstalk needs: pickups, storages "
        "and stray, each a coefficient below 1",
    )


def test_characterize_couples_neurons_alone(cli, tmp_path):
    ran = cli("characterize", "jtl", "-o", tmp_path, "--crosstalk")
    assert (ran.status, ran.sentence) == (
        2,
        "--crosstalk is for neurons (neuron16), whose synapses have neighbours; jtl has none",
    )
    for more in (("jtl", "--tables"), ("--check",), ("--design",), ("--edge-spread",)):
        ran = cli("characterize", *more, "--crosstalk")
        assert (ran.status, ran.sentence) == (
            2,
            "--crosstalk goes with none of --tables, --check, --design and --edge-spread: the "
            "library's tables are of its cells as designed",
        )
    result = ng.characterize("neuron2", tmp_path / "out", crosstalk=True, jobs=1)
    assert result.crosstalk
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["conditions"]["crosstalk"] is True


def test_many_processes_write_decks_with_crosstalk_too(tiny, tmp_path):
    x = np.load(tiny.x)
    for jobs in (1, 2):
        ng.generate(tiny.net, x, tmp_path / str(jobs), crosstalk=True, rules="off", jobs=jobs)
    one, two = (
        {p.name: p.read_bytes() for p in (tmp_path / str(jobs)).iterdir()} for jobs in (1, 2)
    )
    assert one == two

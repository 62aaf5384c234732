"""``--bias`` as a user gives it: what is written, measured, recorded and refused."""

from __future__ import annotations

import json
import re

import pytest

import netlist_gen as ng
from netlist_gen.errors import ConfigurationError
from netlist_gen.library.bias import BIASES
from netlist_gen.resources import resource_dir

SFQ5EE = (resource_dir("cells") / "process" / "sfq5ee.toml").read_text()


@pytest.fixture
def silent(tmp_path):
    """A process that says nothing of bias networks."""
    path = tmp_path / "silent.toml"
    path.write_text(SFQ5EE[: SFQ5EE.index("[bias]")])
    return path


@pytest.mark.parametrize("bias", BIASES)
def test_decks_and_manifest_say_it(tiny, tmp_path, bias):
    ng.generate(tiny.net, tiny.x, tmp_path, bias=bias, dialects=["josim", "wrspice", "ngspice"])
    assert json.loads((tmp_path / "manifest.json").read_text())["bias"] == bias
    said = f"* junctions are biased from buses (--bias {bias})\n"
    source = {"ideal": "", "ersfq": "IBUS0 0 bus0_f pwl"}.get(bias, "VBUS0 bus0_f 0 pwl")
    for path in tmp_path.glob("L0N0*.cir"):
        text = path.read_text()
        assert (said in text) == (bias != "ideal")
        assert (source in text) if source else ("bus" not in text.lower())


@pytest.mark.parametrize(("bias", "within"), [("resistor", 1e-3), ("lr", 5e-3), ("ersfq", 1.0)])
@pytest.mark.usefixtures("plots_aside")
def test_buses_are_measured(cli, tiny, bias, within):
    """Two windows of a neuron: an ERSFQ bus still has what its ramp left."""
    ran = cli(
        "verify", tiny.net, "--inputs", tiny.x, "-o", tiny.run, "--simulator", "embedded",
        "--bias", bias, "--every-window",
    )  # fmt: skip
    assert ran.status == 0, ran.err
    assert re.search(rf"bias {bias}: 3 buses of [\d.]+ mA in all at [\d.]+ .V gave ", ran.out)
    energy = json.loads((tiny.run / "verify.json").read_text())["energy"]
    buses = energy["buses"]
    assert (buses["bias"], buses["buses"]) == (bias, 3)
    assert abs(buses["relative_error"]) < within
    parts = ("resistors", "events", "limiters", "feeding")
    shares = [buses[f"{name}_J_per_inference"] for name in parts]
    whole = sum(shares) * (1 + buses["relative_error"])
    assert buses["J_per_inference"] == pytest.approx(whole, rel=1e-9)
    ideal = ng.verify(tiny.net, tiny.x, simulator="embedded", every_window=True).verdict.energy
    assert ideal.buses is None
    least = {"resistor": 0.5, "lr": 0.1, "ersfq": 0.0}[bias] * ideal.wall_plug_J
    assert least < energy["wall_plug_J_per_inference"] < ideal.wall_plug_J


@pytest.mark.usefixtures("plots_aside")
def test_decks_of_a_bias_are_judged_as_such(cli, tiny, tmp_path):
    ng.generate(tiny.net, tiny.x, tmp_path / "decks", bias="resistor")
    common = ("verify", tiny.net, "--inputs", tiny.x, "-o", tiny.run, "--simulator", "embedded")
    ran = cli(*common, "--decks", tmp_path / "decks")
    assert (ran.status, ran.sentence) == (
        2,
        f"{tmp_path}/decks/manifest.json: the decks have the bias 'resistor', asked for is --bias "
        "ideal",
    )
    ran = cli(*common, "--decks", tmp_path / "decks", "--bias", "resistor")
    assert ran.status == 0, ran.err


@pytest.mark.usefixtures("plots_aside")
def test_resume_knows_the_bias(tiny):
    for bias, again in (("ideal", 0), ("resistor", 0), ("resistor", 5), ("ideal", 5)):
        run = ng.verify(
            tiny.net, tiny.x, out=tiny.run, simulator="embedded", resume=True, bias=bias
        )
        assert (run.agreed, run.verdict.from_ledger) == (True, again)


def test_a_process_that_says_nothing_of_it(cli, tiny, silent):
    ran = cli("generate", tiny.net, "-o", tiny.run, "--process", silent, "--bias", "lr")
    assert ran.status == 2
    assert ran.sentence.startswith(
        "the process sfq5ee has no table [bias], which --bias lr needs: lr_voltage, "
    )


def test_ideal_tables_are_not_taken_for_another_bias(cli, tiny, tmp_path):
    """What was not measured with a bias is said, with the command that measures it."""
    path = tmp_path / "own.toml"
    assert "lr_voltage = { value = 0.5" in SFQ5EE
    path.write_text(SFQ5EE.replace("lr_voltage = { value = 0.5", "lr_voltage = { value = 0.6"))
    for command in (("generate", "-o", tiny.run, "--scope", "network"), ("performance",)):
        inputs = ("--inputs", tiny.x)
        ran = cli(command[0], tiny.net, *command[1:], *inputs, "--process", path, "--bias", "lr")
        assert (ran.status, ran.sentence) == (
            2,
            "no table was measured of cell jtl as it is in process sfq5ee with the bias lr "
            f"({path}); `netlist-gen characterize --all --tables --process {path} --bias lr` "
            "makes the 8 that are missing",
        )


def test_characterize_measures_with_the_bias(tmp_path):
    delays = {
        bias: ng.characterize("jtl", out=tmp_path / bias, bias=bias).arcs[0].mean_s
        for bias in ("ideal", "resistor")
    }
    # A bias resistor is a second shunt: 15 % slower.
    assert delays["resistor"] / delays["ideal"] == pytest.approx(1.15, abs=0.03)


def test_what_is_not_of_any_bias(cli):
    ran = cli("characterize", "--edge-spread", "--bias", "lr")
    assert ran.status == 2
    assert ran.sentence.startswith("--bias goes with none of ")
    with pytest.raises(ConfigurationError, match=r"^--bias is 'no'; allowed are ideal, resistor, "):
        ng.characterize("jtl", bias="no")

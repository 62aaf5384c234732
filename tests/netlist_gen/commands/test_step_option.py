"""``--step`` as a user gives it: what decks, manifest, verdict and report say."""

from __future__ import annotations

import json
import re

import pytest

import netlist_gen as ng
from netlist_gen.errors import ConfigurationError

pytestmark = pytest.mark.usefixtures("plots_aside")


@pytest.mark.parametrize("dialect", ["josim", "ngspice", "wrspice"])
def test_decks_of_both_scopes_have_it(tiny, tmp_path, dialect):
    texts = []
    for step in (0.05, 0.1):
        out = tmp_path / f"{step}"
        ng.generate(tiny.net, tiny.x, out, scopes="neurons,network", dialects=dialect, step=step)
        assert json.loads((out / "manifest.json").read_text())["time_step_ps"] == step
        found = {path.name: path.read_text() for path in out.glob("*.cir")}
        texts.append({n: re.sub(r"(?m)^\* origin: .*\n", "", text) for n, text in found.items()})
    usual, longer = texts
    assert len(usual) == 6
    for name, text in longer.items():
        other = usual[name].splitlines()
        differing = [
            (old, new) for old, new in zip(other, text.splitlines(), strict=True) if old != new
        ]
        assert len(differing) == 1, name
        ((old, new),) = differing
        assert old.startswith(".tran "), old
        words = [pair for pair in zip(old.split(), new.split(), strict=True) if len(set(pair)) > 1]
        assert len(words) == 1, (old, new)  # ngspice's is the most that a step may take
        assert float(words[0][1]) == pytest.approx(2 * float(words[0][0]))


def test_a_verdict_says_it_and_half_of_it_gives_the_same(tiny, tmp_path, cli):
    pulses = []
    for step in ("0.1", "0.05", "0.025"):
        ran = cli(
            "verify", tiny.net, "--inputs", tiny.x, "-o", tmp_path / step,
            "--simulator", "embedded", "--step", step,
        )  # fmt: skip
        assert ran.status == 0, ran.err
        verdict = json.loads((tmp_path / step / "verify.json").read_text())
        assert verdict["time_step_ps"] == float(step)
        pulses.append(verdict["scopes"][0]["pulses"])
        report = (tmp_path / step / "report.html").read_text()
        assert f'<tr><td>time step of the decks</td><td class="n">{step} ps</td></tr>' in report
    assert pulses[0] == pulses[1] == pulses[2]


def test_decks_of_another_step_are_not_judged(tiny, tmp_path, cli):
    decks = tmp_path / "decks"
    ng.generate(tiny.net, tiny.x, decks, step=0.1)
    words = ("verify", tiny.net, "--inputs", tiny.x, "--decks", decks, "--simulator", "embedded")
    ran = cli(*words, "-o", tmp_path / "usual")
    assert ran.status == 2
    assert ran.err.strip().endswith(
        f"{decks / 'manifest.json'}: the decks have a time step of 0.1 ps, asked for is --step 0.05"
    )
    assert cli(*words, "-o", tmp_path / "same", "--step", 0.1).status == 0


@pytest.mark.parametrize("step", [0.0, 1e-9, 0.001, 0.3, -0.05])
def test_a_step_has_bounds(tiny, tmp_path, step):
    message = f"--step is {step:g}; it must be above 0.001 and below 0.3"
    with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}$"):
        ng.generate(tiny.net, tiny.x, tmp_path, step=step)

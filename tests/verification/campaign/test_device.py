"""A verification whose lanes run on another device: the same decks, the same verdicts."""

from __future__ import annotations

import json

import numpy as np
import pytest
from host_target import HostTarget

from verification.engine.cuda import devices

pytestmark = pytest.mark.usefixtures("plots_aside")


def test_the_verdicts_are_those_of_the_processor(tiny, cli, monkeypatch, tmp_path):
    target = HostTarget()
    monkeypatch.setattr(devices, "target_of", {"cuda": target}.get)
    np.save(tiny.x, np.random.default_rng(2).random((20, 3)) < 0.5)
    np.save(tiny.y, np.zeros(20, dtype=int))
    found = []
    for device in ("cpu", "cuda"):
        ran = cli(
            "verify", tiny.net, "--inputs", tiny.x, "--labels", tiny.y, "-o", tmp_path / device,
            "--simulator", "embedded", "--scope", "network,neurons", "--device", device,
            "--jobs", 2, "--timing", "--every-window",
        )  # fmt: skip
        assert ran.status == 0, ran.out + ran.err
        found.append(json.loads((tmp_path / device / "verify.json").read_text()))
    here, there = found
    assert {launch.lanes for launch in target.launches} == {8}  # five of each neuron, filled up
    for name in ("checked", "mismatches", "accuracy", "simulator"):
        assert there[name] == here[name]
    assert [row["pulses"] for row in there["scopes"]] == [row["pulses"] for row in here["scopes"]]
    measured = [each["energy"]["measured_J"] for each in (there, here)]
    assert measured[0] == pytest.approx(measured[1], rel=1e-9, abs=0)


def test_a_device_is_of_this_machine(tiny, cli):
    ran = cli(
        "verify", tiny.net, "--inputs", tiny.x, "-o", tiny.run, "--device", "cuda",
        "--scheduler", "tcp://somewhere:1",
    )  # fmt: skip
    assert ran.status == 2
    assert "--device cuda is this machine's; --scheduler has others simulate" in ran.err
    ran = cli("verify", tiny.net, "--inputs", tiny.x, "-o", tiny.run, "--device", "tpu")
    assert ran.status == 2
    assert "'tpu' is not one of 'cpu', 'cuda'" in ran.err

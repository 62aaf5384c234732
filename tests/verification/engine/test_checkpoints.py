"""Runs that were ended and go on: the same output to the byte."""

from __future__ import annotations

import re
from functools import partial

import numpy as np
import pytest

import netlist_gen as ng
from netlist_gen.errors import ConfigurationError, SimulatorError
from verification.engine import checkpoints
from verification.engine.lanes import batch, samples
from verification.engine.run import compile_deck_file
from verification.waves.files import waveform_writer

# Every kind of element that keeps something from step to step, noise, and a junction above its gap.
DECK = """.model m jj(rtype=1, vg=2.8m, cap=0.07p, r0=160, rn=16, icrit=0.1m)
.model h jj(rtype=1, vg=2.8m, cap=0.07p, r0=160, rn=16, icrit=0.1m, cpr={0.9, 0.1})
IIN 0 1 pwl(0 0 5p 0 7p 400u 9p 0 30p 0 32p 400u 34p 0)
ISIN 0 1 sin(0 20u 100g)
B1 1 0 m
RS 1 2 5 temp=4.2 neb=1t
LS 2 0 1p
L1 1 3 2p
B2 3 0 h area=1.2
C1 3 4 0.1p
R4 4 0 3
LK 3 5 10p ik=100u
R5 5 0 2 temp=4.2 neb=1t
T1 4 0 6 0 z0=5 td=1.3p
R6 6 0 5
V1 7 0 pulse(0 0.1m 3p 1p 1p 5p 20p)
R7 7 4 10
G1 8 0 3 0 0.01
R8 8 0 1
H1 9 0 1 3 0.5
R9 9 0 1
IGAP 0 10 pwl(0 0 2p 400u)
B3 10 0 m
.tran 0.01p 60p 0 0.3p
.print p(b1)
.print v(3)
.print i(lk)
.print v(b3)
.print i(t1)
.print v(9)
.print v(8)
"""


@pytest.fixture
def often(monkeypatch):
    """Checkpoints after each stretch, and stretches of 500 steps."""
    monkeypatch.setattr(checkpoints, "EVERY_S", 0.0)
    monkeypatch.setattr(batch, "STRETCH_S", 500 * 24 * batch._STEP_S)


@pytest.fixture
def deck(tmp_path):
    path = tmp_path / "d.cir"
    path.write_text(DECK)
    return path


def run(deck, out, stops=0, monkeypatch=None, **options):
    """Simulate; ended after so many checkpoints."""
    if stops:
        keep, count = checkpoints.Checkpoint.keep, [0]

        def kept(self, *arguments, **named):
            keep(self, *arguments, **named)
            count[0] += 1
            if count[0] == stops:
                raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(checkpoints.Checkpoint, "keep", kept)
            with pytest.raises(KeyboardInterrupt):
                ng.simulate(deck, out, simulator="embedded", **options)
        return
    ng.simulate(deck, out, simulator="embedded", **options)


@pytest.mark.parametrize("suffix", ["csv", "npz", "parquet", "raw"])
@pytest.mark.usefixtures("often")
def test_a_run_that_was_ended_twice_is_the_same_to_the_byte(deck, tmp_path, monkeypatch, suffix):
    (tmp_path / "whole").mkdir()
    whole, out = tmp_path / "whole" / f"o.{suffix}", tmp_path / f"o.{suffix}"
    kept = tmp_path / "run.check"
    run(deck, whole, seed=3)
    for _ in range(2):
        run(deck, out, 3, monkeypatch, seed=3, checkpoint=kept)
        assert not out.exists()
        assert kept.exists()
    run(deck, out, seed=3, checkpoint=kept)
    assert out.read_bytes() == whole.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["d.cir", out.name, "whole"]


@pytest.mark.usefixtures("often")
def test_the_seed_is_kept_with_it(deck, tmp_path, monkeypatch):
    out, kept = tmp_path / "o.csv", tmp_path / "run.check"
    run(deck, out, 2, monkeypatch, checkpoint=kept)
    notes = []
    state = np.load(kept)
    found = state["seed"].item()
    run(deck, out, checkpoint=kept, note=notes.append)
    assert notes == [f"note: {kept}: the run goes on from step {state['at']}"]
    run(deck, tmp_path / "w.csv", seed=found)
    assert (tmp_path / "w.csv").read_bytes() == out.read_bytes()


@pytest.mark.usefixtures("often")
def test_time_that_runs_out_loses_nothing(deck, tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoints, "EVERY_S", 1e9)
    out, kept = tmp_path / "o.csv", tmp_path / "run.check"
    compiled = compile_deck_file(deck)
    asked = iter([False] * 4)
    late = partial(next, asked, True)
    checkpoint = checkpoints.Checkpoint(kept, "run")
    with (
        waveform_writer(tmp_path / "l.csv") as to,
        pytest.raises(SimulatorError, match=r"long$"),
    ):
        compiled.run(seed=3, sink=to, checkpoint=checkpoint, deadline=late)
    with waveform_writer(out) as to:
        checkpoint = checkpoints.Checkpoint(kept, "run")
        assert checkpoint.state.at > 1000
        compiled.run(seed=3, sink=to, checkpoint=checkpoint)
    run(deck, tmp_path / "w.csv", seed=3)
    assert (tmp_path / "w.csv").read_bytes() == out.read_bytes()


@pytest.mark.usefixtures("often")
def test_another_run_is_refused(deck, tmp_path, monkeypatch):
    out, kept = tmp_path / "o.csv", tmp_path / "run.check"
    run(deck, out, 2, monkeypatch, seed=3, checkpoint=kept)
    message = (
        f"{kept} is the checkpoint of another run: the deck, what it includes, --seed, --noise or "
        "the version is not the same; name another file, or remove it"
    )
    with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}$"):
        run(deck, out, seed=4, checkpoint=kept)
    deck.write_text(DECK.replace("400u", "401u"))
    with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}$"):
        run(deck, out, seed=3, checkpoint=kept)


@pytest.mark.parametrize("damage", ["state", "samples"])
@pytest.mark.usefixtures("often")
def test_a_damaged_checkpoint_is_refused(deck, tmp_path, monkeypatch, damage):
    out, kept = tmp_path / "o.csv", tmp_path / "run.check"
    run(deck, out, 2, monkeypatch, seed=3, checkpoint=kept)
    file = kept if damage == "state" else tmp_path / "run.check.samples"
    file.write_bytes(file.read_bytes()[:100])
    words = (
        f"^{re.escape(str(kept))} is no whole checkpoint \\(.*\\); remove it, and the run begins"
    )
    with pytest.raises(ConfigurationError, match=words):
        run(deck, out, seed=3, checkpoint=kept)


def test_what_can_not_be_kept_is_refused(deck, tmp_path):
    kept = tmp_path / "run.check"
    message = "--checkpoint is for a run that writes a file; give -o OUT"
    with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}$"):
        run(deck, None, checkpoint=kept)
    deck.write_text(DECK.replace("0 0.3p", "0 0.3p 1p"))
    message = (
        f"{deck}: a checkpoint needs a run that writes while it goes on, and no filter (the fifth "
        "number of .tran)"
    )
    with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}$"):
        run(deck, tmp_path / "o.csv", checkpoint=kept)


@pytest.mark.usefixtures("often")
def test_a_run_that_halves_its_step_begins_anew(tmp_path, monkeypatch):
    """What was kept with the larger step is void, and is not found later."""
    deck, kept = tmp_path / "h.cir", tmp_path / "run.check"
    text = DECK.replace(".tran 0.01p", ".tran 0.3p").replace("400u", "1.5m")
    deck.write_text(text)
    whole, out = tmp_path / "w.csv", tmp_path / "o.csv"
    run(deck, whole, seed=3)
    monkeypatch.setattr(samples, "_CHUNK_BYTES", 16 * 7 * 8)
    for stops in (1, 2, 3):
        run(deck, out, stops, monkeypatch, seed=3, checkpoint=kept)
    run(deck, out, seed=3, checkpoint=kept)
    assert out.read_bytes() == whole.read_bytes()

"""Rows of the ledger that no run leaves are computed anew, and the run says how many and why."""

from __future__ import annotations

import contextlib
import json
import re
import sqlite3
from random import Random

import numpy as np
import pytest
from fuzz_campaign import Fuzz
from fuzzing import BROKEN
from support import tiny_network

from verification.campaign.ledger import _digest
from verification.campaign.options import VerifyOptions
from verification.campaign.verify import verify

pytestmark = pytest.mark.usefixtures("plots_aside")

X = np.array([[1, 0, 1], [0, 1, 1]], dtype=bool)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The directory of a run, its verdict, and the bytes of its ledger."""
    out = tmp_path_factory.mktemp("rows") / "run"
    found = run(out, resume=False)
    assert found.notes == ()
    return out, found.verdict, (out / "ledger.sqlite").read_bytes()


def run(out, *, resume=True):
    scopes = ("neurons", "network")
    options = VerifyOptions(simulator="embedded", scopes=scopes, resume=resume, jobs=1)
    return verify(tiny_network(), X, None, out, options)


def wrong_but_not_counted(row):
    row["neurons"][0]["wrong"][1] = True


def spikes_missing(row):
    row["neurons"][0]["pulses"].pop()


def negative_count(row):
    row["neurons"][0]["pulses"][0] = -1


def another_count(row):
    row["neurons"][0]["pulses"][0] ^= 1


def energy_is_none(row):
    row["energies_J"][0] = None


def energy_is_another(row):
    row["energies_J"][0] *= 2


def another_neuron(row):
    row["neurons"][0]["name"] = "L7N7"


def lines_vanish(row):
    row["lines"] = None


def lines_wrong_uncounted(row):
    row["lines"]["wrong"] = 1


def no_time(row):
    row["wall_s"] = -1.0


def windows_missing(row):
    del row["windows"]


def pulses_are_text(row):
    row["neurons"][0]["pulses"] = "1010"


def far_too_large(row):
    row["wall_s"] = 10**400


CONTRADICTORY = "contradicting itself or its deck"
UNREADABLE = "not the result of a deck"


@pytest.mark.parametrize(
    ("deck", "change", "why"),
    [
        ("L0N0", wrong_but_not_counted, CONTRADICTORY),
        ("L0N0", spikes_missing, CONTRADICTORY),
        ("L0N0", negative_count, CONTRADICTORY),
        ("L0N0", another_count, CONTRADICTORY),
        ("L0N0", energy_is_none, CONTRADICTORY),
        ("L0N0", energy_is_another, CONTRADICTORY),
        ("network", energy_is_another, CONTRADICTORY),
        ("L0N0", another_neuron, CONTRADICTORY),
        ("network", lines_vanish, CONTRADICTORY),
        ("network", lines_wrong_uncounted, CONTRADICTORY),
        ("L0N0", no_time, CONTRADICTORY),
        ("L0N0", windows_missing, UNREADABLE),
        ("L0N0", pulses_are_text, UNREADABLE),
        ("L0N0", far_too_large, UNREADABLE),
    ],
)
def test_a_row_that_no_run_leaves_is_computed_anew(finished, deck, change, why):
    out, verdict, ledger = finished
    for path in out.glob("ledger.sqlite*"):
        path.unlink()
    path = out / "ledger.sqlite"
    path.write_bytes(ledger)
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        rows = db.execute("SELECT key, name, result FROM runs").fetchall()
        key, name, text = next(row for row in rows if row[1].startswith(deck))
        row = json.loads(text)
        change(row)
        text = json.dumps(row)  # with its right digest: what is wrong is what it says
        update = "UPDATE runs SET result = ?, sha256 = ? WHERE key = ?"
        db.execute(update, (text, _digest(key, name, text), key))
    found = run(out)
    assert found.notes == (f"{path}: 1 stored result was refused and computed anew (1 {why})",)
    assert found.verdict.from_ledger < verdict.scopes[0].decks + verdict.scopes[1].decks
    assert found.agreed
    assert found.verdict.energy == verdict.energy
    again = run(out)  # the row that was computed anew has taken its place
    assert again.notes == ()
    assert again.verdict.from_ledger == verdict.scopes[0].decks + verdict.scopes[1].decks


def test_the_command_says_so(tiny, cli):
    arguments = ("verify", tiny.net, "--inputs", tiny.x, "-o", tiny.run, "--simulator", "embedded")
    assert cli(*arguments).status == 0
    with contextlib.closing(sqlite3.connect(tiny.run / "ledger.sqlite")) as db, db:
        db.execute("UPDATE runs SET result = '{}'")
    ran = cli(*arguments, "--resume")
    assert ran.status == 0
    wanted = r"note: .*ledger\.sqlite: (\d+) stored results were refused and computed anew "
    match = re.search(wanted + r"\((\d+) not what was written\)\n", ran.err)
    assert match is not None, ran.err
    assert match[1] == match[2]


def test_a_few_mutations(tmp_path):
    """A slice of ``benchmarks/fuzz_campaign.py``."""
    one = Fuzz(tmp_path, Random(7))
    for kind in ("file", "row", "forged row"):
        for _ in range(3):
            found, words = one.one_ledger(kind)
            assert not found.startswith(BROKEN), (kind, words)
    for attempt in (one.one_manifest, one.one_verdict):
        for _ in range(10):
            found, words = attempt("")
            assert not found.startswith(BROKEN), words

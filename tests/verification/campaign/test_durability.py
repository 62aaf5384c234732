"""A campaign that is killed and resumed ends as one that was not: same verdict, same numbers."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing

import numpy as np
import pytest
from support import tiny_network

from netlist_gen.checkpoint.registry import write_network
from netlist_gen.errors import ConfigurationError
from verification.campaign.ledger import Ledger, content_key

pytestmark = pytest.mark.usefixtures("plots_aside")

VARYING = {"wall_s", "from_ledger", "origin"}
"""What says how a run went, not what it found."""


def numbers(run):
    """Everything that a run found: its summary without times, and all arrays."""
    summary = json.loads((run / "verify.json").read_text())
    summary = {k: v for k, v in summary.items() if k not in VARYING}
    summary["scopes"] = [
        {k: v for k, v in row.items() if k not in VARYING} for row in summary["scopes"]
    ]
    with np.load(run / "results.npz") as arrays:
        return summary, {name: arrays[name].tobytes() for name in arrays.files}


@pytest.fixture
def arguments(tmp_path):
    """The command line of a campaign of 40 decks in 5 tasks, on the embedded engine."""
    rng = np.random.default_rng(3)
    write_network(tiny_network(), tmp_path / "net.npz")
    np.save(tmp_path / "x.npy", rng.random((160, 3)) < 0.5)

    def make(out, *more):
        return [
            "verify", str(tmp_path / "net.npz"), "--inputs", str(tmp_path / "x.npy"), "-o",
            str(out), "--simulator", "embedded", "--jobs", "1", "--every-window", *more,
        ]  # fmt: skip

    return make


def stored(run):
    """Decks in a run's ledger, 0 where there is none yet."""
    try:
        with closing(sqlite3.connect(f"file:{run}/ledger.sqlite?mode=ro", uri=True)) as db:
            return int(db.execute("SELECT count(*) FROM runs").fetchone()[0])
    except sqlite3.Error:
        return 0


def test_killed_twice_and_resumed_it_ends_in_the_same_numbers(arguments, cli, tmp_path):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    assert cli(*arguments(whole)).status == 0
    kills = 0
    for enough in (1, 17):
        child = subprocess.Popen(
            [sys.executable, "-m", "netlist_gen.cli", *arguments(broken, "--resume")],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        while child.poll() is None and stored(broken) < enough:
            time.sleep(0.002)
        os.kill(child.pid, signal.SIGKILL)
        kills += child.wait() == -signal.SIGKILL
        assert not (broken / "verify.json").exists()
    assert kills == 2
    assert 17 <= stored(broken) < 40
    assert stored(broken) % 8 == 0  # whole tasks
    assert cli(*arguments(broken, "--resume")).status == 0
    assert numbers(broken) == numbers(whole)
    # A run that ended is known: a repeated one simulates nothing but what the report shows.
    assert cli(*arguments(broken, "--resume")).status == 0
    summary = json.loads((broken / "verify.json").read_text())
    assert summary["from_ledger"] == summary["scopes"][0]["decks"] == 40
    assert numbers(broken) == numbers(whole)


def test_a_task_is_stored_whole_or_not_at_all(tmp_path):
    ledger = Ledger(tmp_path / "l.sqlite")
    assert ledger.empty()
    ledger.put_all([("a", "A", {"x": 1}), ("b", "B", {"x": 2})])
    assert not ledger.empty()
    assert ledger.get_all(["b", "a"]) == [{"x": 2}, {"x": 1}]
    assert ledger.get_all(["a", "c"]) is None
    with pytest.raises(TypeError):
        ledger.put_all([("c", "C", {"x": 3}), ("d", "D", {"x": object()})])
    assert ledger.get("c") is None
    ledger.put("a", "A", {"x": 9})
    assert ledger.get("a") == {"x": 1}  # what was measured first stays
    ledger.close()


def test_an_open_transaction_is_gone_after_a_kill(tmp_path):
    """A second process dies between the rows of one task."""
    path = tmp_path / "l.sqlite"
    Ledger(path).close()
    script = (
        "import os, signal, sqlite3, sys\n"
        "db = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "db.execute('BEGIN IMMEDIATE')\n"
        "db.execute(\"INSERT INTO runs VALUES ('k', 'K', '{}', '')\")\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    dead = subprocess.run([sys.executable, "-c", script, str(path)], check=False)
    assert dead.returncode == -signal.SIGKILL
    ledger = Ledger(path)
    assert ledger.empty()
    ledger.put("k", "K", {"x": 1})
    assert ledger.get("k") == {"x": 1}
    ledger.close()


def test_a_file_that_is_no_ledger(tmp_path):
    path = tmp_path / "l.sqlite"
    path.write_bytes(b"not a database at all, but long enough to be read as a header" * 20)
    with pytest.raises(
        ConfigurationError,
        match=r"not a usable ledger \(file is not a database\); run without --resume to start a "
        r"new one$",
    ):
        Ledger(path)


def test_a_key_is_of_all_that_decides():
    one = content_key("deck", "embedded", "1", {"a": 1})
    assert one == content_key("deck", "embedded", "1", {"a": 1})
    others = [("deck ", "embedded", "1"), ("deck", "josim", "1"), ("deck", "embedded", "2")]
    keys = {content_key(*parts, {"a": 1}) for parts in others}
    keys.add(content_key("deck", "embedded", "1", {"a": 2}))
    assert len(keys) == 4
    assert one not in keys

"""What a ledger says of a full disk, of rows that are not what was written, and of other files."""

from __future__ import annotations

import contextlib
import json
import os
import re
import resource
import sqlite3

import pytest

from netlist_gen.errors import ConfigurationError
from verification.campaign.ledger import Ledger


@pytest.fixture
def path(tmp_path):
    return tmp_path / "l.sqlite"


@contextlib.contextmanager
def largest_file(size):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def change(path, **values):
    """Write into the first row, as no ledger would."""
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        for column, value in values.items():
            db.execute(f"UPDATE runs SET {column} = ? WHERE key = 'a'", (value,))


def test_a_full_disk_is_said_and_what_is_there_stays(path):
    ledger = Ledger(path)
    ledger.put("a", "A", {"x": 1})
    ledger._db.execute("PRAGMA max_page_count = 5")  # what SQLite says of it is what ENOSPC gives
    message = (
        f"{path}: the ledger can't be written (database or disk is full): the disk is full; what "
        "it holds is kept, so make room and run again with --resume"
    )
    with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}$"):
        ledger.put_all([("b", "B", {}), ("c", "C", {"x": "x" * 100_000})])
    assert ledger.get("a") == {"x": 1}
    assert ledger.get("b") is None
    ledger.close()
    ledger = Ledger(path)  # room has been made
    ledger.put("b", "B", {"x": 2})
    assert ledger.get_all(["a", "b"]) == [{"x": 1}, {"x": 2}]
    ledger.close()


def test_a_limit_of_a_files_size_is_said(path):
    ledger = Ledger(path)
    ledger.put("a", "A", {"x": 1})
    message = (
        f"{path}: the ledger can't be written (disk I/O error): a full disk, a quota or a file "
        "limit; what it holds is kept, so make room and run again with --resume"
    )
    with largest_file(60_000), pytest.raises(ConfigurationError, match=f"^{re.escape(message)}$"):
        ledger.put("b", "B", {"x": "x" * 1_000_000})
    assert ledger.get("a") == {"x": 1}
    ledger.close()


@pytest.mark.parametrize(
    "values",
    [
        {"result": '{"x": 2}'},
        {"result": "["},
        {"result": b"\xff\xfe"},
        {"result": 3},
        {"sha256": "0" * 64},
        {"sha256": b"\x00"},
        {"name": "B"},
    ],
)
def test_a_row_that_is_not_what_was_written_is_none(path, values):
    ledger = Ledger(path)
    ledger.put_all([("a", "A", {"x": 1}), ("b", "B", {"x": 2})])
    change(path, **values)
    assert ledger.sentence() == ""
    assert ledger.get_all(["b", "a"]) is None
    assert ledger.sentence() == (
        f"{path}: 1 stored result was refused and computed anew (1 not what was written)"
    )
    ledger.put("a", "A", {"x": 1})  # computed anew, it takes the damaged row's place
    assert ledger.get_all(["b", "a"]) == [{"x": 2}, {"x": 1}]
    ledger.close()


def test_rows_nested_too_deep_are_refused(path):
    ledger = Ledger(path)
    from verification.campaign import ledger as module

    text = "[" * 100_000
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        row = ("a", "A", text, module._digest("a", "A", text))
        db.execute("INSERT INTO runs VALUES (?, ?, ?, ?)", row)
    assert ledger.get("a") is None
    ledger.close()


def test_a_ledger_of_another_version(path):
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        db.execute("CREATE TABLE runs (key TEXT PRIMARY KEY, name TEXT, result TEXT)")
    message = (
        f"{path}: a ledger of another version, with the columns key, name, result instead of key, "
        "name, result, sha256; run without --resume to start a new one"
    )
    with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}$"):
        Ledger(path)


def test_a_pipe_is_no_ledger(path):
    os.mkfifo(path)
    message = f"{path}: not a usable ledger (it is no regular file); remove it"
    with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}$"):
        Ledger(path)


def test_results_stay_the_same_json(path):
    ledger = Ledger(path)
    ledger.put("a", "A", {"x": [1.5, None, "é\n"]})
    assert json.dumps(ledger.get("a")) == json.dumps({"x": [1.5, None, "é\n"]})
    ledger.close()

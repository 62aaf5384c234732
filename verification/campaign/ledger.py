"""The ledger of runs: SQLite, keyed by content, so that a broken run resumes where it broke.

A key is the SHA-256 of deck text, simulator, version and options. What was measured under a
key never changes, so a row found is a run saved. The rows of a task are written in one
transaction: a process killed at any moment leaves whole tasks only, and a resumed run simulates
the others in the same groups as an unbroken one would.

Each row carries the SHA-256 of itself. A row that is not what was written, or that its reader
refuses, is removed, so that it is computed anew; ``sentence`` says how many there were, and why.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import stat
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from netlist_gen.errors import ConfigurationError
from netlist_gen.records import Json

_SCHEMA = """
CREATE TABLE IF NOT EXISTS runs (
    key TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    result TEXT NOT NULL,
    sha256 TEXT NOT NULL
) WITHOUT ROWID
"""
_COLUMNS = ("key", "name", "result", "sha256")

DAMAGED = "not what was written"
"""Why a row is refused that is not what was written."""


def content_key(text: str, simulator: str, version: str, options: Mapping[str, object]) -> str:
    """The key of a run: SHA-256 over deck, simulator, version and options."""
    parts = json.dumps([text, simulator, version, dict(options)], sort_keys=True)
    return hashlib.sha256(parts.encode()).hexdigest()


class Ledger:
    """Results of runs by key, in one SQLite file; any thread may use it.

    Args:
        path: the file; made if it is not there.

    Raises:
        ConfigurationError: the file can't be opened, or is not a ledger.
    """

    def __init__(self, path: Path):
        self.path = path
        self._lock = threading.Lock()
        self._refused: Counter[str] = Counter()
        self._require_file()
        try:
            self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        except sqlite3.Error as error:
            raise self._unusable(error) from error
        try:
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")
            self._db.execute(_SCHEMA)
            columns = tuple(row[1] for row in self._db.execute("PRAGMA table_info(runs)"))
        except sqlite3.Error as error:
            self._db.close()
            raise self._unusable(error) from error
        if columns != _COLUMNS:
            self._db.close()
            raise ConfigurationError(
                f"{path}: a ledger of another version, with the columns {', '.join(columns)} "
                f"instead of {', '.join(_COLUMNS)}; run without --resume to start a new one"
            )

    def get(self, key: str) -> Json | None:
        """The result stored under a key, or None; a row that is damaged is not there."""
        try:
            with self._lock:
                row = self._db.execute(
                    "SELECT name, result, sha256 FROM runs WHERE key = ?", (key,)
                ).fetchone()
        except sqlite3.Error as error:
            if "decode to UTF-8" not in str(error):
                raise self._unusable(error) from error
            row = (b"", b"", b"")  # a text that is none any more
        if row is None:
            return None
        name, result, digest = row
        if all(isinstance(part, str) for part in row) and digest == _digest(key, name, result):
            try:
                found = json.loads(result)
            except (ValueError, RecursionError):
                found = None
            if isinstance(found, dict):
                return found
        self.refuse([key], DAMAGED)
        return None

    def get_all(self, keys: Sequence[str]) -> list[Json] | None:
        """The results stored under several keys, or None if one of them is not there."""
        found = []
        for key in keys:
            result = self.get(key)
            if result is None:
                return None
            found.append(result)
        return found

    def refuse(self, keys: Sequence[str], why: str) -> None:
        """Remove rows that can't be trusted; ``why`` is what they are."""
        with self._lock:
            self._refused[why] += len(keys)
            self._write("DELETE FROM runs WHERE key = ?", [(key,) for key in keys])

    def sentence(self) -> str:
        """How many rows were refused, and why; "" for none."""
        if not self._refused:
            return ""
        count = self._refused.total()
        whose = "result was" if count == 1 else "results were"
        why = "; ".join(f"{n} {reason}" for reason, n in self._refused.items())
        return f"{self.path}: {count} stored {whose} refused and computed anew ({why})"

    def put(self, key: str, name: str, result: Json) -> None:
        """Store a result; the first one stored under a key stays."""
        self.put_all([(key, name, result)])

    def put_all(self, results: Sequence[tuple[str, str, Json]]) -> None:
        """Store results by (key, name) in one transaction: all of them or none.

        Raises:
            ConfigurationError: they can't be written, for instance on a full disk; what was there
                stays.
        """
        rows = []
        for key, name, result in results:
            text = json.dumps(result)
            rows.append((key, name, text, _digest(key, name, text)))
        with self._lock:
            self._write("INSERT OR IGNORE INTO runs VALUES (?, ?, ?, ?)", rows)

    def _write(self, command: str, rows: Sequence[tuple[str, ...]]) -> None:
        try:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                self._db.executemany(command, rows)
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:  # a full disk has ended it already
                    self._db.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            raise self._unusable(error) from error

    def empty(self) -> bool:
        """Whether nothing is stored yet."""
        try:
            with self._lock:
                return self._db.execute("SELECT 1 FROM runs LIMIT 1").fetchone() is None
        except sqlite3.Error as error:
            raise self._unusable(error) from error

    def _require_file(self) -> None:
        # SQLite would wait at a pipe for ever.
        try:
            mode = self.path.stat().st_mode
        except OSError:
            return  # not there yet, or opening it says why not
        if not stat.S_ISREG(mode):
            raise ConfigurationError(
                f"{self.path}: not a usable ledger (it is no regular file); remove it"
            )

    def _unusable(self, error: sqlite3.Error) -> ConfigurationError:
        said = str(error)
        if "unable to open" in said or "readonly" in said:
            return ConfigurationError(
                f"{self.path}: the ledger can't be opened ({said}); its directory must be writable"
            )
        if "disk is full" in said or "disk I/O error" in said:
            # SQLite has no other words for a quota, or for a limit on the size of a file.
            cause = "the disk is full" if "full" in said else "a full disk, a quota or a file limit"
            return ConfigurationError(
                f"{self.path}: the ledger can't be written ({said}): {cause}; what it holds is "
                "kept, so make room and run again with --resume"
            )
        return ConfigurationError(
            f"{self.path}: not a usable ledger ({said}); run without --resume to start a new one"
        )

    def close(self) -> None:
        """Close the file."""
        self._db.close()


def _digest(key: str, name: str, result: str) -> str:
    return hashlib.sha256("\0".join((key, name, result)).encode(errors="replace")).hexdigest()

"""The ledger of runs: SQLite, keyed by content, so that a broken run resumes where it broke.

A key is the SHA-256 of deck text, simulator, version and options. What was measured under a
key never changes, so a row found is a run saved. The rows of a task are written in one
transaction: a process killed at any moment leaves whole tasks only, and a resumed run simulates
the others in the same groups as an unbroken one would.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from netlist_gen.errors import ConfigurationError
from netlist_gen.records import Json

_SCHEMA = """
CREATE TABLE IF NOT EXISTS runs (
    key TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    result TEXT NOT NULL
) WITHOUT ROWID
"""


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
        try:
            self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")
            self._db.execute(_SCHEMA)
        except sqlite3.Error as error:
            raise self._unusable(error) from error

    def get(self, key: str) -> Json | None:
        """The result stored under a key, or None."""
        try:
            with self._lock:
                row = self._db.execute("SELECT result FROM runs WHERE key = ?", (key,)).fetchone()
            return None if row is None else dict(json.loads(row[0]))
        except (sqlite3.Error, ValueError, TypeError) as error:
            raise self._unusable(error) from error

    def get_all(self, keys: Sequence[str]) -> list[Json] | None:
        """The results stored under several keys, or None if one of them is not there."""
        found = []
        for key in keys:
            result = self.get(key)
            if result is None:
                return None
            found.append(result)
        return found

    def put(self, key: str, name: str, result: Json) -> None:
        """Store a result; the first one stored under a key stays."""
        self.put_all([(key, name, result)])

    def put_all(self, results: Sequence[tuple[str, str, Json]]) -> None:
        """Store results by (key, name) in one transaction: all of them or none."""
        rows = [(key, name, json.dumps(result)) for key, name, result in results]
        try:
            with self._lock:
                self._db.execute("BEGIN IMMEDIATE")
                try:
                    self._db.executemany("INSERT OR IGNORE INTO runs VALUES (?, ?, ?)", rows)
                    self._db.execute("COMMIT")
                except BaseException:
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

    def _unusable(self, error: Exception) -> ConfigurationError:
        if "unable to open" in str(error):
            return ConfigurationError(
                f"{self.path}: the ledger can't be opened ({error}); its directory must be writable"
            )
        return ConfigurationError(
            f"{self.path}: not a usable ledger ({error}); run without --resume to start a new one"
        )

    def close(self) -> None:
        """Close the file."""
        self._db.close()

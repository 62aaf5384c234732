"""Mutated ledgers, manifests and verdicts: each must be refused, recomputed, or change nothing.

    python benchmarks/fuzz_campaign.py --ledgers 500 --others 2000

Prints its seed, a table of outcomes, and each that is broken; exit status 1 if there is one.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import sqlite3
from collections import Counter
from functools import partial
from pathlib import Path
from random import Random

import numpy as np
from fuzzing import BROKEN, RECOMPUTED, SAME, mutated_bytes, mutated_json, outcome, report, tally

from netlist_gen.deck.generate import GenerateOptions, generate
from netlist_gen.network import TernaryNetwork
from netlist_gen.records import Json
from verification.campaign.ledger import _digest
from verification.campaign.options import VerifyOptions
from verification.campaign.verify import verify
from verification.report.html import load_run
from verification.verdict.outcome import RunVerdict

SCOPES = ("neurons", "network")
X = np.array([[1, 0, 1], [0, 1, 1], [0, 1, 0], [1, 0, 0]], dtype=bool)


def tiny_network() -> TernaryNetwork:
    """Three inputs, three hidden neurons, two classes."""
    return TernaryNetwork.from_arrays(
        [
            np.array([[1, -1, 1], [0, 1, 1], [-1, 0, 1]], dtype=np.int8),
            np.array([[1, 1, -1], [0, 1, 1]], dtype=np.int8),
        ],
        [np.array([1, 2, 0]), np.array([1, 1])],
    )


def numbers(verdict: RunVerdict) -> Json:
    """A verdict without what says how the run went."""
    found = verdict.to_json()
    for table_ in (found, *found["scopes"]):
        for name in ("wall_s", "from_ledger", "origin"):
            table_.pop(name, None)
    return found


def core(found: Json) -> Json:
    """What is decided: not the measured figures."""
    counts = ("agreed", "checked", "mismatches", "class_lines_wrong", "failed")
    kept = {name: found[name] for name in ("agreed", "checked", "mismatches", "failed")}
    kept["scopes"] = [{name: row[name] for name in counts} for row in found["scopes"]]
    return kept


class Fuzz:
    """A small campaign that ended well, and what it left, to be spoilt.

    Args:
        folder: an empty one.
        rng: draws the mutations.
    """

    def __init__(self, folder: Path, rng: Random) -> None:
        self.rng, self.folder = rng, folder
        self.network, self.run, self.decks = tiny_network(), folder / "run", folder / "decks"
        generate(self.network, X, self.decks, GenerateOptions(scopes=SCOPES))
        verified = verify(self.network, X, None, self.run, self._options(resume=False))
        self.good, self.from_ledger = numbers(verified.verdict), 0
        self.ledger = (self.run / "ledger.sqlite").read_bytes()
        self.manifest = (self.decks / "manifest.json").read_bytes()
        self.verdict = (self.run / "verify.json").read_bytes()
        self.judged = folder / "judged"  # its ledger knows the decks: what is tried is the manifest
        verify(self.network, X, None, self.judged, self._options(resume=True, decks=self.decks))
        again = verify(self.network, X, None, self.run, self._options(resume=True))
        self.from_ledger = again.verdict.from_ledger
        assert (numbers(again.verdict), bool(again.notes)) == (self.good, False)

    @staticmethod
    def _options(*, resume: bool, decks: Path | None = None) -> VerifyOptions:
        return VerifyOptions(
            simulator="embedded", scopes=SCOPES, resume=resume, jobs=1, decks=decks
        )

    def one_ledger(self, kind: str) -> tuple[str, str]:
        """Resume from a spoilt ledger."""
        for path in self.run.glob("ledger.sqlite*"):
            path.unlink()
        path = self.run / "ledger.sqlite"
        path.write_bytes(self.ledger)
        if kind == "file":
            path.write_bytes(mutated_bytes(self.rng, self.ledger))
        else:
            self._spoil_row(path, kind)

        def attempt() -> str:
            found = verify(self.network, X, None, self.run, self._options(resume=True))
            new = numbers(found.verdict)
            # A forged row may hold another plausible number, but decides nothing.
            if core(new) != core(self.good) or (kind != "forged row" and new != self.good):
                return f"{BROKEN}: another verdict"
            fewer = found.verdict.from_ledger < self.from_ledger
            return RECOMPUTED if fewer or found.notes else SAME

        return outcome(attempt, 60.0)  # a ledger that is lost is a whole campaign

    def _spoil_row(self, path: Path, kind: str) -> None:
        rng = self.rng
        with contextlib.closing(sqlite3.connect(path)) as db, db:
            rows = db.execute("SELECT key, name, result, sha256 FROM runs").fetchall()
            key, name, result, digest = rng.choice(rows)
            if rng.random() < 0.1:
                result = rng.choice(rows)[2]  # another deck's
            elif rng.random() < 0.2:
                result = mutated_bytes(rng, result.encode())
                result = result.decode("utf-8", "ignore") if rng.random() < 0.5 else result
            else:
                result = mutated_json(rng, json.loads(result))
            if kind == "forged row" and isinstance(result, str):
                digest = _digest(key, name, result)
            db.execute(
                "UPDATE runs SET result = ?, sha256 = ? WHERE key = ?", (result, digest, key)
            )

    def one_manifest(self, _kind: str) -> tuple[str, str]:
        """Judge decks whose manifest is spoilt."""
        (self.decks / "manifest.json").write_bytes(self._spoilt(self.manifest))

        def attempt() -> str:
            options = self._options(resume=True, decks=self.decks)
            found = numbers(verify(self.network, X, None, self.judged, options).verdict)
            return SAME if core(found) == core(self.good) else f"{BROKEN}: another verdict"

        return outcome(attempt)

    def one_verdict(self, _kind: str) -> tuple[str, str]:
        """Read a spoilt verify.json, as ``report`` does."""
        (self.run / "verify.json").write_bytes(self._spoilt(self.verdict))

        def attempt() -> str:
            found, _ = load_run(self.run)
            same = core(numbers(found)) == core(self.good)
            return SAME if same else f"{BROKEN}: another verdict"

        return outcome(attempt)

    def _spoilt(self, data: bytes) -> bytes:
        if self.rng.random() < 0.3:
            return mutated_bytes(self.rng, data)
        return mutated_json(self.rng, json.loads(data)).encode()


def fuzz(
    folder: Path, rng: Random, ledgers: int, others: int
) -> tuple[dict[str, Counter[str]], list[str]]:
    """Outcomes by what was spoilt, and a line for each that is broken."""
    one = Fuzz(folder, rng)
    plan = [
        ("file", ledgers // 3, one.one_ledger),
        ("row", ledgers // 3, one.one_ledger),
        ("forged row", ledgers - 2 * (ledgers // 3), one.one_ledger),
        ("manifest.json", others, one.one_manifest),
        ("verify.json", others, one.one_verdict),
    ]
    return tally((kind, tries, partial(attempt, kind)) for kind, tries, attempt in plan)


def main() -> None:
    """Fuzz, and say what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ledgers", type=int, default=500)
    parser.add_argument("--others", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    asked = parser.parse_args()
    print(f"seed {asked.seed}")
    report(lambda folder: fuzz(folder, Random(asked.seed), asked.ledgers, asked.others))


if __name__ == "__main__":
    main()

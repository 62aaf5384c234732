"""Damaged decks, by the ten thousand: ``python benchmarks/fuzz_decks.py``.

    python benchmarks/fuzz_decks.py --count 50000 --seed 1 --run 500
    python benchmarks/fuzz_decks.py --count 4000 --run 4000 --josim

Takes the golden decks in all dialects and the decks of ``tests/verification/engine/deck_fuzz.py``,
and damages each deck in one to four ways. JoSIM decks are linted, read and built by the engine, a
sample of them is run for 10 steps; with ``--josim`` in JoSIM too, for as long as the deck says, and
held against the engine. Decks of the others pass what stands before their simulators.

Each deck is refused with a sentence, or read; all else is WRONG: an exception of another kind, a
message of two lines, a process that dies, more than 10 s, more than 1 GB, waveforms that are not
JoSIM's.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from fuzzing import MOST_S, REFUSED, Judged, judged_apart

from netlist_gen.deck.lint import lint
from netlist_gen.errors import DeckError, NetlistGenError
from verification.engine.run import compile_deck
from verification.simulators.base import DeckJob, OutcomeKind
from verification.simulators.deck_programs import asked_of
from verification.simulators.josim import JosimSimulator
from verification.simulators.saved_signals import dialect_of
from verification.simulators.wrspice_rules import check_wrspice_deck
from verification.waves.josim_controls import read_controls

_TESTS = Path(__file__).parents[1] / "tests"
sys.path += [str(_TESTS / "verification" / "engine")]
READ, RAN, FAILED = "read", "ran", "stopped"
_RUN_STEPS = 10
_CODES = "a0 2028 2029 85 b c d 0 1b 7f 663 ff15 17f 131 df b5 200b feff d7ff 3000 1f600"
_SIGNS = [chr(int(code, 16)) for code in _CODES.split()]
_TEXTS = (
    "0 gnd -1 1e308 1e-400 nan inf 1p 5F 2.8MEG * *x *3 # + = , ( ) { } [ ] | . @r1[c] v( v(1,2)",
    ".ends .end .subckt .include .include. .model jj( .param .tran .print .control .endc .file .iv",
    ".temp .spread .option seed=9 area= ic= temp=4.2 neb=1T td=0 z0=1 pwl( pwl(0 cus( dc sin(0 K1",
    "L1 B1 X1 uic dst 1/0 2^9999 {a} sqrt(-1) log10(0) .save .options shell `x` $(x) *@ *# \\",
)
_WORDS = " ".join(_TEXTS).split()


@dataclass(frozen=True)
class Source:
    """A whole deck: its name in the table, its dialect, its text."""

    name: str
    dialect: str
    text: str


def sources() -> list[Source]:
    """The golden decks of all dialects, and those that hold every element."""
    from deck_fuzz import SEEDS

    golden = _TESTS / "golden" / "decks"
    found = [
        Source(path.stem, folder.name, path.read_text())
        for folder in sorted(golden.iterdir())
        for path in sorted(folder.glob("*.cir"))
        if path.stem in ("jtl", "decision", "neuron2", "sfq_dc", "merger")
    ]
    return found + [Source(f"elements {at}", "josim", text) for at, text in enumerate(SEEDS)]


def _bytes(text: str, rng: random.Random) -> str:
    data = bytearray(text.encode())
    for _ in range(rng.choice((1, 1, 2, 8))):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return data.decode("utf-8", errors="replace")


def _in_line(text: str, rng: random.Random, change: Callable[[list[str]], None]) -> str:
    lines = text.split("\n")
    row = rng.randrange(len(lines))
    words = lines[row].split(" ")
    change(words)
    lines[row] = " ".join(words)
    return "\n".join(lines)


def _swap(text: str, rng: random.Random) -> str:
    def change(words: list[str]) -> None:
        a, b = rng.randrange(len(words)), rng.randrange(len(words))
        words[a], words[b] = words[b], words[a]

    return _in_line(text, rng, change)


def _remove(text: str, rng: random.Random) -> str:
    def change(words: list[str]) -> None:
        del words[rng.randrange(len(words))]

    return _in_line(text, rng, change)


def _double(text: str, rng: random.Random) -> str:
    def change(words: list[str]) -> None:
        at = rng.randrange(len(words))
        words[at:at] = [words[at]] * rng.choice((1, 1, 2, 300))

    return _in_line(text, rng, change)


def _word(text: str, rng: random.Random) -> str:
    def change(words: list[str]) -> None:
        at = rng.randrange(len(words))
        words[at : at + rng.randrange(2)] = [rng.choice(_WORDS)]

    return _in_line(text, rng, change)


def _number(text: str, rng: random.Random) -> str:
    def change(words: list[str]) -> None:
        numbers = [at for at, word in enumerate(words) if word[:1].isdigit()]
        if numbers:
            at = rng.choice(numbers)
            words[at] = rng.choice(
                ("0", "-" + words[at], words[at] + "e9", "9" * 400, "1e-30", words[at] + "p", "x")
            )

    return _in_line(text, rng, change)


def _line(text: str, rng: random.Random) -> str:
    lines = text.split("\n")
    row, to = rng.randrange(len(lines)), rng.randrange(len(lines))
    kind = rng.randrange(5)
    if kind == 0:
        del lines[row]
    elif kind == 1:
        lines.insert(to, lines[row])
    elif kind == 2:
        lines[row], lines[to] = lines[to], lines[row]
    elif kind == 3:
        lines[row] = "+" + lines[row]
    else:
        lines = [*lines[:row], lines[row][: rng.randrange(len(lines[row]) + 1)]]
    return "\n".join(lines)


def _sign(text: str, rng: random.Random) -> str:
    at = rng.randrange(len(text))
    sign = rng.choice(_SIGNS) if rng.randrange(3) else chr(rng.randrange(1, 0xD7FF))
    return text[:at] + sign + text[at + rng.randrange(2) :]


def _deep(text: str, rng: random.Random) -> str:
    depth = rng.choice((3, 60, 100, 1000, 20_000))
    opening = rng.choice(("(", "{", "[", "-", "sqrt(", "2^", "1+"))
    closing = {"(": ")", "{": "}", "[": "]", "sqrt(": ")"}.get(opening, "")

    def change(words: list[str]) -> None:
        at = rng.randrange(len(words))
        words[at] = opening * depth + words[at] + closing * (depth - rng.randrange(2))

    return _in_line(text, rng, change)


DAMAGES = {
    "bytes": _bytes,
    "swap": _swap,
    "remove": _remove,
    "double": _double,
    "word": _word,
    "number": _number,
    "line": _line,
    "sign": _sign,
    "deep": _deep,
}


def damaged(source: Source, number: int, seed: int) -> str:
    """The deck of a number."""
    rng = random.Random(f"{seed} {source.dialect} {source.name} {number}")
    text = source.text
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        text = rng.choice(list(DAMAGES.values()))(text or "*", rng)
    return text


def judge(source: Source, text: str, *, run: bool = False, josim: bool = False) -> str:
    """What reading (and running) the deck comes to."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            dialect_of(text)
            if source.dialect == "josim":
                return _josim(text, run=run, josim=josim)
            for own in (False, True):

                def check(words: str, own: bool = own) -> None:
                    check_wrspice_deck(words, own=own)

                wrspice = source.dialect == "wrspice"
                job = DeckJob("fuzz", text, own=own)
                asked_of(job, check) if wrspice else asked_of(job)
            return READ
    except NetlistGenError as error:
        return _sentence(error) or REFUSED
    except BaseException as error:
        return f"{type(error).__name__}: {error}"[:160]


def _sentence(error: NetlistGenError) -> str:
    """What is wrong with a message: it is not one line that can be read; "" for nothing."""
    words = str(error)
    return "" if words.isprintable() and len(words) < 1500 else f"not one line: {words[:80]!r}"


def _josim(text: str, *, run: bool, josim: bool) -> str:
    for check in (lambda words: lint(words, "fuzz"), read_controls):
        try:
            check(text)
        except DeckError as error:
            if _sentence(error):
                return _sentence(error)
    deck = compile_deck(text, name="fuzz")
    if not run:
        return READ
    end = time.monotonic() + MOST_S / 2
    if not josim:
        t = deck.deck.transient
        stop = min(t.stop, _RUN_STEPS * t.step)
        deck.deck.transient = type(t)(t.step, stop, 0.0, t.print_step, 0.0, t.startup)
    try:
        waves = deck.run(seed=1, deadline=lambda: time.monotonic() > end).waveforms
    except NetlistGenError:
        return FAILED
    if waves is None or not np.all(np.isfinite(waves.values)):
        return "a value is not finite"
    if not josim:
        return RAN
    return _held(text, waves.values, waves.names)


def _held(text: str, ours: np.ndarray, names: Sequence[str]) -> str:
    """The engine's waveforms against JoSIM's, where JoSIM runs the deck without a complaint."""
    upper = text.upper()
    if any(word in upper for word in ("NOISE", ".TEMP", "TEMP=", ".SPREAD", "SPREAD=")):
        return RAN
    outcome = JosimSimulator().run(DeckJob("fuzz", text), timeout_s=MOST_S)
    if outcome.kind is not OutcomeKind.OK or outcome.waveforms is None:
        return RAN
    theirs = outcome.waveforms
    if theirs.names != tuple(names) or theirs.values.shape != ours.shape:
        return f"JoSIM has {theirs.names} {theirs.values.shape}, not {tuple(names)} {ours.shape}"
    ranges = np.maximum(np.abs(theirs.values).max(axis=1, initial=0.0), 1e-9)
    apart = float((np.abs(theirs.values - ours).max(axis=1, initial=0.0) / ranges).max(initial=0))
    return RAN if apart < 1e-2 else f"{apart:.2g} of the range from JoSIM"


def fuzz(count: int, seed: int, ran: int, jobs: int, *, josim: bool = False) -> list[Judged]:
    """All outcomes; ``number`` finds the deck again."""
    decks = sources()
    compile_deck(decks[0].text if decks[0].dialect == "josim" else decks[-1].text).run()

    def made(number: int) -> str:
        return damaged(decks[number % len(decks)], number, seed)

    def judged(number: int, text: str) -> str:
        return judge(decks[number % len(decks)], text, run=number < ran, josim=josim)

    return judged_apart(range(count), made, judged, jobs)


def is_wrong(one: Judged) -> bool:
    """Whether it breaks what is promised."""
    return one.too_much or one.outcome not in (REFUSED, READ, RAN, FAILED)


def main() -> None:
    """Run, print the table, and exit with status 1 if anything is WRONG."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=50_000, help="decks")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--run", type=int, default=500, help="how many of them are run too")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--josim", action="store_true", help="hold what runs against josim-cli")
    parser.add_argument("--show", type=int, metavar="NUMBER", help="print one deck and stop")
    options = parser.parse_args()
    decks = sources()
    if options.show is not None:
        print(damaged(decks[options.show % len(decks)], options.show, options.seed))
        return
    outcomes = fuzz(options.count, options.seed, options.run, options.jobs, josim=options.josim)
    print(f"seed {options.seed}")
    print(f"{'deck':24}{'read':>8}{'ran':>7}{'stopped':>9}{'refused':>9}{'WRONG':>7}", end="")
    print(f"{'slowest s':>11}{'most MB':>9}")
    for at, deck in enumerate(decks):
        found = [one for one in outcomes if one.number % len(decks) == at]
        counts = Counter("wrong" if is_wrong(one) else one.outcome for one in found)
        print(
            f"{deck.name + ' ' + deck.dialect:24}{counts[READ]:8}{counts[RAN]:7}{counts[FAILED]:9}"
            f"{counts[REFUSED]:9}{counts['wrong']:7}"
            f"{max((one.seconds for one in found), default=0.0):11.2f}"
            f"{max((one.megabytes for one in found), default=0.0):9.0f}"
        )
    wrong = [one for one in outcomes if is_wrong(one)]
    for one in wrong[:40]:
        deck = decks[one.number % len(decks)]
        print(f"WRONG: {deck.dialect} {deck.name} {one}")
    print(f"{len(outcomes)} decks, {len(wrong)} WRONG")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()

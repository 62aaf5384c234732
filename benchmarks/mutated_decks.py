"""Decks with one line changed, judged on every input: ``python benchmarks/mutated_decks.py``.

Ten neurons of fan-in 1 to 6, random signs and thresholds; each deck holds every input pattern, each
in a window after another. One line of the deck is removed, scaled, turned or joined otherwise. The
verdict must be that it disagrees, or the linter must refuse it. What still agrees does all that the
neuron must do, for every input, in time and at its energy: it is listed with the line and what was
changed, to be looked at. Those are values within the margins of their cell, JTL stages turned round
(they are the same from both sides), outputs of a splitter exchanged, and couplings that widen
margins without deciding. ``--simulator josim`` lets JoSIM judge.
"""

from __future__ import annotations

import argparse
import random
import re
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np

import netlist_gen as ng

NEURONS = 10
FACTORS = (0.5, 0.8, 0.94, 1.06, 1.25, 2.0)


@dataclass(frozen=True)
class Mutant:
    """A changed deck.

    Attributes:
        kind: of the change.
        where: subcircuit and line.
        text: the deck.
    """

    kind: str
    where: str
    text: str


def removed(words: list[str], draw: random.Random) -> list[str]:  # noqa: ARG001
    """Nothing instead of the line."""
    return []


def scaled(words: list[str], draw: random.Random) -> list[str]:
    """The last number of the line times a factor."""
    at = next(k for k in range(len(words) - 1, 0, -1) if re.search(r"\d", words[k]))
    key, sign, number = words[at].rpartition("=")
    value = float(number.rstrip(")")) * draw.choice(FACTORS)
    return [*words[:at], f"{key}{sign}{value:.10g}{')' * number.count(')')}", *words[at + 1 :]]


def turned(words: list[str], draw: random.Random) -> list[str]:  # noqa: ARG001
    """The other sign of a coupling, or the two nodes of an element exchanged."""
    if words[0][0] == "K":
        return [*words[:3], words[3].removeprefix("-") if words[3][0] == "-" else f"-{words[3]}"]
    return [words[0], words[2], words[1], *words[3:]]


def joined_otherwise(words: list[str], draw: random.Random) -> list[str]:
    """Two nets of an instance exchanged."""
    nets = list(range(1, len(words) - 1))
    one, other = draw.sample(nets, 2) if len(nets) > 1 else (1, 1)
    changed = list(words)
    changed[one], changed[other] = words[other], words[one]
    return changed


CHANGES: dict[str, tuple[str, Callable[[list[str], random.Random], list[str]]]] = {
    "removed": ("BLRKIXV", removed),
    "scaled": ("BLRKI", scaled),
    "turned": ("BKIV", turned),
    "nets exchanged": ("X", joined_otherwise),
}
"""Kind of a change: of which elements, and what it does."""


def mutant(text: str, draw: random.Random) -> Mutant:
    """A deck with one line changed, drawn anew until it is another text."""
    lines = text.replace("\n+", " ").split("\n")
    scope, places = "the circuit", []
    for number, line in enumerate(lines):
        if line.startswith(".subckt"):
            scope = line.split()[1]
        elif line.startswith(".ends"):
            scope = "the circuit"
        elif line[:1].isalpha():
            places.append((number, scope))
    while True:
        kind = draw.choice(list(CHANGES))
        kinds, change = CHANGES[kind]
        number, scope = draw.choice(places)
        words = lines[number].split()
        if words[0][0] not in kinds:
            continue
        after = " ".join(change(words, draw))
        if after.split() != words:
            shown = f"{scope}: {lines[number][:60]} -> {after[:60] or 'nothing'}"
            changed = [*lines[:number], *([after] if after else []), *lines[number + 1 :]]
            return Mutant(kind, shown, "\n".join(changed))


def judged(network: ng.TernaryNetwork, x: np.ndarray, deck: str, simulator: str) -> str:
    """``agreed``, ``disagreed``, ``failed`` or ``refused``."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "L0N0.cir").write_text(deck)
        try:
            run = ng.verify(network, x, simulator=simulator, decks=folder, timeout=60.0)
        except ng.NetlistGenError:
            return "refused"
    failed = "failed" if run.verdict.failed else "disagreed"
    return "agreed" if run.agreed else failed


def neuron(draw: random.Random) -> tuple[ng.TernaryNetwork, np.ndarray]:
    """A neuron that some patterns fire and some do not, and all patterns of its inputs."""
    while True:
        fan_in = draw.randint(1, 6)
        signs = np.array([[draw.choice((-1, 1)) for _ in range(fan_in)]])
        theta = draw.randint(1, fan_in)
        x = np.array(list(product((0, 1), repeat=fan_in)), dtype=bool)
        network = ng.TernaryNetwork.from_arrays([signs], [np.array([theta])])
        fires = network.forward(x)[-1]
        if fires.any() and not fires.all():
            return network, x


def main() -> None:
    """Judge the mutants and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mutants", type=int, default=200)
    parser.add_argument("--seed", type=int, default=20)
    parser.add_argument("--simulator", default="embedded")
    asked = parser.parse_args()
    draw = random.Random(asked.seed)
    print(f"seed {asked.seed}, {asked.mutants} decks of {NEURONS} neurons, {asked.simulator}")
    table: Counter[tuple[str, str]] = Counter()
    agreed = []
    for number in range(NEURONS):
        network, x = neuron(draw)
        with tempfile.TemporaryDirectory() as folder:
            ng.generate(network, x, folder)
            (path,) = Path(folder).glob("*.cir")
            text = path.read_text()
        assert judged(network, x, text, asked.simulator) == "agreed"
        for _ in range(asked.mutants // NEURONS):
            changed = mutant(text, draw)
            outcome = judged(network, x, changed.text, asked.simulator)
            table[changed.kind, outcome] += 1
            if outcome == "agreed":
                agreed.append(f"neuron {number}, {changed.kind}: {changed.where}")
    outcomes = ("disagreed", "failed", "refused", "agreed")
    print(f"{'':16}" + "".join(f"{outcome:>10}" for outcome in outcomes))
    for kind in CHANGES:
        print(f"{kind:16}" + "".join(f"{table[kind, outcome]:10}" for outcome in outcomes))
    print(*agreed, sep="\n")


if __name__ == "__main__":
    main()

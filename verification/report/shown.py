"""What a report shows beside figures: classes read, where it disagrees, links to files."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from verification.verdict.outcome import CounterExample, RunVerdict

Arrays = dict[str, NDArray[np.generic]]

MOST_NEURONS, SHOWN_READS = 30, 60
"""Neurons in the list of those that disagree, and samples whose class is listed."""

LEAST_PICTURE = 16
"""Inputs of the smallest picture: a square of fewer says nothing."""


@dataclass(frozen=True)
class Read:
    """A sample's class in words; ``kind`` is "", "miss", "differ" or "unseen"."""

    text: str
    kind: str
    title: str


def reads(arrays: Arrays) -> list[Read]:
    """Class of each of the first samples: the label, what the reference reads, the simulation.

    A sample of which some pulses were not measured has no simulated class.
    """
    shown = {n: arrays[n][:SHOWN_READS].tolist() for n in ("simulated", "labels") if n in arrays}
    predicted = arrays["predicted"][:SHOWN_READS].tolist()
    simulated = shown.get("simulated", [-1] * len(predicted))
    labels = shown.get("labels", [None] * len(predicted))
    return [
        _read(*each)
        for each in zip(range(len(predicted)), predicted, simulated, labels, strict=True)
    ]


def _read(sample: int, reference: int, got: int, label: int | None) -> Read:
    words = [] if label is None else [str(label)]
    title = f"sample {sample}: " + ("" if label is None else f"label {label}, ")
    title += f"reference reads {reference}, simulation {'nothing' if got < 0 else got}"
    if got < 0:
        return Read(" → ".join([*words, "–"]), "unseen", title)
    words.append(str(got) if got == reference else f"{reference}, simulated {got}")
    miss = label is not None and label != reference
    kind = "differ" if got != reference else "miss" if miss else ""
    return Read(" → ".join(words), kind, title)


@dataclass(frozen=True)
class Link:
    """A file and where it is from the report; "" where it can't be linked."""

    text: str
    href: str


def link(path: str, run: Path) -> Link:
    """A link from a run's report to a file, as far as it is there."""
    target = Path(path)
    if not path or not target.is_file():
        return Link(path, "")
    relative = os.path.relpath(target.resolve(), run.resolve())
    return Link(path, quote(Path(relative).as_posix()))


@dataclass(frozen=True)
class WrongNeuron:
    """A neuron that disagrees, or was not measured, somewhere."""

    layer: int
    neuron: int
    wrong: int
    unmeasured: int
    first: int
    decks: tuple[Link, ...]


def wrong_neurons(arrays: Arrays, layers: int, run: Path) -> list[WrongNeuron]:
    """Neurons with windows that are wrong or were not measured, the wrong ones first."""
    kept = _kept_decks(run)
    found = []
    for layer in range(layers):
        unmeasured = arrays[f"measured{layer}"].astype(np.int8) < 0
        wrong = arrays.get(f"wrong{layer}", np.zeros(unmeasured.shape, dtype=bool)).astype(bool)
        for neuron in np.flatnonzero((wrong | unmeasured).any(axis=0)).tolist():
            bad, lost = wrong[:, neuron], unmeasured[:, neuron]
            first = int(np.argmax(bad if bad.any() else lost))
            decks = tuple(link(str(path), run) for path in kept.get((layer, neuron), ()))
            found.append(WrongNeuron(layer, neuron, int(bad.sum()), int(lost.sum()), first, decks))
    return sorted(found, key=lambda one: (not one.wrong, one.layer, one.neuron))


def _kept_decks(run: Path) -> dict[tuple[int, int], list[Path]]:
    """The decks that a run kept, by layer and neuron."""
    kept: dict[tuple[int, int], list[Path]] = {}
    for path in sorted((run / "decks").glob("*.cir")):
        found = re.match(r"L(\d+)N(\d+)(_W\d+)?(\.|$)", path.name)
        if found:
            kept.setdefault((int(found.group(1)), int(found.group(2))), []).append(path)
    return kept


def files_of(run: Path, verdict: RunVerdict) -> list[Link]:
    """What the run left, as far as it is there."""
    waves = verdict.example.waves if verdict.example else ()
    names = ("verify.json", "results.npz", "ledger.sqlite", *waves)
    links = (Link(name, link(str(run / name), run).href) for name in names)
    return [one for one in links if one.href]


def plot_command(example: CounterExample, instance: str, window_ps: tuple[float, float]) -> str:
    """The command that shows the neuron of a counter-example about the window where it is wrong."""
    import shlex

    begin, end = window_ps
    words = [
        "netlist-gen", "plot", example.deck, "-o", f"{instance}.html", "--signals",
        f"P(*{instance}*)", "--signals", "P(B1|XO)", "--window", f"{begin:.0f}:{end:.0f}",
        "--marks", "--simulator", example.simulator, "--open",
    ]  # fmt: skip
    return shlex.join(words)


@dataclass(frozen=True)
class Picture:
    """A sample's input pulses as a picture: an SVG path of the lines that have one.

    Attributes:
        side: lines in a row.
        path: in units of lines.
        lines: numbers of those that have a pulse.
    """

    side: int
    path: str
    lines: tuple[int, ...]


def picture_of(pulses: NDArray[np.generic]) -> Picture:
    """The input of one window; ``side`` is 0 where the inputs make no square."""
    lines = tuple(np.flatnonzero(pulses).tolist())
    side = round(pulses.size**0.5)
    if side * side != pulses.size or pulses.size < LEAST_PICTURE:
        return Picture(0, "", lines)
    path = "".join(f"M{i % side} {i // side}h1v1h-1z" for i in lines)
    return Picture(side, path, lines)

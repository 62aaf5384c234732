"""Accuracy against price: trials of training over a grid of options, kept as they end.

A trial is a configuration; what it gave is a row of ``search.csv`` and a network beside it, by the
SHA-256 of the configuration. A repeated search trains only what is missing. Trials that differ in
their seed alone are one point, the mean of them; a point is on the front where no other has at
least its accuracy for no more.
"""

from __future__ import annotations

import csv
import hashlib
import itertools
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from statistics import mean
from typing import Any

from netlist_gen.errors import ConfigurationError
from netlist_gen.files import atomic_path, shown
from netlist_gen.options import values_of
from netlist_gen.training.config import TrainingConfig

TABLE = "search.csv"


@dataclass(frozen=True)
class Price:
    """What a network's circuit takes.

    Attributes:
        junctions: of it.
        current_A: of bias and control lines.
        static_nJ: at the wall for an inference, at the design's clock, without what switches.
    """

    junctions: int
    current_A: float
    static_nJ: float


@dataclass(frozen=True)
class Trial:
    """A row of the table.

    Attributes:
        key: of the configuration; the network's file has its name.
        varied: what was varied, in words; the seed is not among it.
        seed: of the trial.
        synapses: of the network.
        max_fan_in: likewise.
        junctions: as ``Price``, and the two after it.
        validation: accuracy on validation images, ties to the lowest class; the test images' where
            none are held out.
        test_lowest: on test images, ties to the lowest class.
        test_split: ties split.
        test_wrong: ties counted wrong.
        seconds: that it took.
    """

    key: str
    varied: str
    seed: int
    synapses: int
    max_fan_in: int
    junctions: int
    current_A: float
    static_nJ: float
    validation: float
    test_lowest: float
    test_split: float
    test_wrong: float
    seconds: float


@dataclass(frozen=True)
class Point:
    """Trials that differ in their seed alone.

    Attributes:
        varied: as of the trials.
        trials: by seed.
        front: whether no other point has at least its accuracy for no more.
    """

    varied: str
    trials: tuple[Trial, ...]
    front: bool = False

    def mean(self, column: str) -> float:
        """The mean of a column of numbers."""
        return mean(float(getattr(trial, column)) for trial in self.trials)


def variations(words: Sequence[str]) -> list[dict[str, Any]]:
    """The grid of options that are varied, each of them by its values: ``NAME=A,B,C``.

    NAME is an option of training without its dashes. An option that is a list has its parts joined
    by +, as ``hidden=256+128,512``.

    Raises:
        ConfigurationError: an unknown option, no value, or a value of another kind.
    """
    axes = []
    for word in words:
        name, equals, text = word.partition("=")
        if not equals or not all(text.split(",")):
            raise ConfigurationError(
                f"--vary is {shown(word)}; NAME=A,B,C is needed, as seed=0,1,2 or "
                "layer-synapses=6700+3000,5000+2000"
            )
        axes.append([(name, text_of) for text_of in text.split(",")])
    names = [axis[0][0] for axis in axes]
    for name in names:
        if names.count(name) > 1:
            raise ConfigurationError(f"--vary names {name} twice; once is allowed")
    return [
        values_of(TrainingConfig, dict(chosen), "--vary") for chosen in itertools.product(*axes)
    ]


def key_of(config: TrainingConfig) -> str:
    """The name of a trial: 16 hexadecimal digits, of all that decides it."""
    facts = {k: v for k, v in config.as_dict().items() if k != "data_dir"}
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]


def in_words(varied: Mapping[str, Any]) -> str:
    """What is varied beside the seed, for people."""
    return ", ".join(
        f"{name} {'+'.join(map(str, value)) if isinstance(value, tuple) else value}"
        for name, value in varied.items()
        if name != "seed"
    )


def read_table(path: Path) -> list[Trial]:
    """The trials of a search that was begun, or none.

    Raises:
        ConfigurationError: the file is another table, or damaged.
    """
    if not path.is_file():
        return []
    columns = [field.name for field in fields(Trial)]
    kinds: dict[str, Callable[[str], Any]] = {"int": int, "float": float, "str": str}
    try:
        with path.open(newline="", encoding="utf-8") as stream:
            reader = csv.DictReader(stream)
            if list(reader.fieldnames or ()) != columns:
                raise ConfigurationError(
                    f"{path} has the columns {', '.join(reader.fieldnames or ['none'])}; a table "
                    f"of a search has {', '.join(columns)}"
                )
            return [
                Trial(**{f.name: kinds[str(f.type)](row[f.name]) for f in fields(Trial)})
                for row in reader
            ]
    except (OSError, UnicodeDecodeError, csv.Error, ValueError, TypeError) as error:
        raise ConfigurationError(f"{path} can't be read as a table of a search: {error}") from None


def write_table(path: Path, trials: Iterable[Trial]) -> None:
    """The table, whole or not at all."""
    with atomic_path(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as out:
        writer = csv.DictWriter(out, [field.name for field in fields(Trial)])
        writer.writeheader()
        writer.writerows(asdict(trial) for trial in trials)


def points(trials: Sequence[Trial], price: str = "synapses") -> list[Point]:
    """The points of a search, by their price, with those on the front marked.

    Accuracy is that on validation images.
    """
    found: dict[str, list[Trial]] = {}
    for trial in trials:
        found.setdefault(trial.varied, []).append(trial)
    every = [Point(name, tuple(sorted(own, key=lambda t: t.seed))) for name, own in found.items()]
    every.sort(key=lambda p: (p.mean(price), -p.mean("validation")))
    marked, best = [], float("-inf")
    for point in every:
        marked.append(replace(point, front=point.mean("validation") > best))
        best = max(best, point.mean("validation"))
    return marked

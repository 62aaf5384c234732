"""Which of the decks to be judged ``generate`` did not write, and what differs in them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from netlist_gen.circuit.sites import NeuronSite, neuron_sites
from netlist_gen.circuit.view import SYNAPSE
from netlist_gen.deck.decks import build_network, build_neuron
from netlist_gen.deck.manifest import read_manifest
from netlist_gen.deck.parameters import plain_deck
from netlist_gen.deck.plan import NetworkTask, NeuronTask, Task
from netlist_gen.network import TernaryNetwork
from verification.campaign.plan import Setup
from verification.verdict.altered import MOST_LINES, AlteredDeck, ChangedLine, differences

MOST_DECKS = 20
"""So many are compared line by line; of a folder that was swept all decks differ."""

_SUBCKT = re.compile(r"(?i)\.(subckt|ends)\b *(\S*)")


def runs_alone(task: Task) -> Iterator[tuple[str, Task]]:
    """Each run of a task by the name of its deck, as a task of its own."""
    if isinstance(task, NeuronTask):
        yield from ((run.name, NeuronTask(task.site, (run,))) for run in task.runs)
    else:
        yield from ((run.name, NetworkTask((run,))) for run in task.runs)


def find_altered(
    decks: Iterable[tuple[Path, Task, str]], setup: Setup, network: TernaryNetwork
) -> tuple[list[AlteredDeck], int]:
    """The decks that are not those that ``generate`` wrote: the first ones, and how many more.

    Where there is no manifest, nothing can be told.

    Args:
        decks: the file of each, its run alone, its dialect.
        setup: of the campaign; ``decks`` is the files' folder.
        network: that is judged.
    """
    found: list[AlteredDeck] = []
    more = 0
    for path, task, dialect in decks:
        if not _is_altered(path):
            continue
        if len(found) < MOST_DECKS:
            found.append(_compared(path, task, setup, dialect, network))
        else:
            more += 1
    return found, more


def _is_altered(path: Path) -> bool:
    manifest = read_manifest(path.parent)
    written = manifest.hashes.get(path.name) if manifest else None
    return written is not None and hashlib.sha256(path.read_bytes()).hexdigest() != written


def _compared(
    path: Path, task: Task, setup: Setup, dialect: str, network: TernaryNetwork
) -> AlteredDeck:
    """What differs in a deck from the one that its task makes."""
    text = plain_deck(path.read_bytes().decode("utf-8", errors="replace"), str(path))
    how = (setup.library(), setup.phases, (dialect,), setup.annotations)
    sites = {site.name.upper(): site for site in neuron_sites(network)}
    place: tuple[int | None, int | None] = (None, None)
    if isinstance(task, NeuronTask):
        place = (task.site.layer, task.site.neuron)
        deck = next(build_neuron(task, *how)).decks[dialect]
    else:
        deck = next(build_network(task, *how)).decks[dialect]
    changes = differences(text, deck.text)
    places = dict(_places(text))
    lines = tuple(
        ChangedLine(n, _in_words(places.get(n, ""), found or wanted, sites), found, wanted)
        for n, found, wanted in changes[:MOST_LINES]
    )
    return AlteredDeck(str(path), *place, len(changes), lines)


def _places(text: str) -> Iterator[tuple[int, str]]:
    """The subcircuit that each line is in, by its number."""
    here = ""
    for number, line in enumerate(text.split("\n"), 1):
        found = _SUBCKT.match(line.strip())
        if found:
            here = found.group(2) if found.group(1).lower() == "subckt" else ""
        yield number, here


def _in_words(cell: str, line: str, sites: Mapping[str, NeuronSite]) -> str:
    """Where a line is: its cell, and of a synapse's instance the input line."""
    site, name = sites.get(cell.upper()), line.split(maxsplit=1)[0].upper()
    if site is not None and name.startswith(SYNAPSE):
        labels = dict(zip(site.labels, site.inputs, strict=True))
        heard = labels.get(name.removeprefix(SYNAPSE))
        if heard is not None:
            return f"synapse from input line {heard} of neuron {site.name}"
    return f"cell {cell}" if cell else "outside the cells"

"""Which of the decks to be judged ``generate`` did not write, and what differs in them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
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

_SUBCKT = re.compile(r"(?i)\.(subckt|ends)\b *(\S*)")


def runs_alone(task: Task) -> Iterator[tuple[str, Task]]:
    """Each run of a task by the name of its deck, as a task of its own."""
    if isinstance(task, NeuronTask):
        yield from ((run.name, NeuronTask(task.site, (run,))) for run in task.runs)
    else:
        yield from ((run.name, NetworkTask((run,))) for run in task.runs)


def altered_deck(
    path: Path, task: Task, setup: Setup, dialect: str, network: TernaryNetwork
) -> AlteredDeck | None:
    """What differs in a deck from the one that ``generate`` wrote; None where nothing does.

    Where there is no manifest, nothing can be told.

    Args:
        path: the file.
        task: its run alone.
        setup: of the campaign; ``decks`` is the file's folder.
        dialect: of the deck.
        network: that is judged.
    """
    manifest = read_manifest(path.parent)
    written = manifest.hashes.get(path.name) if manifest else None
    data = path.read_bytes()
    if written is None or hashlib.sha256(data).hexdigest() == written:
        return None
    text = plain_deck(data.decode("utf-8", errors="replace"))
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

"""Extracted values in the decks of a network: checked before any is written, then put in each.

A table is of one network in one scope or both. Each of its lines must name an element of the decks
of that run: what is misspelled is found before anything is written or simulated.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from netlist_gen.assembly.network_circuit import network_outline
from netlist_gen.circuit.annotate import near
from netlist_gen.circuit.bench import neuron_bench
from netlist_gen.circuit.model import Circuit
from netlist_gen.circuit.sites import neuron_sites
from netlist_gen.errors import ConfigurationError
from netlist_gen.files import printable
from netlist_gen.library.annotations import Annotations, annotator_of
from netlist_gen.library.cells import CellLibrary
from netlist_gen.library.design import ClockPhases
from netlist_gen.network import TernaryNetwork
from netlist_gen.records import Record


@dataclass(frozen=True)
class AnnotationFigures(Record):
    """What a table of extracted values set.

    Attributes:
        file: as it was given.
        sha256: of its bytes.
        lines: values in it.
        elements: that were set, by scope (or by the cell that was characterised), each once.
    """

    file: str
    sha256: str
    lines: int
    elements: Mapping[str, int]

    @property
    def sentence(self) -> str:
        """For the console."""
        counts = ", ".join(f"{count} in {where}" for where, count in self.elements.items())
        return (
            f"annotated: {self.lines} lines of {printable(self.file)} set elements: {counts} "
            f"(SHA-256 {self.sha256})"
        )


def network_annotations(
    annotations: Annotations,
    network: TernaryNetwork,
    scopes: Sequence[str],
    library: CellLibrary,
    phases: ClockPhases,
    whole: Circuit | None = None,
) -> AnnotationFigures:
    """What a table sets in the decks of a network; ``whole`` is its outline, where it is there.

    Raises:
        ConfigurationError: a line that names nothing in them, two that contradict each other, or
            a value that its element can't have.
        NetworkError, TimingError: a network that can't be built.
    """
    parts = {
        scope: [whole] if scope == "network" and whole is not None
        else list(_outlines(scope, network, library, phases))
        for scope in scopes
    }  # fmt: skip
    where = f"the decks of the scope {' and '.join(scopes)}"
    return check_annotations(annotations, parts, where)


def check_annotations(
    annotations: Annotations, parts: Mapping[str, Sequence[Circuit]], where: str
) -> AnnotationFigures:
    """What a table sets in circuits, by the name of what they are of.

    Args:
        annotations: the table.
        parts: the circuits; ``AnnotationFigures.elements`` is by the same names.
        where: all of them in words.

    Raises:
        ConfigurationError: as ``network_annotations``.
    """
    annotator = annotator_of(annotations)
    named: set[int] = set()
    counts = dict.fromkeys(parts, 0)
    for part, circuits in parts.items():
        for circuit in circuits:
            matched = annotator.match(circuit)
            counts[part] += matched.elements
            named |= matched.lines
    for index, setting in enumerate(annotations.settings):
        if index not in named:
            close = near(setting.target, (c for circuits in parts.values() for c in circuits))
            hint = f"; near are {', '.join(close)}" if close else ""
            raise ConfigurationError(
                f"{setting.where}: {setting.target} names no element of {where}{hint}"
            )
    return AnnotationFigures(
        annotations.file, annotations.sha256, len(annotations.settings), counts
    )


def _outlines(
    scope: str, network: TernaryNetwork, library: CellLibrary, phases: ClockPhases
) -> Iterator[Circuit]:
    """The circuits of a scope with one silent window: pulses are no part of names and values."""
    if scope == "network":
        yield network_outline(network, library, phases).circuit
        return
    for site in neuron_sites(network):
        silent = np.zeros((1, len(site.inputs)), dtype=bool)
        yield neuron_bench(library, site, silent, phases).circuit

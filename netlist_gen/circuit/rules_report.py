"""Which rules of drawing a network's neurons keep: the worst of each decision stage, rule by rule.

Neurons of one decision stage differ in their couplings alone. A report has the worst element of all
of them and names its neuron; of neurons with as many synapses of either sign and the same threshold
one stands for the others, as all their elements have the same values.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from netlist_gen.circuit.lasting_neuron import design_site, site_cell
from netlist_gen.circuit.neuron import coupler_of
from netlist_gen.circuit.rules import RULES, Finding, check_cell, unchecked
from netlist_gen.circuit.sites import NeuronSite, neuron_sites
from netlist_gen.errors import NetworkError
from netlist_gen.library.cells import CellLibrary
from netlist_gen.library.process import Process
from netlist_gen.network import TernaryNetwork
from netlist_gen.records import Record

LINES, MERGER = ("jtl", "splitter"), "merger"
"""Cells that lines, trees and clocks of a network are made of, and the one that makes a class line
of several outputs."""


@dataclass(frozen=True)
class KindReport(Record):
    """Neurons of one decision stage, or a cell between them.

    Attributes:
        kind: in words.
        neurons: how many; 0 for a cell.
        findings: the worst element of each rule; it begins with the neuron's or cell's name.
    """

    kind: str
    neurons: int
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class RulesReport(Record):
    """All that the rules of a process say of a network.

    Attributes:
        process: its name.
        left_out: tables of drawing that its file lacks.
        unchecked: the rules that could not be checked for want of them.
        kinds: each kind of neuron, by rising stage, then each cell between neurons.
    """

    process: str
    left_out: tuple[str, ...]
    unchecked: tuple[str, ...]
    kinds: tuple[KindReport, ...]

    def broken(self, scopes: Sequence[str]) -> tuple[Finding, ...]:
        """The findings that break their rule in decks of some scopes.

        Cells between neurons are in those of the scope "network" alone.
        """
        kinds = (kind for kind in self.kinds if kind.neurons or "network" in scopes)
        return tuple(found for kind in kinds for found in kind.findings if not found.kept)


def report_rules(network: TernaryNetwork, process: Process) -> RulesReport:
    """Hold all neurons of a network, and the cells between them, against a process's rules.

    Raises:
        NetworkError: a neuron that can't be built.
    """
    library = CellLibrary(process)
    coupler = coupler_of(library)
    stages: dict[tuple[int, int], list[NeuronSite]] = {}
    for site in neuron_sites(network):
        size = design_site(site, coupler).size
        stages.setdefault((size.loops, size.places), []).append(site)
    kinds = []
    for (loops, places), sites in sorted(stages.items()):
        found = (_neuron(library, site) for site in one_of_each(sites))
        kind = f"neurons of {loops} loops of {places} synapses"
        kinds.append(KindReport(kind, len(sites), _worst(found)))
    for name in (*LINES, MERGER) if network.population > 1 else LINES:
        inside = check_cell(library.cell(name), process)
        named = (dataclasses.replace(f, element=f"{name}.{f.element}") for f in inside)
        kinds.append(KindReport(f"cell {name}", 0, tuple(named)))
    return RulesReport(process.name, process.drawing.left_out(), unchecked(process), tuple(kinds))


def one_of_each(sites: Sequence[NeuronSite]) -> Iterable[NeuronSite]:
    """The first of all neurons whose elements have the same values."""
    first: dict[object, NeuronSite] = {}
    for site in sites:
        first.setdefault((len(site.signs), sum(site.signs), site.theta, site.memory), site)
    return first.values()


def _neuron(library: CellLibrary, site: NeuronSite) -> tuple[Finding, ...]:
    cell = site_cell(library, site)
    return tuple(
        dataclasses.replace(found, element=f"{site.name}.{found.element}")
        for found in check_cell(cell, library.process)
    )


def _worst(neurons: Iterable[tuple[Finding, ...]]) -> tuple[Finding, ...]:
    worst: dict[str, Finding] = {}
    rules = {rule.name: rule for rule in RULES}
    for found in (finding for findings in neurons for finding in findings):
        known = worst.get(found.rule)
        if known is None or rules[found.rule].worse(found.value, known.value):
            worst[found.rule] = found
    return tuple(worst[name] for name in rules if name in worst)


def require_rules(network: TernaryNetwork, process: Process, scopes: Sequence[str]) -> None:
    """Refuse a network whose decks hold what a process can't draw.

    Args:
        network: whose decks are to be written.
        process: of its cells; what its file says nothing of is not checked.
        scopes: of the decks.

    Raises:
        NetworkError: a rule that is broken, or a neuron that can't be built.
    """
    broken = report_rules(network, process).broken(scopes)
    if not broken:
        return
    first = broken[0]
    value, limit = first.figures
    bound = "at least" if {r.name: r for r in RULES}[first.rule].least else "at most"
    more = f" (the first of {len(broken)}: inspect --rules)" if len(broken) > 1 else ""
    raise NetworkError(
        f"{first.element} breaks the rule '{first.rule}' of the process {process.name}: it is "
        f"{value}, allowed is {bound} {limit}{more}; --rules off builds it all the same"
    )

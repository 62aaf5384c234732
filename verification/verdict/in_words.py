"""Why a run did not agree, in words."""

from __future__ import annotations

import re

from verification.verdict.outcome import RunVerdict


def disagreements(verdict: RunVerdict) -> list[str]:
    """Why a run did not agree, each reason in words; of several simulators each by its name."""
    allowed = verdict.energy.tolerance
    several = len(verdict.simulators) > 1
    facts = []

    def energy(who: str, error: float | None) -> None:
        if error is not None and not abs(error) <= allowed:
            facts.append(f"{who} is {100 * error:.3g} % off (allowed {100 * allowed:g} %)")

    for number, one in enumerate(verdict.simulators):
        own = f"{one.name}: " if several else ""
        if one.mismatches or (one.failed and not number):
            facts.append(f"{own}{one.mismatches} of {one.checked} neuron windows disagree")
        if one.class_lines_wrong:
            facts.append(f"{own}{one.class_lines_wrong} windows of class lines disagree")
    if verdict.failed:
        many = len(verdict.failed)
        facts.append(f"{many} run{'' if many == 1 else 's'} failed")
    own = f"{verdict.simulator.name}: " if several else ""
    for scope in verdict.scopes:
        if scope.sources_wrong:
            decks = f"{scope.sources_wrong} deck{'' if scope.sources_wrong == 1 else 's'}"
            facts.append(
                f"{own}{decks} of scope {scope.scope} with other sources than the design's"
            )
        energy(f"{own}the energy of scope {scope.scope}", scope.energy_relative_error)
    for one in verdict.simulators[1:]:
        energy(f"{one.name}: the energy", one.energy_relative_error)
    facts += [pair.difference for pair in verdict.agreement if pair.difference]
    if verdict.scope_difference:
        facts.append(f"the scopes differ: {verdict.scope_difference}")
    return facts


AGREED, DISAGREED, FAILED, NOTHING = "Agreed", "Disagreed", "Failed runs", "Nothing compared"


def outcome_of(verdict: RunVerdict) -> str:
    """One of the four words: a failed run is no disagreement, and no agreement either."""
    if verdict.agreed:
        return AGREED
    failed = len(verdict.failed)
    other = [fact for fact in disagreements(verdict) if not _is_of_failures(fact, verdict)]
    if other:
        return DISAGREED
    return FAILED if failed and verdict.checked else NOTHING


def _is_of_failures(fact: str, verdict: RunVerdict) -> bool:
    """Whether a reason says no more than that runs failed."""
    many = len(verdict.failed)
    if many and fact == f"{many} run{'' if many == 1 else 's'} failed":
        return True
    return re.fullmatch(r"(\w+: )?0 of \d+ neuron windows disagree", fact) is not None

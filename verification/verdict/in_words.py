"""Why a run did not agree, in words, from what its ``verify.json`` says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def disagreements(summary: Mapping[str, Any]) -> list[str]:
    """Why a run did not agree, each reason in words; of the simulators each by its name."""
    s = summary
    first, *others = s.get("simulators") or [{}]
    own = f"{first['name']}: " if others else ""
    allowed = s["energy"]["tolerance"]
    facts = []

    def energy(who: str, error: float | None) -> None:
        if error is not None and not abs(error) <= allowed:
            facts.append(f"{who} is {100 * error:.3g} % off (allowed {100 * allowed:g} %)")

    if s["mismatches"] or s["failed"]:
        facts.append(f"{own}{s['mismatches']} of {s['checked']} neuron windows disagree")
    lines = sum(scope["class_lines_wrong"] for scope in s["scopes"])
    if lines:
        facts.append(f"{own}{lines} windows of class lines disagree")
    for row in others:
        name = row["name"]
        if row["mismatches"]:
            facts.append(f"{name}: {row['mismatches']} of {row['checked']} neuron windows disagree")
        if row.get("class_lines_wrong"):
            facts.append(f"{name}: {row['class_lines_wrong']} windows of class lines disagree")
    if s["failed"]:
        facts.append(f"{len(s['failed'])} run{'' if len(s['failed']) == 1 else 's'} failed")
    for scope in s["scopes"]:
        energy(f"{own}the energy of scope {scope['scope']}", scope["energy_relative_error"])
    for row in others:
        energy(f"{row['name']}: the energy", row["energy_relative_error"])
    facts += [pair["difference"] for pair in s.get("agreement", ()) if pair["difference"]]
    if s["scope_difference"]:
        facts.append(f"the scopes differ: {s['scope_difference']}")
    return facts

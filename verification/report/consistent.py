"""Whether ``verify.json`` says one thing: a file that was changed by hand or by a disk may not."""

from __future__ import annotations

from collections.abc import Iterator

from netlist_gen.errors import ConfigurationError
from verification.verdict.outcome import RunVerdict, ScopeVerdict


def require_consistent(verdict: RunVerdict, where: str) -> None:
    """Hold a verdict's counts against each other; ``where`` is its place in words.

    Raises:
        ConfigurationError: two of them contradict each other; the first such pair is named.
    """
    for what, one, other in _pairs(verdict):
        if one != other:
            told = f"{str(one)[:60]!r} and {str(other)[:60]!r}".replace("'", "")
            raise ConfigurationError(f"{where}: {what} ({told}) contradict each other")
    for scope in verdict.scopes:
        counts = (scope.decks, scope.checked, scope.mismatches, scope.failed, scope.pulses)
        if min(*counts, scope.class_lines_wrong, scope.from_ledger) < 0:
            raise ConfigurationError(f"{where}: a count of the scope {scope.scope!r} is negative")
    if verdict.samples < (verdict.certificate is None) or verdict.steps < 1:
        raise ConfigurationError(f"{where}: samples and steps must be at least 1")


def _pairs(verdict: RunVerdict) -> Iterator[tuple[str, object, object]]:
    """What must be equal: its name in words, and both."""
    scopes, layers = verdict.scopes, verdict.layers
    if not scopes or not verdict.simulators:
        yield "scopes and simulators", len(scopes), "none missing"
        return
    own = verdict.simulators[0]
    yield "scope and scopes", verdict.scope, ", ".join(s.scope for s in scopes)
    yield (
        "simulator and simulators",
        (own.name, own.version),
        (
            verdict.simulator.name,
            verdict.simulator.version,
        ),
    )
    yield "checked and that of the scopes", verdict.checked, sum(s.checked for s in scopes)
    yield "checked and that of the layers", verdict.checked, sum(one.checked for one in layers)
    yield "checked and that of the simulator", verdict.checked, own.checked
    wrong = verdict.mismatches
    yield "mismatches and those of the scopes", wrong, sum(s.mismatches for s in scopes)
    yield "mismatches and those of the layers", wrong, sum(one.mismatches for one in layers)
    yield "mismatches and those of the simulator", wrong, own.mismatches
    lines = sum(s.class_lines_wrong for s in scopes)
    yield "class_lines_wrong of the scopes and the simulator", lines, own.class_lines_wrong
    yield "failed of the scopes and the simulator", sum(s.failed for s in scopes), own.failed
    failed = sum(one.failed for one in verdict.simulators)
    yield "failed and that of the simulators", len(verdict.failed), failed
    yield "pulses of the first scope and the simulator", scopes[0].pulses, own.pulses
    for scope in scopes:
        if scope.agreed and _wrong(scope):
            yield f"agreed and the counts of the scope {scope.scope}", True, False
    agreed = all(s.agreed for s in scopes) and verdict.scope_difference is None
    yield "agreed of the simulator and the scopes", own.agreed, agreed
    agreed = all(one.agreed for one in verdict.simulators)
    agreed = agreed and all(pair.agreed for pair in verdict.agreement)
    yield "agreed and that of the simulators", verdict.agreed, agreed


def _wrong(scope: ScopeVerdict) -> bool:
    counts = scope.mismatches + scope.class_lines_wrong + scope.failed
    return bool(counts) or not scope.decks or not scope.checked

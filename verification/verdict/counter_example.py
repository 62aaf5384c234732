"""The first disagreement of a simulator: which window it is, what was expected, in words."""

from __future__ import annotations

from collections.abc import Sequence

from verification.verdict.measured import Measured
from verification.verdict.neuron import Disagreement
from verification.verdict.outcome import (
    WHOLE_NETWORK,
    CounterExample,
    DeckResult,
    step_in_words,
)


def counter_example(
    scopes: Sequence[Measured],
    steps: int,
    rows: Sequence[int] | None,
    folder: str,
    *,
    clearing: bool = False,
) -> CounterExample | None:
    """The first disagreement of a simulator in all its scopes, or None.

    Args:
        scopes: what it measured.
        steps: windows of a sample.
        rows: of the samples in their file, where they are not all.
        folder: where the decks of disagreements are kept, with a slash at its end, or "".
        clearing: whether the first window of each sample is its clearing window.
    """
    wrong = [r for scope in scopes for r in scope.results if not r.agreed]
    if not wrong:
        return None
    result = min(wrong, key=lambda r: _first(r)[:3])
    window, layer, neuron, first = _first(result)
    before = result.first - window if result.startup else 0  # of a start-up window: 1 is the full
    window += max(0, before)
    deck = f"{folder}{result.name}.cir"
    if scopes[0].made:
        sample, step, row, at = window, 0, window, f"made window {window}"
    else:
        sample, step = divmod(window, steps)
        row = sample if rows is None else rows[sample]
        at = f"sample {sample}" + ("" if rows is None else f" (row {row})")
        at += step_in_words(step, steps, clearing=clearing)
    if before > 0:
        at = f"{'full' if before == 1 else 'silent'} start-up window before {at}"
    whole = layer < 0
    who = "the whole network" if whole else f"layer {layer}, neuron {neuron}"
    if result.failed:
        sentence = f"{who}: {result.failure}"
    else:
        where = "the class lines" if whole and result.lines_wrong else who
        sentence = (
            f"{at}: {where}: expected {first.expected}, measured {first.measured}; reproduce with "
            f"{deck}"
        )
    return CounterExample(
        scope=result.scope,
        failed=result.failed,
        sample=sample,
        window=window,
        row=row,
        layer=None if whole else layer,
        neuron=None if whole else neuron,
        expected=first.expected,
        measured=first.measured,
        deck=deck,
        sentence=sentence,
        simulator=scopes[0].simulator.name,
        startup=before > 0,
    )


def _first(result: DeckResult) -> tuple[int, int, int, Disagreement]:
    """Window among all, layer, neuron and words of a deck's first disagreement.

    The number of a start-up window is below that of the deck's first window of a sample.
    """
    if result.failed:
        words = Disagreement(0, "a finished simulation", result.failure)
        return (result.window(result.startup), *result.place, words)
    if result.source is not None:  # explains whatever else is wrong
        return (result.window(result.startup), *result.place, result.source)
    found = [
        (result.window(v.first.window), v.layer, v.neuron, v.first)
        for v in result.neurons
        if v.first is not None
    ]
    if not found:  # a neuron's disagreement tells more than that of the line it votes on
        assert result.lines is not None
        assert result.lines.first is not None
        first = result.lines.first
        found.append((result.window(first.window), *WHOLE_NETWORK, first))
    return min(found, key=lambda each: each[:3])

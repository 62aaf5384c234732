"""Rows of the ledger held against what was asked: only a result that a run can leave is trusted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from netlist_gen.errors import ConfigurationError
from netlist_gen.records import Json
from verification.campaign.cases import Case, JudgedNeuron
from verification.verdict.energy import energy_beyond
from verification.verdict.neuron import NeuronVerdict
from verification.verdict.outcome import DeckResult

UNREADABLE = "not the result of a deck"
CONTRADICTORY = "contradicting itself or its deck"


class UntrustedRowError(Exception):
    """A row that no run leaves; the message says why, as ``Ledger.refuse`` wants it."""


def trusted_result(row: Json, case: Case) -> DeckResult:
    """The result that a row holds.

    Raises:
        UntrustedRowError: a key is missing or of another type, or the row contradicts itself or
            the case.
    """
    try:
        result = DeckResult.from_json(row, "the ledger")
    except ConfigurationError:
        raise UntrustedRowError(UNREADABLE) from None
    if any(_faults(result, case)):
        raise UntrustedRowError(CONTRADICTORY)
    return replace(result, stands=case.stands)


def _faults(result: DeckResult, case: Case) -> Iterator[bool]:
    """What may be wrong, the sizes of arrays first: what follows counts on them."""
    told = (result.scope, result.name, result.place, result.first, result.windows, result.startup)
    asked = (case.scope, case.job.name, case.place, case.first, case.windows, case.startup)
    yield told != asked
    yield bool(result.failure) or len(result.neurons) != len(case.neurons)
    yield not np.array_equal(result.reference_J, case.reference_J)
    yield result.startup_J != case.startup_J
    yield not np.array_equal(result.bus_reference_J, case.bus_reference_J)
    yield result.bus_lead != case.bus_lead
    yield result.buses_J.shape != case.bus_reference_J.shape
    yield not np.isfinite(result.buses_J).all()
    yield result.energies_J.shape != case.reference_J.shape
    yield not (np.isfinite(result.energies_J).all() and 0 <= result.wall_s < np.inf)
    for verdict, judged in zip(result.neurons, case.neurons, strict=True):
        yield from _neuron_faults(verdict, judged)
    yield from _line_faults(result, case)
    yield from _energy_faults(result)
    yield result.source != case.source_apart
    yield result.deck != (None if result.agreed else case.job.text)


def _neuron_faults(verdict: NeuronVerdict, judged: JudgedNeuron) -> Iterator[bool]:
    site, phases, predicted = judged.view.site, judged.view.phases, judged.predicted
    windows, fires = (judged.view.windows,), judged.spikes.fires
    yield (verdict.name, verdict.layer, verdict.neuron) != (site.name, site.layer, site.neuron)
    yield any(a.shape != windows for a in (verdict.wrong, verdict.pulses, verdict.delays_s))
    yield verdict.apart_s.shape != ((0,) if predicted is None else windows)
    came, delays = np.isfinite(verdict.delays_s), verdict.delays_s
    yield bool((verdict.pulses < 0).any() or ((verdict.pulses > 0) != came).any())
    yield not ((delays[came] >= 0) & (delays[came] < phases.period)).all()
    unlike = verdict.pulses != fires
    unlike |= fires & ~((delays >= phases.earliest) & (delays <= phases.latest))
    if predicted is not None:
        apart = judged.view.decisions_s() + delays - predicted.times_s
        yield not np.allclose(verdict.apart_s, apart, rtol=0.0, atol=1e-18, equal_nan=True)
        unlike |= fires & ~(np.abs(verdict.apart_s) <= predicted.tolerance_s)
    yield bool((unlike & ~verdict.wrong).any())
    first = verdict.first.window if verdict.first is not None else None
    yield first != (int(np.argmax(verdict.wrong)) if verdict.wrong.any() else None)


def _line_faults(result: DeckResult, case: Case) -> Iterator[bool]:
    lines, judged = result.lines, case.lines
    yield (lines is None) != (judged is None)
    if lines is None or judged is None:
        return
    yield lines.wrong < 0 or bool(lines.wrong) != (lines.first is not None)
    yield lines.first is not None and not 0 <= lines.first.window < case.windows
    yield not 0 <= lines.apart_s < np.inf
    if judged.times_s is None:
        yield lines.apart_s != 0
    else:
        yield lines.apart_s > judged.tolerance_s and not lines.wrong


def _energy_faults(result: DeckResult) -> Iterator[bool]:
    beyond = energy_beyond(result.energies_J, result.reference_J)
    if result.scope == "neurons":
        yield bool((beyond & ~result.neurons[0].wrong).any())
    else:
        # An energy alone that disagrees can't be held against anything: the deck is run again.
        yield bool(beyond.any()) and not (result.mismatches or result.lines_wrong)

"""A verification by several simulators: each against the reference, and all with each other.

The first simulator's run is the run's own (``RUN/verify.json`` and what lies beside it); each of
the others leaves a whole run in ``RUN/simulators/NAME``, so that it can be looked at and resumed
by itself. ``verify.json`` of the first gets the list ``simulators`` and the table ``agreement``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netlist_gen.deck.decks import NETWORK_TIME_ERROR_S
from netlist_gen.deck.windows import WINDOWS_PER_DECK
from netlist_gen.library.cells import CellLibrary
from netlist_gen.network import TernaryNetwork
from verification.campaign.summary import Scope
from verification.campaign.verify import (
    FOLDER,
    Verification,
    VerifyOptions,
    prepare_directory,
    verify,
)
from verification.simulators.base import Simulator
from verification.verdict.simulators import Observed, compare_all

Progress = Callable[[str, int, int], None]


def verify_with(
    network: TernaryNetwork,
    inputs: NDArray[np.bool_],
    labels: NDArray[np.int64] | None,
    simulators: Sequence[Simulator],
    library: CellLibrary,
    out: Path,
    options: VerifyOptions,
    progress: Progress | None = None,
) -> Verification:
    """Verify with each of ``simulators``; the result is the first one's, and says of the others.

    ``agreed`` of the result means: each of them agrees with the reference, and every two of them
    with each other. ``failed`` lists the failed runs of all, and ``counter_example`` is the first
    one's or, where that has none, the next one's that has. Other fields are the first one's.

    Args:
        simulators: at least one, each of another name.

    The other arguments and what is raised are those of ``verify``.
    """
    others = simulators[1:]
    if others and options.windows_per_deck is None:
        # Energies are compared deck by deck: all simulators get decks of the same length.
        options = dataclasses.replace(options, windows_per_deck=WINDOWS_PER_DECK)

    def finish_other(summary: dict[str, Any], _: Sequence[Scope]) -> None:
        summary |= {"simulators": [_row(summary)], "agreement": []}

    def finish_first(summary: dict[str, Any], scopes: Sequence[Scope]) -> None:
        rows = [_row(summary)]
        observed = {scope.name: [_observed(simulators[0], scope)] for scope in scopes}
        for simulator in others:
            directory = out / FOLDER / simulator.name
            prepare_directory(directory, resume=options.resume, decks=options.decks)
            theirs = verify(
                network, inputs, labels, simulator, library, directory, options,
                _stages_of(simulator.name, progress), finish_other,
            )  # fmt: skip
            rows.append(_row(theirs.summary))
            for scope in theirs.scopes:
                observed[scope.name].append(_observed(simulator, scope))
            _take_failures(summary, theirs.summary)
        pairs = [
            {"scope": name, **pair.as_json()}
            for name, several in observed.items()
            for pair in compare_all(several)
        ]
        summary["simulators"] = rows
        summary["agreement"] = pairs
        summary["agreed"] = all(row["agreed"] for row in (*rows, *pairs))

    return verify(
        network, inputs, labels, simulators[0], library, out, options,
        _stages_of(simulators[0].name, progress) if others else progress,
        finish_first,
    )  # fmt: skip


def _stages_of(name: str, progress: Progress | None) -> Progress | None:
    if progress is None:
        return None
    return lambda stage, done, total: progress(f"{stage}, {name}", done, total)


def _row(summary: dict[str, Any]) -> dict[str, Any]:
    """One simulator against the reference."""
    return {
        **summary["simulator"],
        "agreed": summary["agreed"],
        "checked": summary["checked"],
        "mismatches": summary["mismatches"],
        "class_lines_wrong": sum(scope["class_lines_wrong"] for scope in summary["scopes"]),
        "failed": len(summary["failed"]),
        "pulses": sum(layer["pulses"] for layer in summary["layers"]),
        "energy_J": summary["energy"]["measured_J"],
        "energy_relative_error": summary["energy"]["relative_error"],
    }


def _take_failures(summary: dict[str, Any], theirs: dict[str, Any]) -> None:
    summary["failed"] = [*summary["failed"], *theirs["failed"]]
    example = theirs["counter_example"]
    if summary["counter_example"] is None and example is not None:
        name = theirs["simulator"]["name"]
        summary["counter_example"] = {**example, "sentence": f"{name}: {example['sentence']}"}


def _observed(simulator: Simulator, scope: Scope) -> Observed:
    measured = scope.measured
    return Observed(
        simulator.name,
        simulator.dialect,
        measured.spikes,
        measured.delays_s,
        {(*r.place, r.first): r.energy_J for r in measured.results if not r.failed},
        NETWORK_TIME_ERROR_S if scope.name == "network" else 0.0,
    )

"""What ``verify`` prints of coverage, of made windows and of faults."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table

    from verification.certificate.coverage import Coverage, CoverageCounts
    from verification.certificate.statement import Certificate, Mutation


def coverage_table(coverage: Coverage) -> Table:
    """A row for each layer, and one for all."""
    from rich.table import Table

    from verification.certificate.coverage import COVERED

    table = Table(title=f"Coverage, scope {coverage.scope}", title_justify="left")
    table.add_column("layer", no_wrap=True)
    for words in COVERED.values():
        table.add_column(words, justify="right")
    for layer in coverage.layers:
        table.add_row(str(layer.layer), *_cells(layer.counts))
    table.add_row("all", *_cells(coverage.counts))
    return table


def _cells(counts: CoverageCounts) -> Iterator[str]:
    for part in counts.parts():
        yield "-" if part.share is None else f"{part.seen}/{part.possible}"


def coverage_lines(coverage: Coverage) -> Iterator[str]:
    """The least covered neuron, and which classes are asked for."""
    yield f"coverage asks for {coverage.asked}; {coverage.least_in_words}"


def certificate_lines(certificate: Certificate) -> Iterator[str]:
    """What is proven, and from what."""
    yield (
        f"made windows: {certificate.windows} of {certificate.neurons} neurons, "
        f"{certificate.circuits} circuits"
    )
    if certificate.skew_ps is not None:
        low, high = certificate.skew_ps
        yield f"data come over {low:.3g} to {high:.3g} ps, as the network's timing lets them"
    if certificate.spread_ps is not None:
        yield (
            f"windows of the same counts: output pulses within {certificate.spread_ps:.3g} ps of "
            "each other"
        )
    if certificate.samples:
        yield (
            f"samples given {certificate.samples}; {certificate.sampled} of their neuron windows "
            "simulated as a check"
        )
    yield f"{'CERTIFIED' if certificate.proven else 'NOT CERTIFIED'}: {certificate.sentence}"
    yield from (f"  given that {one}" for one in certificate.assumptions)


def mutation_lines(mutation: Mutation) -> Iterator[str]:
    """How many faults were found, and each that was not."""
    score = "-" if mutation.score is None else f"{mutation.score:.1%}"
    yield (
        f"faults: {mutation.caught} of {mutation.tried} caught on {mutation.neurons} neurons, "
        f"{mutation.by_pulses} by the number of pulses alone; {mutation.equivalent} change nothing "
        f"that counts, {mutation.holes} missed; score {score}"
    )
    if mutation.failed:
        yield (
            f"of {mutation.failed} of these faults nothing is known, as their simulations did not "
            "end; they are not in the score"
        )
    for one in mutation.survivors:
        yield (
            f"  {one.outcome}: {one.fault}, layer {one.layer}, neuron {one.neuron}, {one.where}: "
            f"{one.why}"
        )

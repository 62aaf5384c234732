"""The committed tables of cells: measuring, writing, and saying whether they are up to date.

The reader is ``netlist_gen.library.tables``; what is written is what it reads.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from netlist_gen.errors import ConfigurationError
from netlist_gen.files import write_text
from netlist_gen.library.cells import CellLibrary
from netlist_gen.library.process import DEFAULT_PROCESS, Process
from netlist_gen.library.splitters import stage_cells
from netlist_gen.library.tables import (
    FORMAT,
    CellTable,
    TableArc,
    TableEnergy,
    TableSpacing,
    content_digest,
    read_table,
    tables_folder,
    tables_name,
)
from netlist_gen.resources import template
from verification.characterize.files.summary import Characterization
from verification.characterize.measure.margins import margins
from verification.characterize.measure.timing import Arc, Arcs, mean_delay
from verification.characterize.options import CharacterizeOptions
from verification.characterize.run import characterize
from verification.characterize.subject.bench import STEP_S, Bench, make_bench
from verification.characterize.subject.model import Subject
from verification.characterize.subject.stimulus import PS
from verification.characterize.subject.subject import load_subject, subject_names
from verification.characterize.trials.cell import CellUnderTest
from verification.characterize.trials.runner import Runner

SAME_PS = 0.01
"""A table measured anew must agree with the committed one to this, in ps (or share of a factor)."""


def bench_digest(bench: Bench) -> str:
    """SHA-256 of the bench's deck with the pulses of all cases: what a table was measured on."""
    digest = hashlib.sha256(f"format {FORMAT}\n".encode())
    digest.update(bench.deck("bench", bench.junctions).text.encode())
    for case in bench.subject.cases:
        digest.update(repr((case.name, case.settings, case.pulses(), case.steps)).encode())
    return digest.hexdigest()


def table_content(subject: Subject) -> str:
    """By what the table of a library's cell is found (``library.tables.content_digest``)."""
    library = subject.library
    stage = [library.cell(name) for name in stage_cells(library.process.splitters)]
    return content_digest(subject.process, subject.cell, stage)


def measure_table(subject: Subject, runner: Runner) -> CellTable:
    """Measure what a table holds."""
    result = characterize(subject, runner, CharacterizeOptions())
    cell = CellUnderTest(make_bench(subject), runner)
    (margin,) = margins([cell.parameter("bias")], cell.passes).margins
    spacings = zip(result.spacings[::2], result.spacings[1::2], strict=True)
    period = result.period
    return CellTable(
        cell=result.cell,
        process=result.process,
        bias=subject.library.process.bias_kind,
        splitters=subject.library.process.splitters,
        simulator=f"{result.simulator} {result.version}",
        content_sha256=table_content(subject),
        bench_sha256=bench_digest(cell.bench),
        junctions=result.junctions,
        static_W=result.static_W,
        bias_low=margin.low.last_pass,
        bias_high=margin.high.last_pass,
        period_s=0.0 if period is None or period.bound() else period.last_pass_s,
        arcs=tuple(_arc(arc, result) for arc in result.arcs),
        spacings=tuple(
            TableSpacing(one.first, one.second, one.kind, one.last_pass_s, other.last_pass_s)
            for one, other in spacings
        ),
        energies=tuple(TableEnergy(e.event, e.before, e.energy_J) for e in result.energies),
        overdrive_s=tuple((o.excess, o.delay_s) for o in result.overdrive if o.delay_s is not None),
    )


def _arc(arc: Arc, result: Characterization) -> TableArc:
    def delays(by_kind: Mapping[str, Arcs]) -> dict[str, float]:
        others = {kind: mean_delay(found, arc.pair) for kind, found in by_kind.items()}
        return {"jtl": arc.mean_s, **others}

    return TableArc(
        input=arc.input,
        output=arc.output,
        nominal_s=arc.mean_s,
        least_s=arc.least_s,
        most_s=arc.most_s,
        by_load_s=delays(result.by_load) if arc.output in result.outputs else {},
        by_source_s=delays(result.by_source),
        by_bias_s=tuple((r, mean_delay(found, arc.pair)) for r, found in result.by_bias.items()),
    )


def _path(subject: Subject, folder: Path | None) -> Path:
    """Where a cell's table is."""
    process = subject.library.process  # the subject's own may have a user's junction model
    return (folder or tables_folder(process)) / tables_name(process) / f"{subject.name}.toml"


def write_table(table: CellTable, title: str, path: Path) -> None:
    """Write a table. Raises ConfigurationError where it can't be written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    values = {"format": FORMAT, "title": title, "step_ps": STEP_S / PS, "t": table}
    write_text(path, template("models/table.toml.j2").render(values))


@dataclass(frozen=True)
class Staleness:
    """What is wrong with a committed table; ``reason`` is a sentence."""

    cell: str
    reason: str


def stale_tables(
    process: Process | str = DEFAULT_PROCESS, folder: Path | None = None, only: str | None = None
) -> list[Staleness]:
    """Tables that are missing or were measured on another bench than the library's of today.

    No simulation: the hashes of the benches are compared, of ``only`` one cell if it is named.

    Raises:
        ConfigurationError: a cell that there is not, or that has no table.
    """
    library = CellLibrary(process)
    names = subject_names(library)
    if only is not None:
        load_subject(only, library.process)  # refused if there is no such cell
        if only not in names:
            raise ConfigurationError(
                f"{only}: the library has no table of it to check; with --tables -o DIR one that "
                "was written there is measured again"
            )
        names = [only]
    subjects = [load_subject(name, library.process) for name in names]
    found = [Staleness(s.name, _why_stale(s, _path(s, folder))) for s in subjects]
    return [stale for stale in found if stale.reason]


def _why_stale(subject: Subject, path: Path) -> str:
    try:
        table = read_table(path)
    except ConfigurationError as error:
        return str(error)
    known = (table.content_sha256, table.bench_sha256)
    if known == (table_content(subject), bench_digest(make_bench(subject))):
        return ""
    return (
        f"{path}: the cell, its process or its stimulus has changed since it was measured; "
        f"`netlist-gen characterize {subject.name} --tables` measures it again"
    )


def write_tables(
    names: Iterable[str], process: Process, folder: Path | None, runner: Runner
) -> Iterator[Path]:
    """Measure cells and write their tables; the path of each."""
    for name in names:
        subject = load_subject(name, process)
        path = _path(subject, folder)
        write_table(measure_table(subject, runner), subject.title, path)
        yield path


def measure_again(
    names: Iterable[str], process: Process, folder: Path | None, runner: Runner
) -> Iterator[str]:
    """Measure cells again: what differs from their tables, in words."""
    for name in names:
        subject = load_subject(name, process)
        yield from changed(read_table(_path(subject, folder)), measure_table(subject, runner))


def changed(old: CellTable, new: CellTable) -> list[str]:
    """Delays and bias limits that differ by more than ``SAME_PS``, in words."""
    found = []
    for arc in new.arcs:
        before, after = _delays(old.arc(arc.input, arc.output)), _delays(arc)
        found += [
            f"{new.cell}: {arc.input} to {arc.output}, {what}: {before.get(what, 0.0) / PS:.3f} ps "
            f"is now {now / PS:.3f}"
            for what, now in after.items()
            if abs(before.get(what, 0.0) - now) > SAME_PS * PS
        ]
    for what in ("bias_low", "bias_high"):
        a, b = getattr(old, what), getattr(new, what)
        if abs(a - b) > SAME_PS:
            found.append(f"{new.cell}: {what} {a:.4f} is now {b:.4f}")
    return found


def _delays(arc: TableArc) -> dict[str, float]:
    """All delays of an arc by what they were measured at."""
    return {
        "nominal": arc.nominal_s,
        **{f"bias {ratio:g}": delay for ratio, delay in arc.by_bias_s},
        **{f"source {kind}": delay for kind, delay in arc.by_source_s.items()},
        **{f"load {kind}": delay for kind, delay in arc.by_load_s.items()},
    }

"""The committed tables of cells: measuring, writing, and saying whether they are up to date.

The reader is ``netlist_gen.library.tables``; what is written is what it reads.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from netlist_gen.errors import ConfigurationError
from netlist_gen.files import atomic_path
from netlist_gen.library.cells import CellLibrary
from netlist_gen.library.process import DEFAULT_PROCESS, Process
from netlist_gen.library.tables import FORMAT, CellTable, content_digest, read_table, tables_folder
from netlist_gen.resources import template
from verification.characterize.measure.energy import event_energies, static_power_W
from verification.characterize.measure.margins import margins
from verification.characterize.measure.neuron import delay_against_overdrive
from verification.characterize.measure.spacing import critical_spacings, shortest_period
from verification.characterize.measure.timing import (
    arcs,
    delay_against_bias,
    delay_against_neighbour,
    delays,
)
from verification.characterize.subject.bench import NEIGHBOURS, Bench, make_bench
from verification.characterize.subject.stimulus import PS
from verification.characterize.subject.subject import Subject, load_subject, subject_names
from verification.characterize.trials.cell import CellUnderTest
from verification.characterize.trials.runner import Runner

SOURCES = "two JTL stages"
SAME_PS = 0.01
"""A table measured anew must agree with the committed one to this, in ps (or share of a factor)."""


def bench_digest(bench: Bench) -> str:
    """SHA-256 of the bench's deck with the pulses of all cases: what a table was measured on."""
    digest = hashlib.sha256(f"format {FORMAT}\n".encode())
    labels = tuple(bench.junctions)
    digest.update(bench.deck("bench", labels).text.encode())
    for case in bench.subject.cases:
        digest.update(repr((case.name, case.settings, case.pulses(), case.steps)).encode())
    return digest.hexdigest()


def table_content(subject: Subject) -> str:
    """By what the table of a library's cell is found (``library.tables.content_digest``)."""
    stage = [subject.library.cell(name) for name in NEIGHBOURS]
    return content_digest(subject.process, subject.cell, stage)


def measure_table(subject: Subject, runner: Runner) -> dict[str, Any]:
    """Measure what a table holds, as the template's values (ps, aJ, nW)."""
    bench = make_bench(subject)
    cell = CellUnderTest(bench, runner)
    nominal = arcs(delays(cell, cell.nominal))
    by_bias = delay_against_bias(cell)
    by_load = delay_against_neighbour(cell, "load", NEIGHBOURS) if subject.outputs else {}
    by_source = delay_against_neighbour(cell, "source", NEIGHBOURS)
    bias = cell.parameters["bias"]
    (margin,) = margins([bias], cell.passes).margins
    period, fails = (0.0, 0.0) if subject.grouped else shortest_period(cell)
    rows = []
    for arc in nominal:
        key = (arc.input, arc.output)

        def at(others: list[Any], key: tuple[str, str] = key) -> float:
            return next(a.mean_s for a in others if (a.input, a.output) == key)

        rows.append(
            {
                "input": arc.input,
                "output": arc.output,
                "delay": _ps(arc.mean_s),
                "least": _ps(arc.least_s),
                "most": _ps(arc.most_s),
                "loads": [
                    (load, _ps(at(found)))
                    for load, found in by_load.items()
                    if arc.output in subject.outputs
                ],
                "sources": [(source, _ps(at(found))) for source, found in by_source.items()],
                "ratios": list(by_bias),
                "by_bias": [_ps(at(found)) for found in by_bias.values()],
            }
        )
    spacings: dict[tuple[str, str, str, str, str], dict[str, Any]] = {}
    for s in critical_spacings(cell):
        row = spacings.setdefault(
            (s.case, s.first, s.second, s.first_text, s.second_text),
            {"first": s.first, "second": s.second, "kind": s.kind},
        )
        row[s.criterion] = _ps(s.last_pass_s, 2)
    overdrive = []
    if subject.grouped:
        overdrive = [
            {"excess": o.excess, "delay": _ps(o.delay_s)}
            for o in delay_against_overdrive(subject, runner)
            if o.delay_s is not None
        ]
    return {
        "format": FORMAT,
        "title": subject.title,
        "cell": subject.name,
        "process": subject.process.name,
        "simulator": f"{runner.simulator} {runner.version()}",
        "step_ps": bench.analysis.step_s / PS,
        "sources": SOURCES,
        "load": bench.load,
        "content": table_content(subject),
        "digest": bench_digest(bench),
        "junctions": len(bench.junctions),
        "static_nW": f"{static_power_W(cell) * 1e9:.1f}",
        "bias_low": f"{margin.low.last_pass:.4f}",
        "bias_high": f"{margin.high.last_pass:.4f}",
        "period_ps": _ps(period, 2) if fails else "",
        "arcs": rows,
        "spacings": list(spacings.values()),
        "energies": _energies(cell),
        "overdrive": overdrive,
    }


def _energies(cell: CellUnderTest) -> list[dict[str, Any]]:
    return [
        {"event": e.event, "after": e.before, "aJ": f"{e.energy_J * 1e18:.4f}"}
        for e in event_energies(cell)
    ]


def _ps(seconds: float, digits: int = 3) -> str:
    return f"{seconds / PS:.{digits}f}"


def table_path(process: Process, cell: str, folder: Path | None = None) -> Path:
    """Where a cell's table is."""
    return (folder or tables_folder(process)) / process.name / f"{cell}.toml"


def write_table(values: Mapping[str, Any], path: Path) -> CellTable:
    """Write a table and read it back. Raises ConfigurationError where it can't be written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = template("models/table.toml.j2").render(values)
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return read_table(path)


@dataclass(frozen=True)
class Staleness:
    """What is wrong with a committed table; ``reason`` is a sentence."""

    cell: str
    reason: str


def stale_tables(
    process: Process | str = DEFAULT_PROCESS,
    folder: Path | None = None,
    only: str | None = None,
) -> list[Staleness]:
    """Tables that are missing or were measured on another bench than the library's of today.

    No simulation: the hashes of the benches are compared.

    Args:
        process: whose cells.
        folder: of the tables (default: the process's).
        only: the cell that is looked at; None is all.

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
    found = []
    for name in names:
        path = table_path(library.process, name, folder)
        bench = make_bench(load_subject(name, library.process))
        try:
            table = read_table(path)
        except ConfigurationError as error:
            found.append(Staleness(name, str(error)))
            continue
        own = (table.content_sha256, table.bench_sha256)
        if own != (table_content(bench.subject), bench_digest(bench)):
            found.append(
                Staleness(
                    name,
                    f"{path}: the cell, its process or its stimulus has changed since it was "
                    f"measured; `netlist-gen characterize {name} --tables` measures it again",
                )
            )
    return found


def write_tables(
    names: Iterable[str], process: str, folder: Path | None, runner: Runner
) -> Iterator[Path]:
    """Measure cells and write their tables; the path of each."""
    for name in names:
        subject = load_subject(name, process)
        path = table_path(subject.library.process, subject.name, folder)
        write_table(measure_table(subject, runner), path)
        yield path


def measure_again(
    names: Iterable[str], process: str, folder: Path | None, runner: Runner
) -> Iterator[str]:
    """Measure cells again: what differs from their tables, in words."""
    with tempfile.TemporaryDirectory() as place:
        for name in names:
            subject = load_subject(name, process)
            new = write_table(measure_table(subject, runner), Path(place) / f"{subject.name}.toml")
            path = table_path(subject.library.process, subject.name, folder)
            yield from changed(read_table(path), new)


def changed(old: CellTable, new: CellTable) -> list[str]:
    """Delays and bias limits that differ by more than ``SAME_PS``, in words."""
    found = []
    for arc in new.arcs:
        before = old.arc(arc.input, arc.output)
        pairs = [("nominal", before.nominal_s, arc.nominal_s)]
        pairs += [(f"bias {r:g}", dict(before.by_bias_s).get(r, 0.0), d) for r, d in arc.by_bias_s]
        pairs += [
            (f"source {k}", before.by_source_s.get(k, 0.0), d) for k, d in arc.by_source_s.items()
        ]
        pairs += [(f"load {k}", before.by_load_s.get(k, 0.0), d) for k, d in arc.by_load_s.items()]
        found += [
            f"{new.cell}: {arc.input} to {arc.output}, {what}: {a / PS:.3f} ps is now {b / PS:.3f}"
            for what, a, b in pairs
            if abs(a - b) > SAME_PS * PS
        ]
    for what in ("bias_low", "bias_high"):
        a, b = getattr(old, what), getattr(new, what)
        if abs(a - b) > SAME_PS:
            found.append(f"{new.cell}: {what} {a:.4f} is now {b:.4f}")
    return found

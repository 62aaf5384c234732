"""The files of a characterization, all of them; ``summary.json`` is written last."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

from netlist_gen.files import write_text
from verification.characterize.files.cell_files import CELL_SUFFIXES, write_cell
from verification.characterize.files.measurements import write_csv, write_rows
from verification.characterize.files.models import write_models
from verification.characterize.files.summary import Characterization, summary
from verification.characterize.measure.sweep import Sweep
from verification.characterize.measure.yields import PASS
from verification.characterize.optimize.result import HistoryStep
from verification.characterize.subject.stimulus import PS
from verification.report.cell_page import write_page
from verification.waves.export import clear_waveforms, keep_waveforms

HISTORY = tuple(field.name for field in dataclasses.fields(HistoryStep))
"""Columns of ``optimized.csv``."""


def write_results(
    result: Characterization, out: Path, waves: Sequence[str] = ()
) -> tuple[Path, ...]:
    """All files of a characterization; ``summary.json`` is written last.

    Args:
        result: what was measured.
        out: the directory.
        waves: formats in which the waveforms of the stimulus are kept.

    Raises:
        ConfigurationError: the directory can't be written.
    """
    out.mkdir(parents=True, exist_ok=True)
    _remove_earlier(out)
    written = [out / "measurements.csv"]
    write_csv(result, written[0])
    if result.sweep:
        written.append(out / "sweep.csv")
        _write_sweep(result.sweep, written[-1])
    if result.yields:
        written.append(out / "monte_carlo.csv")
        table = [(i, v == PASS, v) for i, v in enumerate(result.yields.verdicts)]
        write_rows(written[-1], ("sample", "passed", "verdict"), table)
    if result.optimized:
        written.append(out / "optimized.csv")
        write_rows(written[-1], HISTORY, map(dataclasses.astuple, result.optimized.history))
    if result.subject:
        written += write_cell(result.subject, result, out)
    written += write_models(result, out)
    found = summary(result)
    kept: tuple[str, ...] = ()
    if result.waves is not None:
        kept = keep_waveforms(result.waves, out, f"{result.cell}_stimulus", waves)
    written += write_page(result, found, out, kept)
    written += [out / name for name in kept]
    write_text(out / "summary.json", json.dumps(found.to_json(), indent=1) + "\n")
    return (*written, out / "summary.json")


def _remove_earlier(out: Path) -> None:
    """Remove what an earlier characterization left: its cell or what was asked may be others."""
    summary = out / "summary.json"
    try:
        earlier = str(json.loads(summary.read_text(encoding="utf-8"))["cell"])
    except (OSError, ValueError, TypeError, KeyError):
        earlier = None
    summary.unlink(missing_ok=True)
    clear_waveforms(out)
    noise = (p.stem for p in out.glob("noise[0-9]*_*.svg"))
    stems = ["overdrive", "margins", "sweep", "stimulus", "machine", "optimized", *noise]
    names = [f"{stem}{suffix}" for stem in stems for suffix in (".png", ".svg")]
    names += ["sweep.csv", "monte_carlo.csv", "optimized.csv", "schematic.svg"]
    if earlier:
        suffixes = (".html", ".dot", ".v", ".sdf", *CELL_SUFFIXES)
        names += [f"{earlier}{suffix}" for suffix in suffixes]
    for name in names:
        (out / name).unlink(missing_ok=True)


def _write_sweep(result: Sweep, path: Path) -> None:
    pairs = sorted({a.pair for p in result.points for a in p.arcs})
    names = [f"delay_{source}_{target}_ps" for source, target in pairs]
    table = []
    for p in result.points:
        known = {a.pair: f"{a.mean_s / PS:.6g}" for a in p.arcs}
        table.append([*p.at, p.passed, p.reason, *(known.get(pair, "") for pair in pairs)])
    write_rows(path, [*(axis.name for axis in result.axes), "passed", "reason", *names], table)

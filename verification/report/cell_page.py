"""A cell's page: one self-contained HTML file with its tables and plots. It computes nothing."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netlist_gen.files import write_text
from netlist_gen.records import Json
from netlist_gen.resources import template
from verification.report import cell_plots
from verification.report.numbers import engineering

if TYPE_CHECKING:
    from verification.characterize.files.summary import Characterization, Summary


FILTERS = {"eng": engineering}


def write_page(result: Characterization, summary: Summary, out: Path) -> list[Path]:
    """Write all plots (PNG and SVG) and ``CELL.html``. Returns the files written."""
    figures: dict[str, Any] = {"delays": cell_plots.delay_plot(result)}
    if result.overdrive:
        figures["overdrive"] = cell_plots.overdrive_plot(result)
    if result.margins:
        figures["margins"] = cell_plots.margin_plot(result.margins)
    if result.sweep:
        figures["sweep"] = cell_plots.sweep_plot(result.sweep)
    for number, noise in enumerate(result.noise):
        figures[f"noise{number}_{noise.axis}"] = cell_plots.noise_plot(noise)
    written: list[Path] = []
    pictures: dict[str, str] = {}
    for name, figure in figures.items():
        pictures[name], paths = cell_plots.save(figure, out / name)
        written += paths
    page = out / f"{result.cell}.html"
    cell_template = template("report/cell.html.j2", FILTERS)
    text = cell_template.render(s=_shown(summary), r=result, figures=pictures)
    write_text(page, text)
    return [*written, page]


def write_index(summaries: Iterable[Summary], out: Path) -> Path:
    """``index.html`` over several cells, each in a directory of its own."""
    page = out / "index.html"
    cells = [_shown(summary) for summary in summaries]
    write_text(page, template("report/cells.html.j2", FILTERS).render(cells=cells))
    return page


def _shown(summary: Summary) -> Json:
    """``summary.json`` as the templates read it: what is not there is None."""
    nothing = dict.fromkeys(("states", "margins", "sweep", "yield", "noise"))
    return {**nothing, **summary.to_json()}

"""A cell's page: one self-contained HTML file with its tables and plots. It computes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from netlist_gen.files import write_text
from netlist_gen.records import Json
from netlist_gen.resources import template
from verification.report import cell_plots
from verification.report.machine_plot import machine_plot
from verification.report.numbers import engineering
from verification.report.optimized_plot import optimized_plot
from verification.report.schematic import schematic

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from verification.characterize.files.summary import Characterization, Summary
    from verification.characterize.measure.margins import Side


def beyond(side: Side, sign: str) -> str:
    """One side of a margin in per cent, with the sign of a bound where no failure was found."""
    bound = "" if side.first_fail is not None else "≤ " if sign == "-" else "≥ "
    return f"{bound}{sign if sign == '+' else '−'}{100 * side.margin:.1f}"


def value_of(value: float, unit: str) -> str:
    """A value with its unit; of a number without one four digits."""
    return engineering(value, unit) if unit else f"{value:.4g}"


FILTERS: dict[str, Callable[..., str]] = {
    "eng": engineering,
    "beyond": beyond,
    "value_of": value_of,
}


def write_page(
    result: Characterization, summary: Summary, out: Path, waves: Sequence[str] = ()
) -> list[Path]:
    """Write all plots (PNG and SVG) and ``CELL.html``. Returns the files written.

    Args:
        result: what was measured.
        summary: of it.
        out: the directory.
        waves: files of waveforms that were kept there.
    """
    written: list[Path] = []
    pictures: dict[str, str] = {}
    for name, (figure, title) in _figures(result).items():
        pictures[name], paths = cell_plots.save(figure, out / name, title)
        written += paths
    drawn = schematic(result.elements, result.inputs, result.outputs)
    if drawn is not None:
        written.append(out / "schematic.svg")
        write_text(written[-1], drawn + "\n")
    page = out / f"{result.cell}.html"
    own = [f"{result.cell.removesuffix('_optimized')}_optimized{s}" for s in (".toml", ".cir")]
    models = [f"{result.cell}{suffix}" for suffix in (".v", ".sdf", ".dot")]
    text = template("report/cell.html.j2", FILTERS).render(
        s=_shown(summary),
        r=result,
        figures=pictures,
        margins=cell_plots.by_width(result.margins) if result.margins else (),
        reasons=cell_plots.reasons(result.sweep) if result.sweep else (),
        models=[name for name in models if (out / name).is_file()],
        nominal={e.name: engineering(e.value, e.unit) for e in result.elements if e.unit},
        waves=waves,
        schematic=drawn,
        own=[name for name in own if (out / name).is_file()],
    )
    write_text(page, text)
    return [*written, page]


def _figures(result: Characterization) -> dict[str, tuple[Figure, str]]:
    """All plots with their titles, by the names of their files."""
    figures = {}
    if result.waves is not None:
        stimulus = cell_plots.stimulus_plot(result, result.waves)
        figures["stimulus"] = stimulus, "the stimulus, pulses and phases"
    figures["delays"] = cell_plots.delay_plot(result), "delay against bias"
    if result.machine is not None:
        drawn = machine_plot(result.machine)
        if drawn is not None:
            figures["machine"] = drawn, "state machine"
    if result.overdrive:
        figures["overdrive"] = cell_plots.overdrive_plot(result), "delay against overdrive"
    if result.optimized:
        figures["optimized"] = optimized_plot(result.optimized), "the searches, and their result"
    if result.margins:
        figures["margins"] = cell_plots.margin_plot(result.margins), "margins, the narrowest first"
    if result.sweep:
        figures["sweep"] = cell_plots.sweep_plot(result.sweep), "sweep"
    for number, noise in enumerate(result.noise):
        figures[f"noise{number}_{noise.axis}"] = cell_plots.noise_plot(noise), "error rates"
    return figures


def write_index(summaries: Iterable[Summary], out: Path) -> Path:
    """``index.html`` over several cells, each in a directory of its own."""
    page = out / "index.html"
    cells = [_shown(summary) for summary in summaries]
    write_text(page, template("report/cells.html.j2", FILTERS).render(cells=cells))
    return page


def _shown(summary: Summary) -> Json:
    """``summary.json`` as the templates read it: what is not there is None."""
    nothing = dict.fromkeys(("states", "margins", "sweep", "yield", "noise", "optimized"))
    return {**nothing, **summary.to_json()}

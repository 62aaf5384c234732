"""The report of a finished run: one self-contained HTML file.

It reads what the run wrote (``verify.json`` and ``results.npz``) and computes nothing.
"""

from __future__ import annotations

import json
import shlex
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from netlist_gen.errors import ConfigurationError
from netlist_gen.files import write_text
from netlist_gen.resources import template
from verification.certificate.coverage import COVERED
from verification.report import plots, raster, shown
from verification.report.consistent import require_consistent
from verification.report.numbers import engineering, percent, share
from verification.report.shown import Arrays
from verification.verdict.in_words import disagreements, outcome_of
from verification.verdict.outcome import CounterExample, RunVerdict

if TYPE_CHECKING:
    import jinja2

_LAYER_ARRAYS = ("expected", "measured", "delay")
"""What results.npz holds of each layer."""

SHOWN_WINDOWS = 40
"""Most windows in the raster."""


def load_run(run: Path) -> tuple[RunVerdict, Arrays]:
    """The two files of a finished run.

    Raises:
        ConfigurationError: not the directory of a finished run.
    """
    try:
        data = json.loads((run / "verify.json").read_text(encoding="utf-8"))
        with np.load(run / "results.npz", allow_pickle=False) as archive:
            arrays: Arrays = {name: archive[name] for name in archive.files}
    except OSError as error:
        raise ConfigurationError(
            f"{run} is not the directory of a finished run: {Path(error.filename or '').name} "
            f"can't be read ({error.strerror})"
        ) from error
    except RecursionError:
        raise ConfigurationError(f"{run}: verify.json is damaged (nested too deep)") from None
    except (ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise ConfigurationError(
            f"{run}: verify.json or results.npz is damaged ({error})"
        ) from error
    verdict = RunVerdict.from_json(data, f"{run}: verify.json is damaged")
    require_consistent(verdict, f"{run}: verify.json is damaged")
    wanted = [f"{k}{i}" for i in range(len(verdict.layers)) for k in _LAYER_ARRAYS]
    missing = [name for name in (*wanted, "predicted") if name not in arrays]
    if missing:
        raise ConfigurationError(f"{run}: results.npz is damaged (it has no array {missing[0]})")
    return verdict, arrays


def write_report(run: Path) -> Path:
    """Write ``report.html`` into a run's directory and return its path.

    Raises:
        ConfigurationError: not the directory of a finished run, or it can't be written.
    """
    verdict, arrays = load_run(run)
    layers = range(len(verdict.layers))
    with damage_told(run):
        expected, measured, wrong = layer_arrays(arrays, layers)
        first = _first_shown(measured, wrong)
        figures = {
            "raster": raster.raster(expected, measured, first, SHOWN_WINDOWS, wrong),
            "delays": plots.delays([arrays[f"delay{i}"].astype(float) for i in layers]),
            "waveforms": plots.waveforms(arrays) if verdict.example else None,
            "timing": {
                scope.scope: plots.timing(scope.timing) for scope in verdict.scopes if scope.timing
            },
        }
        context = _context(verdict, arrays, run)
    windows = expected[0].shape[0]
    text = page_template("report").render(
        s=verdict,
        figures=figures,
        shown={"first": first, "windows": min(SHOWN_WINDOWS, windows - first), "of": windows},
        outcome=outcome_of(verdict),
        reasons=disagreements(verdict),
        covered=COVERED,
        unmeasured=sum(int((layer < 0).sum()) for layer in measured),
        **context,
    )
    return write_page(run / "report.html", text, run)


@contextmanager
def damage_told(run: Path) -> Iterator[None]:
    """While arrays of a run are looked at: what they lack is damage of their file."""
    try:
        yield
    except (KeyError, IndexError, ValueError, TypeError) as error:
        words = " ".join(f"{type(error).__name__} {error}".split())
        raise ConfigurationError(f"{run}: results.npz is damaged ({words})") from error


def layer_arrays(
    arrays: Arrays, layers: Iterable[int]
) -> tuple[list[NDArray[np.bool_]], list[NDArray[np.int8]], list[NDArray[np.bool_]]]:
    """Of each layer what was expected, what was measured, and where the verdict says wrong."""
    expected, measured, wrong = [], [], []
    for i in layers:
        expected.append(arrays[f"expected{i}"].astype(bool))
        measured.append(arrays[f"measured{i}"].astype(np.int8))
        # A run of an earlier version says no more than its pulses.
        pulses = (expected[-1] != measured[-1]) & (measured[-1] >= 0)
        wrong.append(arrays.get(f"wrong{i}", pulses).astype(bool))
        if not expected[-1].shape == measured[-1].shape == wrong[-1].shape:
            raise ValueError(f"the arrays of layer {i} have different shapes")
    return expected, measured, wrong


def page_template(name: str) -> jinja2.Template:
    """A page of a run, with the filters that it uses."""
    filters: dict[str, Callable[..., object]] = {
        "eng": engineering,
        "percent": percent,
        "share": share,
        "quoted": shlex.quote,
    }
    return template(f"report/{name}.html.j2", filters)


def write_page(target: Path, text: str, run: Path) -> Path:
    """Write a page of a run. Raises ConfigurationError where it can't be written."""
    try:
        write_text(target, text)
    except OSError as error:
        raise ConfigurationError(
            f"{target} can't be written ({error.strerror}); `netlist-gen report {run}` makes it "
            "from what the run has left"
        ) from error
    return target


def _context(verdict: RunVerdict, arrays: Arrays, run: Path) -> dict[str, object]:
    """What is shown beside the figures."""
    wrong = shown.wrong_neurons(arrays, len(verdict.layers), run)
    example, first = verdict.example, verdict.counter_example
    context: dict[str, object] = {
        "reads": shown.reads(arrays),
        "wrong": wrong[: shown.MOST_NEURONS],
        "wrong_more": len(wrong[shown.MOST_NEURONS :]),
        "altered": [(one, shown.link(one.deck, run)) for one in verdict.altered],
        "files": shown.files_of(run, verdict),
        "deck": shown.link(first.deck, run) if first else None,
        "picture": None,
        "command": "",
        "here": False,
        "seen": None,
    }
    if first is None:
        return context
    seen = next((o.first for o in wrong if _is_at(first, o) and o.wrong), first.window)
    context["seen"] = seen
    made = verdict.certificate is not None  # windows that are no sample's
    if not first.failed and not made and "inputs" in arrays:
        context["picture"] = shown.picture_of(arrays["inputs"][seen])
    if example is None:
        return context
    here = (example.layer, example.neuron) == (first.layer, first.neuron)
    context["here"] = here
    if here:
        name = example.deck.removesuffix("_shown").partition("_W")[0]
        bounds = arrays["example_bounds_s"].astype(float) * 1e12
        at = min(max(seen - example.first_window, 0), bounds.size - 2)
        window = (float(bounds[at]), float(bounds[at + 1]))
        context["command"] = shown.plot_command(first, name, window)
    return context


def _is_at(first: CounterExample, one: shown.WrongNeuron) -> bool:
    return (first.layer, first.neuron) == (one.layer, one.neuron)


def _first_shown(measured: list[NDArray[np.int8]], wrong: list[NDArray[np.bool_]]) -> int:
    """First window of the raster: 0, or such that the first wrong window is in the middle."""
    windows = measured[0].shape[0]
    marked = np.zeros(windows, dtype=bool)
    for seen, bad in zip(measured, wrong, strict=True):
        marked |= (bad | (seen < 0)).any(axis=1)
    at = int(np.argmax(marked)) - SHOWN_WINDOWS // 2
    return max(0, min(at, windows - SHOWN_WINDOWS))

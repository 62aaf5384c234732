"""The report of a finished run: one self-contained HTML file.

It reads what the run wrote (``verify.json`` and ``results.npz``) and computes nothing.
"""

from __future__ import annotations

import json
import shlex
import zipfile
import zlib
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
from numpy.typing import NDArray

from netlist_gen.errors import ConfigurationError
from netlist_gen.files import atomic_path
from netlist_gen.resources import resource_dir
from verification.report import plots
from verification.verdict.in_words import disagreements

_LAYER_ARRAYS = ("expected", "measured", "delay")
"""What results.npz holds of each layer."""

SHOWN_WINDOWS, SHOWN_READS = 40, 60
"""Most windows in the raster, and most samples whose class is listed."""


def engineering(value: float | None, unit: str) -> str:
    """A value with an SI prefix and four digits: 1.52e-9 J is "1.520 nJ"."""
    if value is None:
        return "-"
    if value == 0:
        return f"0 {unit}"
    for scale, prefix in (
        (1e9, "G"),
        (1e6, "M"),
        (1e3, "k"),
        (1.0, ""),
        (1e-3, "m"),
        (1e-6, "µ"),
        (1e-9, "n"),
        (1e-12, "p"),
        (1e-15, "f"),
        (1e-18, "a"),
    ):
        if abs(value) >= scale:
            return f"{value / scale:.4g} {prefix}{unit}"
    return f"{value:.3g} {unit}"


def percent(fraction: float | None) -> str:
    """A signed fraction as a percentage in two digits; below a millionth of one it is 0."""
    if fraction is None:
        return "-"
    value = 100 * fraction
    return "0 %" if abs(value) < 1e-6 else f"{value:+.2g} %"


def share(fraction: float | None) -> str:
    """A part of a whole: 0.95 is "95.00 %"."""
    return "-" if fraction is None else f"{fraction:.2%}".replace("%", " %")


def load_run(run: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The two files of a finished run.

    Raises:
        ConfigurationError: not the directory of a finished run.
    """
    try:
        summary = json.loads((run / "verify.json").read_text(encoding="utf-8"))
        with np.load(run / "results.npz", allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except OSError as error:
        raise ConfigurationError(
            f"{run} is not the directory of a finished run: {Path(error.filename or '').name} "
            f"can't be read ({error.strerror})"
        ) from error
    except (ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise ConfigurationError(
            f"{run}: verify.json or results.npz is damaged ({error})"
        ) from error
    if not isinstance(summary, dict) or not isinstance(summary.get("layers"), list):
        raise ConfigurationError(f"{run}: verify.json is damaged (it has no list of layers)")
    wanted = [f"{k}{i}" for i in range(len(summary["layers"])) for k in _LAYER_ARRAYS]
    missing = [name for name in (*wanted, "predicted") if name not in arrays]
    if missing:
        raise ConfigurationError(f"{run}: results.npz is damaged (it has no array {missing[0]})")
    return summary, arrays


def write_report(run: Path) -> Path:
    """Write ``report.html`` into a run's directory and return its path.

    Raises:
        ConfigurationError: not the directory of a finished run, or it can't be written.
    """
    summary, arrays = load_run(run)
    layers = range(len(summary["layers"]))
    expected = [arrays[f"expected{i}"] for i in layers]
    measured = [arrays[f"measured{i}"] for i in layers]
    try:
        first = _first_shown(expected, measured)
        figures = {
            "raster": plots.raster(expected, measured, first, SHOWN_WINDOWS),
            "delays": plots.delays([arrays[f"delay{i}"] for i in layers]),
            "waveforms": plots.waveforms(arrays) if "example" in summary else None,
        }
    except (KeyError, IndexError, ValueError, TypeError) as error:
        words = " ".join(f"{type(error).__name__} {error}".split())
        raise ConfigurationError(f"{run}: results.npz is damaged ({words})") from error
    windows = expected[0].shape[0]
    shown = {"first": first, "windows": min(SHOWN_WINDOWS, windows - first), "of": windows}
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(resource_dir("templates") / "report"),
        undefined=jinja2.StrictUndefined,
        autoescape=True,
        trim_blocks=True,
    )
    environment.filters |= {"eng": engineering, "percent": percent, "share": share}
    environment.filters["quoted"] = shlex.quote
    try:
        text = environment.get_template("report.html.j2").render(
            s=summary,
            figures=figures,
            shown=shown,
            reads=_reads(arrays),
            reasons=disagreements(summary),
        )
    except (jinja2.UndefinedError, TypeError, ValueError, KeyError) as error:
        raise ConfigurationError(f"{run}: verify.json is damaged ({error})") from error
    target = run / "report.html"
    with atomic_path(target) as path:
        path.write_text(text, encoding="utf-8")
    return target


def _first_shown(expected: list[NDArray[np.bool_]], measured: list[NDArray[np.int8]]) -> int:
    """First window of the raster: 0, or such that the first wrong window is in the middle."""
    windows = expected[0].shape[0]
    wrong = np.zeros(windows, dtype=bool)
    for want, seen in zip(expected, measured, strict=True):
        wrong |= (want != seen).any(axis=1)
    at = int(np.argmax(wrong)) - SHOWN_WINDOWS // 2
    return max(0, min(at, windows - SHOWN_WINDOWS))


def _reads(arrays: dict[str, NDArray[Any]]) -> list[dict[str, Any]]:
    """Class of each of the first samples: the label, what the reference reads, the simulation."""
    predicted, simulated = arrays["predicted"], arrays.get("simulated")
    labels = arrays.get("labels")
    reads = []
    for sample, reference in enumerate(predicted[:SHOWN_READS].tolist()):
        got = None if simulated is None else int(simulated[sample])
        words = [str(reference) if got == reference else f"{reference}, simulated {got}"]
        kind = "" if got in (reference, None) else "differ"
        if got is None:
            words = [str(reference)]
        if labels is not None:
            words.insert(0, str(int(labels[sample])))
            kind = kind or ("" if int(labels[sample]) == reference else "miss")
        reads.append({"text": " → ".join(words), "kind": kind, "labelled": labels is not None})
    return reads

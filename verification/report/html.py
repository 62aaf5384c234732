"""The report of a finished run: one self-contained HTML file.

It reads what the run wrote (``verify.json`` and ``results.npz``) and computes nothing.
"""

from __future__ import annotations

import json
import zipfile
import zlib
from pathlib import Path
from typing import Any

import jinja2
import numpy as np

from netlist_gen.errors import ConfigurationError
from netlist_gen.files import atomic_path
from netlist_gen.resources import resource_dir
from verification.report import plots

_LAYER_ARRAYS = ("expected", "measured", "delay")
"""What results.npz holds of each layer."""


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
    missing = [name for name in wanted if name not in arrays]
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
    figures = {
        "raster": plots.raster(
            [arrays[f"expected{i}"] for i in layers], [arrays[f"measured{i}"] for i in layers]
        ),
        "delays": plots.delays([arrays[f"delay{i}"] for i in layers]),
    }
    if "example" in summary:
        example = summary["example"]
        figures["waveforms"] = plots.waveforms(
            arrays,
            f"layer {example['layer']}, neuron {example['neuron']}, theta = {example['theta']} "
            f"(deck {example['deck']})",
        )
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(resource_dir("templates") / "report"),
        undefined=jinja2.StrictUndefined,
        autoescape=True,
    )
    environment.filters["eng"] = engineering
    try:
        text = environment.get_template("report.html.j2").render(s=summary, figures=figures)
    except jinja2.UndefinedError as error:
        raise ConfigurationError(f"{run}: verify.json is damaged ({error})") from error
    target = run / "report.html"
    with atomic_path(target) as path:
        path.write_text(text, encoding="utf-8")
    return target

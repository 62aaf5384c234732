"""The report of a finished run: one self-contained HTML file.

It reads what the run wrote (``verify.json`` and ``results.npz``) and computes nothing.
"""

from __future__ import annotations

import json
import shlex
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from netlist_gen.errors import ConfigurationError
from netlist_gen.files import write_text
from netlist_gen.resources import template
from verification.certificate.coverage import COVERED
from verification.report import plots
from verification.report.consistent import require_consistent
from verification.report.numbers import engineering, percent, share
from verification.verdict.in_words import disagreements
from verification.verdict.outcome import RunVerdict

Arrays = dict[str, NDArray[np.generic]]

_LAYER_ARRAYS = ("expected", "measured", "delay")
"""What results.npz holds of each layer."""

SHOWN_WINDOWS, SHOWN_READS = 40, 60
"""Most windows in the raster, and most samples whose class is listed."""


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
    expected = [arrays[f"expected{i}"].astype(bool) for i in layers]
    measured = [arrays[f"measured{i}"].astype(np.int8) for i in layers]
    try:
        first = _first_shown(expected, measured)
        figures = {
            "raster": plots.raster(expected, measured, first, SHOWN_WINDOWS),
            "delays": plots.delays([arrays[f"delay{i}"].astype(float) for i in layers]),
            "waveforms": plots.waveforms(arrays) if verdict.example else None,
            "timing": {
                scope.scope: plots.timing(scope.timing) for scope in verdict.scopes if scope.timing
            },
        }
    except (KeyError, IndexError, ValueError, TypeError) as error:
        words = " ".join(f"{type(error).__name__} {error}".split())
        raise ConfigurationError(f"{run}: results.npz is damaged ({words})") from error
    windows = expected[0].shape[0]
    filters: dict[str, Callable[..., object]] = {
        "eng": engineering,
        "percent": percent,
        "share": share,
        "quoted": shlex.quote,
    }
    text = template("report/report.html.j2", filters).render(
        s=verdict,
        figures=figures,
        shown={"first": first, "windows": min(SHOWN_WINDOWS, windows - first), "of": windows},
        reads=_reads(arrays),
        reasons=disagreements(verdict),
        covered=COVERED,
    )
    target = run / "report.html"
    try:
        write_text(target, text)
    except OSError as error:
        raise ConfigurationError(
            f"{target} can't be written ({error.strerror}); `netlist-gen report {run}` makes it "
            "from what the run has left"
        ) from error
    return target


def _first_shown(expected: list[NDArray[np.bool_]], measured: list[NDArray[np.int8]]) -> int:
    """First window of the raster: 0, or such that the first wrong window is in the middle."""
    windows = expected[0].shape[0]
    wrong = np.zeros(windows, dtype=bool)
    for want, seen in zip(expected, measured, strict=True):
        wrong |= (want != seen).any(axis=1)
    at = int(np.argmax(wrong)) - SHOWN_WINDOWS // 2
    return max(0, min(at, windows - SHOWN_WINDOWS))


@dataclass(frozen=True)
class Read:
    """A sample's class in words; ``kind`` is "", "miss" or "differ"."""

    text: str
    kind: str
    labelled: bool


def _reads(arrays: Arrays) -> list[Read]:
    """Class of each of the first samples: the label, what the reference reads, the simulation."""
    shown = {n: arrays[n][:SHOWN_READS].tolist() for n in ("simulated", "labels") if n in arrays}
    simulated, labels = shown.get("simulated"), shown.get("labels")
    reads = []
    for sample, reference in enumerate(arrays["predicted"][:SHOWN_READS].tolist()):
        got = None if simulated is None else simulated[sample]
        words = [str(reference) if got in (reference, None) else f"{reference}, simulated {got}"]
        kind = "" if got in (reference, None) else "differ"
        if labels is not None:
            label = labels[sample]
            words.insert(0, str(label))
            kind = kind or ("" if label == reference else "miss")
        reads.append(Read(" → ".join(words), kind, labels is not None))
    return reads

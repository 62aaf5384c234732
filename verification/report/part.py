"""A page of one layer or one neuron of a finished run, from what the run left."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from netlist_gen.errors import ConfigurationError
from verification.report import plots, raster, shown
from verification.report.html import damage_told, layer_arrays, load_run, page_template, write_page

MOST_SHOWN_WINDOWS = 400
"""Windows of a layer's raster, and rows of a neuron's table."""


@dataclass(frozen=True)
class NeuronRow:
    """A neuron of a layer in numbers: pulses, windows."""

    neuron: int
    expected: int
    measured: int
    wrong: int
    unmeasured: int
    delay_ps: float | None


@dataclass(frozen=True)
class WindowRow:
    """A window of a neuron; ``measured`` is None where it was not measured."""

    window: int
    sample: int
    expected: int
    measured: int | None
    wrong: bool
    delay_ps: float | None


def write_layer_page(run: Path, layer: int) -> Path:
    """Write ``layerN.html`` into a run's directory and return its path.

    Raises:
        ConfigurationError: no such layer, not the directory of a finished run, or it can't be
            written.
    """
    verdict, arrays = load_run(run)
    _require(layer, len(verdict.layers), "--layer", "layers", run)
    with damage_told(run):
        (expected,), (measured,), (wrong,) = layer_arrays(arrays, [layer])
    delays = arrays[f"delay{layer}"].astype(float) * 1e12
    rows = [
        NeuronRow(
            neuron=n,
            expected=int(expected[:, n].sum()),
            measured=int(np.clip(measured[:, n], 0, None).sum()),
            wrong=int(wrong[:, n].sum()),
            unmeasured=int((measured[:, n] < 0).sum()),
            delay_ps=_mean(delays[:, n]),
        )
        for n in range(expected.shape[1])
    ]
    most = min(MOST_SHOWN_WINDOWS, expected.shape[0])
    figures = {
        "raster": raster.raster([expected], [measured], 0, most, [wrong], [layer]),
        "delays": plots.delays([delays * 1e-12]),
    }
    text = page_template("layer").render(
        s=verdict, layer=layer, rows=rows, figures=figures, windows=expected.shape[0], most=most
    )
    return write_page(run / f"layer{layer}.html", text, run)


def write_neuron_page(run: Path, place: str) -> Path:
    """Write ``neuronL_N.html`` for ``L:N`` into a run's directory and return its path.

    Raises:
        ConfigurationError: as ``write_layer_page``, or ``place`` is not LAYER:NEURON.
    """
    verdict, arrays = load_run(run)
    words = place.split(":")
    if len(words) != 2 or not all(word.isdecimal() for word in words):
        raise ConfigurationError(f"--neuron is {place!r}; it must be LAYER:NEURON, such as 0:7")
    layer, neuron = (int(word) for word in words)
    _require(layer, len(verdict.layers), "--neuron", "layers", run)
    with damage_told(run):
        (expected,), (measured,), (wrong,) = layer_arrays(arrays, [layer])
    _require(neuron, expected.shape[1], "--neuron", f"neurons in layer {layer}", run)
    delays = arrays[f"delay{layer}"].astype(float)[:, neuron] * 1e12
    rows = [
        WindowRow(
            window=w,
            sample=w // verdict.steps,
            expected=int(expected[w, neuron]),
            measured=None if measured[w, neuron] < 0 else int(measured[w, neuron]),
            wrong=bool(wrong[w, neuron]),
            delay_ps=_mean(delays[w : w + 1]),
        )
        for w in range(expected.shape[0])
    ]
    # All that is wrong is listed, and of the rest the first.
    listed = sorted(rows, key=lambda row: not (row.wrong or row.measured is None))
    listed = sorted(listed[:MOST_SHOWN_WINDOWS], key=lambda row: row.window)
    own = verdict.example is not None and (verdict.example.layer, verdict.example.neuron) == (
        layer, neuron,
    )  # fmt: skip
    figures = {
        "waveforms": plots.waveforms(arrays) if own else None,
        "delays": plots.delays([delays * 1e-12]),
    }
    decks = [
        deck
        for one in shown.wrong_neurons(arrays, len(verdict.layers), run)
        if (one.layer, one.neuron) == (layer, neuron)
        for deck in one.decks
    ]
    text = page_template("neuron").render(
        s=verdict, layer=layer, neuron=neuron, rows=listed, of=len(rows), figures=figures,
        decks=decks,
    )  # fmt: skip
    return write_page(run / f"neuron{layer}_{neuron}.html", text, run)


def _mean(values: np.ndarray) -> float | None:
    kept = values[np.isfinite(values)]
    return float(kept.mean()) if kept.size else None


def _require(number: int, count: int, flag: str, what: str, run: Path) -> None:
    if not 0 <= number < count:
        raise ConfigurationError(
            f"{flag}: there is no number {number}; {run} has {count} {what}, counted from 0"
        )

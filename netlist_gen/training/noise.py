"""How surely a neuron decides: its firing curve, for training and evaluation with noise.

The margin of a decision is ``n - theta + 1/2`` synapses, or that times the flux of one synapse in
the neuron's decision loops (in Phi0): without noise a neuron fires where it is positive, and its
size says how far the decision is from the edge. A firing curve gives the probability of a pulse
for each margin. In synapses it is the same for all neurons; in flux, as thermal noise acts, a
neuron with more synapses or a wider range of n has less flux for each of them and decides less
surely.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from netlist_gen.errors import ConfigurationError
from netlist_gen.network import TernaryLayer

Unit = Literal["synapses", "Phi0"]
UNITS: tuple[Unit, ...] = get_args(Unit)

# (excitatory, inhibitory, theta), each (neurons,) -> flux of one synapse in Phi0, (neurons,)
FluxPerSynapse = Callable[
    [NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]], NDArray[np.float64]
]
_SIX_SIGMA_POINTS = 241  # of a normal curve's table, over +-6 sigma: linear between to 1e-4


@dataclass(frozen=True)
class FiringCurve:
    """Probability of a pulse against the margin: linear between points, constant beyond.

    Attributes:
        margin: rising, at least two, in ``unit``.
        probability: as many, in 0..1, not falling.
        unit: "synapses" or "Phi0".
    """

    margin: tuple[float, ...]
    probability: tuple[float, ...]
    unit: Unit = "synapses"

    def __post_init__(self) -> None:
        if self.unit not in UNITS:
            raise ConfigurationError(
                f"a firing curve's unit is {self.unit!r}; allowed are {', '.join(UNITS)}"
            )
        at = np.asarray(self.margin, dtype=np.float64)
        share = np.asarray(self.probability, dtype=np.float64)
        if at.ndim != 1 or at.shape != share.shape or at.size < 2:
            raise ConfigurationError(
                f"a firing curve has {at.size} margins and {share.size} probabilities; as many of "
                "both are needed, at least 2"
            )
        falls = share < np.append(0.0, share[:-1])
        for name, values, wrong, allowed in (
            ("margin", at, ~np.isfinite(at), "finite numbers are needed"),
            ("margin", at, at <= np.append(-np.inf, at[:-1]), "margins must rise"),
            ("probability", share, ~((share >= 0) & (share <= 1)), "0 to 1 is allowed"),
            ("probability", share, falls, "more margin must not make a pulse less likely"),
        ):
            if wrong.any():
                index = int(wrong.argmax())
                raise ConfigurationError(
                    f"a firing curve's {name} [{index}] is {values[index]:g}; {allowed}"
                )
        object.__setattr__(self, "margin", tuple(float(v) for v in at))
        object.__setattr__(self, "probability", tuple(float(v) for v in share))

    def __call__(self, margin: ArrayLike) -> NDArray[np.float64]:
        """Probability of a pulse, same shape as ``margin`` (in the curve's unit)."""
        return np.asarray(np.interp(np.asarray(margin), self.margin, self.probability))

    def edges(self, count: int) -> NDArray[np.float64]:
        """Margins at which a neuron starts to fire, ``count`` equally likely ones, rising.

        A neuron whose edge is drawn from them fires as often as the curve says. An edge beyond
        the curve's ends (where it does not reach 0 or 1) is minus or plus infinity.
        """
        share = (np.arange(count) + 0.5) / count
        at, known = np.asarray(self.margin), np.asarray(self.probability)
        above = np.searchsorted(known, share)  # known[above - 1] < share <= known[above]
        inside = (above > 0) & (above < known.size)
        i = above[inside]
        rise = (share[inside] - known[i - 1]) / (known[i] - known[i - 1])
        result = np.where(above == 0, -np.inf, np.inf)
        result[inside] = at[i - 1] + rise * (at[i] - at[i - 1])
        return result


def normal_curve(sigma: float, unit: Unit = "synapses") -> FiringCurve:
    """Firing probability Phi(margin / sigma), as of a threshold with normal noise.

    A grey zone measured from 10 % to 90 % is 2.563 sigma wide (normal quantiles +-1.2816).
    """
    from scipy.special import ndtr

    if not 0 < sigma < math.inf:
        raise ConfigurationError(f"noise is {sigma:g} {unit}; a finite number above 0 is needed")
    at = np.linspace(-6.0, 6.0, _SIX_SIGMA_POINTS)
    share = ndtr(at)
    share[0], share[-1] = 0.0, 1.0
    return FiringCurve(tuple(at * sigma), tuple(share), unit)


def read_firing_curve(file: Path) -> FiringCurve:
    """A measured firing curve from a CSV file; errors name file, line and what is wrong.

    The first line names the columns: ``margin_synapses`` or ``margin_Phi0``, and ``probability``;
    other columns are passed over.
    """
    try:
        with file.open(newline="", encoding="utf-8") as stream:
            reader = csv.DictReader(stream)
            names = reader.fieldnames or []
            units: list[Unit] = [unit for unit in UNITS if f"margin_{unit}" in names]
            if len(units) != 1 or "probability" not in names:
                raise ConfigurationError(
                    f"{file} has the columns {', '.join(names) or 'none'}; needed are probability "
                    "and one of margin_synapses and margin_Phi0"
                )
            rows = [(reader.line_num, row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigurationError(f"{file} can't be read: {error}") from None
    columns: dict[str, list[float]] = {f"margin_{units[0]}": [], "probability": []}
    for line, row in rows:
        for name, values in columns.items():
            try:
                values.append(float(row[name]))
            except (TypeError, ValueError):
                raise ConfigurationError(
                    f"{file}, line {line}: {name} is {row[name]!r}; a number is needed"
                ) from None
    margin, probability = columns.values()
    try:
        return FiringCurve(tuple(margin), tuple(probability), units[0])
    except ConfigurationError as error:
        raise ConfigurationError(f"{file}: {error}") from None


def margins(
    layer: TernaryLayer,
    counts: NDArray[Any],
    unit: Unit,
    flux_per_synapse: FluxPerSynapse | None,
) -> NDArray[np.float64]:
    """Margin of each decision of a layer in a unit: counts n, or membranes (..., outputs)."""
    margin = counts - layer.edge
    if unit == "synapses":
        return np.asarray(margin, dtype=np.float64)
    return np.asarray(margin * layer_flux(layer, needed(flux_per_synapse)))


def layer_flux(layer: TernaryLayer, flux_per_synapse: FluxPerSynapse) -> NDArray[np.float64]:
    """Flux of one synapse of each neuron of a layer, Phi0, shape (outputs,)."""
    low, high = layer.count_range.T
    return flux_per_synapse(high, -low, layer.theta.astype(np.int64))


def needed(flux_per_synapse: FluxPerSynapse | None) -> FluxPerSynapse:
    """The function, or ConfigurationError where there is none."""
    if flux_per_synapse is None:
        raise ConfigurationError("noise in Phi0 needs the flux per synapse of the neurons")
    return flux_per_synapse

"""Energy from waveforms and biases, and the ledger that keeps three kinds of it apart.

Dynamic energy is what the bias sources deliver while junctions switch: a constant current Ib
into a node whose phase advances by dphi delivers exactly Ib * Phi0 * dphi / (2 pi), because
V = Phi0 / (2 pi) * dphi/dt. Static power is what the bias resistors burn all the time: bias
current times supply voltage. Wall-plug power is either of them times the cooling factor.
"""

# Symbols of units keep their case.

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netlist_gen.constants import PHI0, TWO_PI
from netlist_gen.errors import WaveformError

FloatArray = NDArray[np.float64]

COOLING_W_PER_W = 400.0
"""Wall-plug watts for one watt at 4.2 K: the usual figure for large 4 K plants.

Values in use run from 300 to 1000; every result prints the one it used.
"""


def bias_energy(current_A: float, phase_advance_rad: float) -> float:
    """Energy a constant current delivers to a node whose phase advances: Ib Phi0 dphi / (2 pi)."""
    return current_A * PHI0 * phase_advance_rad / TWO_PI


def phase_energy(current_A: FloatArray, phase_rad: FloatArray) -> float:
    """Energy a varying current delivers to a node, from the node's phase: Phi0/(2 pi) * int I dphi.

    Arrays of shape (samples,). The trapezoidal sum over phase: exact for a constant current
    whatever the sampling, where the integral of V*I over sparse samples is not.

    Raises:
        WaveformError: shapes differ, fewer than two samples, or a value is not finite.
    """
    current, phase = _same_shape(current_A, phase_rad, ("current", "phase"))
    return float(np.sum(0.5 * (current[1:] + current[:-1]) * np.diff(phase))) * PHI0 / TWO_PI


def waveform_energy(time_s: FloatArray, voltage_V: FloatArray, current_A: FloatArray) -> float:
    """Energy delivered to an element: the trapezoidal integral of V*I over time.

    Arrays of shape (samples,); the sign is that of a source pushing ``current_A`` into the node
    at ``voltage_V``.

    Raises:
        WaveformError: shapes differ, fewer than two samples, or a value is not finite.
    """
    voltage, current = _same_shape(voltage_V, current_A, ("voltage", "current"))
    time, power = _same_shape(time_s, voltage * current, ("time axis", "power"))
    return float(np.sum(0.5 * (power[1:] + power[:-1]) * np.diff(time)))


def static_power(bias_current_A: float, supply_V: float) -> float:
    """What the bias network draws from its supply, switching or not: I * V."""
    return bias_current_A * supply_V


def wall_plug(value: float, cooling_W_per_W: float = COOLING_W_PER_W) -> float:
    """Power (W) or energy (J) at the wall for ``value`` at 4.2 K: times the cooling factor."""
    return cooling_W_per_W * value


@dataclass(frozen=True)
class EnergyLedger:
    """Three kinds of energy of one run, never mixed.

    Attributes:
        dynamic_J: delivered by the bias sources while junctions switched.
        static_W: bias current times supply voltage.
        duration_s: the time the static power is charged for.
        cooling_W_per_W: wall-plug watts for one watt at 4.2 K.
    """

    dynamic_J: float
    static_W: float
    duration_s: float
    cooling_W_per_W: float = COOLING_W_PER_W

    def __post_init__(self) -> None:
        for name in ("dynamic_J", "static_W", "duration_s", "cooling_W_per_W"):
            value = getattr(self, name)
            if not np.isfinite(value) or (name != "dynamic_J" and value < 0.0):
                raise WaveformError(
                    f"energy ledger: {name} is {value}; it must be finite"
                    + ("" if name == "dynamic_J" else " and not negative")
                )

    @property
    def static_J(self) -> float:
        """Static energy over the duration."""
        return self.static_W * self.duration_s

    @property
    def wall_plug_J(self) -> float:
        """Dynamic and static energy over the duration, at the wall."""
        return wall_plug(self.dynamic_J + self.static_J, self.cooling_W_per_W)

    def __add__(self, other: EnergyLedger) -> EnergyLedger:
        """Two parts of one chip over the same time: energies and powers add.

        Raises:
            WaveformError: the parts cover different times or cooling factors.
        """
        if (self.duration_s, self.cooling_W_per_W) != (other.duration_s, other.cooling_W_per_W):
            raise WaveformError(
                f"energy ledgers over {self.duration_s} s at {self.cooling_W_per_W} W/W and over "
                f"{other.duration_s} s at {other.cooling_W_per_W} W/W cannot be added"
            )
        return EnergyLedger(
            self.dynamic_J + other.dynamic_J,
            self.static_W + other.static_W,
            self.duration_s,
            self.cooling_W_per_W,
        )


def _same_shape(
    first: FloatArray, second: FloatArray, names: tuple[str, str]
) -> tuple[FloatArray, FloatArray]:
    one = np.asarray(first, dtype=np.float64)
    two = np.asarray(second, dtype=np.float64)
    if one.ndim != 1 or one.shape != two.shape or one.size < 2:
        raise WaveformError(
            f"{names[0]} has shape {one.shape} and {names[1]} {two.shape}; both must be "
            "one-dimensional, equal, and hold at least 2 samples"
        )
    for name, values in zip(names, (one, two), strict=True):
        if not np.isfinite(values).all():
            at = int(np.argmin(np.isfinite(values)))
            raise WaveformError(f"{name} is {values[at]} at sample {at}")
    return one, two

"""What energy is: the work of the bias sources, what the supply burns, and both at the wall.

Dynamic energy is what the bias sources deliver while junctions switch: a constant current Ib
into a node whose phase advances by dphi delivers exactly Ib * Phi0 * dphi / (2 pi), because
V = Phi0 / (2 pi) * dphi/dt. Static power is what the bias resistors burn all the time: bias
current times supply voltage. Wall-plug power is either of them times the cooling factor.

Ideal sources give the dynamic energy, and the static one is charged for the resistors that would
stand in their place. The buses of a bias network give both in one, less or more
(``reference.bus_energy``): what they give is then what counts at the wall.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netlist_gen.constants import PHI0, TWO_PI
from netlist_gen.errors import ConfigurationError


def bias_energy(
    currents_A: NDArray[np.float64], advances_rad: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Energy in J that constant currents deliver to nodes whose phases advance.

    Args:
        currents_A: shape (sources,).
        advances_rad: of the sources' nodes, shape (sources, windows).

    Returns:
        shape (windows,): the sum of Ib * Phi0 * dphi / (2 pi).
    """
    return np.asarray(PHI0 / TWO_PI * (currents_A @ advances_rad))


@dataclass(frozen=True)
class EnergyLedger:
    """Three kinds of energy of one run, never mixed.

    Attributes:
        dynamic_J: delivered by the bias sources while junctions switched.
        supply_A: bias and control currents.
        supply_V: voltage from which resistors make them.
        duration_s: the time the static power is charged for.
        cooling_W_per_W: wall-plug watts for one watt at 4.2 K.
        rest_W: what the supplies give at rest, where that is not ``supply_A`` times ``supply_V``.
        given_J: what all supplies give over the duration, where that is not the sum of both.
    """

    dynamic_J: float
    supply_A: float
    supply_V: float
    duration_s: float
    cooling_W_per_W: float
    rest_W: float | None = None
    given_J: float | None = None

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value is None:
                continue
            if not math.isfinite(value) or (name != "dynamic_J" and value < 0.0):
                allowed = "finite" if name == "dynamic_J" else "finite and not negative"
                raise ConfigurationError(f"energy: {name} is {value}; it must be {allowed}")

    @property
    def static_W(self) -> float:
        """What the supply gives, switching or not."""
        return self.supply_A * self.supply_V if self.rest_W is None else self.rest_W

    @property
    def static_J(self) -> float:
        """Static energy over the duration."""
        return self.static_W * self.duration_s

    @property
    def at_4K_J(self) -> float:
        """All that the supplies give over the duration."""
        return self.dynamic_J + self.static_J if self.given_J is None else self.given_J

    @property
    def wall_plug_J(self) -> float:
        """The same at the wall."""
        return self.cooling_W_per_W * self.at_4K_J

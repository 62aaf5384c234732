"""A process at another temperature: critical current and gap as the theory has them.

Gap (interpolation of the BCS gap, as in JoSIM's junction model):
``Delta(T) = Delta(0) sqrt(cos(pi/2 (T/Tc)^2))``. Critical current (Ambegaokar and Baratoff, Phys.
Rev. Lett. 10, 486 (1963)): ``Ic Rn = pi Delta(T) / 2e tanh(Delta(T) / 2 kT)``. Shunts and
inductances are taken to stay as they are.
"""

from __future__ import annotations

import dataclasses
import math

from netlist_gen.errors import ConfigurationError
from netlist_gen.library.process import Process

NIOBIUM_TC_K = 9.2
"""Critical temperature of niobium films."""

_GAP_RATIO = 1.764
"""Delta(0) / (k Tc), BCS."""


def relative_gap(kelvin: float) -> float:
    """Delta(T) / Delta(0)."""
    return math.sqrt(math.cos(math.pi / 2 * (kelvin / NIOBIUM_TC_K) ** 2))


def relative_critical_current(kelvin: float) -> float:
    """Ic(T) / Ic(0)."""
    if kelvin == 0.0:
        return 1.0
    gap = relative_gap(kelvin)
    return gap * math.tanh(_GAP_RATIO * NIOBIUM_TC_K * gap / (2 * kelvin))


def process_at(process: Process, kelvin: float) -> Process:
    """The process at ``kelvin``: its numbers hold at its own temperature.

    Raises:
        ConfigurationError: a temperature outside 0 <= T < 9 K.
    """
    if not 0.0 <= kelvin < 9.0:
        raise ConfigurationError(f"a temperature of {kelvin:g} K is outside 0 <= T < 9 K")
    at = process.temperature
    current = relative_critical_current(kelvin) / relative_critical_current(at)
    gap = relative_gap(kelvin) / relative_gap(at)
    model = dataclasses.replace(
        process.model,
        critical_current=process.model.critical_current * current,
        gap_voltage=process.model.gap_voltage * gap,
    )
    return dataclasses.replace(process, model=model, temperature=kelvin)

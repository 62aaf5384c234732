"""What is asked of a simulation: times of the analysis, junctions whose phases are printed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

STEP_PS = 0.05
STEP_S = STEP_PS * 1e-12
"""Time step of decks where no other is asked for; docs/verification.md says what half of it is."""


@dataclass(frozen=True)
class Analysis:
    """Transient analysis: internal step, end, output step, and the ramp of all biases, in s.

    A ``temperature_K`` above 0 gives every resistance its thermal noise, white up to
    ``noise_bandwidth_Hz`` and drawn from ``seed`` (None: the simulator draws one).
    """

    stop_s: float
    step_s: float = STEP_S
    print_step_s: float = 0.5e-12
    ramp_s: float = 10e-12
    temperature_K: float = 0.0
    noise_bandwidth_Hz: float = 1e12
    seed: int | None = None


class Probe(NamedTuple):
    """Asks for the phase of ``junction`` in the cell placed at ``path``."""

    path: tuple[str, ...]
    junction: str

    @property
    def inside_out(self) -> tuple[str, ...]:
        """The junction, then the instances that it is in, outwards."""
        return (self.junction, *self.path[::-1])

    @property
    def column(self) -> str:
        """The column's name in JoSIM's output: inside-out, upper case."""
        return f"P({'|'.join(self.inside_out)})".upper()

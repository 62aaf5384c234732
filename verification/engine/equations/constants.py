"""Physical constants as JoSIM 2.7 has them (its syntax guide, table "Constants").

The engine uses the same digits as JoSIM, not today's CODATA values, because a phase that has
advanced by hundreds of radians shows a difference in the tenth digit.
"""

from __future__ import annotations

import math

from netlist_gen.constants import PHI0

BOLTZMANN = 1.38064852e-23
"""Boltzmann constant, J/K."""
ELEMENTARY_CHARGE = 1.6021766208e-19
"""Elementary charge, C."""
HBAR = 1.0545718001391127e-34
"""Reduced Planck constant, J s."""
SIGMA = 3.291059757e-16
"""Flux quantum over 2 pi, Wb (hbar / 2e), as JoSIM rounds it."""

NAMED: dict[str, float] = {
    "PI": math.pi,
    "PHI_ZERO": PHI0,
    "BOLTZMANN": BOLTZMANN,
    "EV": ELEMENTARY_CHARGE,
    "HBAR": HBAR,
    "C": 299792458.0,
    "MU0": 12.566370614e-7,
    "EPS0": 8.854187817e-12,
    "SIGMA": SIGMA,
}
"""Constants that an expression in a deck may name."""

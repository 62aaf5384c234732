"""Physical constants of the verification side."""

from __future__ import annotations

import math

PHI0_WB = 2.067833848461929e-15
"""Magnetic flux quantum h/2e in Wb: exact in the SI of 2019 (CODATA 2018, 16 digits).

JoSIM 2.7 computes with 2.067833831170082e-15, 8e-9 less: far below any tolerance used here.
"""

TWO_PI = 2.0 * math.pi

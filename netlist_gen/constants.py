"""Physical constants that several rooms use."""

from __future__ import annotations

import math

PHI0 = 2.067833831170082e-15
"""Magnetic flux quantum h/2e, Wb, of one value everywhere: sources give it, junctions count it.

It is JoSIM 2.7's (``Constants.hpp``); the SI's exact h/2e (CODATA 2018: 2.067833848461929e-15) is
8e-9 more, far below any tolerance used here.
"""

TWO_PI = 2.0 * math.pi

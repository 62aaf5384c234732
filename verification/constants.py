"""Physical constants of the verification side."""

from __future__ import annotations

import math

from netlist_gen.circuit.model import PHI0

PHI0_WB = PHI0
"""Magnetic flux quantum in Wb, of one value everywhere: sources give it, junctions count it.

It is JoSIM's; the SI's exact h/2e (CODATA 2018: 2.067833848461929e-15) is 8e-9 more, far below
any tolerance used here.
"""

TWO_PI = 2.0 * math.pi

"""Options of ``performance``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from netlist_gen.library.chip import ProfileOptions
from netlist_gen.library.options import TIME_FIRST_HELP, ClockOptions
from netlist_gen.options import option

COOLING_W_PER_W = 400.0
"""Wall-plug watts for one watt at 4.2 K: the usual figure for large 4 K plants.

Values in use run from 300 to 1000; every result prints the one it used.
"""


@dataclass(frozen=True)
class PerformanceOptions(ClockOptions, ProfileOptions):
    """What to take the figures of.

    Attributes:
        samples: the first so many; the dynamic energy is the mean over them.
        cooling: watts at the wall for one at 4.2 K.
        clock_ghz: None is that of ``verified``, or the design's.
        verified: directory of a finished run of ``verify`` that simulated the network.
        time_first: whether steps are the first axis of the samples, as snnTorch has them.
    """

    samples: int = option(100, "Take the first so many.", least=1)
    cooling: float = option(COOLING_W_PER_W, "Wall-plug watts for one at 4.2 K.", positive=True)
    clock_ghz: float | None = option(
        None,
        "Clock in GHz [default: that of --verified, or the process's; of sfq5ee 8.929].",
        positive=True,
    )
    verified: Path | None = option(
        None, "A finished run of verify: the clock is the one that it simulated NET at."
    )
    time_first: bool = option(False, TIME_FIRST_HELP)

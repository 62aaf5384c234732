"""Options of ``plot`` and ``compare``."""

from __future__ import annotations

import math
from dataclasses import dataclass

from netlist_gen.errors import ConfigurationError
from netlist_gen.options import Options, option

LAYOUTS = ("stacked", "grid", "combined")
PHASES = ("rad", "2pi", "pulses")


@dataclass(frozen=True)
class PlotOptions(Options):
    """How waveforms are drawn. Layouts and units have josim-plot's names.

    Attributes:
        layout: "stacked" is a panel for each signal above one another, "grid" side by side,
            "combined" a panel for each unit.
        phases: "rad"; "2pi": turns of 2 pi, less the first sample's; "pulses": the voltage
            Phi0 / 2 pi * d(phase)/dt in mV, in which each turn is a pulse.
        window_ps: the times that are shown, (from, to); None is all.
        marks: mark each pulse, timed where a phase crosses the middle of a turn (a voltage:
            where its integral crosses that of a fluxon).
    """

    layout: str = option("stacked", "Panels: one for each signal, or each unit.", choices=LAYOUTS)
    phases: str = option("rad", "Unit of phases; pulses: their voltage in mV.", choices=PHASES)
    window_ps: tuple[float, ...] | None = option(
        None, "Times shown, in ps [default: all].", flag="--window", metavar="FROM:TO"
    )
    marks: bool = option(False, "Mark each pulse.")

    def __post_init__(self) -> None:
        asked = self.window_ps
        if isinstance(asked, str):
            object.__setattr__(self, "window_ps", _numbers(asked))
        super().__post_init__()
        window = self.window_ps
        if window is not None and not (
            len(window) == 2 and -math.inf < window[0] < window[1] < math.inf
        ):
            raise ConfigurationError(
                f"--window is {asked!r}; it must be FROM:TO in ps, FROM before TO"
            )


def _numbers(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(":"))
    except ValueError:
        return ()


@dataclass(frozen=True)
class CompareOptions(Options):
    """What may differ between waveforms that agree.

    Attributes:
        turns: of a phase, at any time, in turns of 2 pi.
        shift_ps: of the time of a pulse, in ps.
        share: of a voltage or current, at any time, over the signal's range. Wide, since a steep
            pulse that shifts by a hundredth of its width moves a tenth of its height.
        overlap: one may begin later or end earlier than the other.
    """

    turns: float = option(0.1, "Largest difference of a phase, in turns of 2 pi.", positive=True)
    shift_ps: float = option(0.1, "Largest shift of a pulse, ps.", positive=True)
    share: float = option(
        0.2, "Largest difference of a voltage or current, over its range.", positive=True
    )
    overlap: bool = option(False, "One may begin later or end earlier than the other.")

"""What a run gives, and what to take from it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from verification.waves.waveforms import Waveforms

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Pulses:
    """Advances of one junction's phase by 2 pi.

    Attributes:
        time_s: when the phase crossed the middle, shape (pulses,), rising.
        sign: +1 for an advance, -1 for a return.
    """

    time_s: FloatArray
    sign: NDArray[np.int8]


@dataclass(frozen=True, eq=False)
class LaneResult:
    """What one lane gave.

    Attributes:
        step_s: the internal step used, after halvings.
        waveforms: the printed signals, or None where they were not kept.
        pulses: by junction label, where asked for.
        bias_energy_J: work of each current source from t = 0 on, by label, where asked for.
    """

    step_s: float
    waveforms: Waveforms | None = None
    pulses: dict[str, Pulses] = field(default_factory=dict)
    bias_energy_J: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Extract:
    """What to take from a run.

    Attributes:
        waveforms: whether to keep the printed signals.
        pulses: labels of junctions whose pulses to extract while running.
        rest_s: when their phases are at rest: pulses are counted from then on.
        energy: whether to sum up the work of the current sources.
        max_pulses: how many pulses one junction may give.
        sample_s: rising times, s: the printed signals are kept at the first step at or after each
            of these alone, whatever the deck's print step; None keeps all that the deck prints.
    """

    waveforms: bool = True
    pulses: tuple[str, ...] = ()
    rest_s: float = 0.0
    energy: bool = False
    max_pulses: int = 4096
    sample_s: FloatArray | None = None

"""The time axis of a JoSIM run, checked and restored to full precision.

JoSIM writes 7 significant digits: on a 0.1 ps grid, stamps repeat beyond 1 us. It also halves
its internal step by itself. Both are handled by doing again what it does: its internal times
are i * step, and a sample is printed at the first of them at or beyond each print point
(JoSIM 2.7, ``Output.cpp`` and ``Simulation.cpp``). The axis that agrees with every printed
stamp to its last digit is the true one.

JoSIM looks for the second sample from the first one's step on. Where rounding puts the first print
point just beyond a step, the next step answers both points, and JoSIM prints it twice.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from netlist_gen.errors import WaveformError
from verification.waves.josim_controls import Transient

FloatArray = NDArray[np.float64]

_MOST_HALVINGS = 8


def josim_axis(transient: Transient, halvings: int = 0) -> FloatArray:
    """The times JoSIM prints for a ``.tran`` line after so many halvings of its step, in seconds.

    They rise; the first may come twice (see the module).

    Raises:
        WaveformError: the line leaves nothing to print.
    """
    step = transient.step_s / 2**halvings
    inner = int(transient.stop_s / step)
    first = int(_first_step(np.array([transient.print_start_s]), step)[0])
    if first >= inner:
        raise WaveformError(
            f".tran prints from {transient.print_start_s:.6g} s, but JoSIM's last step "
            f"is before that (stop at {transient.stop_s:.6g} s)"
        )
    # JoSIM adds the print step again and again; its rounding decides which step is printed.
    count = int((transient.stop_s - transient.print_start_s) / transient.print_step_s) + 2
    points = np.full(count, transient.print_step_s)
    points[0] += transient.print_start_s
    at = _first_step(np.add.accumulate(points), step)
    # One sample for each step at most, the search starting at the first printed one.
    order = np.arange(count)
    at = np.maximum.accumulate(np.maximum(at, first) - order) + order
    return np.concatenate(([first], at[at < inner])) * step


def _first_step(points: FloatArray, step: float) -> NDArray[np.int64]:
    """The first i for which i * step, as rounded, is at or beyond each point."""
    at = np.ceil(points / step).astype(np.int64)
    at -= (at - 1) * step >= points
    at += at * step < points
    return at


def restore_josim_axis(printed_s: FloatArray, transient: Transient, digits: int) -> FloatArray:
    """The exact times behind printed ones, shape (samples,); the first may come twice.

    Args:
        printed_s: time stamps as read, in seconds, shape (samples,).
        transient: what the deck asked for.
        digits: significant digits of the format (7 in CSV, 6 in raw).

    Raises:
        WaveformError: samples are missing, or the stamps are not those of this ``.tran`` line.
    """
    last_digit = np.zeros_like(printed_s)
    positive = printed_s > 0.0
    last_digit[positive] = 10.0 ** (np.floor(np.log10(printed_s[positive])) - (digits - 1))
    tolerance = 0.51 * last_digit
    most_agreeing = -1
    closest = np.empty(0)
    for halvings in range(_MOST_HALVINGS + 1):
        axis = josim_axis(transient, halvings)
        shared = min(axis.size, printed_s.size)
        off = np.abs(axis[:shared] - printed_s[:shared]) > tolerance[:shared]
        agreeing = int(np.argmax(off)) if off.any() else shared
        if axis.size == printed_s.size == agreeing:
            return axis
        if agreeing > most_agreeing:
            most_agreeing, closest = agreeing, axis
    asked = (
        f".tran to {transient.stop_s:.6g} s in prints of {transient.print_step_s:.6g} s "
        f"makes {closest.size} samples"
    )
    if most_agreeing == printed_s.size:
        raise WaveformError(f"the output was cut short: it holds {printed_s.size}, but {asked}")
    if most_agreeing == closest.size:
        raise WaveformError(f"the output holds {printed_s.size} samples, but {asked}")
    raise WaveformError(
        f"time stamp {printed_s[most_agreeing]:.{digits}g} s of sample {most_agreeing} is not on "
        f"the grid that the deck asks for (expected {closest[most_agreeing]:.{digits + 2}g} s), "
        f"even after {_MOST_HALVINGS} halvings of the step: the output is another deck's or damaged"
    )

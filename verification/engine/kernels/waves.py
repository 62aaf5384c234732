"""Value of one source at one time, compiled. The formulas are those of JoSIM 2.7's Function.cpp."""
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import math

from verification.engine.kernels.compiling import kernel


@kernel
def source_value(kind, data, begin, length, time):
    """Value of the wave whose encoded numbers are data[begin : begin + length]."""
    if kind == 0:
        return data[begin]
    if kind == 1:
        return _pwl(data, begin, length // 2, time)
    if kind == 2:
        return _pulse(data, begin, time)
    if kind == 3:
        return _sin(data, begin, time)
    if kind == 4:
        return _exp(data, begin, time)
    if kind == 5:
        return _pws(data, begin, length // 2, time)
    if kind == 6:
        return _cus(data, begin, length, time)
    return 0.0  # noise is made elsewhere


@kernel
def _find(data, begin, points, time):
    """Index of the last point at or before ``time``."""
    low, high = 0, points - 1
    while low < high:
        middle = (low + high + 1) // 2
        if data[begin + middle] <= time:
            low = middle
        else:
            high = middle - 1
    return low


@kernel
def _pwl(data, begin, points, time):
    if time < data[begin]:
        return 0.0
    at = _find(data, begin, points, time)
    y1 = data[begin + points + at]
    if at == points - 1:
        return y1
    x1, x2 = data[begin + at], data[begin + at + 1]
    return y1 + ((data[begin + points + at + 1] - y1) / (x2 - x1)) * (time - x1)


@kernel
def _pws(data, begin, points, time):
    if time <= data[begin]:
        return data[begin + points]
    at = _find(data, begin, points, time)
    y1 = data[begin + points + at]
    if at == points - 1:
        return y1
    x1, x2 = data[begin + at], data[begin + at + 1]
    part = (time - x1) / (x2 - x1)
    return y1 + (data[begin + points + at + 1] - y1) * 0.5 * (1.0 - math.cos(math.pi * part))


@kernel
def _pulse(data, begin, time):
    low, high = data[begin], data[begin + 1]
    delay, rise, fall = data[begin + 2], data[begin + 3], data[begin + 4]
    width, period = data[begin + 5], data[begin + 6]
    if time < delay:
        return low
    inside = time - delay - int((time - delay) / period) * period
    if inside < rise:
        return low + (high - low) * inside / rise
    if inside < rise + width:
        return high
    if inside < rise + width + fall:
        return high + (low - high) * (inside - rise - width) / fall
    return low


@kernel
def _sin(data, begin, time):
    offset, amplitude, frequency = data[begin], data[begin + 1], data[begin + 2]
    delay, damping = data[begin + 3], data[begin + 4]
    phase, cycles = data[begin + 5], data[begin + 6]
    if time < delay:
        return offset
    elapsed = time - delay
    if cycles > 0.0 and frequency > 0.0 and elapsed >= cycles / frequency:
        return offset
    angle = 2.0 * math.pi * frequency * elapsed + phase
    return offset + amplitude * math.sin(angle) * math.exp(-damping * elapsed)


@kernel
def _exp(data, begin, time):
    a1, a2 = data[begin], data[begin + 1]
    td1, tau1 = data[begin + 2], data[begin + 3]
    td2, tau2 = data[begin + 4], data[begin + 5]
    if time < td1:
        return a1
    first = a1 + (a2 - a1) * (1 - math.exp(-(time - td1) / tau1))
    if time < td2:
        return first
    return first + (a1 - a2) * (1 - math.exp(-(time - td2) / tau2))


@kernel
def _cus(data, begin, length, time):
    spacing, mode, delay = data[begin], int(data[begin + 2]), data[begin + 3]
    if time < delay:
        return 0.0
    first = begin + 5
    count = length - 5
    if mode == 2:
        count //= 2
    region = count * spacing
    inside = time - delay
    if data[begin + 4] != 0.0:
        inside -= math.floor(time / region) * region
    if inside > region:
        return 0.0
    at = min(int(inside / spacing), count - 1)
    if mode == 0:
        return data[first + at]
    if mode == 1:
        before = data[first + at - 1] if at > 0 else 0.0
        return before + ((data[first + at] - before) / spacing) * (inside - at * spacing)
    return _cubic(data, first, count, spacing, delay, inside)


@kernel
def _cubic(data, first, count, spacing, delay, inside):
    """Natural cubic spline through the data, straight lines beyond its ends."""
    position = (inside - delay) / spacing
    floor = int(math.floor(position))  # noqa: RUF046 - a double where a GPU is the target
    at = min(max(floor, 0), count - 2)
    second = first + count
    y1, y2 = data[first + at], data[first + at + 1]
    m1, m2 = data[second + at], data[second + at + 1]
    t = position - at
    if t < 0.0 or t > 1.0:
        edge = 0.0 if t < 0.0 else 1.0
        value = y1 if t < 0.0 else y2
        a, b = 1.0 - edge, edge
        slope = y2 - y1 + spacing**2 / 6.0 * (-(3 * a * a - 1) * m1 + (3 * b * b - 1) * m2)
        return value + slope * (t - edge)
    a, b = 1.0 - t, t
    curve = (a**3 - a) * m1 + (b**3 - b) * m2
    return a * y1 + b * y2 + spacing**2 / 6.0 * curve

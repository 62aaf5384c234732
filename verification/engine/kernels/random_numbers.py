"""Random numbers by counter: the n-th number of a stream depends on nothing but seed and n.

So noise is the same whatever the number of threads, tiles or lanes, and a run can start anywhere.
The mixing function is the finaliser of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).
"""
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import math

import numpy as np

from verification.engine.kernels.compiling import kernel

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX2 = np.uint64(0x94D049BB133111EB)


@kernel
def mix(value):
    """SplitMix64's finaliser on a uint64."""
    z = value
    z = (z ^ (z >> np.uint64(30))) * _MIX1
    z = (z ^ (z >> np.uint64(27))) * _MIX2
    return z ^ (z >> np.uint64(31))


@kernel
def gaussian(seed, stream, counter):
    """Standard normal number ``counter`` of ``stream`` (Box and Muller)."""
    key = mix(np.uint64(seed) + _GOLDEN)
    key = mix(key ^ (np.uint64(stream) * _GOLDEN + np.uint64(1)))
    first = mix(key ^ mix(np.uint64(2 * counter) * _GOLDEN + np.uint64(3)))
    second = mix(key ^ mix(np.uint64(2 * counter + 1) * _GOLDEN + np.uint64(3)))
    u1 = (float(first >> np.uint64(11)) + 0.5) * 2.0**-53
    u2 = float(second >> np.uint64(11)) * 2.0**-53
    return math.sqrt(-2.0 * math.log(u1)) * math.cos(2.0 * math.pi * u2)

"""Kernels made ready before a run's clock starts: in a fresh installation compiling takes seconds.

Numba compiles at the first call, for each width of a tile, and later loads from its cache.
"""

from __future__ import annotations

import threading

from verification.engine.run import compile_deck

# A source with corners and a junction: the smallest deck that goes through all ways in.
_DECK = """.model jj1 jj(rtype=1, vg=2.8m, cap=0.07p, r0=160, rn=16, icrit=0.1m)
I1 0 1 pwl(0 0 1p 1u)
B1 1 0 jj1
.tran 0.5p 2p 0 0.5p
.print p(b1)
"""
_lock = threading.Lock()
_ready: set[bool] = set()


def make_ready(lanes: int) -> None:
    """Compile or load what a run of so many lanes takes; nothing from the second call on.

    A lane that has to go on by itself with a smaller step takes the kernels of one lane.
    """
    alone = lanes == 1
    with _lock:
        if alone not in _ready:
            compile_deck(_DECK, name="readiness").run_lanes([{}] if alone else [{}, {}])
            _ready.add(alone)

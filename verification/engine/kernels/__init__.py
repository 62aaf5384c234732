"""The compiled part of the engine; ``run_tile`` and ``factorise_tile`` are the ways in.

Numba caches what it compiles beside the file of a way in, and looks at the date of that file alone.
The ways in therefore carry a digest of all sources that they are compiled from, as a value that
they close over: Numba keeps it in the key of the cache, so no kernel of another version is used.

The functions are untyped for mypy because Numba infers the types.
"""

from verification.engine.kernels.entry import factorise_tile, run_tile
from verification.engine.kernels.solve import DONE, INCOMPLETE, SINGULAR, TOO_FAST

__all__ = ["DONE", "INCOMPLETE", "SINGULAR", "TOO_FAST", "factorise_tile", "run_tile"]

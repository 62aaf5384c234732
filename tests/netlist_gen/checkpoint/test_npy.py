"""Arrays out of the bytes of .npy files."""

from __future__ import annotations

import io

import numpy as np
import pytest

from netlist_gen.checkpoint.npy import parse_npy


@pytest.mark.parametrize("shape", [(), (4,), (2, 3), (3, 1, 2), (0, 5)])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("kind", ["i1", "<i8", ">i4", "<f4", "?"])
def test_an_array_is_what_numpy_wrote(shape, order, kind):
    count = int(np.prod(shape))
    array = np.array(np.arange(count).reshape(shape), dtype=kind, order=order)
    stream = io.BytesIO()
    np.save(stream, array)
    found = parse_npy(stream.getvalue())
    assert (found.shape, found.dtype) == (array.shape, array.dtype)
    np.testing.assert_array_equal(found, array)

"""Real-valued layers made ternary."""

from __future__ import annotations

import numpy as np
import pytest

from netlist_gen.checkpoint.real import by_magnitude
from netlist_gen.errors import ConfigurationError


def test_ternary_weights_by_magnitude():
    """What is below the dead zone is 0, the rest a sign times the mean of what stays."""
    weights = np.array([[0.1, -2.0, 1.0, 0.9], [4.0, 0.0, 0.0, -4.0]])
    kept = np.array([[0, -1.3, 1.3, 1.3], [4, 0, 0, -4]])
    for rule in (by_magnitude(), by_magnitude(None), by_magnitude(4), by_magnitude(9)):
        np.testing.assert_allclose(rule(weights), kept)
    np.testing.assert_allclose(by_magnitude(2)(weights), [[0, -1.5, 1.5, 0], [4, 0, 0, -4]])
    np.testing.assert_allclose(by_magnitude(1)(weights), [[0, -2, 0, 0], [4, 0, 0, 0]])
    np.testing.assert_array_equal(by_magnitude()(np.zeros((1, 3))), np.zeros((1, 3)))
    with pytest.raises(ConfigurationError, match=r"^fan-in is 0; at least 1 is needed$"):
        by_magnitude(0)

"""Measured against expected: neurons, class lines, simulators against each other."""

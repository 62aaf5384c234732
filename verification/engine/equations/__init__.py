"""From a flat circuit to equations and their factors."""

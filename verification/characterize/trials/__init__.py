"""Runs of a bench with other values, and their judgement."""

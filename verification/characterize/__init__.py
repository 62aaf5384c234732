"""Characterization of cells: delay, margins, yield, noise, energy, speed, and models of them."""

"""From decks to a verdict: simulators, waveforms, pulses, energy, comparison, report."""

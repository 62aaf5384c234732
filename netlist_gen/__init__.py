"""From a trained ternary spiking network to SFQ netlists that are verified.

The flow, left to right: checkpoint, network, circuit, deck. The package
``verification`` takes over from there: waveforms, pulses, verdict.
"""

__version__ = "0.1.0"

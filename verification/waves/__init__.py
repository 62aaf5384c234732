"""Waveforms, their files, and the pulses and readings taken from them."""

"""Circuits: instances and nets as objects, and the names of a neuron's parts."""

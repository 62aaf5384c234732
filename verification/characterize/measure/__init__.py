"""What is measured of a cell or neuron."""

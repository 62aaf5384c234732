"""What proves a network: classes of windows, coverage, made windows, faults."""

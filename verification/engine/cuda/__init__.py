"""Lanes on a GPU: the time loop with a lane for each thread, or several threads for each lane."""

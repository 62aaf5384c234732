"""What to run, running it, and the ledger that makes a broken run resumable."""

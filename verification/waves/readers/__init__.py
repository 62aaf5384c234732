"""One reader for each output format, all of them strict about counts, units and truncation."""

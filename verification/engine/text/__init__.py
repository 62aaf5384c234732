"""From a deck's text to a flat circuit."""

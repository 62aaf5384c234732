"""From circuits to decks: text of each dialect, linter, windows, files, manifest."""

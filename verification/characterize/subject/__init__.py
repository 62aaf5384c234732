"""What is characterized: a cell on its bench."""

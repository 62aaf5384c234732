"""Many copies of one circuit stepped side by side."""

"""Kinds of files that waveforms are kept in; light, as options are made of it."""

from __future__ import annotations

DATA = (".csv", ".npz", ".parquet", ".raw", ".vcd")
"""What ``verification.waves.files`` writes."""

PAGE = ".html"
PICTURES = (".png", ".svg", ".pdf", PAGE)
"""What ``verification.waves.plot`` writes."""

KINDS = tuple(suffix.removeprefix(".") for suffix in (*DATA, *PICTURES))
"""What may be asked for with a result."""

KINDS_HELP = f"Keep waveforms in these formats, with commas: {', '.join(KINDS)}."

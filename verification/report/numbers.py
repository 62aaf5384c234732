"""Numbers as people read them: SI prefixes, percentages."""

from __future__ import annotations


def engineering(value: float | None, unit: str) -> str:
    """A value with an SI prefix and four digits: 1.52e-9 J is "1.520 nJ"."""
    if value is None:
        return "-"
    if value == 0:
        return f"0 {unit}"
    for scale, prefix in (
        (1e9, "G"),
        (1e6, "M"),
        (1e3, "k"),
        (1.0, ""),
        (1e-3, "m"),
        (1e-6, "µ"),
        (1e-9, "n"),
        (1e-12, "p"),
        (1e-15, "f"),
        (1e-18, "a"),
    ):
        if abs(value) >= scale:
            return f"{value / scale:.4g} {prefix}{unit}"
    return f"{value:.3g} {unit}"


def percent(fraction: float | None) -> str:
    """A signed fraction as a percentage in two digits; below a millionth of one it is 0."""
    if fraction is None:
        return "-"
    value = 100 * fraction
    return "0 %" if abs(value) < 1e-6 else f"{value:+.2g} %"


def share(fraction: float | None) -> str:
    """A part of a whole: 0.95 is "95.00 %"."""
    return "-" if fraction is None else f"{fraction:.2%}".replace("%", " %")

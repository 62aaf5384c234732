"""Factors at a deck's head: an engineer sweeps a whole circuit by editing one line.

    .param bias=1          L1 a b 2.2e-12*ind          IB 0 a pwl(0 0 1e-11 7e-05*bias)

That is JoSIM's form. ngspice takes such a product in braces, WRspice in single quotes: it cuts an
expression without them at its first operator, and rounds one with them to 7 digits where
``.options numdgt`` asks for no more.
"""

from __future__ import annotations

import re

PARAMETERS = {
    "bias": "currents that feed junctions",
    "flux": "currents of control lines",
    "ind": "inductances",
    "icrit": "the critical current of the junction model, at the same capacitance and resistances",
}
"""What each factor multiplies."""

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_GIVEN = re.compile(rf"(?im)^\.param ({'|'.join(PARAMETERS)}) *= *({_NUMBER}) *\r?$")
_SCALED = re.compile(rf"({_NUMBER})\*({'|'.join(PARAMETERS)})\b", re.IGNORECASE)
_SCALED_IN_SIGNS = re.compile(rf"[{{']{_SCALED.pattern}[}}']", re.IGNORECASE)
_DIGITS = re.compile(r"(?m)^\.options (numdgt=15) *\r?$")


def plain_deck(text: str) -> str:
    """A deck with its factors multiplied in, line by line; a deck without them as it is.

    A value becomes the shortest number that is the product, and what it was before where the
    factor is 1.
    """
    given = {name.lower(): float(value) for name, value in _GIVEN.findall(text)}
    if not given:
        return text

    def product(found: re.Match[str]) -> str:
        value, name = found.group(1), found.group(2).lower()
        if name not in given:
            return found.group(0)
        return value if given[name] == 1.0 else f"{float(value) * given[name]:.10g}"

    text = _DIGITS.sub(r"* \1", text)
    text = _GIVEN.sub(lambda found: f"* {found.group(1)}={found.group(2)}", text)
    return _SCALED.sub(product, _SCALED_IN_SIGNS.sub(product, text))

"""What WRspice 4.3 would change in a deck with a warning or without a word.

Each rule is a measured or read fact: ``gnd`` floats, an expression after ``area=`` is cut at its
first operator, ``ic=`` is a starting value and not a size, parameters left out of a model take
values that are not JoSIM's, and a model outside the physical range is reset. Factors at the deck's
head (``netlist_gen.deck.parameters``) are multiplied in before.
"""

from __future__ import annotations

import re

from netlist_gen.deck.dialects import (
    WRSPICE_CAP_PER_A,
    WRSPICE_DELV_PER_VG,
    WRSPICE_RANGES,
)
from netlist_gen.deck.parameters import plain_deck
from netlist_gen.errors import DeckError
from verification.simulators.saved_signals import body_lines
from verification.waves.josim_controls import read_number

MODEL_PARAMETERS = ("vg", "delv", "icrit", "r0", "rn", "cap")
"""Parameters whose defaults differ from JoSIM's: always to be written."""

R0_ICRIT_V = (8e-3, 100e-3)
"""Range of r0 * icrit outside which WRspice resets r0, unless the model has ``force=1``."""

RN_ICRIT_LEAST_V = 0.5e-3
"""Likewise rn * icrit; it may be ``vg * ICFACT`` at most."""

ICFACT = 0.7853981633974483
"""WRspice's default icfact, pi/4."""

_MODEL = re.compile(r"\.model\s+(\S+)\s+jj\s*\((.*)\)\s*", re.IGNORECASE)
_PAIR = re.compile(r"([a-z_]\w*)\s*=\s*(\S+)", re.IGNORECASE)
_GROUNDS = ("gnd", "ground")


def check_wrspice_deck(text: str, *, own: bool = False) -> None:
    """Refuse what WRspice would silently read as another circuit.

    Args:
        text: the deck.
        own: whether it is a deck in WRspice's own words, which need not mean what they would to
            JoSIM: then only grounds that float and expressions that are cut are refused.

    Raises:
        DeckError: a node ``gnd``, a junction without a phase node, with ``ic=`` or ``ics=`` or
            with a size that is not a plain number, a junction model that leaves a parameter to
            its default or lies outside the range that WRspice accepts.
    """
    in_commands = False
    for number, line in body_lines(plain_deck(text)):
        words = line.lower().split()
        if words[0] in (".control", ".exec", ".postrun"):
            in_commands = True
        elif words[0] == ".endc":
            in_commands = False
        if words[0].startswith("*") or in_commands:
            continue
        if words[0] == ".model":
            if not own:
                _check_model(line, number)
        elif words[0].startswith("."):
            continue
        else:
            _check_ground(words, number)
            if words[0].startswith("b"):
                if own:
                    _check_sizes(words, number)
                else:
                    _check_junction(words, number)


def _check_ground(words: list[str], line: int) -> None:
    for word in words[1:]:
        if word in _GROUNDS:
            raise DeckError(
                f"line {line}: node {word!r} is not ground for WRspice and would float; write 0"
            )


def _check_junction(words: list[str], line: int) -> None:
    plain = [word for word in words[1:] if "=" not in word]
    if len(plain) != 4:
        raise DeckError(
            f"line {line}: junction {words[0]!r} has {len(plain)} words before its parameters; "
            "needed are two nodes, a phase node and a model"
        )
    for key, value in _PAIR.findall(" ".join(words)):
        if key in ("ic", "ics"):
            raise DeckError(
                f"line {line}: junction {words[0]!r} has {key}=, which is not its size in every "
                "simulator; write area="
            )
        # An expression would be cut at its first operator.
        read_number(value, line)


def _check_sizes(words: list[str], line: int) -> None:
    for key, value in _PAIR.findall(" ".join(words)):
        if any(sign in value for sign in "+*/^({") or "-" in value[1:].replace("e-", ""):
            raise DeckError(
                f"line {line}: junction {words[0]!r} has {key}={value}; WRspice cuts an expression "
                "there at its first operator, so write a number"
            )


def _check_model(text: str, line: int) -> None:
    match = _MODEL.fullmatch(text)
    if match is None:
        return
    inside = match[2].replace(",", " ")
    values = {key.lower(): read_number(value, line) for key, value in _PAIR.findall(inside)}
    missing = [name for name in MODEL_PARAMETERS if name not in values]
    if missing:
        raise DeckError(
            f"line {line}: model {match[1]!r} leaves {', '.join(missing)} to WRspice's defaults, "
            f"which are not JoSIM's; write {', '.join(MODEL_PARAMETERS)}"
        )
    vg, icrit, r0, rn = (values[key] for key in ("vg", "icrit", "r0", "rn"))
    always = {key: (low, high) for key, (_, low, high) in WRSPICE_RANGES.items()}
    always["delv"] = (WRSPICE_DELV_PER_VG[0] * vg, WRSPICE_DELV_PER_VG[1] * vg)
    always["cap"] = (WRSPICE_CAP_PER_A[0] * icrit, WRSPICE_CAP_PER_A[1] * icrit)
    for key, (low, high) in always.items():
        if not low <= values[key] <= high:
            raise DeckError(
                f"line {line}: model {match[1]!r} has {key} = {values[key]:g}; outside {low:g} to "
                f"{high:g} WRspice resets it, with force=1 too"
            )
    if r0 < rn:
        raise DeckError(
            f"line {line}: model {match[1]!r} has r0 = {r0:g} below rn = {rn:g}; WRspice resets rn"
        )
    if values.get("force") == 1.0:
        return
    unforced = {
        "r0": (r0 * icrit, *R0_ICRIT_V),
        "rn": (rn * icrit, RN_ICRIT_LEAST_V, vg * ICFACT),
    }
    for key, (product, low, high) in unforced.items():
        if not low <= product <= high:
            raise DeckError(
                f"line {line}: model {match[1]!r} has {key} * icrit = {product * 1e3:.4g} mV; "
                f"outside {low * 1e3:.4g} to {high * 1e3:.4g} mV WRspice resets {key} (force=1 "
                "keeps it)"
            )

"""Comments at the end of a line of a JoSIM deck, as JSIM's netlister writes them: ``R1 1 0 5 *x``.

JoSIM 2.7 knows no such comments. It reads over words behind some lines, and takes them for ports,
models or factors behind others; each case here was run in it. Only where the words change nothing
are they a comment.
"""

from __future__ import annotations

from collections.abc import Sequence

_VALUES = dict.fromkeys("RLCK", 4) | dict.fromkeys("EFGH", 6) | {"T": 7}
"""Words of a device up to its last: behind them JoSIM looks for no more than options."""
_OPTIONS = ("TEMP=", "NEB=", "SPREAD=")
_ONE = frozenset({"PHASE", "DEVI"})
_STORES = frozenset({".PRINT", ".PLOT", ".SAVE"})


def remark_at(tokens: Sequence[str]) -> int:
    """Place of the word with which a comment begins, in a line's upper-case words; -1 for none.

    A word that begins with ``*`` inside brackets, or in a ``.param``, belongs to an expression.

    Raises:
        ValueError: JoSIM would not read over the words, with the sentence that says so.
    """
    if tokens[0] in (".PARAM", "PARAM"):
        return -1
    depth = 0
    for at, token in enumerate(tokens):
        if token.startswith("*") and depth == 0 and at > 0:
            if _read_over(tokens, at):
                return at
            raise ValueError(
                f"{token}: JoSIM does not read over words behind this line's values; a comment "
                "must be on a line of its own"
            )
        depth += sum(token.count(sign) for sign in "({[") - sum(token.count(s) for s in ")}]")
    return -1


def _read_over(tokens: Sequence[str], at: int) -> bool:
    first = tokens[0]
    if first in _STORES:
        if tokens[1] in _ONE:
            return at >= 3
        return at >= 2 and tokens[at - 1].endswith((")", "]", "#BRANCH"))
    if first in (".FILE", "FILE"):
        return at == 2
    if first == ".ENDS":
        return True
    if first[0] in "IVP":
        return tokens[at - 1].endswith(")") and any("(" in token for token in tokens[3:at])
    if any(token.startswith(_OPTIONS) or "SPREAD=" in token for token in tokens[at:]):
        return False
    return first[0] in _VALUES and at >= _VALUES[first[0]]

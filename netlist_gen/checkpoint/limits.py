"""How much of a file is read: what a small file may become in memory.

A compressed file of a megabyte can hold a gigabyte of zeros, and a header of 100 bytes can declare
any number of them. Each format adds up what its file declares before it makes room for any.
"""

from __future__ import annotations

from netlist_gen.errors import NetworkError

MOST_FILE_BYTES = 1 << 30
MOST_MEMBERS = 16_384  # of an archive, or groups and datasets; a layer has some five
MOST_TEXT = 1 << 20  # characters of JSON; a card has some 2000
MOST_NEURONS = 1 << 17  # each may take 50 us to fold; the largest networks here have 1000

# Ternary weights as float32 shrink some 50 times, and small files may do better.
_FREE_BYTES = 64 << 20
_RATIO = 64


def allowed_bytes(file_bytes: int) -> int:
    """Bytes that the arrays of a file of this size may take."""
    return min(MOST_FILE_BYTES, max(_FREE_BYTES, _RATIO * file_bytes))


def check_unpacked(declared: int, file_bytes: int) -> None:
    """Refuse a file whose arrays take more than a file of its size may declare."""
    allowed = allowed_bytes(file_bytes)
    if declared > allowed:
        raise NetworkError(
            f"its arrays take {declared} bytes unpacked; a file of {file_bytes} bytes may declare "
            f"at most {allowed} ({_FREE_BYTES}, or {_RATIO} times its size up to {MOST_FILE_BYTES})"
        )


def check_neurons(count: int) -> None:
    """Refuse more neurons than any network that could be built."""
    if count > MOST_NEURONS:
        raise NetworkError(f"the network has {count} neurons; at most {MOST_NEURONS} are read")

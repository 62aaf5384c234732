"""Zip archives that are damaged or hostile, as .npz and .pt: refused by a sentence."""

from __future__ import annotations

import io
import re
import struct
import zipfile

import numpy as np
import pytest

from netlist_gen.checkpoint import read_network
from netlist_gen.checkpoint.archive import read_members
from netlist_gen.errors import NetworkError

ARRAYS = {
    "w0": np.array([[1, 0], [0, -1]], dtype=np.int8),
    "theta0": np.array([1, 2], dtype=np.int32),
}


def npz(**changes) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **{**ARRAYS, **changes})
    return buffer.getvalue()


def edited(data: bytes, offset: int, layout: str, value: int, *, local: int | None = None) -> bytes:
    """A field of the first directory entry set (and of the first local header, if asked)."""
    changed = bytearray(data)
    struct.pack_into(layout, changed, data.index(b"PK\1\2") + offset, value)
    if local is not None:
        struct.pack_into(layout, changed, local, value)
    return bytes(changed)


def twice() -> bytes:
    buffer = io.BytesIO(npz())
    with pytest.warns(UserWarning, match="Duplicate name"), zipfile.ZipFile(buffer, "a") as file:
        file.writestr("theta0.npy", b"")
    return buffer.getvalue()


def flipped() -> bytes:
    data = bytearray(npz())
    data[data.index(b"\1\0\0\xff")] = 0xFF  # a weight 1 becomes -1
    return bytes(data)


def renamed() -> bytes:
    return npz().replace(b"theta0.npy", b"theta0.npz", 1)


def bomb(size: int = 1 << 27) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("w0.npy", bytes(size))
    return buffer.getvalue()


def short() -> bytes:
    """The directory says more bytes than the member has; its checksum is right."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("w0.npy", b"abc")
    return edited(buffer.getvalue(), 24, "<I", 4)


def swallowed() -> bytes:
    """The comment of the first entry is as long as the entry after it."""
    return edited(npz(), 32, "<H", 46 + len("theta0.npy"))


DAMAGED = "it is not whole"
ALLOWED = "67108864 (67108864, or 64 times its size up to 1073741824)"
REFUSED = [
    (lambda: b"", f"{DAMAGED}: it is empty"),
    (lambda: npz()[:200], f"{DAMAGED}: it has no zip directory"),
    (twice, "the archive holds 'theta0.npy' twice; once is needed"),
    (
        lambda: edited(npz(), 8, "<H", 1),
        "'w0.npy' in the archive is encrypted; save it without a password",
    ),
    (
        lambda: edited(npz(), 10, "<H", 99),
        "'w0.npy' in the archive is packed by method 99; stored (0) and deflated (8) are allowed",
    ),
    (flipped, f"{DAMAGED}: Bad CRC-32 for file 'w0.npy'"),
    (
        renamed,
        f"{DAMAGED}: File name in directory 'theta0.npy' and header b'theta0.npz' differ.",
    ),
    (
        bomb,
        f"its arrays take 134217728 bytes unpacked; a file of {len(bomb())} bytes may declare at "
        f"most {ALLOWED}",
    ),
    (
        lambda: edited(npz(), 24, "<I", (1 << 32) - 2),
        f"its arrays take 4294967430 bytes unpacked; a file of {len(npz())} bytes may declare at "
        f"most {ALLOWED}",
    ),
    (swallowed, f"{DAMAGED}: its zip directory has another length than it says"),
    (short, "'w0.npy' in the archive has 3 bytes, not the 4 that its directory says"),
    (lambda: b"PK\1\2" * 16_385 + npz(), "the archive has more than 16384 members"),
]


@pytest.mark.parametrize(("make", "message"), REFUSED, ids=range(len(REFUSED)))
def test_archives_that_are_refused(make, message):
    with pytest.raises(NetworkError, match=f"^{re.escape(message)}$"):
        read_members(make(), DAMAGED)


def test_members_keep_their_order():
    members = read_members(npz(population=np.array(2)), DAMAGED)
    assert list(members) == ["w0.npy", "theta0.npy", "population.npy"]


def with_member(name: str, content: bytes) -> bytes:
    buffer = io.BytesIO(npz())
    with zipfile.ZipFile(buffer, "a") as file:
        file.writestr(name, content)
    return buffer.getvalue()


def npy(header: str, values: bytes = b"") -> bytes:
    text = header.encode() + b"\n"
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(text)) + text + values


HEADER = "{{'descr': '{}', 'fortran_order': False, 'shape': {}, }}"
NOT_NPY = "'w1.npy' in the archive is no .npy array"
MEMBERS = [
    ("w1.npy", b"abc", f"{NOT_NPY}: it does not begin as .npy files do"),
    (
        "w1.npy",
        npy("{'descr': '|i1', "),
        f"{NOT_NPY}: its header can't be read: TokenError ('EOF in multi-line statement', (2, 0))",
    ),
    (
        "w1.npy",
        npy("{{}: 1}"),
        f"{NOT_NPY}: its header can't be read: TypeError unhashable type: 'dict'",
    ),
    (
        "w1.npy",
        npy(HEADER.format("|i1", "(99999999999999999999999,)"), bytes(24)),
        f"{NOT_NPY}: Failed to read all data for shape (99999999999999999999999,) of type int8: "
        "99999999999999999999999 bytes are declared, 24 are there",
    ),
    (
        "w1.npy",
        npy(HEADER.format("|i1", "(2,)"), bytes(3)),
        f"{NOT_NPY}: 1 bytes follow the 2 values of its array",
    ),
    (
        "w1.npy",
        npy(HEADER.format("<U0", "(1000000000000,)")),
        f"{NOT_NPY}: its header declares shape (1000000000000,) of type <U0",
    ),
    (
        "w1",
        npy(HEADER.format("|i1", "(2,)"), bytes(2)),
        "array 'w1' has shape (2,); (outputs, inputs) is needed",
    ),
    (
        "w0\n{{7*7}}.npy",
        npy(HEADER.format("|i1", "(2,)"), bytes(2)),
        "array 'w0\\n{{7*7}}' is not known; allowed are w0, theta0, w1, theta1, ..., of lasting "
        "membranes reset0, subtract0, beta0, ..., population and card",
    ),
    (
        "w0",
        npy(HEADER.format("|i1", "(2,)"), bytes(2)),
        "the archive holds 'w0' with and without .npy; once is needed",
    ),
]


@pytest.mark.parametrize(("name", "content", "message"), MEMBERS, ids=range(len(MEMBERS)))
def test_members_that_are_no_arrays(tmp_path, name, content, message):
    path = tmp_path / "net.npz"
    path.write_bytes(with_member(name, content))
    if name == "w1":  # needs its theta to come as far as its shape
        np.savez(path, **ARRAYS, w1=np.zeros(2, np.int8), theta1=np.zeros(1, np.int32))
    with pytest.raises(NetworkError, match=f"^{re.escape(f'{path}: {message}')}$"):
        read_network(path)


CARDS = [
    ('{"a":' * 1000 + "1" + "}" * 1000, "array 'card' is nested more than 64 levels deep"),
    ('{"a":' * 90 + "1" + "}" * 90, "array 'card' is nested more than 64 levels deep"),
    ('{"seed": 1, "seed": 2}', "array 'card' has the name 'seed' twice in an object"),
    ("[1]", "array 'card' must be a JSON object"),
    ("{", "array 'card' is not JSON: Expecting property name enclosed in double quotes: "
     "line 1 column 2 (char 1)"),
    ('"' + "a" * (1 << 20), "array 'card' has 1048577 characters; at most 1048576 are read"),
]  # fmt: skip


@pytest.mark.parametrize(("card", "message"), CARDS, ids=range(len(CARDS)))
def test_cards_that_are_refused(tmp_path, card, message):
    path = tmp_path / "net.npz"
    np.savez(path, **ARRAYS, card=np.asarray(card))
    with pytest.raises(NetworkError, match=f"^{re.escape(f'{path}: {message}')}$"):
        read_network(path)

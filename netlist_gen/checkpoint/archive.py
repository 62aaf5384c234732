"""Zip archives (``.npz`` and ``.pt``): every member whole, once, and as long as it says.

Neither numpy nor torch may read them alone: torch's reader leaves the checksums unread, and both
make room for whatever a header declares.
"""

from __future__ import annotations

import io
import struct
import zipfile

from netlist_gen.checkpoint.limits import MOST_MEMBERS, check_unpacked
from netlist_gen.errors import NetworkError

_METHODS = {zipfile.ZIP_STORED: "stored", zipfile.ZIP_DEFLATED: "deflated"}
_ENCRYPTED = 0x1  # of a member's flags
_DIRECTORY_ENTRY = b"PK\1\2"
_END = b"PK\5\6"
_END_64 = b"PK\6\6"


def read_members(data: bytes, damaged: str, most: int | None = None) -> dict[str, bytes]:
    """The members of an archive by name, in the order of its directory, checksums checked.

    Args:
        data: the archive.
        damaged: the words before the reason, such as "net.npz is not a whole .npz archive".
        most: bytes that its members may take; None: what suits a network in a file of its size.

    Raises:
        NetworkError: the archive is damaged, encrypted, packed by another method than deflate,
            names a member twice, or would take too much room.
    """
    if not data:
        raise NetworkError(f"{damaged}: it is empty")
    end = data.rfind(_END)
    if end < 0:
        raise NetworkError(f"{damaged}: it has no zip directory")
    # zipfile makes an object of each entry before it can be asked how many there are.
    if data.count(_DIRECTORY_ENTRY) > MOST_MEMBERS:
        raise NetworkError(f"the archive has more than {MOST_MEMBERS} members")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            # A length too long in one entry hides those after it in its comment.
            if len(entries) != _stated_count(data, end):
                raise NetworkError(f"{damaged}: its zip directory has another length than it says")
            _check_entries(entries, len(data), most)
            return {entry.filename: _content(archive, entry) for entry in entries}
    except NetworkError:
        raise
    except Exception as error:  # zipfile lets through what its parts raise on a damaged file
        words = str(error) or type(error).__name__
        raise NetworkError(f"{damaged}: {words}") from None


def _stated_count(data: bytes, end: int) -> int:
    (count,) = struct.unpack_from("<H", data, end + 10)
    if count == 0xFFFF:  # stands in the record of large archives, which torch always writes
        (count,) = struct.unpack_from("<Q", data, data.rindex(_END_64, 0, end) + 32)
    return int(count)


def _check_entries(entries: list[zipfile.ZipInfo], file_bytes: int, most: int | None) -> None:
    names = set()
    for entry in entries:
        name = entry.filename
        if name in names:
            raise NetworkError(f"the archive holds '{name}' twice; once is needed")
        names.add(name)
        if entry.flag_bits & _ENCRYPTED:
            raise NetworkError(f"'{name}' in the archive is encrypted; save it without a password")
        if entry.compress_type not in _METHODS:
            raise NetworkError(
                f"'{name}' in the archive is packed by method {entry.compress_type}; stored (0) "
                "and deflated (8) are allowed"
            )
    declared = sum(entry.file_size for entry in entries)
    if most is None:
        check_unpacked(declared, file_bytes)
    elif declared > most:
        raise NetworkError(f"its arrays take {declared} bytes unpacked; at most {most} are read")


def _content(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    content = archive.read(entry)  # checks the CRC-32
    if len(content) != entry.file_size:
        raise NetworkError(
            f"'{entry.filename}' in the archive has {len(content)} bytes, not the "
            f"{entry.file_size} that its directory says"
        )
    return content

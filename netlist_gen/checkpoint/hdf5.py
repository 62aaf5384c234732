"""Groups, arrays and texts of an HDF5 file, read by a process of its own (``hdf5_child.py``)."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from netlist_gen.checkpoint.limits import MOST_MEMBERS, allowed_bytes
from netlist_gen.errors import NetworkError

Tree = dict[str, Any]
"""By name: a tree again, a numpy array, a str, or a list of str in lists."""

_CHILD = Path(__file__).with_name("hdf5_child.py")
_FREE_MEMORY = 1 << 30  # address space: Python, numpy and libhdf5 take 0.4 GB of it
_SECONDS = 1  # of processor time, besides those of a long file
_BYTES_PER_SECOND = 50_000_000  # libhdf5 unpacks some 200 MB in one

_kept: list[subprocess.Popen[bytes]] = []


@dataclass(frozen=True)
class Hdf5File:
    """What is read of a file: the group ``node``, and texts that are attributes of the file."""

    node: Tree
    attributes: dict[str, str]


@contextmanager
def one_reader() -> Iterator[None]:
    """Inside, one process reads all files, so that many small ones are read fast."""
    with _reader() as process:
        _kept.append(process)
        try:
            yield
        finally:
            _kept.remove(process)


def read_hdf5(data: bytes, damaged: str) -> Hdf5File:
    """Read the group ``node`` of a file.

    Args:
        data: the file.
        damaged: the words before the reason, such as "net.nir is not a whole NIR file".

    Raises:
        NetworkError: the file is damaged, leads elsewhere, or would take too much room.
    """
    if not data:
        raise NetworkError(f"{damaged}: it is empty")
    allowed = allowed_bytes(len(data))
    request = {
        "bytes": len(data),
        "allowed": allowed,
        "members": MOST_MEMBERS,
        "memory": _FREE_MEMORY + 2 * len(data) + 3 * allowed,
        "seconds": _SECONDS + (len(data) + allowed) // _BYTES_PER_SECOND,
    }
    if _kept:
        head, values = _ask(_kept[-1], request, data)
    else:
        with _reader() as process:
            head, values = _ask(process, request, data)
    if "died" in head:
        raise NetworkError(f"{damaged}: {_death(head['died'])}")
    if "damaged" in head:
        words = " ".join(head["damaged"].split())
        raise NetworkError(f"{damaged}: {words}")
    if "refused" in head:
        raise NetworkError(head["refused"])
    return Hdf5File(_with_values(head["tree"], memoryview(values))[0], head["attributes"])


@contextmanager
def _reader() -> Iterator[subprocess.Popen[bytes]]:
    # -P: the folder of this package is no place to import from.
    process = subprocess.Popen(
        [sys.executable, "-P", str(_CHILD)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def _ask(
    process: subprocess.Popen[bytes], request: dict[str, int], data: bytes
) -> tuple[dict[str, Any], bytes]:
    """The head and the values of an answer."""
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(json.dumps(request).encode() + b"\n" + data)
        process.stdin.flush()
        status = json.loads(process.stdout.readline() or '{"size": 0, "died": 1}')
    except BrokenPipeError:
        status = {"size": 0, "died": 1}
    if "died" in status:
        return status, b""
    head, _, values = process.stdout.read(status["size"]).partition(b"\n")
    return json.loads(head), values


def _death(code: int) -> str:
    if code in (-signal.SIGXCPU, -signal.SIGKILL):
        return "the HDF5 library does not come to an end with it"
    name = signal.Signals(-code).name if code < 0 else f"exit status {code}"
    return f"the HDF5 library breaks down on it ({name})"


def _with_values(tree: Tree, values: memoryview) -> tuple[Tree, memoryview]:
    """The tree with arrays in their places, and the values that are left."""
    found: Tree = {}
    for name, item in tree.items():
        if isinstance(item, list):
            dtype, shape = np.dtype(item[0]), tuple(item[1])
            size = dtype.itemsize * math.prod(shape)
            found[name] = np.frombuffer(values[:size], dtype).reshape(shape)
            values = values[size:]
        elif set(item) == {"text"} and not isinstance(item["text"], dict):
            found[name] = item["text"]
        else:
            found[name], values = _with_values(item, values)
    return found, values

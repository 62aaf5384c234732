"""Reads HDF5 files in a process of its own: what a damaged file does to libhdf5 stays there.

libhdf5 2.0 crashes on some files of which a few bits are turned and never comes back from others,
so that no process that has other work may open them. ``hdf5.py`` runs this file as a program; it
imports nothing of the project. Each request is answered by a fork with limits of its own.

A request is a line of JSON (``bytes``, ``allowed``, ``members``, ``memory``, ``seconds``) and the
file. An answer is a line of JSON and the values of the arrays that it names, in their order.
"""

from __future__ import annotations

import io
import json
import os
import resource
import sys
import tempfile
from typing import IO, Any

import h5py

_DEEPEST = 8  # graph, nodes, node, parameter: NIR needs four levels


class RefusedError(Exception):
    """A file that is not read for what it is; the message is a sentence."""


class Walk:
    """One walk through a file: what it found, and how much that takes.

    Attributes:
        allowed: bytes that all arrays may take.
        members: groups and datasets that there may be.
        values: of the arrays, in the order in which the tree names them.
    """

    def __init__(self, allowed: int, members: int) -> None:
        self.allowed = allowed
        self.members = members
        self.values: list[bytes] = []
        self._declared = 0
        self._count = 0

    def group(self, group: Any, depth: int = 0) -> dict[str, object]:
        """A group in JSON types, with the arrays as ``[dtype, shape]``."""
        if depth == _DEEPEST:
            raise RefusedError(f"its groups lie more than {_DEEPEST} deep, or hold each other")
        found: dict[str, object] = {}
        for name in group:
            self._count += 1
            if self._count > self.members:
                raise RefusedError(f"it has more than {self.members} groups and datasets")
            place = f"{group.name}/{name}"
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise RefusedError(
                    f"'{place}' is a link to another place; the thing itself is needed"
                )
            item = group[name]
            if isinstance(item, h5py.Group):
                found[name] = self.group(item, depth + 1)
            elif isinstance(item, h5py.Dataset):
                found[name] = self._dataset(item, place)
            else:
                raise RefusedError(f"'{place}' is neither a group nor a dataset")
        return found

    def _dataset(self, dataset: Any, place: str) -> object:
        if dataset.is_virtual or dataset.external:
            raise RefusedError(
                f"'{place}' has its values in another file; this file must hold them"
            )
        if dataset.shape is None:
            raise RefusedError(f"'{place}' holds nothing")
        text = h5py.check_string_dtype(dataset.dtype)
        if text is None and dataset.dtype.kind not in "iufb":
            raise RefusedError(f"'{place}' has type {dataset.dtype}; numbers or text are needed")
        self._declared += dataset.size * dataset.dtype.itemsize
        if self._declared > self.allowed:
            raise RefusedError(
                f"its datasets take {self._declared} bytes and more (with '{place}' of shape "
                f"{dataset.shape}); a file of its size may declare at most {self.allowed}"
            )
        if text is not None:
            return {"text": dataset.asstr()[()].tolist() if dataset.shape else dataset.asstr()[()]}
        array = dataset[()]
        self.values.append(array.tobytes())
        return [array.dtype.str, list(array.shape)]


def _answer(data: bytes, request: dict[str, int], out: IO[bytes]) -> None:
    walk = Walk(request["allowed"], request["members"])
    try:
        with h5py.File(io.BytesIO(data), "r") as file:
            attributes = {
                name: value for name in file.attrs if isinstance(value := file.attrs[name], str)
            }
            if "node" not in file or not isinstance(file["node"], h5py.Group):
                raise RefusedError("it has no group 'node'")
            tree = walk.group(file["node"])
        head: dict[str, object] = {"tree": tree, "attributes": attributes}
    except RefusedError as refusal:
        head, walk.values = {"refused": str(refusal)}, []
    except Exception as error:  # of whatever kind h5py makes of what libhdf5 says
        words = str(error.args[0]) if error.args else type(error).__name__
        head, walk.values = {"damaged": words}, []
    out.write(json.dumps(head).encode() + b"\n")
    out.writelines(walk.values)
    out.flush()


def _serve(requests: IO[bytes], answers: IO[bytes]) -> None:
    while line := requests.readline():
        request = json.loads(line)
        data = requests.read(request["bytes"])
        with tempfile.TemporaryFile() as answer:
            pid = os.fork()
            if pid == 0:
                status = 1
                try:
                    seconds = request["seconds"]
                    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
                    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
                    resource.setrlimit(resource.RLIMIT_AS, (request["memory"], request["memory"]))
                    _answer(data, request, answer)
                    status = 0
                finally:
                    os._exit(status)
            _, died = os.waitpid(pid, 0)
            if died:
                code = os.waitstatus_to_exitcode(died)
                answers.write(json.dumps({"size": 0, "died": code}).encode() + b"\n")
            else:
                answer.seek(0, os.SEEK_END)
                size = answer.tell()
                answer.seek(0)
                answers.write(json.dumps({"size": size}).encode() + b"\n")
                answers.write(answer.read())
            answers.flush()


if __name__ == "__main__":
    _serve(sys.stdin.buffer, sys.stdout.buffer)

"""The digest in our own files: the same in each format, and checked."""

from __future__ import annotations

import io
import json
import re
import zipfile

import h5py
import numpy as np
import pytest
import torch

from netlist_gen.checkpoint import read_checkpoint, read_network, write_network
from netlist_gen.checkpoint.digest import DIGEST_KEY, network_digest
from netlist_gen.checkpoint.real import by_magnitude
from netlist_gen.errors import NetworkError
from netlist_gen.memory import Memory
from netlist_gen.network import TernaryNetwork

NETWORK = TernaryNetwork.from_arrays(
    [[[1, 0, -1], [1, 1, 0]], [[1, -1], [0, 1]]], [[1, 2], [0, -1]], 2
)
DIGEST = "42989739fffa70241541d736a0b565a063c08aa8166cd1af897b4056d7a620a7"


def stored(path) -> str:
    if path.suffix == ".npz":
        return json.loads(str(np.load(path)["card"]))[DIGEST_KEY]
    if path.suffix == ".pt":
        return torch.load(path, weights_only=True)._metadata[""][DIGEST_KEY]
    if path.suffix == ".safetensors":
        from safetensors import safe_open

        with safe_open(path, "numpy") as file:
            return file.metadata()[DIGEST_KEY]
    with h5py.File(path) as file:
        return file.attrs[DIGEST_KEY]


FORMATS = [".npz", ".pt", ".safetensors", ".nir"]


def test_it_is_what_it_has_always_been():
    assert network_digest(NETWORK) == DIGEST


def test_every_part_of_a_network_is_in_it():
    changed = [
        TernaryNetwork(NETWORK.layers, 1),
        TernaryNetwork.from_arrays(
            [[[1, 0, -1], [1, 1, 0]], [[1, -1], [0, -1]]], [[1, 2], [0, -1]], 2
        ),
        TernaryNetwork.from_arrays(
            [[[1, 0, -1], [1, 1, 0]], [[1, -1], [0, 1]]], [[1, 2], [0, 0]], 2
        ),
    ]
    assert len({DIGEST, *map(network_digest, changed)}) == 4


def lasting(*memories, steps=None):
    first, second = NETWORK.layers
    return TernaryNetwork.from_arrays(
        [first.weights, second.weights], [first.theta, second.theta], 2, memories=memories,
        steps=steps,
    )  # fmt: skip


def test_membranes_and_steps_are_in_it():
    made = [
        lasting(None, None, steps=4),
        lasting(Memory.of("zero", 2), None),
        lasting(None, Memory.of("zero", 2)),
        lasting(Memory.of("zero", 2), None, steps=4),
        lasting(Memory.of("none", 2), None),
        lasting(Memory.of("subtract", 2, 0), None),
        lasting(Memory.of("subtract", 2, [0, 1]), None),
    ]
    digests = [network_digest(each) for each in made]
    assert digests[0] == DIGEST
    assert len(set(digests)) == len(made)


@pytest.mark.parametrize("suffix", [".npz", ".pt", ".safetensors", ".nir"])
def test_steps_that_were_changed_are_found(tmp_path, suffix):
    path = tmp_path / f"net{suffix}"
    network = lasting(Memory.of("zero", 2), None, steps=4)
    write_network(network, path)
    assert stored(path) == network_digest(network)
    assert read_network(path) == network
    change_steps(path)
    with pytest.raises(NetworkError, match=r"the network is not the one that was written: its SHA"):
        read_network(path)


def change_steps(path):
    if path.suffix == ".npz":
        arrays = dict(np.load(path))
        np.savez(path, **{**arrays, "card": str(arrays["card"]).replace(": 4", ": 5")})
        return
    if path.suffix == ".pt":
        state = torch.load(path, weights_only=True)
        state._metadata[""]["netlist_gen"]["steps"] = 5
        torch.save(state, path)
        return
    data = path.read_bytes()
    old = b'"steps\\": 4' if path.suffix == ".safetensors" else b'"steps": 4'
    assert data.count(old) == 1
    path.write_bytes(data.replace(old, old.replace(b"4", b"5")))


@pytest.mark.parametrize("suffix", FORMATS)
def test_each_format_keeps_it_and_says_nothing_of_it(tmp_path, suffix):
    path = tmp_path / f"net{suffix}"
    write_network(NETWORK, path, {"seed": 1})
    assert stored(path) == DIGEST
    found = read_checkpoint(path)
    assert found.network == NETWORK
    assert set(found.card.extra) <= {"seed", "population"}
    # Read as another population, or cut on reading, the digest is that of what was written.
    assert read_checkpoint(path, population=1).network.population == 1
    if suffix != ".npz":
        assert read_checkpoint(path, ternarize=by_magnitude(1)).network.max_fan_in == 1


def change_npz(path):
    arrays = dict(np.load(path))
    arrays["w0"][0, 1] = 1
    np.savez(path, **arrays)


def change_pt(path):
    state = torch.load(path, weights_only=True)
    state["0.weight"][0, 1] = 1
    torch.save(state, path)


def change_safetensors(path):
    data = path.read_bytes()
    zero = np.array([1, 0, -1], np.float32).tobytes()
    assert data.count(zero) == 1
    path.write_bytes(data.replace(zero, np.array([1, 1, -1], np.float32).tobytes()))


def change_nir(path):
    with h5py.File(path, "r+") as file:
        file["node/nodes/linear_0/weight"][0, 1] = 1


def lose_metadata(path):
    """One bit turned in a name: the population is gone, and the digest knows."""
    data = path.read_bytes()
    name = b'"netlist_gen"' if path.suffix == ".safetensors" else b"metadata\0"
    assert data.count(name) == 1
    path.write_bytes(data.replace(name, name.replace(b"t", b"u")))


CHANGES = [
    (".npz", change_npz), (".pt", change_pt), (".safetensors", change_safetensors),
    (".nir", change_nir), (".safetensors", lose_metadata), (".nir", lose_metadata),
]  # fmt: skip


@pytest.mark.parametrize(("suffix", "change"), CHANGES, ids=range(len(CHANGES)))
def test_another_network_is_refused(tmp_path, suffix, change):
    path = tmp_path / f"net{suffix}"
    write_network(NETWORK, path, {"seed": 1})
    change(path)
    message = (
        re.escape(f"{path}: the network is not the one that was written: its SHA-256 is ")
        + r"[0-9a-f]{16}\.\.\., "
        + re.escape(
            f"the file says {DIGEST[:16]}...; the file is damaged, or was changed and kept its "
            "digest"
        )
    )
    with pytest.raises(NetworkError, match=f"^{message}$"):
        read_network(path)


def test_files_without_one_are_read(tmp_path):
    path = tmp_path / "net.npz"
    write_network(NETWORK, path)
    buffer = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(buffer, "w") as new:
        for name in old.namelist():
            if name != "card.npy":
                new.writestr(name, old.read(name))
    path.write_bytes(buffer.getvalue())
    assert read_network(path) == NETWORK

"""What a .pt file asks torch to make is looked through before torch is given it."""

from __future__ import annotations

import io
import re
import struct
import zipfile
from collections import OrderedDict

import pytest
import torch

from netlist_gen.checkpoint import read_checkpoint, read_network
from netlist_gen.errors import NetworkError


def state(**changes):
    """Of nn.Linear(3, 2) and snn.Leaky, with entries changed (_0__weight is 0.weight)."""
    found = OrderedDict(
        {
            "0.weight": torch.tensor([[1.0, 0.0, -1.0], [1.0, 1.0, 0.0]]),
            "1.threshold": torch.tensor([1.0, 1.0]),
            "1.graded_spikes_factor": torch.tensor(1.0),
            "1.reset_mechanism_val": torch.tensor(2),
            "1.beta": torch.tensor(0.0),
        }
    )
    for key, value in changes.items():
        found[key.replace("__", ".").lstrip("_")] = torch.as_tensor(value)
    return found


WRONG_PLACES = "so that one stored value stands in several places; save a copy (tensor.clone())"
DENSE = "a dense tensor of numbers is needed"


def strided(values, size, stride, offset=0):
    return torch.as_strided(torch.zeros(values), size, stride, offset)


TENSORS = [
    (
        {"_0__weight": torch.sparse_coo_tensor([[0], [0]], [1.0], (30000, 30000))},
        f"entry '0.weight' is a sparse tensor; {DENSE}",
    ),
    (
        {"_0__weight": torch.zeros(2, 3, device="meta")},
        f"entry '0.weight' is a meta tensor, which has no values; {DENSE}",
    ),
    (
        {"_0__weight": strided(1, (30000, 30000), (0, 0))},
        f"entry '0.weight' has size (30000, 30000) and strides (0, 0), {WRONG_PLACES}",
    ),
    (
        {"_0__weight": strided(4, (2, 3), (1, 1))},
        f"entry '0.weight' has size (2, 3) and strides (1, 1), {WRONG_PLACES}",
    ),
    (
        {"_1__beta": torch.zeros(6, 0)},
        "'1.beta' has shape (6, 0); a scalar or (2,) is needed",
    ),
    (
        {"_1__reset_mechanism_val": float("nan")},
        "'1.reset_mechanism_val' [] is nan; a finite number is needed",
    ),
    ({"_0__weight": torch.zeros(2, 3, dtype=torch.complex64)},
     f"entry '0.weight' is of a ComplexFloatStorage; {DENSE}"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "message"), TENSORS, ids=range(len(TENSORS)))
def test_tensors_that_are_refused(tmp_path, changes, message):
    path = tmp_path / "net.pt"
    torch.save(state(**changes), path)
    with pytest.raises(NetworkError, match=f"^{re.escape(f'{path}: {message}')}$"):
        read_checkpoint(path)


@pytest.mark.filterwarnings("ignore")  # quantised tensors are to leave torch
def test_a_quantised_tensor(tmp_path):
    path = tmp_path / "net.pt"
    torch.save(
        state(_0__weight=torch.quantize_per_tensor(torch.ones(2, 3), 1.0, 0, torch.qint8)), path
    )
    message = re.escape(f"{path}: entry '0.weight' is quantised; {DENSE}")
    with pytest.raises(NetworkError, match=f"^{message}$"):
        read_checkpoint(path)


def test_a_transposed_tensor_and_a_part_of_another_are_read(tmp_path):
    path = tmp_path / "net.pt"
    whole = torch.tensor([[9.0, 9.0], [1.0, 1.0], [0.0, -1.0], [1.0, 0.0]])
    torch.save(state(_0__weight=whole[1:].t()), path)
    assert read_network(path).layers[0].weights.tolist() == [[1, 0, 1], [1, -1, 0]]


def repacked(change) -> bytes:
    """The archive of a state_dict, its members changed by a function, checksums made anew."""
    buffer, result = io.BytesIO(), io.BytesIO()
    torch.save(state(), buffer)
    with zipfile.ZipFile(buffer) as whole:
        members = {name: whole.read(name) for name in whole.namelist()}
    change(members)
    with zipfile.ZipFile(result, "w") as made:
        for name, content in members.items():
            made.writestr(name, content)
    return result.getvalue()


def in_pickle(old: bytes, new: bytes):
    def change(members):
        assert old in members["archive/data.pkl"]
        members["archive/data.pkl"] = members["archive/data.pkl"].replace(old, new, 1)

    return change


def storage_cut(members):
    members["archive/data/0"] = members["archive/data/0"][:-4]


def storage_gone(members):
    del members["archive/data/0"]


def no_pickle(members):
    del members["archive/data.pkl"]


def elsewhere(members):
    members["other/x"] = b""


def cut_pickle(members):
    members["archive/data.pkl"] = b"\x80\x02X\xff\0\0\0abc"


SIZE = b"K\x02K\x03\x86"  # (2, 3)
WHOLE = "is not a whole PyTorch checkpoint"
PICKLES = [
    (storage_cut, "{path} %s: its storage '0' has 20 bytes, not the 24 that its pickle says"),
    (storage_gone, "{path} %s: its storage '0' is missing"),
    (no_pickle, "{path} %s: it has no data.pkl"),
    (elsewhere, "{path} %s: 'other/x' lies outside its folder 'archive/'"),
    (
        in_pickle(b"QK\0" + SIZE, b"QK\1" + SIZE),
        "{path}: entry '0.weight' reaches to value 6 of its storage, which has 6 from 0",
    ),
    (
        in_pickle(SIZE, b"K\x06"),
        "{path}: entry '0.weight' has a size and strides that are not as many whole numbers of 0 "
        "and above",
    ),
    (
        in_pickle(SIZE, b"J\xff\xff\xff\xffK\x03\x86"),
        "{path}: entry '0.weight' has a size and strides that are not as many whole numbers of 0 "
        "and above",
    ),
    (in_pickle(b"0.weight", b"1.thresh"), "{path}: there is no layer with weights (nn.Linear, "
     "nn.Conv1d or nn.Conv2d)"),
    (in_pickle(b"1.beta", b"1.bete"), "{path}: layer 0, neurons '1': a neuron with the unknown "
     "parameter 'bete'; snn.Leaky is known; adapt trains the circuit's neurons in its place"),
    (in_pickle(b"\x80\x02", b"\x80\x04"),
     "{path} %s: its pickle has protocol 4; torch.save writes 2"),
    (in_pickle(b"\x80\x02", b"\x80\x02R"), "{path} %s: its pickle makes no sense at byte 2"),
    (in_pickle(b"\x80\x02", b"\x80\x02\x88\x93"),
     "{path} %s: its pickle has the operation STACK_GLOBAL at byte 3"),
    (in_pickle(b"\x80\x02", b"\x80\x02cos\nsystem\n"),
     "{path} holds pickled Python objects besides tensors; save net.state_dict(), since code from "
     "a file is never run"),
    (cut_pickle, "{path} %s: its pickle makes no sense at byte 0"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "message"), PICKLES, ids=range(len(PICKLES)))
def test_pickles_that_are_refused(tmp_path, change, message):
    path = tmp_path / "net.pt"
    path.write_bytes(repacked(change))
    wanted = message.replace("%s", WHOLE).replace("{path}", str(path))
    with pytest.raises(NetworkError, match=f"^{re.escape(wanted)}$"):
        read_network(path)


def test_a_key_that_would_take_for_ever_to_compare(tmp_path):
    path = tmp_path / "net.pt"
    doubled = b"h\1h\1\x86q\1" * 60  # ((((), ()), ((), ())), ...), 2**60 leaves in 300 bytes

    def change(members):
        members["archive/data.pkl"] = b"\x80\x02)q\1" + doubled + b"}h\1K\1s."

    path.write_bytes(repacked(change))
    message = re.escape(
        f"{path} holds pickled Python objects besides tensors; save net.state_dict(), since code "
        "from a file is never run"
    )
    with pytest.raises(NetworkError, match=f"^{message}$"):
        read_network(path)


def test_a_flipped_bit_is_noticed(tmp_path):
    path = tmp_path / "net.pt"
    torch.save(state(), path)
    data = bytearray(path.read_bytes())
    at = data.index(struct.pack("<ff", 1.0, 0.0))
    data[at + 3] ^= 0x80  # the first weight changes its sign
    path.write_bytes(data)
    message = re.escape(f"{path} {WHOLE}: Bad CRC-32 for file 'net/data/0'")
    with pytest.raises(NetworkError, match=f"^{message}$"):
        read_network(path)


def test_the_older_kind_of_file(tmp_path):
    path = tmp_path / "net.pt"
    torch.save(OrderedDict(state()), path, _use_new_zipfile_serialization=False)
    torch.save(state(), tmp_path / "new.pt")
    assert read_network(path) == read_network(tmp_path / "new.pt")
    data = path.read_bytes()
    for cut, reason in ((data[:-1], "its storage '"), (data + b"x", "bytes follow its last")):
        path.write_bytes(cut)
        with pytest.raises(NetworkError, match=rf"net\.pt {WHOLE}: {reason}"):
            read_network(path)


def test_metadata_are_json(tmp_path):
    path = tmp_path / "net.pt"
    told = state()
    loop: list = []
    loop.append(loop)
    for value, message in (
        (torch.ones(1), "metadata 'netlist_gen' holds a Tensor; only what JSON has is allowed"),
        (loop, "metadata 'netlist_gen' is nested more than 64 levels deep"),
    ):
        told._metadata = OrderedDict({"": {"netlist_gen": {"x": value}}})
        torch.save(told, path)
        with pytest.raises(NetworkError, match=f"^{re.escape(f'{path}: {message}')}$"):
            read_network(path)

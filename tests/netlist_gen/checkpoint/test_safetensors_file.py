"""Headers of .safetensors that are damaged or hostile."""

from __future__ import annotations

import json
import re
import struct

import numpy as np
import pytest

from netlist_gen.checkpoint import read_network, write_network
from netlist_gen.errors import NetworkError
from netlist_gen.network import TernaryNetwork

W0 = {"dtype": "I8", "shape": [2, 2], "data_offsets": [0, 4]}
THETA0 = {"dtype": "I32", "shape": [2], "data_offsets": [4, 12]}
VALUES = np.array([[1, 0], [0, -1]], np.int8).tobytes() + np.array([1, 2], np.int32).tobytes()


def packed(header: object, values: bytes = VALUES) -> bytes:
    text = (header if isinstance(header, str) else json.dumps(header)).encode()
    return struct.pack("<Q", len(text)) + text + values


def both(**changes: object) -> dict:
    return {"w0": {**W0, **changes}, "theta0": THETA0}


def test_the_file_that_the_others_are_made_of(tmp_path):
    path = tmp_path / "net.safetensors"
    path.write_bytes(packed(both()))
    assert read_network(path).layers[0].theta.tolist() == [1, 2]


WHOLE = "is not a whole .safetensors file"
REFUSED = [
    (b"", "%s: its header is cut off"),
    (struct.pack("<Q", 1 << 40) + b"{}", "%s: its header is cut off"),
    (struct.pack("<Q", 5 << 20) + bytes(5 << 20),
     ": its header has 5242880 bytes; at most 4194304 are read"),
    (packed("{"), "%s: its header is not JSON: Expecting property name enclosed in double quotes: "
     "line 1 column 2 (char 1)"),
    (packed("[]"), "%s: its header is no object"),
    (packed("[" * 20000), "%s: its header is nested more than 64 levels deep"),
    (packed(json.dumps(both())[:-1] + ', "w0": 1}'),
     "%s: its header has the name 'w0' twice in an object"),
    (packed(both(dtype="I4")), ": tensor 'w0' has type 'I4'; one of F64, F32, F16, BF16, I64, I32, "
     "I16, I8, U64, U32, U16, U8, BOOL is needed"),
    (packed(both(shape=[-2, -2])), "%s: tensor 'w0' has shape [-2, -2] and data_offsets [0, 4]; "
     "whole numbers of 0 and above are needed"),
    (packed(both(shape=[1 << 40, 1 << 40])), "%s: tensor 'w0' of type I8 and shape [1099511627776, "
     "1099511627776] takes 1208925819614629174706176 bytes, but has 4"),
    (packed(both(data_offsets=[1, 5])),
     "%s: tensor 'w0' begins at byte 1 where the one before ends at 0"),
    (packed({"w0": W0, "theta0": {**THETA0, "data_offsets": [2, 10]}}),
     "%s: tensor 'theta0' begins at byte 2 where the one before ends at 4"),
    (packed({"w0": W0, "theta0": {**THETA0, "data_offsets": [6, 14]}}),
     "%s: tensor 'theta0' begins at byte 6 where the one before ends at 4"),
    (packed(both(), VALUES + b"x"), "%s: its tensors take 12 bytes; 13 bytes follow its header"),
    (packed(both(more=1)), "%s: tensor 'w0' must have dtype, shape and data_offsets"),
    (packed({**both(), "__metadata__": {"netlist_gen": 1}}),
     "%s: '__metadata__' must be an object of texts"),
    (packed({**both(), "__metadata__": {"netlist_gen": "[" * 20000}}),
     ": metadata 'netlist_gen' is nested more than 64 levels deep"),
    (packed({**both(), "__metadata__": {"netlist_gen": '{"population": 3}'}}),
     ": population is 3; it must be at least 1 and divide the 2 outputs of the last layer"),
    (packed({**both(), "__metadata__": {"netlist_gen": '{"population": NaN}'}}),
     ": the stored population is nan; a whole number is needed"),
    (packed({**both(), "__metadata__": {"netlist_gen_sha256": "x"}}),
     ": its digest 'netlist_gen_sha256' is 'x'; 64 hexadecimal digits are needed"),
]  # fmt: skip


@pytest.mark.parametrize(("data", "message"), REFUSED, ids=range(len(REFUSED)))
def test_headers_that_are_refused(tmp_path, data, message):
    path = tmp_path / "net.safetensors"
    path.write_bytes(data)
    wanted = str(path) + message.replace("%s", f" {WHOLE}")
    with pytest.raises(NetworkError, match=f"^{re.escape(wanted)}$"):
        read_network(path)


def test_half_precision(tmp_path):
    state = {
        "0.weight": ("BF16", [2, 2], np.array([0x3F80, 0, 0, 0xBF80], np.uint16).tobytes()),
        "1.threshold": ("F16", [2], np.array([0.5, 1.5], np.float16).tobytes()),
        "1.beta": ("F32", [], bytes(4)),
        "1.reset_mechanism_val": ("I64", [], struct.pack("<q", 2)),
    }
    header, values = {}, b""
    for name, (kind, shape, data) in state.items():
        offsets = [len(values), len(values) + len(data)]
        header[name] = {"dtype": kind, "shape": shape, "data_offsets": offsets}
        values += data
    path = tmp_path / "net.safetensors"
    path.write_bytes(packed(header, values))
    (layer,) = read_network(path)
    assert (layer.weights.tolist(), layer.theta.tolist()) == ([[1, 0], [0, -1]], [1, 2])


@pytest.mark.parametrize("note", ["x" * n for n in range(9)])
def test_tensors_begin_at_a_multiple_of_eight_bytes(tmp_path, note):
    network = TernaryNetwork.from_arrays([np.array([[1, 0], [0, -1]])], [np.array([1, 2])])
    write_network(network, tmp_path / "net.safetensors", {"note": note})
    data = (tmp_path / "net.safetensors").read_bytes()
    assert int.from_bytes(data[:8], "little") % 8 == 0
    found = read_network(tmp_path / "net.safetensors")
    assert found.layers[0].weights.tolist() == [[1, 0], [0, -1]]

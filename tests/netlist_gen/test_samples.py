"""Samples and labels: read, checked, drawn."""

from __future__ import annotations

import os
import re
import struct

import numpy as np
import pytest
from support import tiny_network

from netlist_gen.errors import ConfigurationError, NetworkError
from netlist_gen.memory import Memory
from netlist_gen.network import TernaryNetwork
from netlist_gen.samples import read_samples
from netlist_gen.spikes import windows_of, with_room

NET = tiny_network()
X = np.array([[1, 0, 1], [0, 1, 1], [1, 1, 0], [0, 0, 1]])
Y = np.array([0, 1, 1, 0])


def test_arrays_and_files_are_the_same(tmp_path):
    np.save(tmp_path / "x.npy", X)
    np.save(tmp_path / "y.npy", Y)
    for x, y in ((X, Y), (tmp_path / "x.npy", str(tmp_path / "y.npy")), (X.tolist(), Y.tolist())):
        found = read_samples(NET, x, y)
        assert found.inputs.dtype == bool
        assert (found.inputs == X).all()
        assert found.labels.tolist() == Y.tolist()
        assert found.rows is None
    assert read_samples(NET, X).labels is None


def test_a_draw_is_without_repetition_in_order_and_by_seed():
    samples = read_samples(NET, X, Y)
    drawn = samples.draw(3, 1)
    assert len(set(drawn.rows)) == 3
    assert list(drawn.rows) == sorted(drawn.rows)
    assert (drawn.inputs == samples.inputs[list(drawn.rows)]).all()
    assert (drawn.labels == samples.labels[list(drawn.rows)]).all()
    assert samples.draw(3, 1).rows == drawn.rows
    assert len({samples.draw(2, seed).rows for seed in range(20)}) > 1
    assert samples.draw(None, 1) is samples
    with pytest.raises(ConfigurationError, match=r"^--samples is 5; there are 4 samples$"):
        samples.draw(5, 0)


def test_the_first_and_their_windows():
    steps = np.stack([X, 1 - X], axis=1)
    samples = read_samples(NET, steps, Y).first(2)
    assert samples.labels.tolist() == [0, 1]
    assert windows_of(NET, samples.inputs)[0].astype(int).tolist() == [
        [1, 0, 1], [0, 1, 0], [0, 1, 1], [1, 0, 0],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("x", "y", "error", "message"),
    [
        (X[:, :2], None, NetworkError,
         "inputs have shape (4, 2), so 2 values for each step; the network has 3 inputs"),
        (X[:0], None, ConfigurationError, "there is no sample in it; give at least one"),
        (X, Y[:3], ConfigurationError, "labels have shape (3,); (4,) is needed"),
        (X, Y + 0.5, ConfigurationError, "labels have type float64; integers are needed"),
        (X, Y + 1, ConfigurationError, "label 1 is 2; the classes are 0 to 1"),
    ],
)  # fmt: skip
def test_what_does_not_fit(x, y, error, message):
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        read_samples(NET, x, y)


LASTING = TernaryNetwork.from_arrays(
    [[[1, 1, -1]]], [[2]], memories=[Memory.of("zero", 1)], steps=3
)
TIMED = np.zeros((2, 4, 3), dtype=bool)


def test_samples_that_membranes_have_no_room_for(tmp_path):
    for steps in (1, 3):
        assert read_samples(LASTING, TIMED[:, :steps]).steps == steps
    assert read_samples(LASTING.with_steps(1), X).steps == 1
    message = (
        "inputs have shape (2, 4, 3), so 4 steps for each sample; the network's membranes last, "
        "and its storage loops have room for at most {}"
    )
    path = tmp_path / "x.npy"
    np.save(path, TIMED)
    with pytest.raises(ConfigurationError, match=f"^{re.escape(f'{path}: ' + message.format(3))}$"):
        read_samples(LASTING, path)
    with pytest.raises(ConfigurationError, match=f"^{re.escape(message.format(1))}$"):
        read_samples(LASTING.with_steps(1), TIMED)
    assert read_samples(LASTING.with_steps(None), TIMED).steps == 4
    assert read_samples(NET, TIMED).steps == 4
    # Steps for which the network was made, where those are known, stay the only ones.
    with pytest.raises(ConfigurationError, match=r"so 2 steps for each sample; the network was ma"):
        read_samples(LASTING, TIMED[:, :2], steps=3)


def test_samples_without_steps_are_not_those_of_membranes_that_last():
    with pytest.raises(ConfigurationError) as refused:
        read_samples(LASTING, TIMED[:, 0])
    assert str(refused.value) == (
        f"inputs have shape {TIMED[:, 0].shape}; the network's membranes last for the steps of a "
        f"sample, up to {LASTING.steps}: (samples, steps, inputs) is needed"
    )
    assert read_samples(LASTING, TIMED[:, :2]).steps == 2


def test_room_is_made_where_none_is_stated():
    seven = np.zeros((1, 7, 3), dtype=bool)
    assert with_room(LASTING.with_steps(None), seven).steps == 7
    assert with_room(LASTING, seven) is LASTING
    assert with_room(NET, seven) == NET


def npy(header, values=b""):
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header.encode() + values


HEADER = "{'descr': '|i1', 'fortran_order': False, 'shape': %s, }"
FILES = [
    (b"", "are not a whole .npy file (it does not begin as .npy files do)"),
    (b"PK\3\4", "must be one array (.npy), not an archive"),
    (b"0 1 1", "are not numbers in a .npy file; write them with numpy.save"),
    (
        npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }"),
        "are not numbers in a .npy file; write them with numpy.save",
    ),
    (
        npy(HEADER % "(1099511627776, 3)", bytes(6)),
        "are not a whole .npy file (Failed to read all data for shape (1099511627776, 3) of type "
        "int8: 3298534883328 bytes are declared, 6 are there)",
    ),
    (
        npy(HEADER % "(1, 3)", bytes(6)),
        "are not a whole .npy file (3 bytes follow the 3 values of its array)",
    ),
    (
        npy(HEADER % "(-1, -3)", bytes(3)),
        "are not a whole .npy file (its header declares shape (-1, -3) of type int8)",
    ),
    (
        b"\x93NUMPY\3\0",
        "are not a whole .npy file (its format has version (3, 0); (1, 0) and (2, 0) are known)",
    ),
]


@pytest.mark.parametrize(("data", "message"), FILES, ids=range(len(FILES)))
def test_files_that_are_refused(tmp_path, data, message):
    path = tmp_path / "x.npy"
    path.write_bytes(data)
    with pytest.raises(ConfigurationError, match=f"^{re.escape(f'{path}: the inputs {message}')}$"):
        read_samples(NET, path)


def test_a_fifo_is_not_waited_for(tmp_path):
    path = tmp_path / "y.npy"
    os.mkfifo(path)
    message = f"{path}: the labels can't be read (it is a FIFO; an ordinary file is needed)"
    with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}$"):
        read_samples(NET, X, path)


def test_an_array_in_the_order_of_fortran(tmp_path):
    np.save(tmp_path / "x.npy", np.asfortranarray(X))
    assert (read_samples(NET, tmp_path / "x.npy").inputs == X).all()

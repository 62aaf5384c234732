"""Networks that are wrong: a sentence, status 2, and nothing left that looks whole."""

from __future__ import annotations

import re
import subprocess
import sys

import numpy as np
import pytest
from bad_files import Evil, assert_nothing_whole

from netlist_gen.resources import resource_dir


def arrays(**changes):
    """A good .npz network with some arrays replaced, or taken away (None)."""
    good = {
        "w0": np.array([[1, -1, 1], [0, 1, 1]], dtype=np.int8),
        "theta0": np.array([1, 2], dtype=np.int32),
        "w1": np.array([[1, 1], [0, 1]], dtype=np.int8),
        "theta1": np.array([1, 1], dtype=np.int32),
    }
    return {name: value for name, value in (good | changes).items() if value is not None}


def npz(**changes):
    def make(folder):
        np.savez(folder / "bad.npz", **arrays(**changes))
        return folder / "bad.npz"

    return make


def cut_npz(folder):
    path = npz()(folder)
    path.write_bytes(path.read_bytes()[:300])
    return path


def no_archive(folder):
    path = folder / "bad.npz"
    path.write_bytes(b"not an archive at all")
    return path


def missing(folder):
    return folder / "nowhere.npz"


def directory(folder):
    (folder / "net.npz.d").mkdir()
    return (folder / "net.npz.d").rename(folder / "folder.npz")


def unknown_format(folder):
    path = folder / "net.h5"
    path.write_bytes(b"")
    return path


def pt(**changes):
    """examples/digits.pt, a real state_dict, with entries of it changed by a function."""

    def make(folder):
        import torch

        stored = torch.load(resource_dir("examples") / "digits.pt", weights_only=True)
        state = stored.get("state_dict", stored)
        for name, change in changes.items():
            key = name.replace("FIRST", "0").replace("__", ".")
            assert key in state, list(state)
            state[key] = change(state[key].clone())
        torch.save(stored, folder / "bad.pt")
        return folder / "bad.pt"

    return make


def put(value):
    def change(tensor):
        tensor[0, 1] = value
        return tensor

    return change


def cut_pt(folder):
    path = pt()(folder)
    path.write_bytes(path.read_bytes()[:-200])
    return path


def pickled_code(folder):
    import torch

    torch.save({"fc1.weight": Evil(folder / "evil-was-here")}, folder / "bad.pt")
    return folder / "bad.pt"


def cut_safetensors(folder):
    path = folder / "bad.safetensors"
    path.write_bytes(b"\x40\x00\x00\x00\x00\x00\x00\x00{")
    return path


INT8, INT32 = np.int8, np.int32

BUILT_BY_NONE = [
    (
        npz(w0=np.zeros((2, 3), dtype=INT8)),
        r"{net}: layer 0 has no synapse, so there is nothing to build; at least one of its "
        r"weights must be -1 or 1",
    ),
    (
        npz(
            w0=np.array([[0, 0, 0], [0, 1, 1]], dtype=INT8),
            theta0=np.array([0, 1], dtype=INT32),
        ),
        r"{net}: layer 0, neuron 0 has no synapse but theta 0: it would fire at every clock, "
        r"which no neuron circuit does; theta must be at least 1",
    ),
]
"""What could be read, so that ``inspect`` lists what is wrong with it."""

NETWORKS = [
    (missing, r"{net}: no such file"),
    (directory, r"{net} is a directory; a network is one of {formats}"),
    (unknown_format, r"{net} has the extension '\.h5'; a network is one of {formats}"),
    (cut_npz, r"{net} is not a whole \.npz archive: it has no zip directory"),
    (no_archive, r"{net} is not a whole \.npz archive: it has no zip directory"),
    (cut_pt, r"{net} is not a whole PyTorch checkpoint: [^.]*"),
    (
        pickled_code,
        r"{net} holds pickled Python objects besides tensors; save net\.state_dict\(\), since "
        r"code from a file is never run",
    ),
    (cut_safetensors, r"{net} is not a whole \.safetensors file: .*"),
    (
        npz(w0=np.array([[1, 2, 0], [0, 1, 1]], dtype=INT8)),
        r"{net}: layer 0: weight \[0, 1\] is 2; .*-1, 0 and 1.*",
    ),
    (
        npz(w0=np.array([[1.0, -1, 0], [0, 1, 1]])),
        r"{net}: array 'w0' has type float64; int8 is needed",
    ),
    (
        npz(w0=np.array([[1, np.nan, 0], [0, 1, 1]])),
        r"{net}: array 'w0' \[0, 1\] is nan \(type float64\); finite integers are needed",
    ),
    (
        npz(w0=np.array([["1", "0", "0"], ["1", "0", "0"]])),
        r"{net}: array 'w0' has type <U1; int8 is needed",
    ),
    (
        npz(w1=np.ones((2, 3), dtype=INT8)),
        r"{net}: layer 1 takes 3 inputs but layer 0 has 2 outputs; the two must be equal",
    ),
    (npz(w0=np.ones(3, dtype=INT8)), r"{net}: .*shape \(3,\).*"),
    (
        npz(theta0=np.array([1, 2, 3], dtype=INT32)),
        r"{net}: layer 0: theta has 3 values for 2 neurons; .*",
    ),
    (
        npz(theta0=np.array([1.5, 2.0])),
        r"{net}: array 'theta0' has type float64; int32 is needed",
    ),
    (npz(theta0=None), r"{net}: array 'theta0' is missing; each layer needs both w and theta"),
    (
        npz(w7=np.ones((2, 2), dtype=INT8)),
        r"{net}: array 'w7' has no layer before it; layers are numbered from 0 without gaps",
    ),
    (npz(colour=np.ones(2)), r"{net}: array 'colour' .*"),
    (
        npz(w0=np.ones((0, 3), dtype=INT8), theta0=np.ones(0, dtype=INT32)),
        r"{net}: layer 0: weights have shape \(0, 3\): an empty layer can't be built",
    ),
    (pt(FIRST__weight=put(0.3)), r"{net}: .*0\.3.*"),
    (pt(FIRST__weight=put(float("nan"))), r"{net}: .*nan.*"),
    (pt(FIRST__weight=lambda w: w[0]), r"{net}: .*"),
]


@pytest.mark.parametrize(
    ("make", "message"), NETWORKS, ids=[f"{i}-{m.__name__}" for i, (m, _) in enumerate(NETWORKS)]
)
@pytest.mark.parametrize("command", ["inspect", "generate", "verify"])
def test_a_network_that_is_none(cli, tiny, tmp_path, command, make, message):
    refused(cli, tiny, tmp_path, command, make, message)


@pytest.mark.parametrize(("make", "message"), BUILT_BY_NONE)
@pytest.mark.parametrize("command", ["generate", "verify"])
def test_a_network_that_none_can_build(cli, tiny, tmp_path, command, make, message):
    refused(cli, tiny, tmp_path, command, make, message)


def refused(cli, tiny, tmp_path, command, make, message):
    net = make(tmp_path)
    words = {
        "inspect": ["--json"],
        "generate": ["-o", tiny.run],
        "verify": ["--inputs", tiny.x, "-o", tiny.run],
    }
    ran = cli(command, net, *words[command])
    assert (ran.status, ran.out) == (2, "")
    formats = r"\.npz, \.pt, \.pth, \.safetensors, \.nir, \.onnx"
    pattern = message.format(net=re.escape(str(net)), formats=formats)
    assert re.fullmatch(pattern, ran.sentence), ran.sentence
    assert not (tmp_path / "evil-was-here").exists()
    assert_nothing_whole(tiny.run)


def test_fan_in_over_the_limit(cli, tiny, tmp_path):
    net, x = tmp_path / "wide.npz", tmp_path / "wide.npy"
    np.savez(net, w0=np.ones((1, 257), dtype=np.int8), theta0=np.array([129], dtype=np.int32))
    np.save(x, np.ones((1, 257), dtype=bool))
    sentence = (
        f"{net}: neuron L0N0: a neuron of fan-in 257 can't be built: shown to work are 1 to 256"
    )
    for words in (
        ["generate", net, "-o", tiny.run],
        ["verify", net, "--inputs", x, "-o", tiny.run],
    ):
        ran = cli(*words)
        assert (ran.status, ran.out, ran.sentence) == (2, "", sentence)
        assert_nothing_whole(tiny.run)


def test_the_same_from_a_real_process(tiny, tmp_path):
    net = pickled_code(tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "netlist_gen.cli", "verify", net, "--inputs", tiny.x,
         "-o", tiny.run],
        capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"netlist-gen: {net} holds pickled Python objects ")
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "evil-was-here").exists()
    assert_nothing_whole(tiny.run)

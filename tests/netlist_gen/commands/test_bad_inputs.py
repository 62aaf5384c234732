"""Inputs that are wrong: a sentence, status 2 or 1, and nothing left that looks whole."""

from __future__ import annotations

import os
import pickle
import re
import subprocess
import sys

import numpy as np
import pytest

from netlist_gen.resources import resource_dir

WHOLE = ("verify.json", "results.npz", "report.html", "manifest.json")
RUNS_AS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0


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
    path = folder / "net.onnx"
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


class Evil:
    """Unpickling it runs a command."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (os.system, (f"touch {self.path}",))


def pickled_code(folder):
    import torch

    torch.save({"fc1.weight": Evil(folder / "evil-was-here")}, folder / "bad.pt")
    return folder / "bad.pt"


def cut_safetensors(folder):
    path = folder / "bad.safetensors"
    path.write_bytes(b"\x40\x00\x00\x00\x00\x00\x00\x00{")
    return path


INT8, INT32 = np.int8, np.int32

NETWORKS = [
    (missing, r"{net}: no such file"),
    (directory, r"{net} is a directory; a network is one of {formats}"),
    (unknown_format, r"{net} has the extension '\.onnx'; a network is one of {formats}"),
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
    (npz(w0=np.array([[1, 2, 0], [0, 1, 1]])), r"{net}: array 'w0' has type int64; int8 is needed"),
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
    (
        npz(w0=np.zeros((2, 3), dtype=INT8)),
        r"layer 0 has no synapse, so there is nothing to build; at least one of its weights must "
        r"be -1 or 1",
    ),
    (
        npz(
            w0=np.array([[0, 0, 0], [0, 1, 1]], dtype=INT8),
            theta0=np.array([0, 1], dtype=INT32),
        ),
        r"layer 0, neuron 0 has no synapse but theta 0: it would fire at every clock, which no "
        r"neuron circuit does; theta must be at least 1",
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
    net = make(tmp_path)
    words = {
        "inspect": ["--json"],
        "generate": ["-o", tiny.run],
        "verify": ["--inputs", tiny.x, "-o", tiny.run],
    }
    ran = cli(command, net, *words[command])
    assert (ran.status, ran.out) == (2, "")
    formats = r"\.npz, \.pt, \.pth, \.safetensors, \.nir"
    pattern = message.format(net=re.escape(str(net)), formats=formats)
    assert re.fullmatch(pattern, ran.sentence), ran.sentence
    assert not (tmp_path / "evil-was-here").exists()
    assert_nothing_whole(tiny.run)


def assert_nothing_whole(run):
    left = {path.name for path in run.iterdir()} if run.is_dir() else set()
    assert not left & set(WHOLE), left
    assert not [name for name in left if name.startswith(".")], "a temporary file is left"


def test_fan_in_over_the_limit(cli, tiny, tmp_path):
    net, x = tmp_path / "wide.npz", tmp_path / "wide.npy"
    np.savez(net, w0=np.ones((1, 257), dtype=np.int8), theta0=np.array([129], dtype=np.int32))
    np.save(x, np.ones((1, 257), dtype=bool))
    sentence = "neuron L0N0: a neuron of fan-in 257 can't be built: shown to work are 1 to 256"
    for words in (
        ["inspect", net],
        ["generate", net, "-o", tiny.run],
        ["verify", net, "--inputs", x, "-o", tiny.run],
    ):
        ran = cli(*words)
        assert (ran.status, ran.out, ran.sentence) == (2, "", sentence)
        assert_nothing_whole(tiny.run)


# -- samples ----------------------------------------------------------------------------------


def saved(value, **options):
    def make(path):
        np.save(path, value, **options)

    return make


def archive(path):
    with path.open("wb") as file:
        np.savez(file, x=np.ones((1, 3)))


def cut(path):
    np.save(path, np.ones((200, 3)))
    path.write_bytes(path.read_bytes()[:1000])


def code(path):
    path.write_bytes(pickle.dumps(Evil(path.parent / "evil-was-here")))


def nothing(path):
    assert not path.exists()


def text(path):
    path.write_text("0 1 1\n")


PICKLED = r"{x}: the inputs are not numbers in a \.npy file; write them with numpy\.save"
SHAPES = r"\(samples, inputs\) or \(samples, steps, inputs\) is needed"

INPUTS = [
    (nothing, r"{x}: the inputs can't be read \(No such file or directory\)"),
    (lambda path: path.mkdir(), r"{x}: the inputs can't be read \(Is a directory\)"),
    (cut, r"{x}: the inputs are not a whole \.npy file \(Failed to read all data.*\)"),
    (text, PICKLED),
    (code, PICKLED),
    (saved(np.array([{}], dtype=object), allow_pickle=True), PICKLED),
    (archive, r"{x}: the inputs must be one array \(\.npy\), not an archive"),
    (
        saved(np.ones((4, 5), dtype=bool)),
        r"{x}: inputs have shape \(4, 5\), so 5 values for each step; the network has 3 inputs",
    ),
    (saved(np.ones(3, dtype=bool)), r"{x}: inputs have shape \(3,\); " + SHAPES),
    (saved(np.ones((1, 2, 2, 3), dtype=bool)), r"{x}: inputs have shape \(1, 2, 2, 3\); " + SHAPES),
    (saved(np.array([[0, 1, 2]])), r"{x}: input \[0, 2\] is 2; a spike is 0 or 1 .*"),
    (saved(np.array([[0, 1, -1]])), r"{x}: input \[0, 2\] is -1; a spike is 0 or 1 .*"),
    (saved(np.array([[0, np.nan, 1]])), r"{x}: input \[0, 1\] is nan; a spike is 0 or 1 .*"),
    (saved(np.array([["0", "1", "1"]])), r"{x}: inputs have type <U1; .*"),
    (saved(np.ones((0, 3), dtype=bool)), r"{x}: there is no sample in it; give at least one"),
    (
        saved(np.ones((2, 0, 3), dtype=bool)),
        r"{x}: inputs have shape \(2, 0, 3\): at least one step is needed",
    ),
]


@pytest.mark.parametrize(("make", "message"), INPUTS, ids=range(len(INPUTS)))
@pytest.mark.parametrize("command", ["generate", "verify"])
def test_inputs_that_are_none(cli, tiny, tmp_path, command, make, message):
    x = tmp_path / "bad.npy"
    make(x)
    ran = cli(command, tiny.net, "--inputs", x, "-o", tiny.run)
    assert (ran.status, ran.out) == (2, "")
    assert re.fullmatch(message.format(x=re.escape(str(x))), ran.sentence), ran.sentence
    assert not (tmp_path / "evil-was-here").exists()
    assert_nothing_whole(tiny.run)


LABELS = [
    (
        np.array([0, 1]),
        r"labels of shape \(2,\) and type int64; they must be 4 whole numbers, one for each sample",
    ),
    (
        np.zeros(4),
        r"labels of shape \(4,\) and type float64; they must be 4 whole numbers, "
        r"one for each sample",
    ),
    (np.array([0, 1, 2, 0]), "label 2 is 2; the network has classes 0 to 1"),
    (np.array([0, -1, 1, 0]), "label 1 is -1; the network has classes 0 to 1"),
]


@pytest.mark.parametrize(("labels", "message"), LABELS, ids=range(len(LABELS)))
def test_labels_that_do_not_fit(cli, tiny, labels, message):
    np.save(tiny.y, labels)
    ran = cli("verify", tiny.net, "--inputs", tiny.x, "--labels", tiny.y, "-o", tiny.run)
    assert ran.status == 2
    assert re.fullmatch(re.escape(f"{tiny.y}: ") + message, ran.sentence), ran.sentence
    assert_nothing_whole(tiny.run)


# -- options and directories ------------------------------------------------------------------

OPTIONS = [
    (["--samples", "9"], "--samples is 9; there are 4 samples"),
    (
        ["--timeout", "0"],
        "--timeout is 0 and --cooling 400; both must be positive",
    ),
    (
        ["--cooling", "nan"],
        "--timeout is 600 and --cooling nan; both must be positive",
    ),
    (["--clock-ghz", "0"], "--clock-ghz is 0; it must be positive and finite"),
    (["--clock-ghz", "nan"], "--clock-ghz is nan; it must be positive and finite"),
    (
        ["--jobs", "0"],
        "Invalid value for '--jobs': 0 is not in the range x>=1. "
        "`netlist-gen verify --help` says what is allowed.",
    ),
]


@pytest.mark.parametrize(("words", "sentence"), OPTIONS, ids=[" ".join(w) for w, _ in OPTIONS])
def test_options_that_make_no_sense(cli, tiny, words, sentence):
    ran = cli("verify", tiny.net, "--inputs", tiny.x, "-o", tiny.run, *words)
    assert (ran.status, ran.out, ran.sentence) == (2, "", sentence)
    assert_nothing_whole(tiny.run)


PATTERNS = [
    (["--clock-ghz", "50"], r"a clock of 50 GHz leaves windows of 20 ps; .*"),
    (["--simulator", "spice3"], r"there is no simulator 'spice3'; allowed are auto, .*"),
    (
        ["--process", "cmos7"],
        r"no process 'cmos7'; the library has sfq5ee, stp2, or give a \.toml file",
    ),
    (["--process", "no/such.toml"], r"no/such\.toml: can't be read \(No such file or directory\)"),
    (["--decks", "no/such/folder"], r"--decks: no/such/folder is not a directory of decks"),
]


@pytest.mark.parametrize(("words", "message"), PATTERNS, ids=[" ".join(w) for w, _ in PATTERNS])
def test_options_that_name_what_is_not_there(cli, tiny, words, message):
    ran = cli("verify", tiny.net, "--inputs", tiny.x, "-o", tiny.run, *words)
    assert (ran.status, ran.out) == (2, "")
    assert re.fullmatch(message, ran.sentence), ran.sentence
    assert_nothing_whole(tiny.run)


def test_a_process_file_that_is_not_whole(cli, tiny, tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text("[process\n")
    ran = cli("inspect", tiny.net, "--process", path)
    assert (ran.status, ran.out) == (2, "")
    assert ran.sentence.startswith(f"{path}: ")


@pytest.mark.parametrize("command", ["generate", "verify", "demo"])
def test_an_output_directory_that_cannot_be_made(cli, tiny, tmp_path, command):
    """Below a file: also root can't make it."""
    (tmp_path / "file").write_text("kept")
    out = tmp_path / "file" / "run"
    words = {
        "generate": [tiny.net],
        "verify": [tiny.net, "--inputs", tiny.x],
        "demo": ["--samples", 1],
    }
    ran = cli(command, *words[command], "-o", out)
    assert (ran.status, ran.out) == (2, "")
    assert ran.err.splitlines()[-1] == (
        f"netlist-gen: the output directory {out} can't be written (Not a directory)"
    )
    assert (tmp_path / "file").read_text() == "kept"


@pytest.mark.skipif(RUNS_AS_ROOT, reason="root may write everywhere")
@pytest.mark.parametrize("command", ["generate", "verify"])
def test_an_output_directory_that_is_read_only(cli, tiny, command):
    tiny.run.mkdir()
    tiny.run.chmod(0o500)
    words = {"generate": [], "verify": ["--inputs", tiny.x]}
    ran = cli(command, tiny.net, *words[command], "-o", tiny.run)
    assert (ran.status, ran.out) == (2, "")
    assert "can't be written" in ran.sentence


def test_an_output_directory_that_is_a_file(cli, tiny):
    tiny.run.write_text("kept")
    for words in (["generate", tiny.net], ["verify", tiny.net, "--inputs", tiny.x]):
        ran = cli(*words, "-o", tiny.run)
        assert (ran.status, ran.out) == (2, "")
        assert ran.sentence == (f"the output directory {tiny.run} can't be written (File exists)")
    assert tiny.run.read_text() == "kept"


def test_the_result_of_an_earlier_run_does_not_outlive_a_broken_one(cli, tiny):
    """A directory that held a finished run, and a new run that comes to nothing."""
    ran = cli("verify", tiny.net, "--inputs", tiny.x, "--simulator", "embedded", "-o", tiny.run)
    assert ran.status == 0, ran.err
    words = ("--decks", tiny.run.parent, "--simulator", "embedded", "--jobs", 1)
    ran = cli("verify", tiny.net, "--inputs", tiny.x, "-o", tiny.run, *words)
    missing = tiny.run.parent / "L0N0.cir"
    assert (ran.status, ran.sentence) == (
        2,
        f"{missing}: the deck can't be read (No such file or directory)",
    )
    assert_nothing_whole(tiny.run)


# -- simulators -------------------------------------------------------------------------------


def test_a_simulator_that_is_missing(cli, tiny, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    ran = cli("verify", tiny.net, "--inputs", tiny.x, "--simulator", "josim", "-o", tiny.run)
    assert (ran.status, ran.out) == (1, "")
    assert ran.sentence == (
        "the simulator josim is not here; netlist-gen doctor says how to get it"
    )
    assert_nothing_whole(tiny.run)


def test_a_simulator_that_is_too_old(cli, tiny, install_josim):
    program = install_josim("exit 0", version="v2.6.8 compiled long ago")
    ran = cli("verify", tiny.net, "--inputs", tiny.x, "--simulator", "josim", "-o", tiny.run)
    assert (ran.status, ran.out) == (1, "")
    assert ran.sentence == (
        f"JoSIM at {program} is version 2.6.8; 2.7 or later is needed "
        "(older ones read decks differently)"
    )
    assert_nothing_whole(tiny.run)


BROKEN = [
    ("kill -9 $$", r"killed by SIGKILL"),
    ("echo boom >&2; exit 3", r"exit status 3 \(stderr ends: boom\)"),
    ("exit 0", r"it ended without an error but wrote no output"),
    ("printf 'time,\"P(B1|XO)\"\\n0,0\\n1e-12,0' > out.csv", r".*"),
    ("echo > out.csv", r".*"),
    (
        "echo 'W: Model' >&2; echo 'unknown model, using the default' >&2; exit 0",
        r"it ended as if all were well, but said something .*unknown model.*",
    ),
]


@pytest.mark.parametrize(("body", "message"), BROKEN, ids=range(len(BROKEN)))
def test_a_simulator_that_breaks(cli, tiny, install_josim, body, message):
    """Every run fails: status 1, the first in words, and a verdict that says so."""
    install_josim(body)
    ran = cli("verify", tiny.net, "--inputs", tiny.x, "--simulator", "josim", "-o", tiny.run)
    assert ran.status == 1
    pattern = (
        r"0 of 0 neuron windows disagree, 5 runs failed; first: layer 0, neuron 0: "
        r"JoSIM on deck 'L0N0': " + message
    )
    assert re.fullmatch(pattern, ran.sentence), ran.sentence
    assert "\nDISAGREED\n" in ran.out


def test_output_that_is_cut_short(cli, tiny, install_josim):
    if install_josim.real is None:
        pytest.skip("josim-cli is not on PATH")
    install_josim(f'{install_josim.real} "$@" || exit; head -c 20000 out.csv > o; mv o out.csv')
    ran = cli("verify", tiny.net, "--inputs", tiny.x, "--simulator", "josim", "-o", tiny.run)
    assert ran.status == 1
    assert re.search(r"5 runs failed; first: layer 0, neuron 0: JoSIM on deck 'L0N0': ", ran.err)


def test_a_simulator_that_does_not_end(cli, tiny, install_josim):
    install_josim("exec sleep 100")
    ran = cli(
        "verify", tiny.net, "--inputs", tiny.x, "--simulator", "josim", "--timeout", "0.2",
        "-o", tiny.run,
    )  # fmt: skip
    assert ran.status == 1
    assert ran.sentence.endswith("JoSIM on deck 'L0N0': did not end within 0.2 s and was killed")


# -- decks and runs ---------------------------------------------------------------------------


def test_decks_that_break_a_rule(cli, tiny, tmp_path):
    folder = tmp_path / "decks"
    assert cli("generate", tiny.net, "-o", folder, "--inputs", tiny.x).status == 0
    deck = folder / "L0N1.cir"
    good = deck.read_text()
    for bad, message in (
        (good.replace("area=", "area=(", 1), r"L0N1\.cir, line \d+: brackets do not pair in .*"),
        (good.replace(".end\n", "B9 x 0 other area=1\n.end\n"), r"L0N1\.cir.*"),
        ("", r"L0N1\.cir: it has 0 \.tran lines; it needs one"),
    ):
        deck.write_text(bad)
        words = ("--decks", folder, "--simulator", "embedded")
        ran = cli("verify", tiny.net, "--inputs", tiny.x, "-o", tiny.run, *words)
        assert (ran.status, ran.out) == (2, "")
        assert re.fullmatch(message, ran.sentence), ran.sentence
        assert_nothing_whole(tiny.run)
    deck.write_bytes(b"\xff\xfe\x00")
    ran = cli("verify", tiny.net, "--inputs", tiny.x, "-o", tiny.run, "--decks", folder)
    assert ran.status == 2
    assert ran.sentence.startswith(f"{deck}: the deck is not text (")


def test_a_ledger_that_is_none(cli, tiny):
    tiny.run.mkdir()
    ledger = tiny.run / "ledger.sqlite"
    ledger.write_bytes(b"not a database, but long enough to be looked at as one" * 40)
    words = ("--simulator", "embedded", "--resume")
    ran = cli("verify", tiny.net, "--inputs", tiny.x, "-o", tiny.run, *words)
    assert (ran.status, ran.out) == (2, "")
    assert re.fullmatch(
        re.escape(str(ledger)) + r": not a usable ledger \(.*\); run without --resume to start "
        r"a new one",
        ran.sentence,
    )
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

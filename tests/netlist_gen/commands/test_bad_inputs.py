"""Samples and labels that are wrong: a sentence, status 2, nothing left that looks whole."""

from __future__ import annotations

import pickle
import re

import numpy as np
import pytest
from bad_files import Evil, assert_nothing_whole


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
    (np.array([0, 1]), r"labels have shape \(2,\); \(4,\) is needed"),
    (np.zeros(4), "labels have type float64; integers are needed"),
    (np.array([0, 1, 2, 0]), "label 2 is 2; the classes are 0 to 1"),
    (np.array([0, -1, 1, 0]), "label 1 is -1; the classes are 0 to 1"),
]


@pytest.mark.parametrize(("labels", "message"), LABELS, ids=range(len(LABELS)))
def test_labels_that_do_not_fit(cli, tiny, labels, message):
    np.save(tiny.y, labels)
    ran = cli("verify", tiny.net, "--inputs", tiny.x, "--labels", tiny.y, "-o", tiny.run)
    assert ran.status == 2
    assert re.fullmatch(re.escape(f"{tiny.y}: ") + message, ran.sentence), ran.sentence
    assert_nothing_whole(tiny.run)

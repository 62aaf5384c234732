"""Files that a deck names: what each holds, and where none is written."""

from __future__ import annotations

import re

import numpy as np
import pytest

from netlist_gen.errors import DeckError
from verification.waves.deck_files import FileRequest, checked_targets, deck_files
from verification.waves.files import waveform_writer
from verification.waves.read import read_waveforms

NAMES = ("P(B1|X1)", "V(1,2)", "I(L1|X1)")
TIME = np.arange(500) * 1e-13
VALUES = np.stack([np.sin(TIME * 1e11), 1e-3 * np.cos(TIME * 2e11), 1e-4 * np.sin(TIME * 3e11)])


def write(out, *requests):
    with waveform_writer(out) as writer, deck_files(requests, out, writer) as files:
        files.begin(("VOID",) * 3)
        files.add(TIME[:10], VALUES[:, :10])
        files.begin(NAMES)  # the run began again
        for part in np.array_split(np.arange(TIME.size), 3):
            files.add(TIME[part], VALUES[:, part])
        assert files.samples == writer.samples == TIME.size


def test_each_file_has_its_own_columns(tmp_path):
    (tmp_path / "sub").mkdir()
    write(
        tmp_path / "out.csv",
        FileRequest("a.csv", "d, line 1", (0,)),
        FileRequest("sub/b.raw", "d, line 2", (2, 1)),
        FileRequest("c", "d, line 3", (1,)),
        FileRequest("e.dat", "d, line 4"),
    )
    assert read_waveforms(tmp_path / "out.csv").names == NAMES
    for name, columns in (("a.csv", [0]), ("sub/b.raw", [2, 1])):
        found = read_waveforms(tmp_path / name)
        assert found.names == tuple(NAMES[column] for column in columns)
        np.testing.assert_array_equal(found.time_s, TIME)
        np.testing.assert_allclose(found.values, VALUES[columns], rtol=1e-6, atol=1e-12)
    assert (tmp_path / "c").read_text().startswith('Title: "c"\n')
    assert " 1 L1.X1#branch Current\n 2 V(1,2) Voltage\n" in (tmp_path / "sub/b.raw").read_text()
    lines = (tmp_path / "e.dat").read_text().splitlines()
    assert (lines[0], len(lines)) == ("time", 1 + TIME.size)  # nothing is printed behind it


def test_dat_has_blanks_for_commas(tmp_path):
    write(tmp_path / "o.csv", FileRequest("a.dat", "", (0, 1)), FileRequest("a.csv", "", (0, 1)))
    assert (tmp_path / "a.dat").read_text().startswith('time "P(B1|X1)" "V(1,2)"\n0.0000')
    rows = (tmp_path / "a.csv").read_text().partition("\n")[2]
    assert (tmp_path / "a.dat").read_text().partition("\n")[2] == rows.replace(",", " ")


def test_a_file_is_written_again_and_whole_or_not_at_all(tmp_path):
    request = FileRequest("a.csv", "d, line 1", (0,))
    write(tmp_path / "out.csv", request)
    before = (tmp_path / "a.csv").read_bytes()
    write(tmp_path / "out.csv", request)
    assert (tmp_path / "a.csv").read_bytes() == before

    def fail():
        with (
            waveform_writer(tmp_path / "out.csv") as writer,
            deck_files([request], tmp_path / "out.csv", writer) as files,
        ):
            files.begin(NAMES)
            raise RuntimeError("the run failed")

    with pytest.raises(RuntimeError, match=r"^the run failed$"):
        fail()
    assert (tmp_path / "a.csv").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csv", "out.csv"]


LEAVES = (
    "a deck's files are written beneath the folder of the output; a name has no / at its begin, "
    "no : and no part that begins with . or ~"
)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("../a.csv", LEAVES),
        ("/elsewhere/a.csv", LEAVES),
        ("sub/../../a.csv", LEAVES),
        ("..\\a.csv", LEAVES),
        ("C:a.csv", LEAVES),
        (".profile", LEAVES),
        ("~/a.csv", LEAVES),
        ("sub//a.csv", LEAVES),
        ("sub/", LEAVES),
        ("n" * 201, "a name of a file or folder has at most 200 bytes"),
        ("a.cir", "it is written to .csv, .dat, .raw or no suffix, not .cir"),
        ("link/a.csv", "a link leads out of {0}/o, the folder of the output"),
        ("leads.csv", "a link leads out of {0}/o, the folder of the output"),
        ("none/a.csv", "{0}/o/none is not a directory"),
        ("out.csv", "the output itself has this name"),
        ("notes.csv", "{0}/o/notes.csv is there and is no such file; it is not replaced"),
        ("Makefile", "{0}/o/Makefile is there and is no such file; it is not replaced"),
        ("folder", "{0}/o/folder is there and is no such file; it is not replaced"),
    ],
)
def test_names_that_are_refused(tmp_path, name, why):
    inside = tmp_path / "o"
    (inside / "sub").mkdir(parents=True)
    (inside / "folder").mkdir()
    (inside / "notes.csv").write_text("name,mark\n")
    (inside / "Makefile").write_text("all:\n")
    (tmp_path / "a.csv").write_text("time\n")
    (inside / "link").symlink_to(tmp_path)
    (inside / "leads.csv").symlink_to(tmp_path / "a.csv")
    message = f"d, line 3: {name}: {why.format(tmp_path)}"
    with pytest.raises(DeckError, match=f"^{re.escape(message)}$"):
        checked_targets([FileRequest(name, "d, line 3")], inside / "out.csv")
    assert (tmp_path / "a.csv").read_text() == "time\n"


def test_a_file_that_is_named_twice_and_too_many(tmp_path):
    requests = [FileRequest(f"a{n}.csv", f"d, line {n}") for n in range(101)]
    assert len(checked_targets(requests[:100], tmp_path / "out.csv")) == 100
    with pytest.raises(
        DeckError, match=r"^d, line 100: a100\.csv: a deck names at most 100 files$"
    ):
        checked_targets(requests, tmp_path / "out.csv")
    with pytest.raises(DeckError, match=r"^d, line 0: a0\.csv: another line names this file too$"):
        checked_targets([requests[0], requests[0]], tmp_path / "out.csv")

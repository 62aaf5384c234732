"""A file is whole or it is not there."""

from __future__ import annotations

import os
import re
import stat

import pytest

from netlist_gen.errors import ConfigurationError
from netlist_gen.files import atomic_path


def test_a_file_appears_when_it_is_whole(tmp_path):
    target = tmp_path / "net.npz"
    with atomic_path(target) as path:
        assert path.parent == tmp_path
        assert path.suffix == ".npz"  # some writers choose the format by it
        path.write_text("whole")
        assert not target.exists()
    assert target.read_text() == "whole"
    assert os.listdir(tmp_path) == ["net.npz"]


def write_half_then(error, target):
    with atomic_path(target) as path:
        path.write_text("half of the n")
        raise error


def test_what_was_there_stays_if_writing_breaks(tmp_path):
    target = tmp_path / "x.json"
    target.write_text("old")
    with pytest.raises(ZeroDivisionError):
        write_half_then(ZeroDivisionError, target)
    assert target.read_text() == "old"
    assert os.listdir(tmp_path) == ["x.json"]


def test_an_interrupt_leaves_nothing(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        write_half_then(KeyboardInterrupt, tmp_path / "x")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_permissions_are_those_of_any_new_file(tmp_path, mask, mode):
    before = os.umask(mask)
    try:
        with atomic_path(tmp_path / "x") as path:
            path.write_text("x")
        assert os.umask(mask) == mask
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "x").stat().st_mode) == mode


@pytest.mark.parametrize(
    ("target", "reason"),
    [("none/x.json", "No such file or directory"), ("file/x.json", "Not a directory")],
)
def test_a_directory_that_is_none(tmp_path, target, reason):
    (tmp_path / "file").write_text("")
    path = tmp_path / target
    with (
        pytest.raises(
            ConfigurationError, match=f"^{re.escape(f'{path} can')}'t be written: {reason}$"
        ),
        atomic_path(path),
    ):
        pass


def test_a_link_stays_one(tmp_path):
    (tmp_path / "real").mkdir()
    link = tmp_path / "x.txt"
    link.symlink_to(tmp_path / "real" / "y.txt")
    with atomic_path(link) as path:
        path.write_text("new")
    assert link.is_symlink()
    assert (tmp_path / "real" / "y.txt").read_text() == "new"


def test_a_target_that_is_a_directory(tmp_path):
    (tmp_path / "x").mkdir()
    with (
        pytest.raises(
            ConfigurationError,
            match=f"^{re.escape(str(tmp_path / 'x'))} can't be written: Is a directory$",
        ),
        atomic_path(tmp_path / "x") as path,
    ):
        path.write_text("new")
    assert os.listdir(tmp_path) == ["x"]

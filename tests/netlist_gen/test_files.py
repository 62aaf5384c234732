"""A file is whole or it is not there."""

from __future__ import annotations

import errno
import os
import re
import socket
import stat

import pytest

from netlist_gen.errors import ConfigurationError, NetworkError
from netlist_gen.files import atomic_path, printable, read_bytes


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


def special(kind, path):
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(str(path))
    elif kind == "directory":
        path.mkdir()
    elif kind == "long":
        with path.open("wb") as file:
            file.truncate(1 << 40)  # takes no room
    elif kind == "link":
        path.symlink_to("/dev/zero")
    elif kind == "loop":
        path.symlink_to(path)


ORDINARY = "an ordinary file is needed"


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("none", "No such file or directory"),
        ("directory", "Is a directory"),
        ("fifo", f"it is a FIFO; {ORDINARY}"),
        ("socket", f"it is a socket; {ORDINARY}"),
        ("link", f"it is a device; {ORDINARY}"),
        ("loop", "Too many levels of symbolic links"),
        ("long", "it has 1099511627776 bytes; at most 100 are read"),
    ],
)
def test_what_is_no_ordinary_file_is_not_read(tmp_path, kind, reason):
    special(kind, tmp_path / "x")
    with pytest.raises(NetworkError, match=f"^{re.escape(reason)}$"):
        read_bytes(tmp_path / "x", 100, NetworkError)


def test_an_ordinary_file_is_read(tmp_path):
    (tmp_path / "x").write_bytes(b"abc")
    (tmp_path / "y").symlink_to(tmp_path / "x")
    assert read_bytes(tmp_path / "y", 3, NetworkError) == b"abc"
    with pytest.raises(NetworkError, match=r"^it has 3 bytes; at most 2 are read$"):
        read_bytes(tmp_path / "x", 2, NetworkError)
    with pytest.raises(NetworkError, match=r"^embedded null byte$"):
        read_bytes("a\0b", 2, NetworkError)


def test_a_file_that_is_closed_to_us(tmp_path, monkeypatch):
    (tmp_path / "x").write_bytes(b"abc")

    def closed(*_):  # root may read everything
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "open", closed)
    with pytest.raises(NetworkError, match=r"^Permission denied$"):
        read_bytes(tmp_path / "x", 3, NetworkError)


def test_what_is_printed_is_one_line():
    assert printable("a\nb\x1b[1m\u2028\ud800ä") == "a\\nb\\x1b[1m\\u2028\\ud800ä"
    assert printable("a" * 30, 10) == "aaaaaaa..."

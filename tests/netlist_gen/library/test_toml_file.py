"""What a TOML file may be, and what a name in it: everything else is one sentence."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from netlist_gen.errors import ConfigurationError
from netlist_gen.files import shown
from netlist_gen.library.toml_file import MOST_BYTES, is_name, line_of, name_of, read_toml


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a = " + "[" * 2000, "not a valid TOML file (nested too deep)"),
        ("a = " + "{ a = " * 2000, "not a valid TOML file (nested too deep)"),
        (
            "a = " + "9" * 5000,
            "not a valid TOML file (Exceeds the limit (4300 digits) for integer string conversion: "
            "value has 5000 digits; use sys.set_int_max_str_digits() to increase the limit)",
        ),
        ("a = 'x", 'not a valid TOML file (Expected "\'" (at end of document))'),
        ("a" * (MOST_BYTES + 1), "can't be read (it has 256001 bytes; at most 256000 are read)"),
    ],
)
def test_what_is_no_file_of_ours(tmp_path, text, words):
    path = tmp_path / "x.toml"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=f"^{re.escape(f'{path}: {words}')}$"):
        read_toml(path)


def test_what_is_no_regular_file(tmp_path):
    pipe = tmp_path / "pipe.toml"
    os.mkfifo(pipe)
    endless = tmp_path / "zero.toml"
    endless.symlink_to("/dev/zero")
    folder = tmp_path / "folder.toml"
    folder.mkdir()
    for path, why in (
        (pipe, "it is a FIFO; an ordinary file is needed"),
        (endless, "it is a device; an ordinary file is needed"),
        (folder, "Is a directory"),
    ):
        message = f"{path}: can't be read ({why})"
        with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}$"):
            read_toml(path)
    with pytest.raises(ConfigurationError, match=r"^a\\x00b: can't be read \(embedded null byte"):
        read_toml(Path("a\0b"))


@pytest.mark.parametrize("name", ["a", "jjmit", "_x", "B1__XD1", "sfq5ee", "A" * 80])
def test_names(name):
    assert name_of(name, "here") == name


@pytest.mark.parametrize(
    "name", ["", "1a", "a b", "a\n", "a\n.control", "a;b", "a-b", "../a", "é", "a" * 81, 3, None]
)
def test_what_is_no_name(name):
    assert not is_name(name)
    message = (
        f"here is {shown(name)}; a name has letters, digits and _, begins with no digit, and has "
        "at most 80 characters"
    )
    with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}$"):
        name_of(name, "here")


def test_a_line_of_text():
    assert line_of("10 kA/cm², niobium", "here") == "10 kA/cm², niobium"
    message = "here is 'a\\nb'; it must be one line of at most 300 printable characters"
    with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}$"):
        line_of("a\nb", "here")


def test_what_is_shown_is_one_short_line():
    assert shown("a\nb") == "'a\\nb'"
    assert len(shown("x" * 1000)) == 60
    assert shown(int("f" * 20_000, 16)) == "a int too large to be shown"

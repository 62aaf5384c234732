"""What the doctor says of programs that are there, broken, too new, or missing."""

from __future__ import annotations

import json
import sys

import pytest
from click.testing import CliRunner

from netlist_gen.commands.doctor import doctor
from verification.simulators import ngspice_shared
from verification.simulators.doctor import (
    MISSING,
    OK,
    PLATFORMS,
    UNTESTED,
    UNUSABLE,
    examine,
    this_platform,
)


@pytest.fixture
def nothing_installed(monkeypatch, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.setenv("PATH", f"{empty}:/usr/bin/does-not-exist")
    monkeypatch.setattr(ngspice_shared, "library", lambda: None)


def rows():
    return {row.name: row for row in examine()}


@pytest.mark.usefixtures("nothing_installed")
def test_on_a_bare_machine_only_the_embedded_engine_is_there():
    found = rows()
    assert found["embedded"].status == OK
    for name in ("josim", "wrspice", "ngspice", "ngspice (shared library)"):
        assert found[name].status == MISSING
        assert found[name].version is None
        for platform in PLATFORMS:
            advice = found[name].advice(platform)
            assert advice
            assert "\n" not in advice
    assert found["ngspice"].advice("debian") == "sudo apt install ngspice"
    assert found["ngspice (shared library)"].note == "no ngspice library found"


@pytest.mark.parametrize(
    ("answer", "status", "note"),
    [
        ("echo v2.7.1abc", OK, ""),
        ("echo v2.8", UNTESTED, "tested with 2.7; results may differ"),
        ("echo v2.70", UNTESTED, "tested with 2.7; results may differ"),
        (
            "echo v2.5",
            UNUSABLE,
            "JoSIM at {} is version 2.5; 2.7 or later is needed (older ones read decks "
            "differently)",
        ),
        ("echo hi", UNUSABLE, "{} does not answer --version as JoSIM does; it says 'hi'"),
    ],
)
def test_versions_are_judged(install, answer, status, note):
    program = install("josim-cli", answer + "\n")
    row = rows()["josim"]
    assert (row.status, row.note) == (status, note.format(program))
    assert row.path == str(program)
    assert bool(row.advice()) == (status == UNUSABLE)


@pytest.mark.usefixtures("nothing_installed")
def test_the_command_prints_a_table_and_advice():
    result = CliRunner().invoke(doctor, [])
    assert result.exit_code == 0
    assert "josim                     missing; tested with 2.7\n" in result.output
    assert "--simulator auto takes embedded here.\n" in result.output


@pytest.mark.usefixtures("nothing_installed")
def test_the_command_prints_json():
    result = CliRunner().invoke(doctor, ["--json"])
    report = json.loads(result.output)
    assert report["auto"] == "embedded"
    assert report["platform"] == this_platform()
    by_name = {row["name"]: row for row in report["simulators"]}
    assert by_name["wrspice"]["status"] == "missing"
    assert set(by_name["wrspice"]["how_to_get"]) == set(PLATFORMS)
    assert by_name["josim"]["known_good"] == ["2.7"]


def test_the_platform_is_this_one(monkeypatch):
    for name, platform in (("linux", "debian"), ("darwin", "macos"), ("win32", "windows")):
        monkeypatch.setattr(sys, "platform", name)
        assert this_platform() == platform

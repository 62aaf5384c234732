"""LLVM's code of the kernels that the package ships: what is taken, what is made anew."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading

import llvmlite.binding as llvm
import pytest
from numba.core import config
from numba.core.compiler_lock import global_compiler_lock

from netlist_gen.errors import ConfigurationError
from verification.engine.kernels import native, portable


@pytest.fixture(scope="module")
def pattern():
    """The smallest group, made by Numba."""
    return portable.made("pattern")


@pytest.fixture
def folder(pattern, monkeypatch, tmp_path):
    """A folder in which the code of two groups is written."""
    monkeypatch.setattr(portable, "made", lambda _: pattern)
    groups = {name: portable.SIGNATURES[name] for name in ("pattern", "single")}
    monkeypatch.setattr(portable, "SIGNATURES", groups)
    files = portable.write_shipped(tmp_path / "code")
    assert files == [tmp_path / "code" / f"{name}.bc" for name in groups]
    return tmp_path / "code"


def test_what_was_written_is_taken_and_not_written_again(folder, pattern, monkeypatch):
    assert portable.shipped("pattern", folder) == pattern
    assert portable.shipped("lanes", folder) is None
    monkeypatch.setattr(portable, "made", pytest.fail)
    assert len(portable.write_shipped(folder)) == 2


@pytest.mark.parametrize("damage", [(0, 1), (30, 31), (-1, None), (5000, 5001)])
def test_damaged_code_is_not_taken(folder, damage):
    file = folder / "pattern.bc"
    data = bytearray(file.read_bytes())
    data[slice(*damage)] = b"\0" if data[damage[0]] else b"\1"
    file.write_bytes(data)
    assert portable.shipped("pattern", folder) is None
    portable.write_shipped(folder)
    assert portable.shipped("pattern", folder) is not None


@pytest.mark.parametrize(
    ("owner", "name", "other"),
    [
        (portable, "digest", lambda: "other sources"),
        (llvm, "get_process_triple", lambda: "riscv64-unknown-linux-gnu"),
        (portable, "_llvm_version", lambda: 10),
    ],
    ids=["sources", "machine", "an earlier LLVM"],
)
def test_code_of_others_is_not_taken(folder, monkeypatch, owner, name, other):
    monkeypatch.setattr(owner, name, other)
    assert portable.shipped("pattern", folder) is None


def test_a_later_llvm_takes_what_an_earlier_one_wrote(folder, pattern, monkeypatch):
    monkeypatch.setattr(portable, "_llvm_version", lambda: 99)
    assert portable.shipped("pattern", folder) == pattern


@pytest.mark.parametrize("folder_is_file", [True, False])
def test_a_place_that_cant_be_written_is_named(pattern, monkeypatch, tmp_path, folder_is_file):
    monkeypatch.setattr(portable, "made", lambda _: pattern)
    code = tmp_path / "code"
    if folder_is_file:
        code.touch()
        message = f"{code} can't be made: File exists"
    else:
        (code / "pattern.bc").mkdir(parents=True)
        message = f"{code / 'pattern.bc'} can't be written: Is a directory"
    with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}$"):
        portable.write_shipped(code)


def test_numba_that_may_not_compile_is_told_of(monkeypatch):
    monkeypatch.setattr(config, "DISABLE_JIT", 1)
    message = "NUMBA_DISABLE_JIT is set, and Numba has to make the engine's kernels here; unset it"
    with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}$"):
        portable.made("pattern")


def test_made_again_the_code_is_the_same():
    """In other processes, with other addresses; the order of sets is what a build fixes, too."""
    script = (
        "import hashlib; from verification.engine.kernels import portable; "
        "print(hashlib.sha256(portable.made('pattern')).hexdigest())"
    )
    environment = {
        **os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONHASHSEED": "0",
    }  # fmt: skip
    found = {
        subprocess.run(
            [sys.executable, "-c", script], env=environment, capture_output=True, text=True,
            check=True,
        ).stdout
        for _ in range(2)
    }  # fmt: skip
    assert len(found) == 1


def test_others_that_use_numba_have_its_usual_level():
    before = config.OPT
    with portable._unoptimised():
        assert config.OPT == 0
    assert config.OPT is before


def test_others_that_compile_meanwhile_wait_for_the_usual_level():
    levels = []

    @global_compiler_lock
    def as_numba_compiles():
        levels.append(config.OPT)

    usual, other = config.OPT, threading.Thread(target=as_numba_compiles)
    with portable._unoptimised():
        other.start()
        other.join(0.2)
        assert not levels
    other.join()
    assert levels == [usual]


def test_machine_code_of_shipped_code_takes_no_numba(folder, tmp_path):
    script = (
        "import sys; from pathlib import Path\n"
        "from verification.engine.kernels import native, portable\n"
        "native.shipped = lambda group: portable.shipped(group, Path(sys.argv[1]))\n"
        "found = native.functions('pattern')\n"
        "assert set(found) == set(native.SIGNATURES['pattern'])\n"
        "print('numba' in sys.modules)\n"
    )
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(sys.path),
        "NUMBA_CACHE_DIR": str(tmp_path / "cache"),
    }
    ran = subprocess.run(
        [sys.executable, "-c", script, str(folder)],
        env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert ran.stdout.strip() == "False"


def test_what_the_package_has_comes_before_what_numba_makes(pattern, monkeypatch):
    monkeypatch.setattr(native, "shipped", lambda _: pattern)
    monkeypatch.setattr(native, "made", pytest.fail)
    by_package = native.compiled("pattern")
    monkeypatch.setattr(native, "shipped", lambda _: None)
    monkeypatch.setattr(native, "made", lambda _: pattern)
    assert native.compiled("pattern") == by_package

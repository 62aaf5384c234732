"""Machine code of the kernels that is kept and loaded, against what Numba runs itself."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from typing import get_type_hints

import numpy as np
import pytest
from numba import njit

from netlist_gen.errors import SimulatorError
from verification.engine.kernels import entry, native
from verification.engine.kernels.views import view_at
from verification.engine.lanes import layout, tiles
from verification.engine.lanes.pointers import Pointer, doubles, words
from verification.engine.run import compile_deck

DECK = """.model m jj(rtype=1, vg=2.8m, cap=0.07p, r0=160, rn=16, icrit=0.1m)
IIN 0 1 pwl(0 0 5p 0 7p 500u 9p 0)
IB 0 1 pwl(0 0 2p 70u)
B1 1 0 m
R1 1 2 5
L2 2 0 1p
L1 1 3 2p
R3 3 0 2
.tran 0.05p 20p 0 0.5p
.print p(b1)
.print i(l1)
"""


def pretend(monkeypatch):
    """Compiling takes no time: the code of this process is taken."""
    made = []
    kept = {group: native._kept(native._place(group)) for group in ("pattern",)}

    def compiled(group):
        made.append(group)
        return kept[group]

    monkeypatch.setattr(native, "compiled", compiled)
    return made


def test_signatures_are_those_of_what_is_compiled():
    for group, make in entry.GROUPS.items():
        found = {name: function.py_func.__code__ for name, function in make().items()}
        assert {name: code.co_argcount for name, code in found.items()} == {
            name: len(codes) for name, codes in native.SIGNATURES[group].items()
        }


def test_a_group_is_compiled_once_and_kept(monkeypatch, tmp_path):
    native.functions("pattern")
    made = pretend(monkeypatch)
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    notes = []
    for _ in range(2):
        monkeypatch.setattr(native, "_loaded", {})
        found = native.functions("pattern", notes.append)
    assert made == ["pattern"]
    assert notes == [
        "compiling the engine's kernels (pattern) for this processor: once, some seconds"
    ]
    following, out = np.zeros(1), np.zeros(9, dtype=np.int64)
    count = found["print_steps"](0, 9, 9, 1.0, 2.5, following.ctypes.data, out.ctypes.data)
    assert out[:count].tolist() == [0, 3, 5, 8]


@pytest.mark.parametrize("damage", [(0, 0), (0, -1), (60, 61)])
def test_damaged_code_is_compiled_anew(monkeypatch, tmp_path, damage):
    native.functions("pattern")
    made = pretend(monkeypatch)
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(native, "_loaded", {})
    native.functions("pattern")
    (file,) = (tmp_path / "netlist-gen").iterdir()
    whole = file.read_bytes()
    file.write_bytes(whole[: damage[0]] + b"x" + whole[damage[1] :])
    monkeypatch.setattr(native, "_loaded", {})
    native.functions("pattern")
    assert made == ["pattern", "pattern"]
    assert file.read_bytes() == whole


def test_files_that_were_not_used_for_long_are_deleted(monkeypatch, tmp_path):
    native.functions("pattern")
    pretend(monkeypatch)
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    folder = tmp_path / "netlist-gen"
    folder.mkdir()
    for age in range(native.MOST_KEPT + 3):
        for group in ("pattern", "single"):
            file = folder / f"{group}-{age}.o"
            file.write_bytes(b"")
            os.utime(file, (1e9 - age, 1e9 - age))
    monkeypatch.setattr(native, "_loaded", {})
    native.functions("pattern")
    left = {file.name for file in folder.iterdir()}
    own = native._place("pattern").name
    assert {name for name in left if name.startswith("pattern")} == {
        own, *(f"pattern-{age}.o" for age in range(native.MOST_KEPT - 1))
    }  # fmt: skip
    assert sum(name.startswith("single") for name in left) == native.MOST_KEPT + 3
    # What is loaded was used: it is the last to go.
    os.utime(folder / own, (1, 1))
    monkeypatch.setattr(native, "_loaded", {})
    native.functions("pattern")
    assert (folder / own).stat().st_mtime > 1e9


def test_code_is_for_one_processor_and_one_version(monkeypatch):
    names = {native._place("single").name}
    monkeypatch.setenv("NUMBA_CPU_NAME", "x86-64-v3")
    names.add(native._place("single").name)
    monkeypatch.setenv("NUMBA_CPU_FEATURES", "+avx2")
    names.add(native._place("single").name)
    monkeypatch.setattr(native, "_numba_version", lambda: "numba-0.0.dist-info")
    names.add(native._place("single").name)
    monkeypatch.setattr(native, "_IMPORTED", "other sources")
    names.add(native._place("single").name)
    assert len(names) == 5
    assert native._numba_version.__name__ == "<lambda>"


def test_a_package_that_changes_under_a_process_is_noticed(monkeypatch, tmp_path):
    """Its tables have the old layout, what would be compiled now has the new one."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(native, "_loaded", {})
    monkeypatch.setattr(native, "digest", lambda: "other sources")
    message = (
        "the package was changed while this process ran: its kernels no longer fit; start again"
    )
    with pytest.raises(SimulatorError, match=f"^{re.escape(message)}$"):
        native.functions("pattern")


def test_the_version_of_numba_is_found_without_importing_it():
    assert re.fullmatch(r"numba-\d+\.\d+.*\.dist-info", native._numba_version())


def test_where_nothing_can_be_written_it_runs_all_the_same(monkeypatch):
    native.functions("pattern")
    made = pretend(monkeypatch)
    monkeypatch.setattr(native, "_folder", lambda: None)
    for _ in range(2):
        monkeypatch.setattr(native, "_loaded", {})
        assert set(native.functions("pattern")) == set(native.SIGNATURES["pattern"])
    assert made == ["pattern", "pattern"]


def test_a_run_from_kept_code_imports_neither_numba_nor_scipy():
    compile_deck(DECK).run()  # what it takes is compiled
    script = (
        "import sys; from verification.engine.run import compile_deck; "
        f"compile_deck({DECK!r}).run(); "
        "print([name for name in ('numba', 'scipy') if name in sys.modules])"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    ran = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == "[]"


def test_members_of_tables_have_the_types_that_the_layout_says(monkeypatch):
    """Compiled code believes them without a look."""
    seen = []

    def check(kind, found):
        for name, hint in get_type_hints(kind, include_extras=True).items():
            member = getattr(found, name)
            if isinstance(member, tuple):
                check(hint, member)
            elif isinstance(member, Pointer):
                assert member.array.dtype == hint.__metadata__[0], (kind, name)
                seen.append(name)
            else:
                assert isinstance(member, hint | int | np.bool_), (kind, name)

    build = tiles.TileSetup.build

    def checked(self, lanes, used):
        tile = build(self, lanes, used)
        check(layout.Tile, tile)
        return tile

    monkeypatch.setattr(tiles.TileSetup, "build", checked)
    deck = compile_deck(DECK)
    deck.run()
    deck.run_parameter_lanes([{"I*": 1.0}, {"I*": 1.1}])
    assert len(seen) > 200


def test_tables_of_words_keep_every_kind_of_member():
    tile_at = view_at(layout.Prescribed)

    @njit
    def read(address):
        v = tile_at(address)
        return v.total, v.scale, v.per_volt, v.ends.n_b[1], v.phase[2]

    ends = layout.Ends(*(Pointer(np.array([k, k + 10], dtype=np.int32)) for k in range(4)))
    empty = Pointer(np.zeros(0, dtype=np.int32))
    members = layout.Prescribed(-3, -0.1, 1e-300, empty, ends, empty, empty, doubles([0, 1, 2.5]))
    table = words(members)
    assert read(table.address) == (-3, -0.1, 1e-300, 11, 2.5)
    assert table.array.size == 11


def test_a_processor_with_avx2_alone_gives_the_same_waveforms(tmp_path):
    """The vectors of 8 doubles are the compiler's to split."""
    if platform.machine() not in ("x86_64", "AMD64"):
        pytest.skip("this is no x86-64")
    deck = compile_deck(DECK)
    here = deck.run_lanes([{}] * 3)[1].waveforms
    assert here is not None
    script = (
        "import sys, numpy; from verification.engine.run import compile_deck; "
        f"deck = compile_deck({DECK!r}); "
        "numpy.save(sys.argv[1], deck.run_lanes([{}] * 3)[1].waveforms.values)"
    )
    out = tmp_path / "there.npy"
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(sys.path),
        "NUMBA_CPU_NAME": "x86-64-v3",
        "NUMBA_CPU_FEATURES": "",
    }
    subprocess.run([sys.executable, "-c", script, str(out)], env=environment, check=True)
    there = np.load(out)
    # Fused or separate multiplications round otherwise.
    np.testing.assert_allclose(there, here.values, rtol=0, atol=1e-10)

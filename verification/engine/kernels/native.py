"""Machine code of the kernels: compiled once by LLVM, kept in a file, loaded without Numba.

Importing Numba and its look at every cached function take a second; loading the same machine code
by LLVM takes some milliseconds. So what LLVM makes of ``portable`` code is kept as one object file
for each group of functions, and runs call it by ctypes. A file is used by the processor, the
versions and the sources that it was made for, and no other: all of them are in its name, and its
own digest is at its head. Whatever does not fit, or is damaged, is compiled anew.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import sys
import sysconfig
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from netlist_gen.errors import ConfigurationError, SimulatorError
from netlist_gen.files import atomic_path
from verification.engine.kernels.portable import SIGNATURES, digest, made, shipped

_MAGIC = b"netlist-gen object 1\n"
MOST_KEPT = 8
"""Object files of a group that are kept: of so many processors and versions, by their last use."""
_LIBRARY = frozenset(
    [
        "sin",
        "cos",
        "exp",
        "log",
        "pow",
        "sqrt",
        "tanh",
        "floor",
        "rint",
        "fmod",
        "memset",
        "memcpy",
        "memmove",
        "sched_yield",
    ]
)
"""What machine code may call: the C library's, which is in every process of Python."""

_lock = threading.Lock()
_loaded: dict[str, dict[str, Callable[..., int]]] = {}
_engine: list[Any] = []

Note = Callable[[str], None]


def functions(group: str, note: Note = lambda _: None) -> dict[str, Callable[..., int]]:
    """The functions of a group, loaded or compiled at the first call.

    Args:
        group: of ``SIGNATURES``.
        note: called with a sentence before a group is compiled, which takes seconds.

    Raises:
        SimulatorError: the sources are no longer those that this process imported.
    """
    found = _loaded.get(group)
    if found is None:
        with _lock:
            found = _loaded.get(group)
            if found is None:
                found = _loaded[group] = _load(group, note)
    return found


def _load(group: str, note: Note) -> dict[str, Callable[..., int]]:
    place = _place(group)
    code = _kept(place)
    if code is None:
        if digest() != _IMPORTED:
            raise SimulatorError(
                "the package was changed while this process ran: its kernels no longer fit; start "
                "again"
            )
        note(f"compiling the engine's kernels ({group}) for this processor: once, some seconds")
        code = compiled(group)
        _keep(place, code)
        _forget_old(place)
    kinds: dict[str, Any] = {"i": ctypes.c_int64, "d": ctypes.c_double}
    engine = _linked(code)
    found: dict[str, Callable[..., int]] = {}
    for name, codes in SIGNATURES[group].items():
        make = ctypes.CFUNCTYPE(ctypes.c_int64, *(kinds[c] for c in codes))
        found[name] = make(engine.get_function_address(f"{group}_{name}"))
    return found


def _linked(code: bytes) -> Any:
    """An LLVM engine with this object file in it; kept as long as the process lives."""
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    module = llvm.parse_assembly("")
    module.triple = llvm.get_process_triple()
    engine = llvm.create_mcjit_compiler(module, _machine(llvm))
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    _engine.append(engine)
    return engine


def _processor(llvm: Any) -> tuple[str, str]:
    """Name and features of the processor that code is made for.

    Numba's own variables are heeded: NUMBA_CPU_NAME and NUMBA_CPU_FEATURES make code for another.
    """
    name = os.environ.get("NUMBA_CPU_NAME") or llvm.get_host_cpu_name()
    features = os.environ.get("NUMBA_CPU_FEATURES")
    if features is None:
        features = "" if name == "generic" else llvm.get_host_cpu_features().flatten()
    return name, features


def _machine(llvm: Any) -> Any:
    name, features = _processor(llvm)
    target = llvm.Target.from_triple(llvm.get_process_triple())
    return target.create_target_machine(cpu=name, features=features, opt=3, jit=True)


def compiled(group: str) -> bytes:
    """The object file of a group: LLVM's code of it, optimised for this processor.

    Numba makes that code where the package does not have it.
    """
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    module = llvm.parse_bitcode(shipped(group) or made(group))
    machine = _machine(llvm)
    passes = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=3))
    passes.getModulePassManager().run(module, passes)
    for function in module.functions:
        if function.is_declaration and not function.name.startswith("llvm."):
            assert function.name in _LIBRARY, f"kernels call {function.name}"
    return bytes(machine.emit_object(module))


_IMPORTED = digest()
"""Of the sources as they were when this process imported the tables that kernels are handed."""


def sources() -> str:
    """A digest of the kernels that this process runs."""
    return _IMPORTED


def _numba_version() -> str:
    """Numba's version without importing it: the name of the folder that pip wrote."""
    for folder in (Path(sysconfig.get_path("purelib")), *map(Path, sys.path)):
        with suppress(OSError):
            for found in folder.glob("numba-*.dist-info"):
                return found.name
    return ""


def _place(group: str) -> Path | None:
    """Where a group's object file is kept; None where there is no place to write."""
    import llvmlite
    import llvmlite.binding as llvm

    key = "\n".join(
        (_IMPORTED, llvmlite.__version__, _numba_version(), sys.version,
         llvm.get_process_triple(), *_processor(llvm), os.environ.get("NUMBA_OPT", ""))
    )  # fmt: skip
    name = f"{group}-{hashlib.sha256(key.encode()).hexdigest()[:24]}.o"
    folder = _folder()
    return None if folder is None else folder / name


def _folder() -> Path | None:
    """$NUMBA_CACHE_DIR, or ``__pycache__`` beside the kernels, or the user's cache."""
    given = os.environ.get("NUMBA_CACHE_DIR")
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    places = [Path(__file__).parent / "__pycache__", Path(cache) / "netlist-gen"]
    for place in [Path(given) / "netlist-gen"] if given else places:
        with suppress(OSError):
            place.mkdir(parents=True, exist_ok=True)
            if os.access(place, os.W_OK):
                return place
    return None


def _kept(place: Path | None) -> bytes | None:
    """The object file that was kept, if it is there and whole."""
    if place is None:
        return None
    try:
        data = place.read_bytes()
    except OSError:
        return None
    with suppress(OSError):
        os.utime(place)  # when it was last used
    head, code = data[: len(_MAGIC) + 32], data[len(_MAGIC) + 32 :]
    return code if head == _MAGIC + hashlib.sha256(code).digest() else None


def _forget_old(place: Path | None) -> None:
    """Delete what is kept of a group beyond the ``MOST_KEPT`` files that were used last."""
    if place is None:
        return
    group = place.name.partition("-")[0]
    with suppress(OSError):  # another process may do the same
        files = sorted(
            place.parent.glob(f"{group}-*.o"), key=lambda file: file.stat().st_mtime, reverse=True
        )
        for file in files[MOST_KEPT:]:
            file.unlink(missing_ok=True)


def _keep(place: Path | None, code: bytes) -> None:
    if place is not None:
        # A full disk costs the next process its time, not this one its run.
        with suppress(OSError, ConfigurationError), atomic_path(place) as temporary:
            temporary.write_bytes(_MAGIC + hashlib.sha256(code).digest() + code)

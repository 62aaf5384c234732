"""LLVM's code of the kernels, not yet made for a processor.

Numba makes it of ``entry``, which takes most of the time of compiling: it is done where the package
is built (``hatch_build.py``), and the installed package holds the code (``SHIPPED``). What does not
fit, is damaged or is not there is made by Numba here. ``native`` makes machine code of either, the
same way, so that digits do not depend on where the first half was done.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from netlist_gen.errors import ConfigurationError
from netlist_gen.files import atomic_path

SIGNATURES = {
    "pattern": {
        "dense_order": "iiiiiiiiii",
        "minimum_degree": "ii",
        "distances": "iiiiii",
        "assemble": "iiiiiii",
        "fill": "ii",
        "prune_lower": "iiiiiii",
        "prune_upper": "iiii",
        "print_steps": "iiiddii",
    },
    "single": {"run_tile": "iiiiiidiii", "factorise_tile": "iiii"},
    "lanes": {"run_tile": "iiiiiidiii", "factorise_tile": "iiii"},
}
"""By group and function: its arguments, i for an integer or an address, d for a double. Each
returns an integer."""

SHIPPED = Path(__file__).parent / "code"
"""Where the package has the code of its groups, a file for each."""

_SOURCES = (
    "kernels",
    "lanes/graphs.py",
    "lanes/layout.py",
    "lanes/pieces.py",
    "lanes/pointers.py",
    "equations/constants.py",
)


def digest() -> str:
    """Of the sources that the functions are made of, as they are now."""
    engine = Path(__file__).parents[1]
    total = hashlib.sha256()
    for name in _SOURCES:
        place = engine / name
        for file in sorted(place.glob("*.py")) if place.is_dir() else [place]:
            total.update(file.read_bytes())
    return total.hexdigest()


def write_shipped(folder: Path = SHIPPED) -> list[Path]:
    """Write the code of every group that ``folder`` has not yet; the files of all.

    Raises:
        ConfigurationError: the folder can't be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"{folder} can't be made: {error.strerror}") from None
    files = []
    for group in SIGNATURES:
        file = folder / f"{group}.bc"
        if shipped(group, folder) is None:
            code = made(group)
            with atomic_path(file) as temporary:
                temporary.write_bytes(f"{_head(code)} {_llvm_version()}\n".encode() + code)
        files.append(file)
    return files


def shipped(group: str, folder: Path = SHIPPED) -> bytes | None:
    """LLVM's code of a group as the package has it.

    None where there is none of these sources and this kind of machine, or where a later LLVM wrote
    it: each reads what those before it wrote.
    """
    with suppress(OSError, ValueError):
        head, _, code = (folder / f"{group}.bc").read_bytes().partition(b"\n")
        own, _, version = head.decode().rpartition(" ")
        if own == _head(code) and int(version) <= _llvm_version():
            return code
    return None


def _head(code: bytes) -> str:
    """What a file of these sources, for this kind of machine, begins with."""
    import llvmlite.binding as llvm

    own = hashlib.sha256(code).hexdigest()
    return f"netlist-gen bitcode 1 {digest()} {llvm.get_process_triple()} {own}"


def _llvm_version() -> int:
    import llvmlite.binding as llvm

    return int(llvm.llvm_version_info[0])


def made(group: str) -> bytes:
    """LLVM's code of a group as Numba makes it, in its binary form; nothing is optimised.

    Raises:
        ConfigurationError: Numba is told to compile nothing.
    """
    import llvmlite.binding as llvm
    from numba import float64, int64

    from verification.engine.kernels import entry

    if _settings().DISABLE_JIT:
        raise ConfigurationError(
            "NUMBA_DISABLE_JIT is set, and Numba has to make the engine's kernels here; unset it"
        )
    llvm.initialize_native_target()
    whole = llvm.parse_assembly("")
    kinds = {"i": int64, "d": float64}
    with _unoptimised():
        for name, function in entry.GROUPS[group]().items():
            codes = SIGNATURES[group][name]
            signature = tuple(kinds[c] for c in codes)
            function.compile(signature)
            one = function.overloads[signature]
            module = llvm.parse_assembly(one.library.get_llvm_str())
            module.link_in(llvm.parse_assembly(_caller(f"{group}_{name}", codes, one.fndesc)))
            whole.link_in(module)
    whole.triple = llvm.get_process_triple()
    called = {f"{group}_{name}" for name in SIGNATURES[group]}
    for symbol in (*whole.functions, *whole.global_variables):
        if not symbol.is_declaration and symbol.name not in called:
            symbol.linkage = "internal"  # what is put in the place of its calls is left out
    # Numba's own data, which nothing here reads, and names, which hold addresses of this process.
    tidy = llvm.create_new_module_pass_manager()
    tidy.add_sroa_pass()
    tidy.add_dead_code_elimination_pass()
    tidy.add_global_dead_code_eliminate_pass()
    tidy.add_strip_dead_prototype_pass()
    tidy.add_strip_symbols_pass()
    machine = llvm.Target.from_triple(whole.triple).create_target_machine()
    tidy.run(whole, llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options()))
    return bytes(whole.as_bitcode())


@contextmanager
def _unoptimised() -> Iterator[None]:
    """Numba leaves out its own passes: LLVM's over the whole, which come later, do all of it.

    The level is Numba's, not a function's: other threads that compile wait until it is back.
    """
    from numba.core.compiler_lock import global_compiler_lock
    from numba.core.registry import cpu_target

    config = _settings()
    with global_compiler_lock:
        cpu_target.target_context.codegen()  # what others compile later has the usual level
        usual = config.OPT
        config.OPT = type(usual)(0)
        try:
            yield
        finally:
            config.OPT = usual


def _settings() -> Any:
    """Numba's settings; what they hold is set by name when they are imported."""
    from numba.core import config

    return config


def _caller(name: str, codes: str, description: Any) -> str:
    """LLVM's text of a C function that calls Numba's: its result, without the status.

    The status is always 0: nothing in the kernels raises.
    """
    kinds = ["i64" if c == "i" else "double" for c in codes]
    inner = f'@"{description.llvm_func_name}"'
    parameters = ", ".join(f"{kind} %a{k}" for k, kind in enumerate(kinds))
    return (
        f"declare i32 {inner}(i64*, i8**, {', '.join(kinds)})\n"
        f"define i64 @{name}({parameters}) {{\n"
        "  %result = alloca i64\n"
        "  %raised = alloca i8*\n"
        f"  %status = call i32 {inner}(i64* %result, i8** %raised, {parameters})\n"
        "  %value = load i64, i64* %result\n"
        "  ret i64 %value\n"
        "}\n"
    )

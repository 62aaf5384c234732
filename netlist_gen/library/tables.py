"""Measured tables of cells (``cells/tables/PROCESS/CELL.toml``): delays, spacings, energies.

    tables = assembly.delays.measured_tables(CellLibrary())
    tables["splitter"].delay_s("a", "q0")                      # 2.857e-12, nominal, loaded by a JTL
    tables["splitter"].delay_s("a", "q0", load="merger")       # another load
    tables["splitter"].delay_s("a", "q0", driver="splitter")   # another cell before it
    tables["jtl"].delay_s("a", "q", bias=0.9)                  # all biases at 0.9 of nominal
    tables["merger"].spacing_s("a", "b")                       # dead time

Times are from port to port. Arrival at a port is where the integral of its voltage crosses Phi0/2,
so that delays along a path add up: arrival at the output of one cell is arrival at the input of
the next. Give each cell's delay the load and the driver it has: random chains of library cells
then agree with their simulation to 0.1 ps per cell on average and 0.7 ps at worst.

The tables are written by ``netlist-gen characterize``, which also checks that they are up to date
(``--check``); definitions are in docs/characterization.md.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from netlist_gen.circuit.model import Cell, Circuit
from netlist_gen.errors import ConfigurationError
from netlist_gen.library.bias import IDEAL
from netlist_gen.library.process import Process
from netlist_gen.library.splitters import LIBRARY
from netlist_gen.library.toml_file import read_toml
from netlist_gen.resources import resource_dir

FORMAT = 2
"""Of the files; another number is refused."""

_PS = 1e-12


@dataclass(frozen=True)
class TableArc:
    """Delays from one input to one output.

    Attributes:
        input: port.
        output: port; where a cell has none, the junction that stores the pulse.
        nominal_s: mean over the steps of the cell's stimulus, JTL load, nominal bias.
        least_s: of those steps (states of the cell, overdrive of a neuron).
        most_s: likewise.
        by_load_s: nominal delay by the cell at the output; empty where there is no output port.
        by_source_s: nominal delay by the cell before the input.
        by_bias_s: (bias ratio, delay) with rising ratio, where the cell works.
    """

    input: str
    output: str
    nominal_s: float
    least_s: float
    most_s: float
    by_load_s: Mapping[str, float]
    by_source_s: Mapping[str, float]
    by_bias_s: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class TableSpacing:
    """How close a pulse at ``second`` may follow one at ``first``, arrivals at the ports.

    Attributes:
        first: input; ``d`` stands for all of a neuron's d0, d1, ...
        second: likewise.
        kind: setup (before the clock), hold (after it), recovery (one input), separation.
        function_s: least spacing at which the cell still does what it should.
        undisturbed_s: least spacing at which also no delay changes by more than 1 ps.
    """

    first: str
    second: str
    kind: str
    function_s: float
    undisturbed_s: float


@dataclass(frozen=True)
class TableEnergy:
    """Work of the cell's bias sources for one event, J; ``after`` is the event before it."""

    event: str
    after: str
    energy_J: float


@dataclass(frozen=True)
class CellTable:
    """All that was measured of one cell.

    Attributes:
        cell: what was measured,
        process: in which process,
        bias: how its junctions were biased,
        splitters: of which cells splitter trees were made,
        simulator: and with which simulator and version.
        content_sha256: of process, cell and neighbours (``content_digest``); tables are found by
            it.
        bench_sha256: of the bench it was measured on; another one makes the table stale.
        junctions: of the cell.
        static_W: bias and control currents times supply voltage.
        bias_low: bias ratio from which the cell works,
        bias_high: and up to which.
        period_s: shortest mean spacing of the stimulus's steps, 0 where it was not measured.
        overdrive_s: neurons: (n - theta, delay from clock to output), rising.
    """

    cell: str
    process: str
    bias: str
    splitters: str
    simulator: str
    content_sha256: str
    bench_sha256: str
    junctions: int
    static_W: float
    bias_low: float
    bias_high: float
    period_s: float
    arcs: tuple[TableArc, ...]
    spacings: tuple[TableSpacing, ...]
    energies: tuple[TableEnergy, ...]
    overdrive_s: tuple[tuple[int, float], ...]

    def arc(self, source: str, target: str) -> TableArc:
        """The arc between two ports. Raises ConfigurationError where there is none."""
        for arc in self.arcs:
            if (arc.input, arc.output) == (source, target):
                return arc
        known = ", ".join(f"{a.input} to {a.output}" for a in self.arcs)
        raise ConfigurationError(
            f"the table of cell {self.cell} has no delay from {source} to {target}; it has {known}"
        )

    def delay_s(
        self, source: str, target: str, *, load: str = "jtl", bias: float = 1.0, driver: str = "jtl"
    ) -> float:
        """Delay in s against load, driver and bias ratio (straight lines between points).

        The three are taken as independent: the differences that load and driver make at nominal
        bias are added.

        Args:
            source: the input.
            target: the output.
            load: the cell at the output.
            driver: the cell before the input.
            bias: ratio of all biases to nominal.

        Raises:
            ConfigurationError: no such arc, load or driver, or a bias ratio outside the table.
        """
        arc = self.arc(source, target)
        extra = 0.0
        for what, kind, known in (
            ("load", load, arc.by_load_s),
            ("driver", driver, arc.by_source_s),
        ):
            if kind == "jtl":
                continue
            if kind not in known:
                raise ConfigurationError(
                    f"the table of cell {self.cell} has no {what} {kind!r} from {source} to "
                    f"{target}; it has {', '.join(known) or 'none'}"
                )
            extra += known[kind] - arc.nominal_s
        if bias == 1.0:
            return arc.nominal_s + extra
        points = arc.by_bias_s
        if not points or not points[0][0] <= bias <= points[-1][0]:
            ends = f"{points[0][0]:g} to {points[-1][0]:g}" if points else "nothing"
            raise ConfigurationError(
                f"the table of cell {self.cell} covers bias ratios {ends}, not {bias:g}"
            )
        at = min(bisect_right([ratio for ratio, _ in points], bias), len(points) - 1)
        (r0, d0), (r1, d1) = points[at - 1], points[at]
        return d0 + (d1 - d0) * (bias - r0) / (r1 - r0) + extra

    def spacing_s(self, first: str, second: str, *, undisturbed: bool = True) -> float:
        """The largest of the critical spacings from one input to another, s.

        Raises:
            ConfigurationError: the stimulus has no such pair.
        """
        found = [
            s.undisturbed_s if undisturbed else s.function_s
            for s in self.spacings
            if (s.first, s.second) == (first, second)
        ]
        if not found:
            known = ", ".join(dict.fromkeys(f"{s.first} to {s.second}" for s in self.spacings))
            raise ConfigurationError(
                f"the table of cell {self.cell} has no spacing of {first} to {second}; it has "
                f"{known or 'none'}"
            )
        return max(found)

    def energy_J(self, event: str) -> float:
        """Mean energy of an event (a step's text, e.g. ``a -> q``) over what came before it.

        Raises:
            ConfigurationError: no such event.
        """
        found = [e.energy_J for e in self.energies if e.event == event]
        if not found:
            known = ", ".join(dict.fromkeys(repr(e.event) for e in self.energies))
            raise ConfigurationError(
                f"the table of cell {self.cell} has no event {event!r}; it has {known}"
            )
        return sum(found) / len(found)


def content_digest(process: Process, cell: Cell, neighbours: Sequence[Cell]) -> str:
    """SHA-256 of what a table was measured of: the process's numbers, the cell, its neighbours.

    The process's name is not in it: a table is found by what it was measured on. Cells that a bias
    network feeds are other cells than those with ideal sources.
    """
    total = hashlib.sha256(f"format {FORMAT} {process.content()}".encode())
    total.update(process.bias_digest().encode())
    for one in (cell, *neighbours):
        total.update(Circuit(one).digest().encode())
    return total.hexdigest()


def find_tables(process: Process, digests: Mapping[str, str]) -> dict[str, CellTable]:
    """The tables of the given cells, found by content.

    They are looked for in the library, and in the folder ``tables`` beside a process's own file.

    Args:
        process: of the cells.
        digests: the ``content_digest`` of each cell by its table's name.

    Returns:
        Those that there are.

    Raises:
        ConfigurationError: a file that is no table.
    """
    known = {table.content_sha256: table for table in map(read_table, table_files(process))}
    return {name: known[digest] for name, digest in digests.items() if digest in known}


def table_files(process: Process) -> list[Path]:
    """The files in which tables for a process may be."""
    folders = [resource_dir("cells") / "tables", tables_folder(process)]
    return sorted({path for folder in folders for path in folder.glob("*/*.toml")})


def tables_folder(process: Process) -> Path:
    """Where tables of a process are written: see ``tables_name``."""
    own = Path(process.origin)
    return own.parent / "tables" if own.suffix == ".toml" else resource_dir("cells") / "tables"


def tables_name(process: Process) -> str:
    """The folder in it: the process's name, its splitters and bias where they are not the usual."""
    splitters = "" if process.splitters == LIBRARY else "_by_load"
    bias = "" if process.network is None else f"_{process.bias_kind}"
    return f"{process.name}{splitters}{bias}"


def how_to_measure(process: Process) -> str:
    """The command that makes the tables of a process."""
    bias = "" if process.network is None else f" --bias {process.bias_kind}"
    if process.splitters != LIBRARY:
        bias += f" --splitters {process.splitters}"
    return (
        "`netlist-gen characterize --all --tables --process "
        f"{process.origin or process.name}{bias}`"
    )


@cache
def _read(path: Path, _written: int) -> CellTable:
    return _table(path)


def read_table(path: Path) -> CellTable:
    """One table. Raises ConfigurationError for a file that is not one."""
    try:
        written = path.stat().st_mtime_ns
    except OSError:
        written = 0  # reading it says why it can't be read
    return _read(path, written)


def _table(path: Path) -> CellTable:
    data = read_toml(path)
    head = data.get("table", {})
    if not isinstance(head, dict) or head.get("format") != FORMAT:
        raise ConfigurationError(f"{path}: not a cell's table of format {FORMAT}")
    try:
        return CellTable(
            cell=str(head["cell"]),
            process=str(head["process"]),
            bias=str(head.get("bias", IDEAL)),
            splitters=str(head.get("splitters", LIBRARY)),
            simulator=str(head["simulator"]),
            content_sha256=str(head["content_sha256"]),
            bench_sha256=str(head["bench_sha256"]),
            junctions=int(head["junctions"]),
            static_W=float(head["static_nW"]) * 1e-9,
            bias_low=float(head["bias_low"]),
            bias_high=float(head["bias_high"]),
            period_s=float(head.get("period_ps", 0.0)) * _PS,
            arcs=tuple(_arc(entry) for entry in data.get("arcs", ())),
            spacings=tuple(
                TableSpacing(
                    s["first"], s["second"], s["kind"], s["function_ps"] * _PS, s["delay_ps"] * _PS
                )
                for s in data.get("spacings", ())
            ),
            energies=tuple(
                TableEnergy(e["event"], e["after"], e["aJ"] * 1e-18)
                for e in data.get("energies", ())
            ),
            overdrive_s=tuple(
                (int(o["n_minus_theta"]), o["delay_ps"] * _PS) for o in data.get("overdrive", ())
            ),
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise ConfigurationError(f"{path}: a cell's table lacks or garbles {error}") from None


def _arc(entry: Mapping[str, Any]) -> TableArc:
    return TableArc(
        input=str(entry["input"]),
        output=str(entry["output"]),
        nominal_s=float(entry["delay_ps"]) * _PS,
        least_s=float(entry["least_ps"]) * _PS,
        most_s=float(entry["most_ps"]) * _PS,
        by_load_s={k: float(v) * _PS for k, v in entry.get("load_ps", {}).items()},
        by_source_s={k: float(v) * _PS for k, v in entry.get("source_ps", {}).items()},
        by_bias_s=tuple(
            (float(r), float(d) * _PS)
            for r, d in zip(entry["bias_ratio"], entry["bias_ps"], strict=True)
        ),
    )

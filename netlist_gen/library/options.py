"""Options that name a process and a clock."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from netlist_gen.library.bias import BIASES, IDEAL
from netlist_gen.library.process import DEFAULT_PROCESS, process_names
from netlist_gen.library.splitters import LIBRARY, SPLITTERS
from netlist_gen.options import Options, option

if TYPE_CHECKING:
    from netlist_gen.library.annotations import Annotations
    from netlist_gen.library.design import ClockPhases
    from netlist_gen.library.process import Process


ANNOTATE_HELP = (
    "Table (CSV or TSV: element,value,unit) of extracted values that override L, K, B, R, I."
)
"""Of the option of several commands."""


TIME_FIRST_HELP = "Steps are the first axis of the samples, as snnTorch has them."
"""Likewise."""


def annotations_of(file: Path | None, process: Process) -> Annotations | None:
    """The table in the file, if one is named. Raises as ``read_annotations``."""
    if file is None:
        return None
    from netlist_gen.library.annotations import read_annotations

    return read_annotations(file, process)


@dataclass(frozen=True)
class ProcessOptions(Options):
    """Whose cells.

    Attributes:
        process: a process of the library by name, or a user's own by its file.
        splitters: of which cells splitter trees are made (``netlist_gen.library.splitters``).
    """

    process: str = option(
        DEFAULT_PROCESS, "Process of the library, or a .toml file.", known=process_names, files=True
    )
    splitters: str = option(
        LIBRARY,
        "Cells of splitter trees: the library's splitter in all, or smaller ones in trees to data "
        "ports and resets (by-load).",
        choices=SPLITTERS,
    )

    def loaded_process(self) -> Process:
        """The process with those splitters. Raises as ``load_process``."""
        from netlist_gen.library.process import load_process

        return load_process(self.process, splitters=self.splitters)


@dataclass(frozen=True)
class BiasOptions(ProcessOptions):
    """Whose cells, and how their junctions are biased.

    Attributes:
        bias: ideal current sources, or a network from a bus (``netlist_gen.library.bias``).
    """

    bias: str = option(
        IDEAL,
        "Bias of junctions: ideal current sources, resistors, resistors and inductors at a low "
        "voltage (lr), or inductors and limiting junctions (ersfq).",
        choices=BIASES,
    )

    def loaded_process(self) -> Process:
        """The process with that bias. Raises as ``load_process``."""
        from netlist_gen.library.process import load_process

        return load_process(self.process, self.bias, self.splitters)


@dataclass(frozen=True)
class ClockOptions(ProcessOptions):
    """Whose cells, and at which clock.

    Attributes:
        clock_ghz: of the windows; None is the design's.
    """

    clock_ghz: float | None = option(
        None,
        "Clock in GHz [default: the process's; of sfq5ee 8.929, windows of 112 ps].",
        positive=True,
    )

    def phases(self, process: Process) -> ClockPhases:
        """The design's clock phases in a process, at the clock that is asked for.

        Raises:
            ConfigurationError: a clock that was not shown to work.
        """
        from netlist_gen.library.design import load_phases

        phases = load_phases(process=process)
        return phases if self.clock_ghz is None else phases.with_period(1e-9 / self.clock_ghz)

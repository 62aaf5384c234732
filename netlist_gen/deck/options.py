"""Options of ``generate``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from netlist_gen.deck.origin import origin_lines
from netlist_gen.deck.parameters import check_parameters
from netlist_gen.library.options import ANNOTATE_HELP, ClockOptions
from netlist_gen.options import option

if TYPE_CHECKING:
    from netlist_gen.library.cells import CellLibrary
    from netlist_gen.library.process import Process
    from netlist_gen.network import TernaryNetwork

RULES_ON, RULES_OFF = "on", "off"

NOT_CHECKED = "rules of drawing were not checked (--rules off)"
"""What a deck's head says where a network was not held against the rules."""

WITH_CROSSTALK = "neighbouring synapses are coupled (--crosstalk)"
"""What it says where they are."""


@dataclass(frozen=True)
class DeckOptions(ClockOptions):
    """What decks of a network have in common, whoever writes them.

    Attributes:
        scopes: "neurons", "network" or both.
        pipeline: windows in one deck of the scope "network"; None is all of them.
        annotate: a table of extracted values that override the design's.
        crosstalk: whether neighbouring synapses are coupled, at the process's values.
        rules: whether a network that breaks a rule of drawing is refused, "on" or "off".
    """

    scopes: tuple[str, ...] = option(
        ("neurons",),
        "neurons, network, or both with a comma.",
        flag="--scope",
        known=lambda: ("neurons", "network"),
    )
    pipeline: int | None = option(
        None, "Windows in one deck of the scope network [default: all].", least=1
    )
    annotate: Path | None = option(None, ANNOTATE_HELP, metavar="FILE")
    crosstalk: bool = option(False, "Couple neighbouring synapses, at the process's values.")
    rules: str = option(
        RULES_ON,
        "Refuse a network that the process can't draw; off: write its decks all the same.",
        choices=(RULES_ON, RULES_OFF),
    )

    def library(self, process: Process, head: tuple[str, ...] = ()) -> CellLibrary:
        """The cells of the decks, in a process; ``head`` are more lines at the head of each."""
        from netlist_gen.library.cells import CellLibrary

        return CellLibrary(process, crosstalk=self.crosstalk, notes=(*self.notes(), *head))

    def notes(self) -> tuple[str, ...]:
        """What the head of each deck says of these options."""
        said = ((self.crosstalk, WITH_CROSSTALK), (self.rules == RULES_OFF, NOT_CHECKED))
        return tuple(note for holds, note in said if holds)

    def require_rules(self, network: TernaryNetwork, process: Process) -> None:
        """Refuse a network that breaks a rule of drawing, unless the rules are off.

        Raises:
            NetworkError: it names neuron, element, value and limit.
        """
        from netlist_gen.circuit.rules_report import require_rules

        if self.rules == RULES_ON:
            require_rules(network, process, self.scopes)


@dataclass(frozen=True)
class GenerateOptions(DeckOptions):
    """What ``generate`` writes, and how.

    Attributes:
        dialects: of the decks.
        jobs: processes that write neurons' decks; None: as many as the cores where decks are many.
        parameters: whether factors of bias, inductance and critical current stand at the head of
            each deck, so that one line sweeps them.
        source: what the manifest records as the network's origin.
        inputs: the file of the samples, recorded in decks.
    """

    dialects: tuple[str, ...] = option(
        ("josim",),
        "Comma list of dialects.",
        flag="--dialect",
        known=lambda: ("josim", "ngspice", "wrspice"),
    )
    jobs: int | None = option(
        None, "Processes that write decks [default: cores, one where decks are few].", least=1
    )
    parameters: bool = option(
        False,
        "Put factors of bias, flux, inductance and critical current at each deck's head (.param), "
        "to sweep by one line; dialects josim and ngspice.",
    )
    source: str = ""
    inputs: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.parameters:
            check_parameters(self.dialects)

    def head(self, network_sha256: str, windows_sha256: str) -> tuple[str, ...]:
        """What each deck says of its origin."""
        words = self.words(leave_out=("jobs",))
        return origin_lines(self.source, self.inputs, words, network_sha256, windows_sha256)

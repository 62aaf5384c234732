"""Options of ``generate``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from netlist_gen.circuit.probe import STEP_PS
from netlist_gen.deck.origin import origin_lines
from netlist_gen.library.bias import IDEAL
from netlist_gen.library.options import (
    ANNOTATE_HELP,
    TIME_FIRST_HELP,
    BiasOptions,
    ClockOptions,
)
from netlist_gen.library.splitters import LIBRARY
from netlist_gen.options import option

if TYPE_CHECKING:
    from netlist_gen.library.cells import CellLibrary
    from netlist_gen.library.process import Process
    from netlist_gen.network import TernaryNetwork

RULES_ON, RULES_OFF = "on", "off"

STARTUP_ON, STARTUP_OFF = "on", "off"

NOT_CHECKED = "rules of drawing were not checked (--rules off)"
"""What a deck's head says where a network was not held against the rules."""

BY_LOAD_TREES = "splitters are sized by what their trees drive (--splitters by-load)"
"""Likewise."""

WITH_CROSSTALK = "neighbouring synapses are coupled (--crosstalk)"
"""What it says where they are."""


@dataclass(frozen=True)
class DeckOptions(ClockOptions, BiasOptions):
    """What decks of a network have in common, whoever writes them.

    Attributes:
        scopes: "neurons", "network" or both.
        pipeline: windows in one deck of the scope "network"; None is all of them.
        annotate: a table of extracted values that override the design's.
        crosstalk: whether neighbouring synapses are coupled, at the process's values.
        rules: whether a network that breaks a rule of drawing is refused, "on" or "off".
        startup: whether decks of the whole network begin with start-up windows, "on" or "off".
        time_first: whether steps are the first axis of the samples, as snnTorch has them.
        allow_dead: whether a network with a dead layer is taken (``netlist_gen/firing.py``).
        step: time step of the decks, ps.
    """

    scopes: tuple[str, ...] = option(
        ("neurons",),
        "neurons, network, or both with a comma.",
        flag="--scope",
        known=lambda: ("neurons", "network"),
    )
    pipeline: int | None = option(
        None,
        "Windows in one deck of the scope network [default: all].",
        least=1,
        needs=("scopes=network",),
    )
    annotate: Path | None = option(None, ANNOTATE_HELP, metavar="FILE")
    crosstalk: bool = option(False, "Couple neighbouring synapses, at the process's values.")
    rules: str = option(
        RULES_ON,
        "Refuse a network that the process can't draw; off: write its decks all the same.",
        choices=(RULES_ON, RULES_OFF),
    )
    startup: str = option(
        STARTUP_ON,
        "Begin decks of the whole network with start-up windows, which clear trapped fluxons.",
        choices=(STARTUP_ON, STARTUP_OFF),
        needs=("scopes=network",),
    )
    time_first: bool = option(False, TIME_FIRST_HELP)
    allow_dead: bool = option(
        False, "Take a network of which no neuron of a layer can fire, or all always do."
    )
    step: float = option(
        STEP_PS,
        "Time step of the decks, ps: half of it shows what it does to a verdict.",
        positive=True,
        above=0.001,
        below=0.3,
    )

    @property
    def startup_windows(self) -> bool:
        """Whether there are decks that begin with start-up windows."""
        return self.startup == STARTUP_ON and "network" in self.scopes

    def library(self, process: Process, head: tuple[str, ...] = ()) -> CellLibrary:
        """The cells of the decks, in a process; ``head`` are more lines at the head of each."""
        from netlist_gen.library.cells import CellLibrary
        from netlist_gen.library.design import bias_note

        said = bias_note(process)
        notes = (*self.notes(), *((said,) if said else ()), *head)
        return CellLibrary(process, crosstalk=self.crosstalk, notes=notes, step_s=self.step * 1e-12)

    def notes(self) -> tuple[str, ...]:
        """What the head of each deck says of these options."""
        said = (
            (self.bias != IDEAL, f"junctions are biased from buses (--bias {self.bias})"),
            (self.splitters != LIBRARY, BY_LOAD_TREES),
            (self.crosstalk, WITH_CROSSTALK),
            (self.rules == RULES_OFF, NOT_CHECKED),
        )
        return tuple(note for holds, note in said if holds)

    def require_sound(self, network: TernaryNetwork, process: Process) -> None:
        """Refuse a network with a dead layer, or one that breaks a rule of drawing.

        Either may be allowed by its option.

        Raises:
            NetworkError: it names layer and reason, or neuron, element, value and limit.
        """
        from netlist_gen.circuit.rules_report import require_rules
        from netlist_gen.firing import require_alive

        if not self.allow_dead:
            require_alive(network)
        if self.rules == RULES_ON:
            require_rules(network, process, self.scopes)


@dataclass(frozen=True)
class GenerateOptions(DeckOptions):
    """What ``generate`` writes, and how.

    Attributes:
        dialects: of the decks.
        jobs: processes that write neurons' decks; None: as many as the cores where decks are many.
        parameters: whether factors of bias, flux, inductance and critical current stand at the
            head of each deck, so that one line sweeps them.
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
        "to sweep by one line.",
    )
    source: str = ""
    inputs: str = ""

    def head(self, network_sha256: str, windows_sha256: str) -> tuple[str, ...]:
        """What each deck says of its origin."""
        words = self.words(leave_out=("jobs",))
        return origin_lines(self.source, self.inputs, words, network_sha256, windows_sha256)

"""Options of ``generate``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from netlist_gen.library.options import ANNOTATE_HELP, ClockOptions
from netlist_gen.options import option


@dataclass(frozen=True)
class DeckOptions(ClockOptions):
    """What decks of a network have in common, whoever writes them.

    Attributes:
        scopes: "neurons", "network" or both.
        pipeline: windows in one deck of the scope "network"; None is all of them.
        annotate: a table of extracted values that override the design's.
    """

    scopes: tuple[str, ...] = option(
        ("neurons",), "neurons, network, or both with a comma.", flag="--scope"
    )
    pipeline: int | None = option(
        None, "Windows in one deck of the scope network [default: all].", least=1
    )
    annotate: Path | None = option(None, ANNOTATE_HELP, metavar="FILE")


@dataclass(frozen=True)
class GenerateOptions(DeckOptions):
    """What ``generate`` writes, and how.

    Attributes:
        dialects: of the decks.
        jobs: processes that write neurons' decks; None: as many as the cores where decks are many.
        source: what the manifest records as the network's origin.
    """

    dialects: tuple[str, ...] = option(("josim",), "Comma list of dialects.", flag="--dialect")
    jobs: int | None = option(
        None, "Processes that write decks [default: cores, one where decks are few].", least=1
    )
    source: str = ""

"""Options of ``verify``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from netlist_gen.deck.options import DeckOptions
from netlist_gen.errors import ConfigurationError
from netlist_gen.options import option
from verification.certificate.classes import ALL_CLASSES, NEAR
from verification.reference.options import COOLING_W_PER_W
from verification.simulators.registry import DEVICES, NAMES
from verification.waves.kinds import KINDS, KINDS_HELP, check_kinds

if TYPE_CHECKING:
    from netlist_gen.network import TernaryNetwork


@dataclass(frozen=True)
class VerifyOptions(DeckOptions):
    """What to verify and how.

    Attributes:
        simulator: names with commas; "auto" is JoSIM where it is here, "installed" all that are.
        device: where the embedded engine's lanes run.
        samples: how many of the samples to take; None is all.
        seed: of their draw, and recorded.
        jobs: simulations at a time; None: as many as there are cores.
        timeout: seconds one simulation may take.
        cooling: watts at the wall for one at 4.2 K.
        timing: pulses must also come when the timed reference says.
        tolerance_ps: how far off one may be.
        decks: judge the decks in this directory instead of new ones.
        scheduler: address of a Dask scheduler on whose workers to simulate.
        waves: formats in which the waveforms of the neuron that the report shows are kept; of a
            counter-example a page or a picture always is.
        resume: take what the ledger of the run's directory already holds.
        source: the network's file, recorded.
        command: the command line, recorded.
        rows: rows of the samples in their file, recorded; None is all of them in order.
        windows_per_deck: of the scope "neurons"; None: as suits the simulator.
        exhaustive: make windows that certify each neuron for all its inputs.
        near: classes within so many counts of the threshold, and the corners; None is all up to
            ``ALL_CLASSES`` synapses, ``NEAR`` beyond.
        neurons: how many to certify; None is all.
        checks: neuron windows of the samples that are simulated beside made ones.
        every_window: nothing is simulated once for several.
        mutants: faults to try.
    """

    simulator: str = option(
        "auto",
        f"auto, {', '.join(NAMES)}, or several with commas; installed: all here.",
        known=lambda: ("auto", "installed", *NAMES),
    )
    device: str = option("cpu", "Where the embedded engine's lanes run.", choices=DEVICES)
    samples: int | None = option(None, "Take so many, drawn with --seed.", least=1)
    seed: int = option(0, "Of the draw of --samples.", least=0)
    jobs: int | None = option(None, "Simulations at a time [default: cores].", least=1)
    timeout: float = option(600.0, "Seconds one simulation may take.", positive=True)
    cooling: float = option(COOLING_W_PER_W, "Wall-plug watts for one at 4.2 K.", positive=True)
    timing: bool = option(False, "Pulses must also come when the timed reference says.")
    tolerance_ps: float = option(
        4.0,
        "With --timing: how far off a pulse may be.",
        flag="--timing-tolerance",
        positive=True,
        needs=("timing",),
    )
    decks: Path | None = option(None, "Judge the decks in this directory.")
    scheduler: str | None = option(
        None, "Address of a Dask scheduler on whose workers to simulate."
    )
    resume: bool = option(False, "Go on with what a broken run left.")
    exhaustive: bool = option(
        False, "Make windows that certify each neuron for all its inputs; --inputs is optional."
    )
    near: int | None = option(
        None,
        "With --exhaustive: counts within N of the threshold and the corners of the range "
        f"[default: all; {NEAR} for neurons of more than {ALL_CLASSES} synapses].",
        least=1,
        needs=("exhaustive",),
    )
    neurons: int | None = option(
        None,
        "With --exhaustive: so many neurons, drawn with --seed [default: all].",
        least=1,
        needs=("exhaustive",),
    )
    checks: int = option(
        256,
        "With --exhaustive and --inputs: neuron windows of the samples, drawn.",
        least=0,
        needs=("exhaustive",),
    )
    every_window: bool = option(
        False, "Simulate every window, also those that come again or that circuits share."
    )
    mutants: int = option(0, "Faults to try, drawn: do the windows find them?", least=0)
    waves: tuple[str, ...] = option(
        (), f"{KINDS_HELP} Of the neuron that the report shows, in RUN/waves.", choices=KINDS
    )
    source: str = ""
    command: str = ""
    rows: tuple[int, ...] | None = None
    windows_per_deck: int | None = None

    def require_memoryless(self, network: TernaryNetwork) -> None:
        """Refuse what is not there for neurons whose membranes last.

        Raises:
            ConfigurationError: made windows or faults of a network that has some.
        """
        lasting = [i for i, layer in enumerate(network.layers) if layer.memory is not None]
        flag = "--exhaustive" if self.exhaustive else "--mutants" if self.mutants else ""
        if lasting and flag:
            raise ConfigurationError(
                f"{flag} is of windows that each count for themselves; the membranes of layer "
                f"{lasting[0]} last from step to step. Allowed are samples: --inputs"
            )

    def _check_recorded(self) -> None:
        """Refuse values of fields that are no options of the command line."""
        length, rows = self.windows_per_deck, self.rows
        whole = isinstance(length, int | np.integer) and not isinstance(length, bool)
        if length is not None and not (whole and length >= 2):
            raise ConfigurationError(f"windows_per_deck is {length!r}; it must be 2 at least")
        if rows is not None and not (
            isinstance(rows, tuple) and all(isinstance(row, int | np.integer) for row in rows)
        ):
            raise ConfigurationError(f"rows is {rows!r}; a tuple of whole numbers is needed")
        for name in ("source", "command"):
            if not isinstance(getattr(self, name), str):
                raise ConfigurationError(f"{name} is {getattr(self, name)!r}; a text is needed")

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_recorded()
        if self.exhaustive and self.decks is not None:
            raise ConfigurationError("--exhaustive makes its own windows; it judges no --decks")
        if self.exhaustive and "network" in self.scopes:
            raise ConfigurationError(
                "--exhaustive makes windows of neurons; allowed is --scope neurons"
            )
        if self.device != "cpu" and self.scheduler is not None:
            raise ConfigurationError(
                f"--device {self.device} is this machine's; --scheduler has others simulate"
            )
        if self.mutants and "neurons" not in self.scopes:
            raise ConfigurationError("--mutants breaks neurons; it needs --scope neurons")
        if self.mutants and self.crosstalk:  # whose inductors are in no branch of their own
            raise ConfigurationError(
                "--mutants breaks single branches; it goes without --crosstalk"
            )
        check_kinds("--waves", self.waves)

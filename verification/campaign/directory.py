"""The directory of a run: what is in it, and that an unfinished run never looks whole.

A finished run has ``verify.json`` (the verdict, the contract with scripts), ``results.npz``
(spikes, delays and the waveforms of one neuron, for the report), ``ledger.sqlite`` (for resuming),
``decks/`` (those that disagree) and ``waves/`` (waveforms that were asked for, and those of a
counter-example). The first two are written last and by renaming. Each further simulator's run is in
``simulators/NAME``, whole, so that it can be looked at and resumed by itself.
"""

from __future__ import annotations

import errno
import json
import math
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from netlist_gen.checkpoint.digest import network_digest
from netlist_gen.deck.manifest import DeckFolder, read_manifest, windows_digest
from netlist_gen.errors import ConfigurationError
from netlist_gen.files import atomic_path, shown, write_text
from netlist_gen.network import TernaryNetwork
from verification.campaign.ledger import Ledger
from verification.campaign.plan import Setup
from verification.verdict.outcome import DeckResult, RunVerdict
from verification.waves.export import clear_waveforms

SIMULATORS = "simulators"
"""Where in a run's directory the runs of the other simulators are."""

RESULTS, ARRAYS, REPORT = "verify.json", "results.npz", "report.html"


class RunDirectory:
    """A run's directory, made ready for a new run or for going on with a broken one.

    The decks of an earlier counter-example go, unless they are those to be judged, or those that
    ``generate`` wrote.

    Args:
        path: of the directory.
        resume: keep the ledger.
        decks: the directory of decks to be judged, or None.

    Raises:
        ConfigurationError: it can't be made or written.
    """

    def __init__(self, path: Path, *, resume: bool, decks: Path | None = None) -> None:
        self.path = path
        self._resume, self._decks = resume, decks
        try:
            path.mkdir(parents=True, exist_ok=True)
            self._clear()
            with atomic_path(path / ".writable") as probe:
                probe.touch()
            (path / ".writable").unlink()
        except OSError as error:
            raise ConfigurationError(
                f"the output directory {path} can't be written ({error.strerror})"
            ) from error

    def _clear(self) -> None:
        for name in (RESULTS, ARRAYS, REPORT):
            (self.path / name).unlink(missing_ok=True)
        clear_waveforms(self.path)
        kept = self.path / "decks"
        if kept.exists() and not kept.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, f"{kept} is not a directory")
        generated = (kept / "manifest.json").exists()
        if not generated and (self._decks is None or self._decks.resolve() != kept.resolve()):
            for deck in kept.glob("*.cir"):
                deck.unlink()
        if not self._resume:
            for ledger in self.path.glob("ledger.sqlite*"):
                ledger.unlink()
        for folder in sorted(p for p in (self.path / SIMULATORS).glob("*") if p.is_dir()):
            RunDirectory(folder, resume=self._resume, decks=self._decks)

    def of(self, simulator: str) -> RunDirectory:
        """The directory of another simulator's run."""
        return RunDirectory(
            self.path / SIMULATORS / simulator, resume=self._resume, decks=self._decks
        )

    @property
    def decks(self) -> str:
        """Where decks of disagreements are kept, with a slash at its end."""
        return f"{self.path / 'decks'}/"

    def ledger(self) -> closing[Ledger]:
        """The ledger, to be closed. Raises ConfigurationError for one that can't be used."""
        return closing(Ledger(self.path / "ledger.sqlite"))

    def write(
        self,
        verdict: RunVerdict,
        arrays: Mapping[str, NDArray[np.generic]],
        results: Iterable[DeckResult],
    ) -> None:
        """Write the decks that disagree, ``results.npz`` and ``verify.json``, in that order.

        Raises:
            ConfigurationError: they can't be written, for instance on a full disk; the ledger
                keeps what was measured.
        """
        folder = self.path / "decks"
        try:
            for result in results:
                if result.deck is not None:
                    folder.mkdir(exist_ok=True)
                    write_text(folder / f"{result.name}.cir", result.deck)
            with atomic_path(self.path / ARRAYS) as path:
                np.savez_compressed(path, allow_pickle=False, **arrays)
            write_text(self.path / RESULTS, json.dumps(verdict.to_json(), indent=2) + "\n")
        except OSError as error:
            raise ConfigurationError(
                f"{self.path}: the results can't be written ({error.strerror}); the ledger keeps "
                "what was measured, so make room and run again with --resume"
            ) from error


def _short(digest: str | None) -> str:
    return shown((digest or "")[:12]).strip("'\"")


def _table(digest: str | None) -> str:
    return f"a table of the SHA-256 {_short(digest)}" if digest else "no table"


def _check_origin(
    path: Path, manifest: DeckFolder, network: TernaryNetwork, x: NDArray[np.bool_]
) -> None:
    """Refuse decks of another network or of other samples: nothing is wrong with their circuit."""
    own, theirs = network_digest(network), manifest.network_sha256
    if theirs not in (None, own):
        raise ConfigurationError(
            f"{path}: the decks are of another network, of the SHA-256 {_short(theirs)}; the one "
            f"given has {_short(own)}"
        )
    windows, theirs = windows_digest(x), manifest.windows_sha256
    if theirs not in (None, windows):
        count = "as many" if manifest.windows == len(x) else f"{manifest.windows}"
        raise ConfigurationError(
            f"{path}: the decks are for other input pulses ({count} windows, SHA-256 "
            f"{_short(theirs)}) than the {len(x)} windows given ({_short(windows)}); give "
            "the samples that they were generated with, all of them"
        )


def check_manifest(
    folder: Path,
    setup: Setup,
    network: TernaryNetwork,
    x: NDArray[np.bool_],
    startup: bool | None = None,
) -> str:
    """Hold a manifest against the network, samples, process, clock and options of a campaign.

    Args:
        folder: of the decks.
        setup: of the campaign.
        network: that is judged.
        x: its input pulses, shape (windows, inputs).
        startup: whether decks of the whole network begin with start-up windows; None where none
            of them is judged.

    Returns:
        what could not be compared, in a sentence; "" for nothing.

    Raises:
        ConfigurationError: decks of another network, other samples, another process or clock,
            with other extracted values, another bias or time step, or with crosstalk or start-up
            windows where none is asked for or the other way round.
    """
    process, phases = setup.process, setup.phases
    manifest = read_manifest(folder)
    if manifest is None:
        return ""
    path = folder / "manifest.json"
    _check_origin(path, manifest, network, x)
    if manifest.process != process.name:
        raise ConfigurationError(
            f"{path}: the decks are for the process {shown(manifest.process)}, asked for is "
            f"{process.name}"
        )
    if manifest.process_sha256 not in (None, process.digest()):
        raise ConfigurationError(
            f"{path}: the decks are for another process called {process.name}, whose values have "
            f"the SHA-256 {_short(manifest.process_sha256)}; those asked for have "
            f"{_short(process.digest())}"
        )
    clock_ghz = 1e-9 / phases.period
    if not math.isclose(manifest.clock_ghz, clock_ghz, rel_tol=1e-9):
        raise ConfigurationError(
            f"{path}: the decks are for a clock of {manifest.clock_ghz:.6g} GHz, asked for is "
            f"{clock_ghz:.6g} GHz"
        )
    theirs = manifest.annotation.sha256 if manifest.annotation else None
    asked = setup.annotations.sha256 if setup.annotations else None
    if theirs != asked:
        raise ConfigurationError(
            f"{path}: the decks are annotated by {_table(theirs)}, asked for is {_table(asked)} "
            "(--annotate)"
        )
    if manifest.crosstalk != setup.crosstalk:
        has, wants = ("with", "without") if manifest.crosstalk else ("without", "with")
        raise ConfigurationError(
            f"{path}: the decks are {has} crosstalk, asked for is {wants} --crosstalk"
        )
    if manifest.bias != process.bias_kind:
        raise ConfigurationError(
            f"{path}: the decks have the bias {shown(manifest.bias)}, asked for is --bias "
            f"{process.bias_kind}"
        )
    if manifest.splitters != process.splitters:
        raise ConfigurationError(
            f"{path}: the decks have the splitters {shown(manifest.splitters)}, asked for is "
            f"--splitters {process.splitters}"
        )
    step_ps = setup.step_s * 1e12
    if not math.isclose(manifest.time_step_ps, step_ps, rel_tol=1e-9):
        raise ConfigurationError(
            f"{path}: the decks have a time step of {manifest.time_step_ps:g} ps, asked for is "
            f"--step {step_ps:g}"
        )
    if startup is not None and manifest.has_network and manifest.startup != startup:
        has, wants = ("with", "off") if manifest.startup else ("without", "on")
        raise ConfigurationError(
            f"{path}: the decks of the whole network are {has} start-up windows, asked for is "
            f"--startup {wants}"
        )
    if manifest.process_sha256 is None:
        return (
            f"{path} is of an earlier version and holds no values of its process: only the name "
            f"{process.name} was compared"
        )
    return ""

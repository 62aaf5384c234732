"""``manifest.json``, which maps names of the network to names in decks and back."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from netlist_gen.assembly.network_circuit import NetworkBench
from netlist_gen.circuit.bench import NeuronBench
from netlist_gen.circuit.probe import STEP_PS, Probe
from netlist_gen.circuit.view import NeuronView
from netlist_gen.deck.annotation import AnnotationFigures
from netlist_gen.errors import ConfigurationError, DeckError
from netlist_gen.files import shown
from netlist_gen.library.bias import IDEAL
from netlist_gen.library.splitters import LIBRARY
from netlist_gen.library.toml_file import read_small_text
from netlist_gen.network import TernaryNetwork
from netlist_gen.records import Record

FORMAT = "netlist-gen manifest 2"
OLDER = "netlist-gen manifest 1"
"""Without ``process_sha256``; it is read too."""

MOST_BYTES = 400_000_000
"""Of a file: an entry of a deck has a few thousand."""


@dataclass(frozen=True)
class SynapseEntry(Record):
    """A synapse.

    Attributes:
        input: its input line.
        weight: +1 or -1.
        instance: path of its storage branch, outside-in.
        set: column of the junction that a data pulse flips.
        clear: column of the junction that the reset flips.
    """

    input: int
    weight: int
    instance: str
    set: str
    clear: str


@dataclass(frozen=True)
class MemoryEntry(Record):
    """What makes a neuron's membrane last.

    Attributes:
        reset: what its own pulse does: "zero", "subtract" or "none".
        steps: the most of a sample.
        own: its branches that count its own pulses, -1 each; their ``input`` is -1.
    """

    reset: str
    steps: int
    own: tuple[SynapseEntry, ...]


@dataclass(frozen=True)
class NeuronEntry(Record):
    """A neuron: its place in the network, its names in the deck, its synapses."""

    name: str
    layer: int
    neuron: int
    theta: int
    instance: str
    output: str
    synapses: tuple[SynapseEntry, ...]
    memory: MemoryEntry | None = field(default=None, metadata={"absent": True})


@dataclass(frozen=True)
class DeckFile(Record):
    """The file of a deck in one dialect, and the hash of its bytes."""

    file: str
    sha256: str


@dataclass(frozen=True)
class NeuronDeckEntry(Record):
    """A deck of one neuron; ``files`` is by dialect."""

    scope: Literal["neurons"]
    first_window: int
    windows: int
    name: str
    layer: int
    neuron: int
    theta: int
    instance: str
    output: str
    synapses: tuple[SynapseEntry, ...]
    junctions: int
    bias_uA: float
    flux_uA: float
    cells: Mapping[str, int]
    files: Mapping[str, DeckFile]
    memory: MemoryEntry | None = field(default=None, metadata={"absent": True})


@dataclass(frozen=True)
class NetworkDeckEntry(Record):
    """A deck of a whole network; ``files`` is by dialect.

    Windows are those of samples; ``startup_windows`` come before them. ``layer_starts_ps`` is when
    data of the first sample's window reach each layer.
    """

    scope: Literal["network"]
    first_window: int
    windows: int
    depth: int
    layer_starts_ps: tuple[float, ...]
    junctions: int
    bias_uA: float
    flux_uA: float
    cells: Mapping[str, int]
    neurons: tuple[NeuronEntry, ...]
    class_lines: tuple[str, ...]
    files: Mapping[str, DeckFile]
    startup_windows: int = 0


DeckEntry = NeuronDeckEntry | NetworkDeckEntry


@dataclass(frozen=True)
class NetworkShape(Record):
    """What kind of network the decks are of."""

    inputs: int
    layers: tuple[int, ...]
    population: int
    synapses: int

    @staticmethod
    def of(network: TernaryNetwork) -> NetworkShape:
        """The shape of a network."""
        widths = tuple(layer.outputs for layer in network.layers)
        return NetworkShape(network.inputs, widths, network.population, network.synapses)


@dataclass(frozen=True)
class Manifest(Record):
    """All that ``manifest.json`` says.

    Attributes:
        format: of the file.
        generator: which version wrote it.
        source: the network's file.
        process: name of the process.
        process_sha256: of its values (``Process.digest``).
        clock_ghz: of the windows.
        windows: how many, over all decks of a neuron.
        rules: "on" where the network was held against the rules of drawing, else "off".
        crosstalk: whether neighbouring synapses are coupled.
        network: its shape.
        network_sha256: of its weights, thresholds and population.
        windows_sha256: of the input pulses of all windows.
        decks: one entry for each.
        annotation: extracted values that the decks have; absent where there are none.
        startup: whether decks of the whole network begin with start-up windows.
        bias: how junctions are biased.
        splitters: of which cells splitter trees are made.
        time_step_ps: of the decks.
    """

    format: str
    generator: str
    source: str
    process: str
    process_sha256: str
    clock_ghz: float
    windows: int
    rules: str
    crosstalk: bool
    network: NetworkShape
    network_sha256: str
    windows_sha256: str
    decks: tuple[NeuronDeckEntry | NetworkDeckEntry, ...]
    annotation: AnnotationFigures | None = field(default=None, metadata={"absent": True})
    startup: bool = False
    bias: str = IDEAL
    splitters: str = LIBRARY
    time_step_ps: float = STEP_PS

    def head(self) -> str:
        """The file's text up to the list of decks, which is written as they come."""
        plain = self.to_json()
        del plain["decks"]
        return json.dumps(plain, indent=1).removesuffix("\n}") + ',\n "decks": ['


@dataclass(frozen=True)
class _Files(Record):
    files: Mapping[str, DeckFile]
    scope: str = "neurons"


@dataclass(frozen=True)
class DeckFolder(Record):
    """What a reader of decks needs of a manifest: whose they are, and their files.

    An older one has no ``process_sha256``, no crosstalk, no start-up windows, ideal bias sources,
    splitters of one size, the usual time step, and no hashes of network and input pulses;
    ``annotation`` is None for decks as designed.
    """

    format: str
    process: str
    clock_ghz: float
    decks: tuple[_Files, ...]
    process_sha256: str | None = None
    annotation: AnnotationFigures | None = None
    crosstalk: bool = False
    startup: bool = False
    bias: str = IDEAL
    splitters: str = LIBRARY
    time_step_ps: float = STEP_PS
    windows: int | None = None
    network_sha256: str | None = None
    windows_sha256: str | None = None

    @property
    def has_network(self) -> bool:
        """Whether there are decks of the whole network."""
        return any(entry.scope == "network" for entry in self.decks)

    @cached_property
    def hashes(self) -> dict[str, str]:
        """SHA-256 of each file as it was written."""
        every = (written for entry in self.decks for written in entry.files.values())
        return {written.file: written.sha256 for written in every}

    @cached_property
    def files(self) -> dict[tuple[str, str], str]:
        """Files by (name of the deck, dialect)."""
        found = {}
        for entry in self.decks:
            for dialect, written in entry.files.items():
                name = written.file.removesuffix(".cir").removesuffix(f".{dialect}")
                found[name, dialect] = written.file
        return found


def windows_digest(windows: NDArray[np.bool_]) -> str:
    """SHA-256 of input pulses, bool of shape (windows, inputs), with that shape."""
    total = hashlib.sha256(f"windows {windows.shape[0]} {windows.shape[1]}\n".encode())
    total.update(np.packbits(windows.astype(bool)).tobytes())
    return total.hexdigest()


def manifest_digest(folder: Path) -> str:
    """SHA-256 of a folder's manifest, "" where it has none."""
    path = folder / "manifest.json"
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


def read_manifest(folder: Path) -> DeckFolder | None:
    """The manifest in a directory; None where the decks are not those of one ``generate``.

    Raises:
        DeckError: a manifest that can't be read.
    """
    path = folder / "manifest.json"
    try:
        written = path.stat()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise DeckError(f"{path}: the manifest can't be read ({error.strerror})") from error
    return _read(path, written.st_mtime_ns, written.st_size)


@lru_cache(maxsize=8)
def _read(path: Path, _time: int, _size: int) -> DeckFolder:
    try:
        data = json.loads(read_small_text(path, MOST_BYTES))
        found = DeckFolder.from_json(data, str(path))
    except RecursionError:
        raise DeckError(f"{path} is no manifest of netlist-gen (nested too deep)") from None
    except (ValueError, ConfigurationError) as error:
        raise DeckError(f"{path} is no manifest of netlist-gen ({error})") from error
    if found.format not in (FORMAT, OLDER):
        raise DeckError(
            f"{path}: the format is {shown(found.format)}; this version reads {FORMAT!r} and "
            f"{OLDER!r}"
        )
    if (found.format == FORMAT) != (found.process_sha256 is not None):
        raise DeckError(f"{path}: process_sha256 must stand in a {FORMAT}, and in no older one")
    for entry in found.decks:
        for written in entry.files.values():
            if Path(written.file).name != written.file or not written.file.isprintable():
                raise DeckError(
                    f"{path}: the file {shown(written.file)} is no plain name: decks lie beside "
                    "their manifest"
                )
    return found


def neuron_entry(bench: NeuronBench, first: int, files: Mapping[str, DeckFile]) -> NeuronDeckEntry:
    """The manifest's entry of one neuron's deck; ``first`` is its first window."""
    view = bench.view
    totals = bench.circuit.totals()
    entry = _neuron(view)
    return NeuronDeckEntry(
        "neurons", first, view.windows, entry.name, entry.layer, entry.neuron, entry.theta,
        entry.instance, entry.output, entry.synapses, totals.junctions, totals.bias_A * 1e6,
        totals.flux_A * 1e6, totals.cells, files, entry.memory,
    )  # fmt: skip


def network_entry(
    bench: NetworkBench, first: int, files: Mapping[str, DeckFile]
) -> NetworkDeckEntry:
    """The manifest's entry of a whole network's deck; ``first`` is its first window."""
    totals, before = bench.circuit.totals(), bench.startup
    starts = (s + before * bench.timing.period_s for s in bench.starts_s)
    return NetworkDeckEntry(
        "network", first, bench.windows - before, bench.plan.depth,
        tuple(s * 1e12 for s in starts), totals.junctions, totals.bias_A * 1e6,
        totals.flux_A * 1e6, totals.cells, tuple(_neuron(view) for view in bench.views),
        tuple(probe.column for probe in bench.class_lines), files, before,
    )  # fmt: skip


def _neuron(view: NeuronView) -> NeuronEntry:
    site, loops, kept = view.site, view.loops(), view.site.memory
    synapses = tuple(
        _synapse(line, sign, loops[line])
        for line, sign in zip(site.inputs, site.signs, strict=True)
    )
    memory = None
    if kept is not None:
        own = tuple(_synapse(-1, -1, loop) for loop in view.own_loops())
        memory = MemoryEntry(kept.reset, kept.steps, own)
    return NeuronEntry(
        site.name, site.layer, site.neuron, site.theta, view.instance, view.output.column, synapses,
        memory,
    )  # fmt: skip


def _synapse(line: int, sign: int, loop: tuple[Probe, Probe]) -> SynapseEntry:
    into, out = loop
    return SynapseEntry(line, sign, ".".join(into.path), into.column, out.column)

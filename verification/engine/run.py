"""Running a compiled deck: one lane, lanes of stimuli, lanes of element values."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from netlist_gen.errors import ConfigurationError, DeckError, SimulatorError
from verification.engine import kernels
from verification.engine.constants import BOLTZMANN, SIGMA
from verification.engine.deck import Deck, Spread, Transient
from verification.engine.equations import Equations, Structure, build_structure, equations
from verification.engine.flatten import flatten
from verification.engine.outputs import (
    Record,
    Trace,
    build_record,
    filter_samples,
    hann_window,
    print_steps,
    resolve_traces,
    wanted_unknowns,
)
from verification.engine.reader import read_deck, read_deck_file
from verification.engine.simd import WIDTH
from verification.engine.sources import DC, NOISE, PWL, SourceWave
from verification.engine.topology import Topology, build_topology, check_devices
from verification.engine.values import Values, nominal_values
from verification.waveforms import Waveforms

FloatArray = NDArray[np.float64]
MAX_HALVINGS = 12
_CHUNK_BYTES = 64 * 2**20
PULSE_HYSTERESIS = 0.1 * 2 * math.pi
"""How far past the middle a phase must go to count as a pulse, rad (as in verification.pulses)."""


class Coef(NamedTuple):
    """Coefficients for the kernel: one per element, or WIDTH per element where ``own``."""

    own: bool
    inverse_pc: float
    prediction: float
    lanes_used: NDArray[np.int64]
    j_g: FloatArray
    j_c1: FloatArray
    j_c2: FloatArray
    j_ic: FloatArray
    j_low: FloatArray
    j_high: FloatArray
    j_dg1: FloatArray
    j_dg2: FloatArray
    j_it: FloatArray
    r_g: FloatArray
    r_part: FloatArray
    r_per_ampere: FloatArray
    c_g: FloatArray
    t_g: FloatArray
    g_g: FloatArray
    listed: FloatArray


class Shared(NamedTuple):
    """Matrix and its factors; factors are shared by all lanes and empty where lanes differ."""

    a: FloatArray
    lower: FloatArray
    upper: FloatArray
    inverse: FloatArray


class Factor(NamedTuple):
    """Factors of one tile, each lane its own."""

    a: FloatArray
    work: FloatArray
    lower: FloatArray
    upper: FloatArray
    inverse: FloatArray


class Waves(NamedTuple):
    """All sources of all lanes: current sources first, then V and P."""

    sources: int
    kind: NDArray[np.int64]
    begin: NDArray[np.int64]
    length: NDArray[np.int64]
    data: FloatArray
    all_lines: NDArray[np.bool_]
    scaled: bool
    scale: FloatArray


class Sources(NamedTuple):
    """For each prescribed phase the number of its source."""

    of_phase: NDArray[np.int64]


class Noise(NamedTuple):
    """Noise generators: kind 0 junction, 1 resistor, 2 noise source; sigma in A by lane."""

    kind: NDArray[np.int64]
    element: NDArray[np.int64]
    period: FloatArray
    delay: FloatArray
    normal_ratio: FloatArray
    sigma: FloatArray
    seed: NDArray[np.uint64]


class Watch(NamedTuple):
    """Junctions whose pulses are extracted, and whether the sources' work is summed."""

    junction: NDArray[np.int64]
    rest_step: int
    hysteresis: float
    capacity: int
    energy: bool


class State(NamedTuple):
    """Everything that a step leaves for the next one."""

    xa: FloatArray
    xb: FloatArray
    flip: NDArray[np.bool_]
    j_phase: FloatArray
    j_history: FloatArray
    j_v2: FloatArray
    j_v3: FloatArray
    j_v0: FloatArray
    j_c: FloatArray
    j_delta: FloatArray
    outside: NDArray[np.int64]
    moved: FloatArray
    tripped: NDArray[np.bool_]
    r_phase: FloatArray
    r_history: FloatArray
    r_c: FloatArray
    c_p2: FloatArray
    c_p3: FloatArray
    c_p4: FloatArray
    c_c: FloatArray
    v_phase: FloatArray
    g_phase: FloatArray
    g_c: FloatArray
    t_p1: FloatArray
    t_p2: FloatArray
    t_c: FloatArray
    t_ring: FloatArray
    t_begin: NDArray[np.int64]
    t_length: NDArray[np.int64]
    constant: FloatArray
    s_idle: NDArray[np.bool_]
    s_mark: FloatArray
    s_out: FloatArray
    s_slope: FloatArray
    s_base: FloatArray
    s_origin: FloatArray
    s_next: FloatArray
    s_flat: NDArray[np.bool_]
    s_cursor: NDArray[np.int64]
    s_before: FloatArray
    s_energy: FloatArray
    n_sample: NDArray[np.int64]
    n_left: FloatArray
    n_right: FloatArray
    d1: FloatArray
    d2: FloatArray
    w_rest: FloatArray
    w_time: FloatArray
    w_count: NDArray[np.int64]
    w_times: FloatArray
    scratch: FloatArray


@dataclass(frozen=True, eq=False)
class Pulses:
    """Advances of one junction's phase by 2 pi.

    Attributes:
        time_s: when the phase crossed the middle, shape (pulses,), rising.
        sign: +1 for an advance, -1 for a return.
    """

    time_s: FloatArray
    sign: NDArray[np.int8]


@dataclass(frozen=True, eq=False)
class LaneResult:
    """What one lane gave.

    Attributes:
        step_s: the internal step used, after halvings.
        waveforms: the printed signals, or None where they were not kept.
        pulses: by junction label, where asked for.
        bias_energy_J: work of each current source from t = 0 on, by label, where asked for.
    """

    step_s: float
    waveforms: Waveforms | None = None
    pulses: dict[str, Pulses] = field(default_factory=dict)
    bias_energy_J: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Extract:
    """What to take from a run.

    Attributes:
        waveforms: whether to keep the printed signals.
        pulses: labels of junctions whose pulses to extract while running.
        rest_s: when their phases are at rest: pulses are counted from then on.
        energy: whether to sum up the work of the current sources.
        max_pulses: how many pulses one junction may give.
        sample_s: rising times, s: the printed signals are kept at the first step at or after each
            of these alone, whatever the deck's print step; None keeps all that the deck prints.
    """

    waveforms: bool = True
    pulses: tuple[str, ...] = ()
    rest_s: float = 0.0
    energy: bool = False
    max_pulses: int = 4096
    sample_s: FloatArray | None = None


def compile_deck(text: str, *, name: str = "deck", directory: Path | None = None) -> CompiledDeck:
    """Read and compile a deck given as text. Raises DeckError."""
    return CompiledDeck(read_deck(text, name=name, directory=directory), directory)


def compile_deck_file(path: Path) -> CompiledDeck:
    """Read and compile a deck file. Raises DeckError."""
    return CompiledDeck(read_deck_file(path), path.resolve().parent)


class CompiledDeck:
    """A deck with its equations in place, ready to run any number of lanes."""

    def __init__(self, deck: Deck, directory: Path | None = None) -> None:
        self.deck = deck
        self.topology: Topology = build_topology(flatten(deck, directory))
        check_devices(self.topology)
        self.traces: list[Trace] = resolve_traces(self.topology)
        self._structure: Structure | None = None
        self._shared: dict[float, tuple[Equations, Shared]] = {}
        self._nominal: Values | None = None

    @property
    def transient(self) -> Transient:
        """The deck's ``.tran``."""
        return self.deck.transient

    @property
    def structure(self) -> Structure:
        """Ordering and plan, made at the first run. Raises DeckError for a singular circuit."""
        if self._structure is None:
            wanted = wanted_unknowns(self.topology, self.traces)
            self._structure = build_structure(self.topology, self.transient.step, wanted)
        return self._structure

    @property
    def source_labels(self) -> list[str]:
        """Labels of all sources: current sources, then voltage and phase sources."""
        return [e.label for e in self._source_elements()]

    def _source_elements(self) -> list[Any]:
        prescribed = [e for e in self.topology.phase_rows.elements if e.wave is not None]
        return [*self.topology.current_sources.elements, *prescribed]

    def run(
        self,
        *,
        step_s: float | None = None,
        seed: int | None = None,
        extract: Extract | None = None,
        deadline: Callable[[], bool] | None = None,
    ) -> LaneResult:
        """Run the deck as it stands.

        Args:
            step_s: internal time step instead of the deck's.
            seed: of noise and spread, instead of the deck's ``.option seed``.
            extract: what to take; the printed signals by default.
            deadline: asked now and then; a true answer ends the run.

        Raises:
            DeckError: the circuit has no unique solution.
            SimulatorError: the run diverged, or the deadline passed.
        """
        return self.run_lanes(
            [{}], step_s=step_s, seeds=[self._seed(seed)], extract=extract, deadline=deadline
        )[0]

    def _nominal_values(self, seed: int) -> Values:
        """The deck's values; drawn anew only where the deck has a spread."""
        spread = any(e.spread != 1.0 for e in self.topology.flat.elements)
        if spread or self.deck.spread != Spread():
            return nominal_values(self.topology, seed)
        if self._nominal is None:
            self._nominal = nominal_values(self.topology, seed)
        return self._nominal

    def _seed(self, seed: int | None) -> int:
        if seed is not None:
            return seed
        if self.deck.seed is not None:
            return self.deck.seed
        return int(np.random.default_rng().integers(2**63))

    def run_lanes(
        self,
        stimuli: Sequence[Mapping[str, SourceWave]],
        *,
        step_s: float | None = None,
        seeds: Sequence[int] | None = None,
        extract: Extract | None = None,
        threads: int = 1,
        deadline: Callable[[], bool] | None = None,
    ) -> list[LaneResult]:
        """Run lanes that share every value and differ in sources.

        Args:
            stimuli: for each lane the waves that replace the deck's, by source label.
            seeds: of each lane's noise; by default the deck's seed plus the lane's number.
            threads: tiles of 8 lanes are spread over so many threads.

        Raises: as ``run``; ConfigurationError for a label that is no source.
        """
        values = self._nominal_values(self._seed(None) if seeds is None else seeds[0])
        return self._run(values, stimuli, step_s, seeds, extract, threads, deadline)

    def run_parameter_lanes(
        self,
        overrides: Sequence[Mapping[str, float]],
        *,
        stimuli: Sequence[Mapping[str, SourceWave]] | None = None,
        step_s: float | None = None,
        seeds: Sequence[int] | None = None,
        extract: Extract | None = None,
        threads: int = 1,
        deadline: Callable[[], bool] | None = None,
    ) -> list[LaneResult]:
        """Run lanes that differ in element values.

        Args:
            overrides: for each lane new values by flat label: ``B1|X1`` an area, ``L1`` henry,
                ``R1`` ohm, ``C1`` farad, ``K1`` a factor, ``I1`` the final value of a dc or pwl;
                or factors on all of a kind: ``B*``, ``L*``, ``R*``, ``C*``, ``I*``. Factors act
                on values that the same lane sets by label too.
            stimuli: waves by lane, as in ``run_lanes``.

        Raises: as ``run_lanes``; ConfigurationError for a label that is no such element.
        """
        values = parameter_values(self.topology, overrides, self._seed(None))
        if stimuli is None:
            stimuli = [{}] * len(overrides)
        if len(stimuli) != len(overrides):
            raise ConfigurationError(
                f"{len(overrides)} lanes of values, but {len(stimuli)} of stimuli"
            )
        return self._run(values, stimuli, step_s, seeds, extract, threads, deadline)

    def _run(
        self,
        values: Values,
        stimuli: Sequence[Mapping[str, SourceWave]],
        step_s: float | None,
        seeds: Sequence[int] | None,
        extract: Extract | None,
        threads: int,
        deadline: Callable[[], bool] | None,
    ) -> list[LaneResult]:
        if not stimuli:
            return []
        base = self._seed(None)
        lane_seeds = [base + i for i in range(len(stimuli))] if seeds is None else list(seeds)
        if len(lane_seeds) != len(stimuli):
            raise ConfigurationError(f"{len(stimuli)} lanes, but {len(lane_seeds)} seeds")
        transient = self.transient
        if step_s is not None:
            if not 0.0 < step_s <= transient.stop:
                raise ConfigurationError(f"a time step of {step_s:g} s is outside the run")
            transient = replace(transient, step=min(step_s, transient.print_step))
        results: list[LaneResult | None] = [None] * len(stimuli)
        pending = list(range(len(stimuli)))
        for _ in range(MAX_HALVINGS + 1):
            while any(round(e.delay / transient.step) < 1 for e, _ in self.topology.lines):
                transient = replace(transient, step=transient.step / 2)
            batch = _Batch(
                self,
                transient,
                _select(values, pending),
                [stimuli[i] for i in pending],
                [lane_seeds[i] for i in pending],
                extract or Extract(),
                deadline,
            )
            tripped = []
            for lane, result in batch.run(threads):
                if result is None:
                    tripped.append(pending[lane])
                else:
                    results[pending[lane]] = result
            if not tripped:
                return [result for result in results if result is not None]
            pending = tripped
            transient = replace(transient, step=transient.step / 2)
        raise SimulatorError(
            f"{self.deck.name}: a phase still moves too far in one step of {transient.step:.3g} s, "
            f"after {MAX_HALVINGS} halvings; the circuit diverges"
        )

    def prepare(self, values: Values, step: float) -> tuple[Equations, Shared | None]:
        """Equations at one step; with the shared factors where all lanes have the same values."""
        if values.lanes > 1:
            return equations(self.structure, values, step), None
        key = step
        cached = self._shared.get(key)
        if cached is None or cached[0].values is not values:
            eq = equations(self.structure, values, step)
            shared = Shared(eq.matrix[:, 0].copy(), *_factorised(eq, self.deck.name))
            cached = self._shared[key] = (eq, shared)
        return cached


def _sample_steps(sample_s: FloatArray, transient: Transient, name: str) -> NDArray[np.int64]:
    """The first step at or after each time. Raises ConfigurationError for one outside the run."""
    steps = np.ceil(np.asarray(sample_s, dtype=np.float64) / transient.step - 1e-6)
    inside = steps.size == 0 or 0 <= steps[0] <= steps[-1] < transient.steps
    if not inside or np.any(np.diff(steps) <= 0):
        raise ConfigurationError(
            f"{name}: samples are asked for at times that do not rise by a step each, or lie "
            f"outside the run of {transient.stop:.6g} s"
        )
    return np.asarray(steps, dtype=np.int64)


def _factorised(eq: Equations, name: str) -> tuple[FloatArray, FloatArray, FloatArray]:
    lower, upper, inverse, good = kernels.factorise_shared(
        eq.plan._replace(w=(0,)), eq.matrix[:, 0].copy(), _factor(eq, 1)
    )
    if not good:
        raise DeckError(f"{name}: the circuit's matrix can't be factorised")
    return lower, upper, inverse


def _factor(eq: Equations, width: int) -> Factor:
    pattern = eq.pattern
    # Not filled: NumPy's empty leaves the pages untouched until a lane crosses its gap voltage.
    return Factor(
        np.empty(pattern.a_columns.size * width),
        np.zeros(eq.plan.size * width),
        np.empty(max(1, pattern.l_columns.size) * width),
        np.empty(max(1, pattern.u_columns.size) * width),
        np.empty(eq.plan.size * width),
    )


def _select(values: Values, lanes: list[int]) -> Values:
    if values.lanes == 1 or values.lanes == len(lanes):
        return values
    picked = {name: getattr(values, name)[:, lanes] for name in values.__dataclass_fields__}
    return Values(**picked)


_FACTORS = {
    "B*": ("area",),
    "L*": ("inductance", "series", "coupled", "wide"),
    "R*": ("resistance",),
    "C*": ("capacitance",),
    "I*": ("currents",),
}


def parameter_values(
    topology: Topology, overrides: Sequence[Mapping[str, float]], seed: int
) -> Values:
    """Values of lanes with overrides (see ``run_parameter_lanes``). Raises ConfigurationError."""
    nominal = nominal_values(topology, seed)
    lanes = max(1, len(overrides))
    arrays = {
        name: np.repeat(getattr(nominal, name), lanes, axis=1)
        for name in nominal.__dataclass_fields__
    }
    places = _places(topology)
    for lane, lane_overrides in enumerate(overrides):
        for label, value in lane_overrides.items():
            key = label.upper().replace(".", "|")
            if key in _FACTORS:
                continue
            if key not in places:
                raise ConfigurationError(
                    f"{topology.flat.deck.name} has no junction, inductor, resistor, capacitor, "
                    f"coupling or current source {label}"
                )
            name, row = places[key]
            if name == "currents":
                arrays[name][row, lane] = _current_factor(topology, row, value)
                continue
            if not math.isfinite(value) or (value <= 0.0 and "coupling" not in name):
                raise ConfigurationError(f"{label} = {value:g}: the value must be above 0")
            arrays[name][row, lane] = value
        for label, factor in lane_overrides.items():
            for name in _FACTORS.get(label.upper(), ()):
                if not math.isfinite(factor) or (factor <= 0.0 and name != "currents"):
                    raise ConfigurationError(f"{label} = {factor:g}: the factor must be above 0")
                arrays[name][:, lane] *= factor
    return Values(**arrays)


def _current_factor(topology: Topology, row: int, value: float) -> float:
    element = topology.current_sources.elements[row]
    wave = element.wave
    if wave is None or wave.kind not in (DC, PWL) or wave.values[-1] == 0.0:
        raise ConfigurationError(
            f"{element.label} is no dc or pwl source with a final value other than 0; replace its "
            "wave instead"
        )
    return float(value / wave.values[-1])


def _places(topology: Topology) -> dict[str, tuple[str, int]]:
    """Label -> (array of Values, row)."""
    arrays = {"B": "area", "R": "resistance", "C": "capacitance", "S": "currents"}
    places: dict[str, tuple[str, int]] = {}
    wide = {label: i for i, label in enumerate(topology.current_inductors.labels)}
    for label, (element, current) in topology.devices.items():
        if element.kind == "L":
            if current.kind == "M":
                places[label] = ("coupled", topology.groups[current.index][current.row])
            elif current.kind == "X":
                places[label] = ("wide", wide[label])
            else:
                places[label] = ("series" if current.kind == "R" else "inductance", current.index)
        elif current.kind in arrays:
            places[label] = (arrays[current.kind], current.index)
    for name, couplings in (
        ("coupling", topology.couplings),
        ("wide_coupling", topology.current_couplings),
    ):
        for row, (_, _, element) in enumerate(couplings):
            suffix = element.pair[0].partition("|")[2]
            own = f"|{suffix}" if suffix and "|" not in element.label else ""
            places[element.label + own] = (name, row)
    return places


class _Batch:
    """Lanes of one time step, in tiles."""

    def __init__(
        self,
        compiled: CompiledDeck,
        transient: Transient,
        values: Values,
        stimuli: list[Mapping[str, SourceWave]],
        seeds: list[int],
        extract: Extract,
        deadline: Callable[[], bool] | None,
    ) -> None:
        self._compiled = compiled
        self._transient = transient
        self._extract = extract
        self._deadline = deadline
        self._lanes = len(stimuli)
        # One lane alone runs as scalars: an eighth of the memory.
        self._width = 1 if self._lanes == 1 else WIDTH
        self._tiles = -(-self._lanes // self._width)
        self._padded = [min(i, self._lanes - 1) for i in range(self._tiles * self._width)]
        self._equations, self._shared = compiled.prepare(values, transient.step)
        self._own = self._shared is None
        self._plan = self._equations.plan._replace(w=(0,) * self._width)
        self._taps = hann_window(transient.window, transient.step)
        self._print = print_steps(
            transient.steps, transient.step, transient.print_start, transient.print_step
        )
        if extract.sample_s is not None:
            self._print = _sample_steps(extract.sample_s, transient, compiled.deck.name)
        kept = self._print if extract.waveforms else self._print[:0]
        if extract.waveforms and self._taps.size > 1:
            kept = np.arange(transient.steps)
        traces = compiled.traces if extract.waveforms else []
        self._record: Record = build_record(self._equations, traces, kept)
        self._waves, self._sources = self._encode_sources(stimuli, values)
        self._noise = self._encode_noise(seeds, values, stimuli)
        self._watch = self._encode_watch()
        currents = self._noise.kind.size > 0 or any(trace.kind == "I" for trace in traces)
        self._plan = self._plan._replace(keep_currents=currents)
        delays = [round(e.delay / transient.step) for e, _ in compiled.topology.lines]
        self._delays = np.array(delays, dtype=np.int64)

    def run(self, threads: int) -> Iterator[tuple[int, LaneResult | None]]:
        """(lane, result) of every lane; None for a lane that needs a smaller step."""
        if threads <= 1 or self._tiles == 1:
            for tile in range(self._tiles):
                yield from self._tile(tile)
            return
        with ThreadPoolExecutor(threads) as pool:
            for results in pool.map(lambda tile: list(self._tile(tile)), range(self._tiles)):
                yield from results

    def _startup(self) -> int:
        """Steps before t = 0, by JoSIM's formula (Simulation.cpp, trans_sim)."""
        if not self._transient.startup:
            return 0
        size = abs(math.log10(self._transient.step))
        return min(1000, int(2 * math.pow(10, (size - 12) * 2 + 1)))

    def _tile(self, tile: int) -> Iterator[tuple[int, LaneResult | None]]:
        steps = self._transient.steps
        eq, record = self._equations, self._record
        coef = self._coefficients(tile)
        factor = _factor(eq, self._width)
        shared = self._shared
        if shared is None:
            empty = np.zeros(1)
            shared = Shared(self._tile_values(eq.matrix, tile), empty, empty, empty)
            if not kernels.factorise(self._plan, shared.a, True, factor):
                raise DeckError(f"{self._compiled.deck.name}: a lane's matrix can't be factorised")
        state = self._state()
        guard = int(0.01 * steps)
        while guard > 0 and guard / steps > 0.01:
            guard -= 1
        while (guard + 1) / steps <= 0.01:
            guard += 1
        kept: list[FloatArray] = []
        printed = 0
        rows = max(1, _CHUNK_BYTES // (max(1, record.signals) * self._width * 8))
        work = max(1, len(self._compiled.topology.devices)) * 100e-9
        stride = max(1, int(0.5 / work))
        first = -self._startup()
        while first < steps:
            last = min(steps, first + stride)
            if printed < record.steps.size:
                end = min(printed + rows, record.steps.size) - 1
                last = min(last, int(record.steps[end]) + 1)
            size = int(np.searchsorted(record.steps, last)) - printed
            output = np.empty(max(1, size * record.signals) * self._width)
            printed_before = printed
            printed, status = kernels.run_tile(
                self._plan, coef, shared, factor, self._waves, self._sources, self._noise,
                self._delays, record, self._watch, state, output, tile, first, last,
                self._transient.step, printed, guard,
            )  # fmt: skip
            if status == 2:
                raise SimulatorError(f"{self._compiled.deck.name}: the matrix became singular")
            if status == 1:
                break
            if size:
                count = printed - printed_before
                kept.append(output.reshape(-1, record.signals, self._width)[:count])
            first = last
            if self._deadline is not None and self._deadline():
                raise SimulatorError(f"{self._compiled.deck.name}: the run took too long")
        yield from self._results(tile, state, kept)

    def _results(
        self, tile: int, state: State, kept: list[FloatArray]
    ) -> Iterator[tuple[int, LaneResult | None]]:
        begin = tile * self._width
        used = min(self._width, self._lanes - begin)
        samples = np.concatenate(kept) if kept else None
        for lane in range(used):
            if state.tripped[lane]:
                yield begin + lane, None
                continue
            if not np.all(np.isfinite(state.xa.reshape(-1, self._width)[:, lane])):
                raise SimulatorError(
                    f"{self._compiled.deck.name}: the solution is not finite; the circuit diverges"
                )
            waveforms = None
            if samples is not None and self._extract.waveforms:
                waveforms = self._waveforms(np.ascontiguousarray(samples[:, :, lane].T))
            pulses = {
                label: self._pulses_of(state, m, lane)
                for m, label in enumerate(self._extract.pulses)
            }
            energy = {}
            if self._extract.energy:
                work = self._work(state)[:, lane]
                labels = self._compiled.topology.current_sources.labels
                energy = {label: float(work[s]) for s, label in enumerate(labels)}
            yield begin + lane, LaneResult(self._transient.step, waveforms, pulses, energy)

    def _work(self, state: State) -> FloatArray:
        """Work of the current sources, shape (sources, width), with that of their last pieces."""
        plan, width = self._plan, self._width
        x = (state.xb if state.flip[0] else state.xa).reshape(-1, width)
        sources = len(self._compiled.topology.current_sources)
        advance = x[plan.i_nx] - x[plan.i_px] - state.s_mark.reshape(-1, width)[:sources]
        rest = SIGMA * state.s_before.reshape(-1, width)[:sources] * advance
        rest[~state.s_idle[:sources]] = 0.0
        return np.asarray(state.s_energy.reshape(-1, width)[:sources] + rest)

    def _waveforms(self, samples: FloatArray) -> Waveforms:
        names = tuple(trace.name for trace in self._compiled.traces)
        if self._taps.size > 1:
            samples = filter_samples(samples, self._taps, self._print)
        return Waveforms(self._print * self._transient.step, names, samples)

    def _pulses_of(self, state: State, m: int, lane: int) -> Pulses:
        at = m * self._width + lane
        count = int(state.w_count[at])
        capacity = self._watch.capacity
        if count > capacity:
            raise SimulatorError(
                f"{self._compiled.deck.name}: {self._extract.pulses[m]} gave {count} pulses; "
                f"max_pulses is {capacity}"
            )
        signed = state.w_times[at * capacity : at * capacity + count]
        return Pulses(np.abs(signed), np.sign(signed).astype(np.int8))

    def _tile_values(self, array: FloatArray, tile: int) -> FloatArray:
        """Rows of (elements, lanes) as self._width doubles for each element."""
        lanes = self._padded[tile * self._width : (tile + 1) * self._width]
        return np.ascontiguousarray(array[:, lanes]).reshape(-1)

    def _coefficients(self, tile: int) -> Coef:
        eq = self._equations
        p = eq.parts
        order = eq.resistor_order

        def pick(array: FloatArray) -> FloatArray:
            if array.size == 0:
                return np.zeros(self._width)
            return self._tile_values(array, tile) if self._own else array[:, 0].copy()

        transfer = [
            gain
            for gain, (element, _, _) in zip(p.transfer, eq.topology.controlled, strict=True)
            if element.kind in "GH"
        ]
        lanes = eq.values.lanes
        used = [min(self._width, self._lanes - tile * self._width) for tile in range(self._tiles)]
        return Coef(
            self._own, p.inverse_pc, p.prediction, np.array(used, dtype=np.int64),
            pick(p.junction[0]), pick(p.junction[1]), pick(p.junction[2]), pick(p.junction[3]),
            p.gap[0, :, 0].copy(), p.gap[1, :, 0].copy(), pick(p.gap[2]), pick(p.gap[3]),
            pick(p.gap[4]), pick(p.resistor[0][order]), pick(p.resistor[1][order]),
            pick(p.resistor[2][order]), pick(p.capacitor), pick(p.lines),
            pick(np.repeat(np.array(transfer).reshape(-1, 1), lanes, axis=1)),
            pick(eq.coefficient),
        )  # fmt: skip

    def _encode_sources(
        self, stimuli: list[Mapping[str, SourceWave]], values: Values
    ) -> tuple[Waves, Sources]:
        topology = self._compiled.topology
        elements = self._compiled._source_elements()
        index = {element.label: s for s, element in enumerate(elements)}
        count, lanes = len(elements), len(self._padded)
        table = np.zeros((count, self._lanes, 3), dtype=np.int64)
        chunks: list[FloatArray] = []
        known: dict[int, tuple[int, int, int]] = {}
        total = 0

        def place(wave: SourceWave) -> tuple[int, int, int]:
            nonlocal total
            if id(wave) not in known:
                coded = wave.encoded(self._transient.step, self._transient.stop)
                chunks.append(coded)
                known[id(wave)] = (wave.kind, total, coded.size)
                total += coded.size
            return known[id(wave)]

        for s, element in enumerate(elements):
            table[s, :] = place(element.wave)
        for lane, lane_stimuli in enumerate(stimuli):
            for label, wave in lane_stimuli.items():
                key = label.upper().replace(".", "|")
                if key not in index:
                    raise ConfigurationError(
                        f"{self._compiled.deck.name} has no source {label}; it has "
                        f"{', '.join(list(index)[:6])}{', ...' if len(index) > 6 else ''}"
                    )
                table[index[key], lane] = place(wave)
        padded = table[:, self._padded].reshape(count, self._tiles, self._width, 3)
        padded = padded.transpose(1, 0, 2, 3)
        kinds = padded[..., 0]
        lines = np.all((kinds == DC) | (kinds == PWL), axis=2).reshape(-1)
        scale = np.ones((count, lanes))
        sources = len(topology.current_sources)
        if count:
            factors = values.currents[:, [0] if values.lanes == 1 else self._padded]
            scale[:sources] = factors
        by_tile = scale.reshape(count, self._tiles, self._width).transpose(1, 0, 2)
        waves = Waves(
            count,
            np.ascontiguousarray(padded[..., 0]).reshape(-1),
            np.ascontiguousarray(padded[..., 1]).reshape(-1),
            np.ascontiguousarray(padded[..., 2]).reshape(-1),
            np.concatenate([*chunks, np.zeros(1)]),
            lines,
            bool(np.any(scale != 1.0)),
            np.ascontiguousarray(by_tile).reshape(-1),
        )
        of_phase = [index.get(element.label, 0) for element in topology.phase_rows.elements]
        return waves, Sources(np.array(of_phase, dtype=np.int64))

    def _encode_noise(
        self, seeds: list[int], values: Values, stimuli: list[Mapping[str, SourceWave]]
    ) -> Noise:
        topology, deck = self._compiled.topology, self._compiled.deck
        kind: list[int] = []
        index: list[int] = []
        period: list[float] = []
        delay: list[float] = []
        ratio: list[float] = []
        sigma: list[FloatArray] = []

        def add(which: int, at: int, spacing: float, start: float, amplitude: FloatArray) -> None:
            kind.append(which)
            index.append(at)
            period.append(spacing)
            delay.append(start)
            ratio.append(1.0)
            sigma.append(amplitude / math.sqrt(2.0 * spacing))

        where = np.argsort(self._equations.resistor_order)
        for branches, which in ((topology.junctions, 0), (topology.resistors, 1)):
            for at, element in enumerate(branches.elements):
                kelvin = deck.temperature if element.temperature is None else element.temperature
                if not kelvin:
                    continue
                band = element.bandwidth or deck.noise_bandwidth
                if which == 1:
                    resistance = values.resistance[at]
                else:
                    resistance = element.model.r0 / values.area[at]  # type: ignore[union-attr]
                    if element.model.rtype == 0:  # type: ignore[union-attr]
                        resistance = element.model.rn / values.area[at]  # type: ignore[union-attr]
                density = np.sqrt(4.0 * BOLTZMANN * kelvin / resistance)
                add(which, at if which == 0 else int(where[at]), 1.0 / band, 0.0, density)
                if which == 0 and element.model is not None:
                    ratio[-1] = math.sqrt(element.model.r0 / element.model.rn)
        for s, element in enumerate(self._compiled._source_elements()):
            waves = {
                id(lane.get(element.label, element.wave)): lane.get(element.label, element.wave)
                for lane in stimuli
            }
            noisy = [wave for wave in waves.values() if wave.kind == NOISE]
            if noisy and len(waves) > 1:
                raise ConfigurationError(f"{element.label}: lanes can't differ in a noise source")
            if noisy:
                coded = noisy[0].encoded(self._transient.step, self._transient.stop)
                add(2, s, float(coded[2]), float(coded[1]), np.array([coded[0]]))
        lanes = len(self._padded)
        table = np.zeros((len(kind), lanes))
        for m, amplitude in enumerate(sigma):
            table[m] = amplitude if amplitude.size == 1 else amplitude[self._padded]
        by_tile = table.reshape(len(kind), self._tiles, self._width).transpose(1, 0, 2)
        lane_seeds = np.array([s % 2**64 for s in seeds], dtype=np.uint64)[self._padded]
        return Noise(
            np.array(kind, dtype=np.int64),
            np.array(index, dtype=np.int64),
            np.array(period, dtype=np.float64),
            np.array(delay, dtype=np.float64),
            np.array(ratio, dtype=np.float64),
            np.ascontiguousarray(by_tile).reshape(-1),
            lane_seeds,
        )

    def _encode_watch(self) -> Watch:
        topology = self._compiled.topology
        where = {label: j for j, label in enumerate(topology.junctions.labels)}
        junctions = []
        for label in self._extract.pulses:
            key = label.upper().replace(".", "|")
            if key not in where:
                raise ConfigurationError(f"{self._compiled.deck.name} has no junction {label}")
            junctions.append(where[key])
        rest = min(round(self._extract.rest_s / self._transient.step), self._transient.steps - 1)
        return Watch(
            np.array(junctions, dtype=np.int64),
            rest,
            PULSE_HYSTERESIS,
            self._extract.max_pulses if junctions else 1,
            self._extract.energy,
        )

    def _state(self) -> State:
        t = self._compiled.topology

        def z(count: int) -> FloatArray:
            return np.zeros(max(count, 1) * self._width)

        j, r, c = len(t.junctions), len(t.resistors), len(t.capacitors)
        s, q, m = self._waves.sources, self._record.signals, self._watch.junction.size
        n, k, g = self._noise.kind.size, len(t.lines), len(t.controlled)
        length = self._delays + 3
        begin = np.concatenate([[0], np.cumsum(4 * length)]).astype(np.int64)
        size = self._equations.plan.size + 1
        integers = np.zeros(max(1, s) * self._width, dtype=np.int64)
        return State(
            z(size), z(size), np.zeros(1, dtype=np.bool_),
            z(j), z(j), z(j), z(j), z(j), z(j), z(j), np.zeros(1, dtype=np.int64), z(1),
            np.zeros(self._width, dtype=np.bool_),
            z(r), z(r), z(r), z(c), z(c), z(c), z(c), z(len(t.phase_rows)), z(g), z(g),
            z(2 * k), z(2 * k), z(2 * k), z(int(begin[-1])), begin, length.astype(np.int64),
            z(size), np.zeros(max(1, s), dtype=np.bool_), z(s), z(s), z(s), z(s), z(s),
            np.full(max(1, s), -math.inf),
            np.zeros(max(1, s), dtype=np.bool_), integers, z(s), z(s),
            np.full(max(1, n) * self._width, -2, dtype=np.int64), z(n), z(n), z(q), z(q),
            z(m), z(m), np.zeros(max(1, m) * self._width, dtype=np.int64),
            np.zeros(max(1, m) * self._width * self._watch.capacity), z(2),
        )  # fmt: skip

"""What the GPU's kernels are handed: arrays, and where in them everything of a circuit is.

Each array is flat. One of lanes holds rows of as many numbers as there are lanes, so that what 32
neighbouring threads, which are 32 lanes, read lies side by side: row r of lane k is r * lanes + k.
Rows of what lanes may share hold one number where they do. The tuples here hold the first place or
row of each table; elements stand in the order of the CPU's kernels (``lanes.layout``), and so do
the rows of a junction's coefficients. Numbers cost a kernel nothing, arrays seven words each.

Every element leaves its current in a row of its own: sources first, then junctions, resistors,
capacitors, controlled sources, prescribed phases, noise generators. Who makes a row of the
right-hand side collects it from there, so that no two threads add to one number.
"""

from __future__ import annotations

from typing import Any, NamedTuple

# Rows of a junction's state: two last phases and two last voltages (each pair is used in turn), the
# history and the phase of the resistor across it, the conductance beyond the subgap one.
PHASE, VOLTAGE, SHUNT_HISTORY, SHUNT_PHASE, DELTA, DROP = 0, 2, 4, 5, 6, 7
JUNCTION_ROWS = 8
# Rows of what a region makes of its conductance: beyond the subgap one at the step and above it,
# the current of the step.
GAP_STEP, GAP_NORMAL, GAP_CURRENT = range(3)
GAP_ROWS = 3
# Rows of a resistor's state, and of its coefficients.
R_PHASE, R_HISTORY = range(2)
RESISTOR_ROWS = 2
R_G, R_PART, R_PER_AMPERE = range(3)
R_COEFFICIENTS = 3
# Rows of a capacitor's state: the phases two, three and four steps ago.
CAPACITOR_ROWS = 3
# Rows of a source's wave, integers: kind, begin and length in the data.
W_KIND, W_BEGIN, W_LENGTH = range(3)
WAVE_ROWS = 3
# Rows of a source's state: the moment when it has to be looked at again, the mean current since the
# phase ``MARK`` was left, the work done until then.
DUE, MEAN, MARK, WORK = range(4)
SOURCE_ROWS = 4
# Rows of a noise generator: deviation, the numbers before and after this time.
SIGMA_ROW, LEFT, RIGHT = range(3)
NOISE_ROWS = 3
# Rows of a watched junction: phase in the last step and at rest, last crossing of the middle.
BEFORE, REST, TIME = range(3)
WATCH_ROWS = 3
# Rows of a printed voltage: its phase in the last step and in the one before.
DERIVATIVE_ROWS = 2
# Rows of integers of a lane: what became of it, whether a phase moved too far for the step, whether
# its matrix has to be factorised again, its seed; then by worker how many junctions are off the
# subgap branch.
STATUS, TRIPPED, CHANGED, SEED, OUTSIDE = range(5)

FINE, BEYOND, SINGULAR = range(3)
"""What becomes of a lane: goes on; takes factors of its own, as a junction crosses its gap; can't
be solved."""


class Arrays(NamedTuple):
    """All arrays.

    Attributes:
        ints: of the circuit, int32.
        doubles: likewise.
        values: rows that lanes may share: coefficients, the matrix.
        factors: rows that lanes may share: L, U, 1 / pivots.
        state: rows of lanes.
        counts: rows of lanes, int64.
        times: of the pulses with their signs, rows of lanes.
    """

    ints: Any
    doubles: Any
    values: Any
    factors: Any
    state: Any
    counts: Any
    times: Any


class Junctions(NamedTuple):
    """Junctions: ``p`` and ``n`` among the rows of the solution, and as in ``lanes.layout``.

    Attributes:
        coefficient: COEFFICIENT_ROWS rows of values each.
        model: MODEL_ROWS doubles each.
        gap: GAP_ROWS rows of values each.
        state: JUNCTION_ROWS rows each.
        current: first row of their currents.
        stored: first row of their history currents, then those of the resistors across, if kept.
    """

    total: int
    shunted: bool
    in_series: bool
    inverse_pc: float
    prediction: float
    p: int
    n: int
    kind: int
    extra: int
    table: int
    coefficient: int
    per_ampere: int
    model: int
    high: int
    gap: int
    state: int
    current: int
    stored: int


class Branches(NamedTuple):
    """Other elements of a kind.

    Attributes:
        kind: of prescribed phases and controlled sources as in ``lanes.layout``.
        other: of a prescribed phase its source.
        coefficient: first row of values; of controlled sources first double.
    """

    total: int
    p: int
    n: int
    kind: int
    other: int
    coefficient: int
    state: int
    current: int


class Sources(NamedTuple):
    """Sources; the first ``currents`` of them drive a current, by the phase from ``p`` to ``n``.

    ``cursor`` is a row of integers for each, ``factor`` one of the state; ``generator`` the number
    of a noise source's generator.
    """

    total: int
    currents: int
    energy: bool
    p: int
    n: int
    generator: int
    wave: int
    cursor: int
    data: int
    factor: int
    state: int
    current: int


class Noise(NamedTuple):
    """Noise generators as in ``lanes.layout``; ``sample`` is a row of integers for each.

    Those of noise sources are run with the sources.
    """

    total: int
    kind: int
    element: int
    period: int
    delay: int
    ratio: int
    sample: int
    state: int
    current: int


class Matrix(NamedTuple):
    """The matrix, its factors, and who adds to which row.

    Attributes:
        steps: levels of forward substitution, then of backward substitution: rows of a level need
            only rows of those before it.
        forwards: how many are forward.
        begin: where each level's rows begin in ``rows``.
        gather: where each row's elements begin in ``elements``.
        elements: row of an element's current + 1; with a minus where it leaves.
        region: where each row's junctions begin in ``region_junction``: those whose conductance is
            part of it, in column ``region_column``, with ``region_sign``.
        a: first row of values; ``lower``, ``upper`` and ``inverse`` of factors.
        x: first row of the solution; that of ground, which is 0, comes last.
        work: first of as many rows, where lanes have factors of their own.
    """

    size: int
    steps: int
    forwards: int
    begin: int
    rows: int
    gather: int
    elements: int
    a_rows: int
    a_columns: int
    l_rows: int
    l_used: int
    l_columns: int
    l_order: int
    u_rows: int
    u_columns: int
    region: int
    region_junction: int
    region_column: int
    region_sign: int
    a: int
    lower: int
    upper: int
    inverse: int
    x: int
    work: int


class Traces(NamedTuple):
    """Printed signals as in ``lanes.layout``; ``listed`` is a row of values."""

    signals: int
    any_derivative: bool
    rows: int
    kind: int
    place: int
    other: int
    factor: int
    derivative: int
    listed: int
    state: int


class Watch(NamedTuple):
    """Junctions whose pulses are extracted, with their ``places`` among all.

    ``pulses`` is a row of integers for each.
    """

    junctions: int
    rest_step: int
    hysteresis: float
    capacity: int
    p: int
    n: int
    places: int
    state: int
    pulses: int


class Circuit(NamedTuple):
    """One circuit at one time step.

    Attributes:
        lanes: how many there are.
        value_lanes: numbers in a row of values: as many, or 1.
        factor_lanes: the same of factors.
        keep: whether history currents are kept for printed currents.
        later: whether something has to wait for all elements: noise, prescribed phases.
        scale: factor of prescribing rows.
        per_volt: phase per volt that a step makes.
        plain: how many resistors come before those with an inductor.
    """

    lanes: int
    value_lanes: int
    factor_lanes: int
    keep: bool
    later: bool
    scale: float
    per_volt: float
    step: float
    plain: int
    junctions: Junctions
    resistors: Branches
    capacitors: Branches
    controlled: Branches
    prescribed: Branches
    sources: Sources
    noise: Noise
    matrix: Matrix
    traces: Traces
    watch: Watch

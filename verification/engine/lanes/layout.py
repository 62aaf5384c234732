"""What the kernels are handed: one tuple of pointers for each kind of element.

Small tuples keep compilation short, since Numba passes every member in every call. Arrays hold
``len(w)`` doubles for each element, lane fastest: 8 lanes, or 1 for a single run.

Junctions are the exception: they always come eight to a vector. With eight lanes a vector is one
junction in all lanes, with one lane it is eight junctions. ``slot = junction * lanes + lane``
numbers both alike; a vector is ``slot // 8``.
"""

from __future__ import annotations

from typing import NamedTuple

from verification.engine.lanes.pointers import Pointer

# Rows of a junction's vector in ``Junctions.state``: two last phases and two last voltages (each
# pair is used in turn), the history and phase of the resistor across it, the predicted voltage.
PHASE, VOLTAGE, SHUNT_HISTORY, SHUNT_PHASE, PREDICTED = 0, 2, 4, 5, 6
STATE_ROWS = 7
# Rows of its coefficients (see ``values.Coefficients``).
G, C1, C2, STRENGTH, SHUNT_G, SHUNT_PART, LOW, OFFSET = range(8)
COEFFICIENT_ROWS = 8


class Matrix(NamedTuple):
    """Pattern of A and its factors in pivot order (see ``factorisation.Pattern``)."""

    size: int
    entries: int
    a_rows: Pointer
    a_columns: Pointer
    l_rows: Pointer
    l_columns: Pointer
    l_used: Pointer
    l_order: Pointer
    u_rows: Pointer
    u_columns: Pointer
    backs: int
    back: Pointer
    complete: bool


class Factors(NamedTuple):
    """Values of A and of its factors; one double for each entry (shared) or ``len(w)``.

    ``work`` is one row of all unknowns; ``mark`` says by unknown in which row it last had a place.
    """

    a: Pointer
    work: Pointer
    mark: Pointer
    lower: Pointer
    upper: Pointer
    inverse: Pointer


class Ends(NamedTuple):
    """Rows of b and of x of both ends, by element: p is where its current enters, n leaves."""

    p_b: Pointer
    n_b: Pointer
    p_x: Pointer
    n_x: Pointer


class Junctions(NamedTuple):
    """Junctions, each with the resistor across it (if there is one).

    Attributes:
        ends: rows of b (p, n) and of x (p, n), for each vector 4 by the junctions in it.
        coefficient: rows as above, 8 doubles each; one each where the lanes share them.
        special: by vector, whether a junction has another relation than the sine.
        kind: by junction, 0 sine, 1 harmonics, 2 thermal.
        extra: by junction, where its row of ``table`` begins.
        table: rows of transparency, delta/2kT, count and amplitudes of harmonics.
        current: by slot, history current of the junction.
        shunt_current: by slot, history current of the resistor across it.
        delta: by slot, conductance beyond the subgap one, S.
        high: by junction, upper end of the step at the gap, V.
        gap: conductance of step and normal branch beyond the subgap one, step current; 3 for each
            slot (``gap_own``), or for each junction.
        places: by junction, positions in A of (p,p), (n,n), (p,n), (n,p); -1 where there is none.
        outside: how many junctions are off the subgap branch.
        moved: largest predicted change of a phase, by lane.
    """

    vectors: int
    total: int
    own: bool
    keep: bool
    inverse_pc: float
    prediction: float
    ends: Pointer
    coefficient: Pointer
    special: Pointer
    kind: Pointer
    extra: Pointer
    table: Pointer
    state: Pointer
    current: Pointer
    shunt_current: Pointer
    shunt_per_ampere: Pointer
    delta: Pointer
    high: Pointer
    gap: Pointer
    gap_own: bool
    places: Pointer
    outside: Pointer
    moved: Pointer
    scratch: Pointer


class Resistors(NamedTuple):
    """Resistors that are not across a junction: ``plain`` ones, then those with an inductor."""

    plain: int
    total: int
    own: bool
    ends: Ends
    g: Pointer
    part: Pointer
    per_ampere: Pointer
    phase: Pointer
    history: Pointer
    current: Pointer


class Capacitors(NamedTuple):
    """Capacitors with the phases of the last steps."""

    total: int
    own: bool
    ends: Ends
    g: Pointer
    p2: Pointer
    p3: Pointer
    p4: Pointer
    current: Pointer


class Prescribed(NamedTuple):
    """Prescribed phases: kind 0 voltage source, 1 phase source, 2 resistance 0."""

    total: int
    scale: float
    per_volt: float
    row: Pointer
    ends: Ends
    kind: Pointer
    source: Pointer
    phase: Pointer


class Controlled(NamedTuple):
    """Controlled sources that have a history: kind 0 is G, 1 is H."""

    total: int
    scale: float
    own: bool
    kind: Pointer
    ends: Ends
    g: Pointer
    phase: Pointer
    current: Pointer


class Lines(NamedTuple):
    """Transmission lines; port 1 of line k is 2k, port 2 is 2k + 1. Delays in steps."""

    total: int
    own: bool
    ends: Ends
    g: Pointer
    delay: Pointer
    begin: Pointer
    length: Pointer
    p1: Pointer
    p2: Pointer
    current: Pointer
    ring: Pointer


class Sources(NamedTuple):
    """All sources: current sources first, then V and P.

    Attributes:
        kind: by source and lane, as in ``sources``.
        begin: by source and lane, where in ``data`` its wave begins.
        length: by source and lane, how many numbers its wave has.
        lines: by source, whether it is a pwl or dc in all lanes.
        factor: by source and lane.
        constant: the right-hand side that constant current sources make.
        moving: the sources that are not constant now; ``counts[0]`` is how many, ``counts[1]``
            whether a source was looked up anew in this step.
        following: time of the next corner of any source, s.
    """

    total: int
    currents: int
    ends: Ends
    kind: Pointer
    begin: Pointer
    length: Pointer
    data: Pointer
    lines: Pointer
    factor: Pointer
    cursor: Pointer
    out: Pointer
    slope: Pointer
    base: Pointer
    origin: Pointer
    next: Pointer
    flat: Pointer
    moving: Pointer
    counts: Pointer
    following: Pointer
    constant: Pointer


class Noise(NamedTuple):
    """Noise generators: kind 0 junction, 1 resistor, 2 noise source, 3 resistor across a junction.

    ``ratio`` is of a junction's sigma above the gap to that below; ``sigma`` in A by lane.
    """

    total: int
    kind: Pointer
    element: Pointer
    period: Pointer
    delay: Pointer
    ratio: Pointer
    sigma: Pointer
    seed: Pointer
    sample: Pointer
    left: Pointer
    right: Pointer


class Traces(NamedTuple):
    """Traces as sums of terms (see ``kernels.record``)."""

    signals: int
    any_derivative: bool
    own: bool
    rows: Pointer
    kind: Pointer
    place: Pointer
    other: Pointer
    factor: Pointer
    derivative: Pointer
    listed: Pointer
    d1: Pointer
    d2: Pointer


class Watch(NamedTuple):
    """Junctions whose pulses are extracted; whether the work of the current sources is summed.

    Attributes:
        rest_step: pulses are counted after this step, from the phases that it leaves.
        before: phase in the step before.
        rest: phase at rest between pulses.
        time: last crossing of the middle.
        pulses: count of the pulses.
        times: of the pulses, with their signs.
        source_ends: of the current sources, p and n of x exchanged: what drives their current.
        source_before: a source's last current.
        mark: the phase up to which its work is summed.
        idle: whether it was constant.
    """

    junctions: int
    rest_step: int
    hysteresis: float
    capacity: int
    ends: Ends
    before: Pointer
    rest: Pointer
    time: Pointer
    pulses: Pointer
    times: Pointer
    energy: bool
    source_ends: Ends
    source_before: Pointer
    work: Pointer
    mark: Pointer
    idle: Pointer


class Tile(NamedTuple):
    """One tile of lanes: everything that a step reads and leaves for the next one.

    Attributes:
        w: its length is the number of lanes.
        used: lanes that are not padding.
        xa: solution and right-hand side, in turn with ``xb``.
        flip: whether ``xb`` is the solution.
        tripped: by lane, whether a phase moved too far for the step.
    """

    w: tuple[int, ...]
    used: int
    own: bool
    xa: Pointer
    xb: Pointer
    flip: Pointer
    tripped: Pointer
    matrix: Matrix
    shared: Factors
    factors: Factors
    junctions: Junctions
    resistors: Resistors
    capacitors: Capacitors
    prescribed: Prescribed
    controlled: Controlled
    lines: Lines
    sources: Sources
    noise: Noise
    traces: Traces
    watch: Watch

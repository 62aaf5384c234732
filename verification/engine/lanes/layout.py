"""What the kernels are handed: one tuple of pointers for each kind of element.

A compiled function gets the address of a table of the members, one 8-byte word each, in the order
of these classes (``pointers.words`` makes it, ``kernels.views`` reads it). Arrays hold ``len(w)``
doubles for each element, lane fastest: 8 lanes, or 1 for a single run.

Junctions are the exception: they always come eight to a vector. With eight lanes a vector is one
junction in all lanes, with one lane it is eight junctions. ``slot = junction * lanes + lane``
numbers both alike; a vector is ``slot // 8``.
"""

from __future__ import annotations

from typing import NamedTuple

from verification.engine.lanes.pieces import Chunks, Parts
from verification.engine.lanes.pointers import Doubles, Flags, Integers, Longs, Words

WIDTH = 8
"""Lanes in one vector: one AVX-512 register of doubles, or two of AVX2."""

DONE, TOO_FAST, SINGULAR, INCOMPLETE, RESTLESS = range(5)
"""How a run or a factorisation ends: all done; every lane moves too fast for the step; a pivot is
zero; the pattern of the factors has no place for what these values fill in; the current of an
inductor with ik does not stand still."""

UNKNOWN, COEFFICIENT, STORED, REGION, SOURCE = range(5)
"""Terms of a trace: an unknown times a factor or a coefficient, a stored current, a junction's
conductance off the subgap branch times an unknown, a source."""
JUNCTION, RESISTOR, CAPACITOR, LINE, TRANSFER, HISTORY, SHUNT, KINETIC = range(8)
"""Which stored current (or, for HISTORY, phase)."""

# Rows of a junction's vector in ``Junctions.state``: two last phases and two last voltages (each
# pair is used in turn), the history and phase of the resistor across it, the predicted voltage, the
# phase that its own current makes in the inductor in series.
PHASE, VOLTAGE, SHUNT_HISTORY, SHUNT_PHASE, PREDICTED, DROP = 0, 2, 4, 5, 6, 7
STATE_ROWS = 8
# Rows of its coefficients (see ``values.Coefficients``): those of its current times the junction's
# share of the phase, so that they are what its branch carries.
G, C1, STRENGTH, BEHIND, SHARE, SHUNT_G, SHUNT_PART = range(7)
COEFFICIENT_ROWS = 7
# Rows of what its model alone says: lower end of the step at the gap (V), phase offset (rad).
LOW, OFFSET = range(2)
MODEL_ROWS = 2


class Matrix(NamedTuple):
    """Pattern of A and its factors in pivot order (see ``factorisation.Pattern``)."""

    size: int
    entries: int
    a_rows: Longs
    a_columns: Integers
    l_rows: Longs
    l_columns: Integers
    l_used: Longs
    l_order: Longs
    u_rows: Longs
    u_columns: Integers
    backs: int
    back: Integers
    complete: bool


class Factors(NamedTuple):
    """Values of A and of its factors; one double for each entry (shared) or ``len(w)``.

    ``work`` is one row of all unknowns; ``mark`` says by unknown in which row it last had a place.
    """

    a: Doubles
    work: Doubles
    mark: Integers
    lower: Doubles
    upper: Doubles
    inverse: Doubles


class Ends(NamedTuple):
    """Rows of b and of x of both ends, by element: p is where its current enters, n leaves."""

    p_b: Integers
    n_b: Integers
    p_x: Integers
    n_x: Integers


class Junctions(NamedTuple):
    """Junctions, each with the inductor in series and the resistor across both (if there are any).

    Attributes:
        ends: rows of b (p, n) and of x (p, n), for each vector 4 by the junctions in it.
        grounded: by vector, whether all its junctions end at ground.
        first: by vector, whether it begins the rows of its first ends: no element is taken before
            that touches them, and no two of its junctions share one.
        coefficient: rows as above, 8 doubles each; one each where the lanes share them.
        model: the same of what the model says, which all lanes share.
        shunted: whether there is a resistor across any of them.
        in_series: whether there is an inductor in series with any of them.
        special: by vector, whether a junction has another relation than the sine; ``any_special``
            whether one is there.
        kind: by junction, 0 sine, 1 harmonics, 2 thermal.
        extra: by junction, where its row of ``table`` begins.
        table: rows of transparency, delta/2kT, count and amplitudes of harmonics.
        share: by slot, the junction's share of the phase across itself and the inductor in series
            in the last solution; the phase of the junction is that less ``DROP``.
        current: by slot, history current of the junction.
        shunt_current: by slot, history current of the resistor across it.
        delta: by slot, conductance beyond the subgap one, S.
        high: by junction, upper end of the step at the gap, V.
        gap: conductance of step and normal branch beyond the subgap one, step current; 3 for each
            slot (``gap_own``), or for each junction.
        places: by junction, positions in A of (p,p), (n,n), (p,n), (n,p); -1 where there is none.
        outside: how many junctions are off the subgap branch.
        moved: by part, the largest predicted change of a phase in each place of a vector.
    """

    vectors: int
    total: int
    own: bool
    keep: bool
    shunted: bool
    in_series: bool
    any_special: bool
    inverse_pc: float
    prediction: float
    ends: Integers
    grounded: Integers
    first: Integers
    coefficient: Doubles
    model: Doubles
    special: Integers
    kind: Integers
    extra: Integers
    table: Doubles
    state: Doubles
    share: Doubles
    current: Doubles
    shunt_current: Doubles
    shunt_per_ampere: Doubles
    delta: Doubles
    high: Doubles
    gap: Doubles
    gap_own: bool
    places: Longs
    outside: Longs
    moved: Doubles
    scratch: Doubles


class Resistors(NamedTuple):
    """Resistors that are not across a junction: ``plain`` ones, then those with an inductor.

    Attributes:
        keep: whether their history currents are asked for.
    """

    plain: int
    total: int
    own: bool
    keep: bool
    ends: Ends
    g: Doubles
    part: Doubles
    per_ampere: Doubles
    phase: Doubles
    history: Doubles
    current: Doubles


class Capacitors(NamedTuple):
    """Capacitors with the phases of the last steps."""

    total: int
    own: bool
    ends: Ends
    g: Doubles
    p2: Doubles
    p3: Doubles
    p4: Doubles
    current: Doubles


class Prescribed(NamedTuple):
    """Prescribed phases: kind 0 voltage source, 1 phase source, 2 resistance 0."""

    total: int
    scale: float
    per_volt: float
    row: Integers
    ends: Ends
    kind: Integers
    source: Integers
    phase: Doubles


class Controlled(NamedTuple):
    """Controlled sources that have a history: kind 0 is G, 1 is H."""

    total: int
    scale: float
    own: bool
    kind: Integers
    ends: Ends
    g: Doubles
    phase: Doubles
    current: Doubles


class Lines(NamedTuple):
    """Transmission lines; port 1 of line k is 2k, port 2 is 2k + 1. Delays in steps."""

    total: int
    own: bool
    ends: Ends
    g: Doubles
    delay: Longs
    begin: Longs
    length: Longs
    p1: Doubles
    p2: Doubles
    current: Doubles
    ring: Doubles


class Kinetic(NamedTuple):
    """Inductors whose inductance depends on their current (see ``kernels.kinetic``).

    Attributes:
        ik: current at which the inductance has doubled, A.
        knee: phase of the linear part there, rad.
        share: current over ik in the last step.
        current: beyond the linear part, A.
        kept: the right-hand side without these currents.
    """

    total: int
    own: bool
    ends: Ends
    ik: Doubles
    knee: Doubles
    share: Doubles
    current: Doubles
    kept: Doubles


class Sources(NamedTuple):
    """All sources: current sources first, then V and P.

    Attributes:
        kind: by source and lane, as in ``sources``.
        begin: by source and lane, where in ``data`` its wave begins.
        length: by source and lane, how many numbers its wave has.
        lines: by source, whether it is a pwl or dc in all lanes.
        factor: by source and lane.
        constant: the right-hand side that constant current sources make.
        present: that with those which are not constant now.
        moving: the sources that are not constant now; ``counts[0]`` is how many, ``counts[1]``
            whether a source was looked up anew in this step.
        following: time of the next corner of any source, s.
    """

    total: int
    currents: int
    ends: Ends
    kind: Longs
    begin: Longs
    length: Longs
    data: Doubles
    lines: Flags
    factor: Doubles
    cursor: Longs
    out: Doubles
    slope: Doubles
    base: Doubles
    origin: Doubles
    next: Doubles
    flat: Flags
    moving: Integers
    counts: Longs
    following: Doubles
    constant: Doubles
    present: Doubles


class Noise(NamedTuple):
    """Noise generators: kind 0 junction, 1 resistor, 2 noise source, 3 resistor across a junction.

    ``ratio`` is of a junction's sigma above the gap to that below; ``sigma`` in A by lane.
    """

    total: int
    kind: Integers
    element: Integers
    period: Doubles
    delay: Doubles
    ratio: Doubles
    sigma: Doubles
    seed: Words
    sample: Longs
    left: Doubles
    right: Doubles


class Traces(NamedTuple):
    """Traces as sums of terms (see ``kernels.record``)."""

    signals: int
    any_derivative: bool
    own: bool
    rows: Integers
    kind: Integers
    place: Integers
    other: Integers
    factor: Doubles
    derivative: Flags
    listed: Doubles
    d1: Doubles
    d2: Doubles


class Watch(NamedTuple):
    """Junctions whose pulses are extracted; whether the work of the current sources is summed.

    Attributes:
        places: of the junctions among all.
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
    places: Integers
    ends: Ends
    before: Doubles
    rest: Doubles
    time: Doubles
    pulses: Longs
    times: Doubles
    energy: bool
    source_ends: Ends
    source_before: Doubles
    work: Doubles
    mark: Doubles
    idle: Flags


class Tile(NamedTuple):
    """One tile of lanes: everything that a step reads and leaves for the next one.

    Attributes:
        width: number of lanes.
        used: lanes that are not padding.
        xa: solution and right-hand side, in turn with ``xb``.
        flip: whether ``xb`` is the solution.
        tripped: by lane, whether a phase moved too far for the step.
    """

    width: int
    used: int
    own: bool
    xa: Doubles
    xb: Doubles
    flip: Flags
    tripped: Flags
    matrix: Matrix
    shared: Factors
    factors: Factors
    parts: Parts
    chunks: Chunks
    junctions: Junctions
    resistors: Resistors
    capacitors: Capacitors
    prescribed: Prescribed
    controlled: Controlled
    lines: Lines
    kinetic: Kinetic
    sources: Sources
    noise: Noise
    traces: Traces
    watch: Watch

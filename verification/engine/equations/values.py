"""Element values by lane, and the coefficients that one time step makes of them.

Formulas are JoSIM's component stamps (its docs/comp_stamps.md and source) with the current
brought to the left: sigma = Phi0/2pi, h the time step,

    junction   g = (1/r + 3C/2h) / pc,  pc = 4 h e / (3 hbar)
    R, L in series   g = 1 / (L/sigma + R (2h/3)/sigma)
    capacitor  g = 9 sigma C / (4 h^2)
    line       g = 3 sigma / (2 h z0)
    G          g = 3 sigma gain / (2 h)
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netlist_gen.errors import DeckError
from verification.engine.equations.constants import BOLTZMANN, ELEMENTARY_CHARGE, HBAR, SIGMA
from verification.engine.equations.topology import Branches, Topology
from verification.engine.text.deck import ModelCard, Spread
from verification.engine.text.devices import Element

FloatArray = NDArray[np.float64]


@dataclass
class Values:
    """Values that may differ between lanes, each of shape (elements, lanes).

    Attributes:
        area: of junctions.
        resistance: ohm.
        series: inductor in series with each resistor, H; 0 where there is none.
        inductance: of single inductors, H.
        coupled: inductors of coupled groups, H.
        coupling: factors of their couplings.
        capacitance: F.
        currents: factor on each current source.
        wide: inductors that keep their current, H.
        wide_coupling: factors of their couplings.
    """

    area: FloatArray
    resistance: FloatArray
    series: FloatArray
    inductance: FloatArray
    coupled: FloatArray
    coupling: FloatArray
    capacitance: FloatArray
    currents: FloatArray
    wide: FloatArray
    wide_coupling: FloatArray

    @property
    def lanes(self) -> int:
        """How many lanes there are."""
        return int(self.area.shape[1])


def nominal_values(topology: Topology, seed: int | None) -> Values:
    """The deck's own values in one lane, with its ``.spread`` drawn from ``seed``."""
    deck = topology.flat.deck
    elements = topology.flat.elements
    spread = _spread_factors(topology, deck.spread, deck.seed if seed is None else seed)

    def drawn(element: Element) -> float:
        return element.value * spread.get(element.label, 1.0)

    def column(branches: Branches) -> FloatArray:
        if spread:
            found = [drawn(element) for element in branches.elements]
        else:
            found = [element.value for element in branches.elements]
        return np.array(found, dtype=np.float64).reshape(-1, 1)

    def factors(couplings: list[tuple[int, int, Element]]) -> FloatArray:
        return np.array([[e.value] for _, _, e in couplings], dtype=np.float64).reshape(-1, 1)

    series = [drawn(elements[at]) if at >= 0 else 0.0 for at in topology.series]
    return Values(
        area=column(topology.junctions),
        resistance=column(topology.resistors),
        series=np.array(series, dtype=np.float64).reshape(-1, 1),
        inductance=column(topology.inductors),
        coupled=column(topology.coupled),
        coupling=factors(topology.couplings),
        capacitance=column(topology.capacitors),
        currents=np.ones((len(topology.current_sources), 1)),
        wide=column(topology.current_inductors),
        wide_coupling=factors(topology.current_couplings),
    )


def _spread_factors(topology: Topology, spread: Spread, seed: int | None) -> dict[str, float]:
    """Factor of each spread device: normal with sigma = spread / 3, as JoSIM 2.7 draws it."""
    kinds = {
        "L": spread.inductor,
        "B": spread.junction,
        "C": spread.capacitor,
        "R": spread.resistor,
    }
    factors: dict[str, float] = {}
    elements = topology.flat.elements
    if spread == Spread() and not any(element.spread != 1.0 for element in elements):
        return factors  # and no import of NumPy's random numbers
    rng = np.random.default_rng(seed)
    for element in elements:
        if element.kind not in kinds:
            continue
        # The first that is given; 1 stands for none.
        given = (element.spread, kinds[element.kind], spread.overall)
        own = next((value for value in given if value != 1.0), 1.0)
        if own not in (0.0, 1.0):
            factors[element.label] = 1.0 + own / 3.0 * rng.standard_normal()
    for label, factor in factors.items():
        if factor <= 0.0:
            raise DeckError(
                f"{topology.flat.deck.name}: the spread drew a factor of {factor:.3g} for {label}; "
                "make the spread smaller"
            )
    return factors


@dataclass
class Coefficients:
    """What the kernels and the matrix need at one time step; shape (.., lanes).

    Attributes:
        junction: g, 2C/h, C/2h, critical current (or prefactor of the thermal relation).
        gap: per junction: lower and upper bound of the step (V), conductance differences of the
            step and of the normal branch against the subgap one (S), step current (A).
        resistor: g; part of the phase across the series inductor; phase per ampere of R.
        capacitor: conductance.
        single: conductance of the inductors that are not coupled.
        groups: inverse matrices of the coupled inductors.
        lines: conductance.
        transfer: conductance of G.
        transresistance: of H.
        wide: inductance over sigma.
        wide_mutual: inductance over sigma.
    """

    inverse_pc: float
    prediction: float
    junction: FloatArray
    gap: FloatArray
    resistor: FloatArray
    capacitor: FloatArray
    single: FloatArray
    groups: list[FloatArray]
    lines: FloatArray
    transfer: FloatArray
    transresistance: FloatArray
    wide: FloatArray
    wide_mutual: FloatArray


def coefficients(topology: Topology, values: Values, h: float) -> Coefficients:
    """All coefficients for one time step ``h`` (s).

    Raises:
        DeckError: an impossible coupling, or a value that overflows.
    """
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        pc = 4.0 * h * ELEMENTARY_CHARGE / (3.0 * HBAR)
        junction, gap = _junctions(topology, values, h, pc)
        per_ampere = values.resistance * (2.0 * h / 3.0) / SIGMA
        series = values.series / SIGMA
        g_resistor = 1.0 / (series + per_ampere) if per_ampere.size else per_ampere
        z0 = np.array([[e.value] for e, _ in topology.lines]).reshape(-1, 1)
        gains = [e.value for e, _, _ in topology.controlled]
        found = Coefficients(
            inverse_pc=1.0 / pc,
            prediction=(1.0 / SIGMA) * ((2.0 * h) / 3.0),
            junction=junction,
            gap=gap,
            resistor=np.stack([g_resistor, series * g_resistor, per_ampere]),
            capacitor=9.0 * SIGMA * values.capacitance / (4.0 * h * h),
            single=SIGMA / values.inductance if values.inductance.size else values.inductance,
            groups=_group_inverses(topology, values),
            lines=np.repeat(3.0 * SIGMA / (2.0 * h * z0), values.lanes, axis=1) if z0.size else z0,
            transfer=np.array([gain * 3.0 * SIGMA / (2.0 * h) for gain in gains]),
            transresistance=np.array([gain * (2.0 * h / 3.0) / SIGMA for gain in gains]),
            wide=values.wide / SIGMA,
            wide_mutual=_wide_mutual(topology, values) / SIGMA,
        )
    for branches, rows in (
        (topology.junctions, found.junction),
        (topology.resistors, found.resistor),
        (topology.capacitors, found.capacitor[None]),
        (topology.inductors, found.single[None]),
    ):
        wrong = ~np.isfinite(rows).all(axis=(0, 2)) if len(branches) else np.zeros(0, dtype=bool)
        if wrong.any():
            label = branches.labels[int(wrong.argmax())]
            raise DeckError(
                f"{topology.flat.deck.name}: the value of {label} is so large or small that its "
                f"conductance overflows at a time step of {h:.3g} s"
            )
    return found


def gap_energy(model: ModelCard) -> float:
    """Delta of the thermal relation, J; 0 at and above the critical temperature."""
    t, tc = model.temperature, model.critical_temperature
    return 1.76 * BOLTZMANN * tc * math.sqrt(max(0.0, math.cos(math.pi / 2 * (t / tc) ** 2)))


def _junctions(
    topology: Topology, values: Values, h: float, pc: float
) -> tuple[FloatArray, FloatArray]:
    models = topology.models
    known = {id(model): model for model in models}
    at = {key: k for k, key in enumerate(known)}
    of = np.array([at[id(model)] for model in models], dtype=np.int64)

    def each(numbers: Iterable[float]) -> FloatArray:
        """A number of each model, by junction, shape (junctions, 1)."""
        return np.array(list(numbers), dtype=np.float64)[of].reshape(-1, 1)

    def field(name: str) -> FloatArray:
        return each(getattr(model, name) for model in known.values())

    area = values.area
    icrit, cap, rn = field("icrit") * area, field("cap") * area, field("rn") / area
    strength = icrit.copy()
    for j in np.flatnonzero(each(model.thermal for model in known.values())):
        # JoSIM's JJ::set_model: Delta(T) and the resistance that it gives.
        delta, model = gap_energy(models[j]), models[j]
        normal = (math.pi * delta) / (2 * ELEMENTARY_CHARGE * icrit[j])
        rn[j] = normal * math.tanh(delta / (2 * BOLTZMANN * model.temperature))
        strength[j] = math.pi * delta / (2 * ELEMENTARY_CHARGE * rn[j])
    subgap = field("rtype") == 1.0
    r0 = np.where(subgap, field("r0") / area, rn)
    rows = np.stack(
        [(1.0 / r0 + 3.0 * cap / (2.0 * h)) / pc, 2.0 * cap / h, cap / (2.0 * h), strength]
    )
    vg, delv = field("vg"), field("delv")
    low = vg - 0.5 * delv
    g_large = icrit / (field("icfact") * delv)
    same = np.ones(values.lanes)
    gap = np.stack([
        np.where(subgap, low, math.inf) * same, (vg + 0.5 * delv) * same, g_large - 1.0 / r0,
        1.0 / rn - 1.0 / r0, low * (1.0 / r0 - g_large),
    ])  # fmt: skip
    return rows, gap


def _group_inverses(topology: Topology, values: Values) -> list[FloatArray]:
    """Inverse inductance matrices times sigma; each of shape (lanes, m, m)."""
    lanes = values.lanes
    where = {
        member: (g, row)
        for g, members in enumerate(topology.groups)
        for row, member in enumerate(members)
    }
    matrices = []
    for members in topology.groups:
        matrix = np.zeros((lanes, len(members), len(members)))
        for row, member in enumerate(members):
            matrix[:, row, row] = values.coupled[member]
        matrices.append(matrix)
    for k, (a, b, _) in enumerate(topology.couplings):
        g, row = where[a]
        column = where[b][1]
        mutual = values.coupling[k] * np.sqrt(values.coupled[a] * values.coupled[b])
        matrices[g][:, row, column] = mutual
        matrices[g][:, column, row] = mutual
    inverses = []
    for g, matrix in enumerate(matrices):
        try:
            np.linalg.cholesky(matrix)
        except np.linalg.LinAlgError as error:
            label = topology.coupled.labels[topology.groups[g][0]]
            raise DeckError(
                f"{topology.flat.deck.name}: the couplings of {label} and the inductors coupled "
                "with it are impossible: their energy would be negative"
            ) from error
        inverses.append(np.asarray(SIGMA * np.linalg.inv(matrix), dtype=np.float64))
    return inverses


def _wide_mutual(topology: Topology, values: Values) -> FloatArray:
    rows = [
        values.wide_coupling[k] * np.sqrt(values.wide[a] * values.wide[b])
        for k, (a, b, _) in enumerate(topology.current_couplings)
    ]
    return np.array(rows).reshape(len(rows), values.lanes)

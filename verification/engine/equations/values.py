"""Element values by lane, and the coefficients that one time step makes of them.

Formulas are JoSIM's component stamps (its docs/comp_stamps.md and source) with the current
brought to the left: sigma = Phi0/2pi, h the time step,

    junction   g = (1/r + 3C/2h) / pc,  pc = 4 h e / (3 hbar)
    with an inductor in series   g / (1 + g L/sigma)
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

FloatArray = NDArray[np.float64]


@dataclass
class Values:
    """Values that may differ between lanes, each of shape (elements, lanes).

    Attributes:
        area: of junctions.
        behind: inductor in series with each junction, H; 0 where there is none.
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
    behind: FloatArray
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
    drawn = topology.flat.values
    spread = _spread_factors(topology, deck.spread, deck.seed if seed is None else seed)
    if spread is not None:
        drawn = drawn * spread

    def column(branches: Branches) -> FloatArray:
        return drawn[branches.at].reshape(-1, 1)

    def in_series(at: NDArray[np.int32]) -> FloatArray:
        return np.where(at >= 0, drawn[at], 0.0).reshape(-1, 1)

    return Values(
        area=column(topology.junctions),
        behind=in_series(topology.behind),
        resistance=column(topology.resistors),
        series=in_series(topology.series),
        inductance=column(topology.inductors),
        coupled=column(topology.coupled),
        coupling=topology.couplings.values.reshape(-1, 1),
        capacitance=column(topology.capacitors),
        currents=np.ones((len(topology.current_sources), 1)),
        wide=column(topology.current_inductors),
        wide_coupling=topology.current_couplings.values.reshape(-1, 1),
    )


def _spread_factors(topology: Topology, spread: Spread, seed: int | None) -> FloatArray | None:
    """Factor of each element: normal with sigma = spread / 3, as JoSIM 2.7 draws it.

    None where nothing has a spread.
    """
    flat = topology.flat
    if spread == Spread() and not has_spread(topology):
        return None  # and no import of NumPy's random numbers
    kinds = {
        "L": spread.inductor,
        "B": spread.junction,
        "C": spread.capacitor,
        "R": spread.resistor,
    }
    # The first that is given; 1 stands for none.
    given = ((card.spread, kinds.get(card.kind, 0.0), spread.overall) for card in flat.cards)
    own = [next((value for value in three if value != 1.0), 1.0) for three in given]
    share = np.array(own, dtype=np.float64)[flat.card]
    drawn = flat.of_kind("LBCR") & (share != 0.0) & (share != 1.0)
    factors = np.ones(len(flat))
    normal = np.random.default_rng(seed).standard_normal(int(np.count_nonzero(drawn)))
    factors[drawn] = 1.0 + share[drawn] / 3.0 * normal
    if (factors <= 0.0).any():
        at = int((factors <= 0.0).argmax())
        raise DeckError(
            f"{flat.deck.name}: the spread drew a factor of {factors[at]:.3g} for "
            f"{flat.label(at)}; make the spread smaller"
        )
    return factors


def has_spread(topology: Topology) -> bool:
    """Whether an element has a spread of its own."""
    return topology.flat.where(lambda card: card.spread != 1.0).size > 0


@dataclass
class Coefficients:
    """What the kernels and the matrix need at one time step; shape (.., lanes).

    Attributes:
        junction: g, 2C/h, critical current (or prefactor of the thermal relation); phase per
            ampere of the inductor in series, and the junction's share of the phase across both for
            a current that it makes itself: 1/(1 + g times that).
        branch: conductance of junction and inductor together.
        gap: per junction: lower and upper bound of the step (V), conductance differences of the
            step and of the normal branch against the subgap one (S), step current (A).
        resistor: g; part of the phase across the series inductor; phase per ampere of R.
        capacitor: conductance.
        single: conductance of the inductors that are not coupled.
        groups: inverse matrices of the coupled inductors, row by row, one after the other.
        lines: conductance.
        transfer: conductance of G.
        transresistance: of H.
        wide: inductance over sigma.
        wide_mutual: inductance over sigma.
    """

    inverse_pc: float
    prediction: float
    junction: FloatArray
    branch: FloatArray
    gap: FloatArray
    resistor: FloatArray
    capacitor: FloatArray
    single: FloatArray
    groups: FloatArray
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
            branch=junction[0] * junction[4],
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
            label = branches.label(int(wrong.argmax()))
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
    models, of = topology.models, topology.model

    def each(numbers: Iterable[float]) -> FloatArray:
        """A number of each model, by junction, shape (junctions, 1)."""
        return np.array(list(numbers), dtype=np.float64)[of].reshape(-1, 1)

    def field(name: str) -> FloatArray:
        return each(getattr(model, name) for model in models)

    area = values.area
    icrit, cap, rn = field("icrit") * area, field("cap") * area, field("rn") / area
    strength = icrit.copy()
    for j in np.flatnonzero(each(model.thermal for model in models)):
        # JoSIM's JJ::set_model: Delta(T) and the resistance that it gives.
        model = models[of[j]]
        delta = gap_energy(model)
        normal = (math.pi * delta) / (2 * ELEMENTARY_CHARGE * icrit[j])
        rn[j] = normal * math.tanh(delta / (2 * BOLTZMANN * model.temperature))
        strength[j] = math.pi * delta / (2 * ELEMENTARY_CHARGE * rn[j])
    subgap = field("rtype") == 1.0
    r0 = np.where(subgap, field("r0") / area, rn)
    g, behind = (1.0 / r0 + 3.0 * cap / (2.0 * h)) / pc, values.behind / SIGMA
    rows = np.stack([g, 2.0 * cap / h, strength, behind, 1.0 / (1.0 + g * behind)])
    vg, delv = field("vg"), field("delv")
    low = vg - 0.5 * delv
    g_large = icrit / (field("icfact") * delv)
    same = np.ones(values.lanes)
    gap = np.stack([
        np.where(subgap, low, math.inf) * same, (vg + 0.5 * delv) * same, g_large - 1.0 / r0,
        1.0 / rn - 1.0 / r0, low * (1.0 / r0 - g_large),
    ])  # fmt: skip
    return rows, gap


def _group_inverses(topology: Topology, values: Values) -> FloatArray:
    """Inverse inductance matrices times sigma, row by row, shape (entries of all, lanes)."""
    lanes = values.lanes
    sizes = np.array([len(members) for members in topology.groups], dtype=np.int64)
    begin = np.cumsum(sizes**2) - sizes**2
    out = np.zeros((int((sizes**2).sum()), lanes))
    members = np.array([m for group in topology.groups for m in group], dtype=np.int64)
    group, row = np.empty((2, members.size), dtype=np.int64)
    group[members] = np.repeat(np.arange(sizes.size), sizes)
    row[members] = np.arange(members.size) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    # Where each member's row begins, and the entries of the matrices themselves.
    place = begin[group] + row * sizes[group]
    out[place + row] = values.coupled
    a, b = topology.couplings.a, topology.couplings.b
    mutual = values.coupling * np.sqrt(values.coupled[a] * values.coupled[b])
    out[place[a] + row[b]] = mutual
    out[place[b] + row[a]] = mutual
    for size in np.unique(sizes).tolist():
        of = np.flatnonzero(sizes == size)
        entries = begin[of][:, None] + np.arange(size * size)
        matrices = out[entries].transpose(0, 2, 1).reshape(-1, lanes, size, size)
        try:
            np.linalg.cholesky(matrices)
        except np.linalg.LinAlgError as error:
            of_group = matrices.reshape(of.size, lanes, size, size)
            raise _impossible(topology, of, of_group) from error
        inverse = SIGMA * np.linalg.inv(matrices)
        out[entries] = inverse.reshape(of.size, lanes, -1).transpose(0, 2, 1)
    return out


def _impossible(topology: Topology, of: NDArray[np.int64], matrices: FloatArray) -> DeckError:
    """Which of these groups can't be."""

    def possible(matrix: FloatArray) -> bool:
        try:
            np.linalg.cholesky(matrix)
        except np.linalg.LinAlgError:
            return False
        return True

    first = next(k for k, matrix in enumerate(matrices) if not possible(matrix))
    label = topology.coupled.label(topology.groups[of[first]][0])
    return DeckError(
        f"{topology.flat.deck.name}: the couplings of {label} and the inductors coupled "
        "with it are impossible: their energy would be negative"
    )


def _wide_mutual(topology: Topology, values: Values) -> FloatArray:
    a, b = topology.current_couplings.a, topology.current_couplings.b
    return values.wide_coupling * np.sqrt(values.wide[a] * values.wide[b])

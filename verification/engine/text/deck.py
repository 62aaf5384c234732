"""The deck as read: cards with their places, before the hierarchy is flattened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from verification.engine.text.expressions import ExpressionError, evaluate
from verification.engine.text.lines import Line, Place


@dataclass(frozen=True)
class ModelCard:
    """Parameters of ``.model name jj(...)``; defaults are JoSIM's (syntax guide, "Model").

    Attributes:
        rtype: 0 a single resistance rn, 1 piecewise linear (subgap r0, step at vg, normal rn).
        vg: gap voltage, V.
        icrit: critical current for area 1, A.
        rn: normal resistance for area 1, ohm.
        r0: subgap resistance for area 1, ohm.
        cap: capacitance for area 1, F.
        delv: width of the step at the gap, V.
        icfact: critical current over the height of the quasiparticle step.
        phi: phase offset, rad.
        cpr: amplitudes of the harmonics of the current-phase relation.
        temperature: K.
        critical_temperature: K.
        transparency: 0 to 1.
        thermal: whether the deck gives one of the last three: the current-phase relation then
            depends on them.
    """

    name: str
    rtype: int = 1
    vg: float = 2.8e-3
    icrit: float = 1e-3
    rn: float = 5.0
    r0: float = 30.0
    cap: float = 2.5e-12
    delv: float = 0.1e-3
    icfact: float = 0.78539816339744830962
    phi: float = 0.0
    cpr: tuple[float, ...] = (1.0,)
    temperature: float = 4.2
    critical_temperature: float = 9.1
    transparency: float = 0.0
    thermal: bool = False


@dataclass
class Scope:
    """The main design or one subcircuit: its cards, models and parameters."""

    name: str
    place: Place
    ports: tuple[str, ...] = ()
    cards: list[Line] = field(default_factory=list)
    models: dict[str, ModelCard] = field(default_factory=dict)
    model_lines: dict[str, Line] = field(default_factory=dict)
    parameter_lines: dict[str, tuple[Line, str]] = field(default_factory=dict)
    parameters: Mapping[str, float] = field(default_factory=dict)

    def value(self, text: str, place: Place, what: str) -> float:
        """Value of a number or expression; raises DeckError, which says of ``what``."""
        try:
            return evaluate(text, self.parameters)
        except ExpressionError as error:
            raise place.error(f"{what}: {error}") from error


@dataclass(frozen=True)
class TransientAnalysis:
    """The ``.tran`` line.

    Attributes:
        step: internal time step, s (never above ``print_step``).
        stop: end of the run, s.
        print_start: first printed time, s.
        print_step: distance of printed times, s.
        window: width of the Hann filter applied before printing, s; 0 is none.
        startup: whether the circuit settles before t = 0.
    """

    step: float
    stop: float
    print_start: float = 0.0
    print_step: float = 0.0
    window: float = 0.0
    startup: bool = True

    @property
    def steps(self) -> int:
        """How many steps JoSIM takes: the quotient cut to an integer."""
        return int(self.stop / self.step)


@dataclass(frozen=True)
class PrintRequest:
    """One column asked for.

    Attributes:
        kind: ``V``, ``P`` or ``I``.
        names: one device or node, or two nodes.
        file: index of the ``.file`` that it belongs to, -1 before the first.
    """

    kind: str
    names: tuple[str, ...]
    file: int
    place: Place


@dataclass(frozen=True)
class FileLine:
    """A ``.file`` line: what it names, with the case of its letters."""

    name: str
    place: Place


@dataclass(frozen=True)
class IvLine:
    """An ``.iv`` line.

    Attributes:
        model: of the junction.
        most_A: the largest current, A.
        name: of the file, with the case of its letters.
    """

    model: ModelCard
    most_A: float
    name: str
    place: Place


@dataclass(frozen=True)
class Spread:
    """The ``.spread`` line: relative spreads; 1.0 means none, as in JoSIM."""

    overall: float = 1.0
    inductor: float = 1.0
    junction: float = 1.0
    capacitor: float = 1.0
    resistor: float = 1.0


@dataclass
class ParsedDeck:
    """A deck: scopes by name (the main design is ``""``) and the controls."""

    name: str
    scopes: dict[str, Scope]
    transient: TransientAnalysis
    prints: list[PrintRequest]
    files: list[FileLine]
    curves: list[IvLine] = field(default_factory=list)
    temperature: float | None = None
    noise_bandwidth: float = 1e9
    spread: Spread = Spread()
    seed: int | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def main(self) -> Scope:
        """The main design."""
        return self.scopes[""]

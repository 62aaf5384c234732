"""How junctions get their bias: by ideal sources, or by networks of elements from a bus.

    ideal      a source of current for each tap
    resistor   bus -- resistor -- inductance of the tap -- junction
    lr         the same from a bus of low voltage, with an inductor that carries the current while
               a pulse passes
    ersfq      bus -- inductor -- limiting junction -- junction: nothing is burnt at rest. The bus
               is fed by a current and sits at Phi0 times the clock; where a junction turns less
               often, its limiting junction turns in its stead.

The numbers are the process's, ``[bias]`` of its file.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from netlist_gen.errors import ConfigurationError

IDEAL, RESISTOR, LR, ERSFQ = "ideal", "resistor", "lr", "ersfq"
BIASES = (IDEAL, RESISTOR, LR, ERSFQ)
"""What ``--bias`` takes."""

KEYS = {
    "lr_voltage": "mV",
    "lr_inductance": "pH",
    "ersfq_inductance": "pH",
    "tap_current": "uA",
    "source_inductance": "pH",
    "ramp": "ps",
    "ersfq_ramp": "ps",
    "feed_share": "1",
    "ersfq_current": "1",
}
"""Quantities of the table ``[bias]``, with their units."""


QUIET_S = 60e-12
"""After the ramp of an ERSFQ bus: its limiting junctions turn on for some 50 ps."""


@dataclass(frozen=True)
class BiasRules:
    """What a process file says of bias networks, in SI.

    Attributes:
        lr_voltage: of a bus whose taps have resistor and inductor.
        lr_inductance: of such a tap.
        ersfq_inductance: of a tap with a limiting junction.
        tap_current: largest current for which the two hold; a larger tap is several in parallel.
        source_inductance: between an ERSFQ bus and the source that feeds it.
        ramp: in which a bus's voltage comes up, s.
        ersfq_ramp: in which the current of an ERSFQ bus comes up, s.
        feed_share: bias of an ERSFQ bus's feeding JTL, of that of its taps.
        ersfq_current: of an ERSFQ bus, of the sum of its taps.
    """

    lr_voltage: float
    lr_inductance: float
    ersfq_inductance: float
    tap_current: float
    source_inductance: float
    ramp: float
    ersfq_ramp: float
    feed_share: float
    ersfq_current: float


@dataclass(frozen=True)
class BiasNetwork:
    """A bias network of a process, in SI.

    Attributes:
        kind: ``RESISTOR``, ``LR`` or ``ERSFQ``.
        voltage: of the bus; 0 where it is fed by a current.
        inductance: of a tap beyond that of its wiring, up to ``tap_current``.
        wiring: inductance of a tap's wiring.
        tap_current: largest current of a tap; a larger one is several in parallel.
        ramp: in which the supply comes up, s.
        source_inductance: between the bus and a source that feeds it by a current.
        feed_share: bias of the feeding JTL, of that of the taps.
        current: of a bus that is fed by a current, of the sum of its taps.
    """

    kind: str
    voltage: float
    inductance: float
    wiring: float
    tap_current: float
    ramp: float
    source_inductance: float = 0.0
    feed_share: float = 0.0
    current: float = 1.0

    def inductance_H(self, current_A: float) -> float:
        """Of a tap's inductor and wiring; a larger tap is several in parallel."""
        return (self.inductance + self.wiring) * min(1.0, self.tap_current / current_A)

    @property
    def settled_s(self) -> float:
        """From the beginning of a simulation until the slowest tap carries its current.

        A tap of resistor and inductor comes within e**-7 of it (0.1 %) in seven times L / R.
        """
        if self.kind == ERSFQ:
            return self.ramp + QUIET_S
        return self.ramp + 7 * self.inductance * self.tap_current / self.voltage


def read_bias(get: Callable[[str, str], float]) -> BiasRules:
    """The table ``[bias]``; ``get`` reads a quantity of a table."""
    return BiasRules(**{key: get("bias", key) for key in KEYS})


def bias_network(
    kind: str, rules: BiasRules | None, name: str, voltage: float, wiring: float
) -> BiasNetwork | None:
    """The network of a kind; None for ideal sources.

    Args:
        kind: one of ``BIASES``.
        rules: of the process, or None where its file has none.
        name: of the process.
        voltage: of its bias bus, V.
        wiring: inductance of a tap's wiring, H.

    Raises:
        ConfigurationError: another kind, or a process that says nothing of it.
    """
    if kind not in BIASES:
        raise ConfigurationError(f"no bias {kind!r}; there are {', '.join(BIASES)}")
    if kind == IDEAL:
        return None
    if rules is None:
        raise ConfigurationError(
            f"the process {name} has no table [bias], which --bias {kind} needs: "
            f"{', '.join(KEYS)}, each with value, unit and source"
        )
    if kind == ERSFQ:
        return BiasNetwork(
            kind, 0.0, rules.ersfq_inductance, wiring, rules.tap_current, rules.ersfq_ramp,
            rules.source_inductance, rules.feed_share, rules.ersfq_current,
        )  # fmt: skip
    if kind == LR:
        volt, henry = rules.lr_voltage, rules.lr_inductance
    else:
        volt, henry = voltage, 0.0
    return BiasNetwork(kind, volt, henry, wiring, rules.tap_current, rules.ramp)

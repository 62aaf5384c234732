"""Pulses as a VCD file, for GTKWave and Surfer.

A junction is a wire in the scope of its instances, high for ``WIDTH_S`` from the time at which its
phase crosses the middle of a turn; ``x`` is a pulse backwards. Beside it ``NAME_turns`` counts the
turns. A voltage ``V(NODE)`` has such a wire too, by its integral. Currents have no pulses.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING

from netlist_gen.errors import ConfigurationError
from netlist_gen.version import __version__
from verification.waves.pulses import PulseTrain
from verification.waves.spool import Spool
from verification.waves.traces import pulses_of

if TYPE_CHECKING:
    from vcd import VCDWriter

WIDTH_S = 1e-12
"""How long a pulse is high; less where another follows before."""

_TICK_S = 1e-15
_SPOILS = re.compile(r"[\s.]")


class VcdFile(Spool):
    """Waveforms to pulses, when the run is complete."""

    def __init__(self, path: Path) -> None:
        try:
            import vcd  # noqa: F401
        except ImportError:
            raise ConfigurationError(
                f"{path.name}: a .vcd file needs pyvcd (pip install 'netlist-gen[vcd]')"
            ) from None
        super().__init__(path)

    def finish(self) -> None:
        """Find the pulses and write them. Raises ConfigurationError where no signal has any."""
        from vcd import VCDWriter

        rows = self.rows()
        trains = {}
        for column, name in enumerate(dict.fromkeys(self.names), 1):
            train = pulses_of(name, rows[:, 0], rows[:, column])
            if train is not None:
                trains[name] = train
        if not trains:
            raise ConfigurationError(
                "a .vcd file holds pulses of phases and voltages, and the deck prints none; print "
                "one, or write .csv"
            )
        version = f"netlist-gen {__version__}"
        with (
            self.path.open("w", encoding="utf-8", newline="\n") as file,
            VCDWriter(file, timescale="1 fs", version=version, date="") as writer,
        ):
            _write(writer, trains)


def place_of(name: str) -> tuple[str, str]:
    """Scope and name of a signal's wire: ``P(BA|XS02|XL0N00)`` is BA in pulses.XL0N00.XS02."""
    kind, inner = name[:1], name[2:-1]
    own, *path = inner.split("|")
    scope = ".".join(["pulses", *(_SPOILS.sub("_", part) for part in reversed(path))])
    plain = _SPOILS.sub("_", own)
    return scope, plain if kind == "P" else f"{kind}_{plain}"


def _write(writer: VCDWriter, trains: dict[str, PulseTrain]) -> None:
    changes = []
    for order, (name, train) in enumerate(trains.items()):
        scope, plain = place_of(name)
        wire = writer.register_var(scope, plain, "wire", size=1, init=0)
        turns = writer.register_var(scope, f"{plain}_turns", "integer", size=32, init=0)
        changes += [(at, order, wire, level) for at, level in _levels(train)]
        count = 0
        for at, sign in zip(train.times_s.tolist(), train.signs.tolist(), strict=True):
            count += sign
            changes.append((_tick(at), order, turns, count))
    for at, _, variable, value in sorted(changes, key=itemgetter(0, 1)):
        writer.change(variable, at, value)


def _levels(train: PulseTrain) -> Iterator[tuple[int, int | str]]:
    """Times in ticks at which a wire changes, and what it is from there on."""
    times = [_tick(at) for at in train.times_s.tolist()]
    width = round(WIDTH_S / _TICK_S)
    for k, (at, sign) in enumerate(zip(times, train.signs.tolist(), strict=True)):
        gap = times[k + 1] - at if k + 1 < len(times) else 2 * width
        yield at, 1 if sign > 0 else "x"
        yield at + max(1, min(width, gap // 2)), 0


def _tick(at_s: float) -> int:
    return max(0, round(at_s / _TICK_S))

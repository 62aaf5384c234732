"""Delay of a decision: clock to output of a neuron, from the tables of measured neurons.

The delay falls with the flux by which the count is past the threshold,
``x = unit * (n - theta + 1/2)``, and grows with the clock line of larger decision stages: the
table of each stage's largest neuron gives a curve of x.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from netlist_gen.assembly.stages import Stage
from netlist_gen.assembly.unevenness import NeuronInfluence, table_unevenness
from netlist_gen.circuit.lasting_neuron import design_of
from netlist_gen.circuit.loops import stage_fan_in
from netlist_gen.circuit.neuron import Coupler, design_neuron
from netlist_gen.circuit.sites import SiteMemory
from netlist_gen.circuit.table_neuron import table_neuron
from netlist_gen.errors import ConfigurationError
from netlist_gen.library.tables import CellTable

FloatArray = NDArray[np.float64]

LEAST_PAST = 0.05
"""Least that a decision that fires is told to be past its edge, pulses; noise is as wide."""


class Decisions:
    """Decisions of all neurons of a process.

    Args:
        tables: by cell; those of neurons are called neuron and their fan-in.
        coupler: of the branches, for the neurons' designs.
        neurons: what a neuron's neighbours and the places of its fluxons change, by the fan-in of
            the table's neuron.
        copied: what a copy of the output pulse for the neuron itself takes, s, by the bias ratio.

    Raises:
        ConfigurationError: no neuron is among the tables.
    """

    def __init__(
        self,
        tables: Mapping[str, CellTable],
        coupler: Coupler,
        neurons: Callable[[int], NeuronInfluence],
        copied: Callable[[float], float],
    ) -> None:
        self._tables = tables
        self._coupler = coupler
        self._neurons = neurons
        self._copied = copied
        names = (name.removeprefix("neuron") for name in tables if name.startswith("neuron"))
        self._fan_ins = sorted(int(name) for name in names if name.isdigit())
        if not self._fan_ins:
            raise ConfigurationError("static timing needs the measured table of a neuron")
        self._curves: dict[int, tuple[FloatArray, FloatArray]] = {}

    def table_of(self, signs: Sequence[int], memory: SiteMemory | None = None) -> int:
        """Fan-in of the measured neuron that has the decision stage of one of these synapses."""
        return self.nearest(decision_fan_in(signs, memory))

    def nearest(self, fan_in: int) -> int:
        """Fan-in of the measured neuron that has the decision stage of one of this fan-in."""
        return min((f for f in self._fan_ins if f >= fan_in), default=self._fan_ins[-1])

    def _curve(self, fan_in: int) -> tuple[FloatArray, FloatArray]:
        """Of a table's neuron: log of the flux past the edge (Phi0), rising, and delay (s)."""
        if fan_in not in self._curves:
            points = self._tables[f"neuron{fan_in}"].overdrive_s
            if not points:
                raise ConfigurationError(
                    f"the table of neuron{fan_in} has no delay against overdrive"
                )
            unit = self._table_unit(fan_in)
            flux, delay = np.array([(unit * (n + 0.5), delay) for n, delay in points]).T
            self._curves[fan_in] = np.log(flux), delay
        return self._curves[fan_in]

    def _even_curve(self, fan_in: int, own: NeuronInfluence) -> tuple[FloatArray, FloatArray]:
        """The same for fluxons that lie evenly, where those of the table's windows do not."""
        x, delay = self._curve(fan_in)
        _, theta = table_neuron(fan_in)
        counts = [int(n) + theta for n, _ in self._tables[f"neuron{fan_in}"].overdrive_s]
        uneven = table_unevenness(fan_in, counts)
        moved = np.exp(x) + self._table_unit(fan_in) * own.pulses(uneven)
        return np.log(moved), delay + own.faster_s * uneven[:, 0]

    def _table_unit(self, fan_in: int) -> float:
        """Flux of a pulse in a table's neuron, Phi0."""
        return design_neuron(*table_neuron(fan_in), self._coupler).unit

    def _slower(self, fan_in: int, bias: float) -> float:
        """How much longer a decision of a table's neuron takes at a bias ratio.

        Of the largest neurons the bias at which they were measured ends before that of the
        corners, as wrong decisions next to the threshold do; the last measured delay is taken.
        """
        if bias == 1.0:
            return 0.0
        table = self._tables[f"neuron{fan_in}"]
        ratios = [ratio for ratio, _ in table.arc("clk", "q").by_bias_s]
        measured = min(max(bias, ratios[0]), ratios[-1])
        return table.delay_s("clk", "q", bias=measured) - table.delay_s("clk", "q")

    def delay(
        self,
        signs: Sequence[int],
        theta: int,
        counts: NDArray[np.int64],
        *,
        load: str = "jtl",
        bias: float = 1.0,
        driver: str = "jtl",
        raised: FloatArray | float = 0.0,
        memory: SiteMemory | None = None,
        uneven: FloatArray | None = None,
    ) -> FloatArray:
        """Decision clock to output, s, for each count n at which it fires; shape as ``counts``.

        ``driver`` is the last cell of the clock's tree, ``load`` what the output drives, ``raised``
        by how much its threshold flux is above the design's, Phi0, ``memory`` that of a neuron
        whose membrane lasts: ``counts`` are membranes then, and the copy of the pulse that it feeds
        back to itself comes behind; ``uneven`` how unevenly the fluxons lie
        in the loops (``assembly.unevenness``, shape (counts, 2); default: as in the table's
        windows).

        The delay falls with the logarithm of the flux past the edge, as the instability at a
        comparator's edge grows by the same factor in equal times; between measured fluxes it is a
        line in that. Beyond them the nearest one's delay is taken, of a raised threshold the line
        through the two largest is continued; below them the line through the two smallest.
        """
        unit, edge = _neuron_edge(tuple(signs), theta, memory, self._coupler)
        flux = unit * (counts - edge) + raised
        measured = self.table_of(signs, memory)
        fluxes, delays = self._curve(measured)
        own = self._neurons(measured)
        if uneven is not None:
            fluxes, delays = self._even_curve(measured, own)
            flux = np.maximum(flux + unit * own.pulses(uneven), LEAST_PAST * unit)
        x = np.log(flux)
        found = np.interp(x, fluxes, delays)
        slope = (delays[1] - delays[0]) / (fluxes[1] - fluxes[0])
        found = np.where(x < fluxes[0], delays[0] + slope * (x - fluxes[0]), found)
        slope = (delays[-1] - delays[-2]) / (fluxes[-1] - fluxes[-2])
        beyond = (x > fluxes[-1]) & (np.asarray(raised) > 0.0)
        found = np.where(beyond, delays[-1] + slope * (x - fluxes[-1]), found)
        feeds_back = memory is not None and memory.feeds_back
        if feeds_back:
            load = "splitter"
        if uneven is not None:
            found = found - own.faster_s * uneven[..., 0]
        behind = own.behind.get(Stage("neuron", driver, load), 0.0)
        split = self._copied(bias) if feeds_back else 0.0
        return np.asarray(found + self._slower(measured, bias) + behind + split)


def branches_of(signs: Sequence[int], memory: SiteMemory | None) -> int:
    """Storage branches of a neuron."""
    return len(signs) + (0 if memory is None else memory.subtract)


def decision_fan_in(signs: Sequence[int], memory: SiteMemory | None) -> int:
    """Fan-in by which a neuron's decision stage is chosen."""
    return stage_fan_in(branches_of(signs, memory), lasting=memory is not None)


@cache
def _neuron_edge(
    signs: tuple[int, ...], theta: int, memory: SiteMemory | None, coupler: Coupler
) -> tuple[float, float]:
    """Flux of a pulse and the count on the edge, as the neuron's builder has them."""
    design = design_of(signs, theta, coupler, memory)
    return design.unit, design.edge

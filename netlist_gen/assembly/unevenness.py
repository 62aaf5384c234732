"""How much sooner a decision comes where its fluxons lie unevenly in the loops of its stage.

A far junction carries the sine of its loop's phase. The loops' sum is that of the count only while
no loop strays from the rest; to second order it moves with the variance of their fluxons,

    unevenness = sum over loops of m**2  -  n**2 / loops,    n = sum of m,

m being the fluxons of either sign in a loop. The edge moves with it, so that a decision next to
its threshold comes sooner, the more so the closer it is: at a count that is ``past`` the edge by
so many pulses (1/2 at the threshold) by ``constant + at_edge / past`` for each unit. Neurons of the
digits example, patterns of 30 images: a line through the unevenness leaves of the spread of delays
at a threshold 0.33 of 0.85 ps where there are 4 loops and 0.13 of 0.44 where there are 8, a pulse
past it 0.03 of 0.21 ps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from netlist_gen.assembly.plan import Stage
from netlist_gen.circuit.loops import neuron_deal
from netlist_gen.circuit.table_neuron import lines_of_count, table_neuron

FloatArray = NDArray[np.float64]


def unevenness(signs: Sequence[int], pulsed: NDArray[np.generic]) -> FloatArray:
    """Of each window, shape (windows,).

    Args:
        signs: of the synapses, in the order of the neuron's site.
        pulsed: how many pulses each synapse gets, shape (windows, synapses).
    """
    fluxons = np.asarray(pulsed, dtype=float) * np.asarray(signs, dtype=float)
    loops = neuron_deal(signs)
    each = np.stack([fluxons[:, list(loop)].sum(axis=1) for loop in loops], axis=1)
    return np.asarray((each**2).sum(axis=1) - each.sum(axis=1) ** 2 / len(loops))


def table_unevenness(fan_in: int, counts: Sequence[int]) -> FloatArray:
    """Of the windows in which a table's neuron was measured, by n."""
    signs, _ = table_neuron(fan_in)
    pulsed = np.zeros((len(counts), fan_in), dtype=bool)
    for window, count in zip(pulsed, counts, strict=True):
        window[list(lines_of_count(signs, count))] = True
    return unevenness(signs, pulsed)


@dataclass(frozen=True)
class NeuronInfluence:
    """What the table of a neuron leaves out.

    Attributes:
        behind: what the cells before its clock and behind its output change, s.
        constant_s: by how much sooner a decision comes for each unit of unevenness.
        at_edge_s: what is added to that, over how many pulses it is past the edge.
    """

    behind: Mapping[Stage, float] = field(default_factory=dict)
    constant_s: float = 0.0
    at_edge_s: float = 0.0

    def sooner_s(self, uneven: FloatArray, past: FloatArray) -> FloatArray:
        """For windows that are ``past`` the edge by so many pulses."""
        return np.asarray(uneven * (self.constant_s + self.at_edge_s / past))

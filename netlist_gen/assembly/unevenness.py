"""How much sooner a decision comes where its fluxons lie unevenly in the loops of its stage.

A far junction carries the sine of its loop's phase. The loops' sum is that of the count only while
no loop strays from the rest. Beyond that it moves with the moments of their fluxons about the mean,

    spread = sum over loops of (m - n / loops)**2,    n = sum of m,
    skew   = sum over loops of (m - n / loops)**3,

m being the fluxons of either sign in a loop: the sine's second derivative depends on the phase at
which the edge lies, its third is there at every phase (of four loops a unit of skew counts as
0.066 pulses less, which is a sixth of the square of a fluxon's phase in its own loop). So a pattern
counts as some pulses more or less, which matters most next to the threshold; and where loops stray
the stage is the faster for it at every count.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from netlist_gen.assembly.stages import Stage
from netlist_gen.circuit.loops import neuron_deal
from netlist_gen.circuit.table_neuron import lines_of_count, table_neuron

FloatArray = NDArray[np.float64]


def unevenness(signs: Sequence[int], pulsed: NDArray[np.generic]) -> FloatArray:
    """Spread and skew of each window, shape (windows, 2).

    Args:
        signs: of the synapses, in the order of the neuron's site.
        pulsed: how many pulses each synapse gets, shape (windows, synapses).
    """
    fluxons = np.asarray(pulsed, dtype=float) * np.asarray(signs, dtype=float)
    loops = neuron_deal(signs)
    each = np.stack([fluxons[:, list(loop)].sum(axis=1) for loop in loops], axis=1)
    strays = each - each.mean(axis=1, keepdims=True)
    return np.stack([(strays**2).sum(axis=1), (strays**3).sum(axis=1)], axis=1)


def table_unevenness(fan_in: int, counts: Sequence[int]) -> FloatArray:
    """Of the windows in which a table's neuron was measured, by n: spread and skew of each."""
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
        shift: pulses as which a unit of spread counts, and one of skew.
        faster_s: by how much sooner any decision comes for each unit of spread.
    """

    behind: Mapping[Stage, float] = field(default_factory=dict)
    shift: tuple[float, float] = (0.0, 0.0)
    faster_s: float = 0.0

    def pulses(self, uneven: FloatArray) -> FloatArray:
        """As how many pulses more windows count; their moments have shape (windows, 2)."""
        return np.asarray(uneven @ np.array(self.shift))

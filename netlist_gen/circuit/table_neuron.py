"""The neurons that measured tables are of: one for each decision stage that is built."""

from __future__ import annotations

from collections.abc import Sequence

from netlist_gen.circuit.model import Cell
from netlist_gen.circuit.neuron import neuron_cell
from netlist_gen.library.cells import CellLibrary

TABLE_FAN_INS = (8, 16, 32, 64)
"""Fan-ins of the neurons that tables are measured of: the largest of each decision stage."""


def table_neuron(fan_in: int) -> tuple[tuple[int, ...], int]:
    """Signs and theta of the neuron that the table ``neuron{fan_in}`` is measured of.

    Every fourth synapse is inhibitory, theta is half of the excitatory ones (at least 1).
    """
    signs = tuple(-1 if i % 4 == 3 else 1 for i in range(fan_in))
    return signs, max(1, sum(s > 0 for s in signs) // 2)


def table_neuron_cell(library: CellLibrary, fan_in: int, theta: int | None = None) -> Cell:
    """That neuron's cell, with another threshold if one is given."""
    signs, own = table_neuron(fan_in)
    theta = own if theta is None else theta
    return neuron_cell(library, f"N{fan_in}T{theta}".replace("-", "M"), signs, theta)


def lines_of_count(signs: Sequence[int], n: int) -> tuple[int, ...]:
    """The first ``n`` excitatory lines, or the first ``-n`` inhibitory ones."""
    wanted = 1 if n >= 0 else -1
    return tuple(i for i, sign in enumerate(signs) if sign == wanted)[: abs(n)]

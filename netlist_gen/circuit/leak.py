"""What a membrane that leaks would ask of a storage loop; no circuit of one is made.

The current of a loop of inductance L with a resistor R in it falls as exp(-t R / L), so that
``beta = exp(-T R / L)`` is left of it after a window T.
"""

from __future__ import annotations

import math

from netlist_gen.errors import NetworkError
from netlist_gen.library.cells import CellLibrary
from netlist_gen.library.design import load_phases
from netlist_gen.network import TernaryNetwork

_PS, _PH, _MOHM = 1e12, 1e12, 1e3


def leak_ohm(beta: float, loop_H: float, window_s: float) -> float:
    """Resistor of a loop that keeps a share ``beta`` of its current over a window, ohm."""
    return -math.log(beta) * loop_H / window_s


def refuse_leaks(network: TernaryNetwork) -> None:
    """Refuse membranes that leak, in numbers of the library's own process and clock.

    Raises:
        NetworkError: it names the first such layer, and the resistor that its loops would need.
    """
    for index, layer in enumerate(network.layers):
        memory = layer.memory
        if memory is None or not layer.leaks:
            continue
        library, period = CellLibrary(), load_phases().period
        steps = network.steps or 1
        loop = library.description("branch").parameters["l_store"] * steps
        ohm = leak_ohm(memory.beta, loop, period)
        squares = ohm / library.process.sheet_resistance
        counted = f"{steps} step{'s' if steps > 1 else ''}"
        raise NetworkError(
            f"the membranes of layer {index} leak: {memory.beta:.6g} of them is left after a step. "
            f"A storage loop for {counted} has {loop * _PH:.3g} pH and would need a resistor of "
            f"{ohm * _MOHM:.2g} mohm to lose the rest in a window of {period * _PS:.3g} ps, "
            f"{squares:.2g} squares of the process's {library.process.sheet_resistance:g} ohm "
            "film; no circuit has it. Membranes that keep all (beta 1) and neurons without memory "
            "can be built; adapt trains them from this network"
        )

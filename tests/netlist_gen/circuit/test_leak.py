"""What a leak would ask of a storage loop, and that no circuit is made of one."""

from __future__ import annotations

import re

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from netlist_gen.circuit.leak import leak_ohm
from netlist_gen.circuit.sites import neuron_sites
from netlist_gen.errors import NetworkError
from netlist_gen.memory import Memory
from netlist_gen.network import TernaryNetwork


def test_the_current_of_a_loop_falls_by_it() -> None:
    """L dI/dt = -R I, integrated."""
    loop, window = 15.6e-12, 112e-12
    ohm = leak_ohm(0.9, loop, window)
    assert ohm == pytest.approx(14.7e-3, rel=0.01)
    found = solve_ivp(lambda _t, i: -ohm / loop * i, (0, window), [1.0], rtol=1e-10, atol=1e-12)
    assert found.y[0, -1] == pytest.approx(0.9, abs=1e-8)


def test_it_is_refused_in_numbers() -> None:
    kept = [None, Memory.of("zero", 1, beta=0.9)]
    network = TernaryNetwork.from_arrays([np.eye(2), [[1, 1]]], [[1, 1], [3]], memories=kept)
    message = (
        "the membranes of layer 1 leak: 0.9 of them is left after a step. A storage loop for 4 "
        "steps has 31 pH and would need a resistor of 29 mohm to lose the rest in a window of 112 "
        "ps, 0.015 squares of the process's 2 ohm film; no circuit has it. Membranes that keep all "
        "(beta 1) and neurons without memory can be built; adapt trains them from this network"
    )
    with pytest.raises(NetworkError, match=f"^{re.escape(message)}$"):
        neuron_sites(network.with_steps(4))
    one = message.replace("4 steps has 31 pH", "1 step has 7.75 pH").replace("29 mohm", "7.3 mohm")
    one = one.replace("0.015 squares", "0.0036 squares")
    with pytest.raises(NetworkError, match=f"^{re.escape(one)}$"):
        neuron_sites(network)

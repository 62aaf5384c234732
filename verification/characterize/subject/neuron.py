"""A neuron of some fan-in as a subject: clock windows that each hold a count of pulses."""

from __future__ import annotations

from collections.abc import Sequence

from netlist_gen.circuit.neuron import port_phases
from netlist_gen.circuit.table_neuron import table_neuron, table_neuron_cell
from netlist_gen.circuit.trees import tree_depth
from netlist_gen.library.cells import CellLibrary
from netlist_gen.library.design import load_phases
from verification.characterize.subject.model import Subject
from verification.characterize.subject.stimulus import BenchCase, Step


def lines_of_count(signs: Sequence[int], n: int) -> tuple[int, ...]:
    """The first ``n`` excitatory lines, or the first ``-n`` inhibitory ones."""
    wanted = 1 if n >= 0 else -1
    return tuple(i for i, sign in enumerate(signs) if sign == wanted)[: abs(n)]


def neuron_windows(signs: Sequence[int], theta: int) -> tuple[tuple[int, ...], ...]:
    """Input lines pulsed in each window: the signed range's ends and both sides of theta.

    A window that fires and one that does not take turns, so that what either leaves behind
    would show in the other.
    """
    low, high = -sum(s < 0 for s in signs), sum(s > 0 for s in signs)
    order = [theta, theta - 1, high, low, min(theta + 1, high), max(theta - 2, low)]
    return (*(lines_of_count(signs, n) for n in order), tuple(range(len(signs))))


def neuron_case(
    library: CellLibrary, fan_in: int, windows: Sequence[Sequence[int]], name: str = ""
) -> BenchCase:
    """The stimulus of the neuron of ``fan_in`` synapses whose windows pulse these lines."""
    signs, theta = table_neuron(fan_in)
    phases = port_phases(library, load_phases(process=library.process), fan_in)
    reset = phases.reset - phases.tree_stage * tree_depth(fan_in)
    steps: list[Step] = []
    for w, lines in enumerate(windows):
        start = w * phases.period
        if lines:
            steps.append(Step(start, tuple(f"d{i}" for i in lines), ()))
        fires = ("q",) if sum(signs[i] for i in lines) >= theta else ()
        steps.append(Step(start + phases.decision, ("clk",), fires))
        steps.append(Step(start + reset, ("rst",), ()))
    return BenchCase(name, tuple(steps))


def neuron_subject(library: CellLibrary, fan_in: int) -> Subject:
    """The neuron of ``fan_in`` synapses that a table is measured of (``table_neuron``).

    Raises:
        NetworkError: a fan-in beyond what was shown to work.
    """
    signs, theta = table_neuron(fan_in)
    return Subject(
        name=f"neuron{fan_in}",
        title=f"differential neuron of fan-in {fan_in}, {sum(s > 0 for s in signs)} excitatory, "
        f"theta {theta}",
        cell=table_neuron_cell(library, fan_in),
        library=library,
        process=library.process,
        source="cells/design/neuron.toml",
        inputs=(*(f"d{i}" for i in range(fan_in)), "clk", "rst"),
        outputs=("q",),
        clock="clk",
        cases=(neuron_case(library, fan_in, neuron_windows(signs, theta)),),
        grouped=True,
    )

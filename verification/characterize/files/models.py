"""Models of a characterised cell: Verilog with SDF delays, and the state machine as DOT.

Pulses are level changes in Verilog, as in the models of published SFQ cell libraries. Delays sit
on small arc modules, one for each input, state and output, because plain ``IOPATH`` entries on
instances are what every simulator annotates (Icarus Verilog 11 reads ``COND`` but drops it). The
SDF triple is (fastest : nominal : slowest) over the bias ratios 0.95 to 1.05 that work.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netlist_gen.errors import ConfigurationError
from netlist_gen.files import atomic_path
from netlist_gen.resources import template
from verification.characterize.measure.machine import Machine, Transition

if TYPE_CHECKING:
    from verification.characterize.run import Characterization

BIAS_CORNERS = (0.95, 1.05)
_PS = 1e12


def write_models(result: Characterization, out: Path) -> list[Path]:
    """Write ``CELL.v``, ``CELL.sdf`` and ``CELL.dot`` where the cell has a state machine.

    A cell without outputs has a state machine but no Verilog. Returns the files written.

    Raises:
        ConfigurationError: a cell whose name or ports Verilog can't take.
    """
    if result.machine is None:
        return []
    texts = {f"{result.cell}.dot": dot(result, result.machine)}
    if result.outputs:
        texts[f"{result.cell}.v"] = verilog(result, result.machine)
        texts[f"{result.cell}.sdf"] = sdf(result, result.machine)
    for name, text in texts.items():
        with atomic_path(out / name) as temporary:
            temporary.write_text(text, encoding="utf-8")
    return [out / name for name in texts]


def verilog(result: Characterization, machine: Machine) -> str:
    """The Verilog model. Raises ConfigurationError for names that Verilog can't take."""
    for name in (result.cell, *result.inputs, *result.outputs):
        if not re.fullmatch(r"[A-Za-z_]\w*", name):
            raise ConfigurationError(f"{name!r} of cell {result.cell} is no name in Verilog")
    spacings = {
        (s.first, s.second): (s.kind, s.last_pass_s)
        for s in sorted(result.spacings, key=lambda s: s.last_pass_s)
        if s.criterion == "function" and s.first in result.inputs and s.second in result.inputs
    }
    return template("models/cell.v.j2").render(
        **_head(result),
        ports=[*result.inputs, *result.outputs],
        inputs=result.inputs,
        outputs=result.outputs,
        arcs=[{"name": n, "output": o} for n, o, _ in _arcs(machine)],
        spacings=[
            {"first": a, "second": b, "kind": kind, "ps": f"{least * _PS:.2f}"}
            for (a, b), (kind, least) in spacings.items()
            if least > 0
        ],
        transitions=[
            {
                "state": t.state,
                "input": t.input,
                "next": t.next,
                "arcs": [_arc_name(t, o) for o in t.delays_s],
            }
            for t in machine.transitions
        ],
    )


def sdf(result: Characterization, machine: Machine) -> str:
    """The SDF file."""
    rows = []
    for name, output, transition in _arcs(machine):
        typical = transition.delays_s[output]
        corners = [typical * r for r in _bias_ratios(result, transition.input, output)]
        rows.append(
            {
                "name": name,
                "least": f"{min(typical, *corners) * _PS:.4f}",
                "typical": f"{typical * _PS:.4f}",
                "most": f"{max(typical, *corners) * _PS:.4f}",
            }
        )
    return template("models/cell.sdf.j2").render(
        **_head(result), arcs=rows, low=BIAS_CORNERS[0], nominal=1, high=BIAS_CORNERS[1]
    )


def dot(result: Characterization, machine: Machine) -> str:
    """The state machine as a Graphviz file."""
    transitions = []
    for t in machine.transitions:
        answers = [f"{o} {t.delays_s[o] * _PS:.2f}" for o in dict.fromkeys(t.outputs)]
        label = f"{t.input} / {', '.join(answers) or '-'}"
        transitions.append({"state": t.state, "next": t.next, "label": label})
    return template("models/machine.dot.j2").render(
        **_head(result),
        states=[" ".join(str(n) for n in s) if any(s) else "" for s in machine.states],
        loops=[name.replace("__XC", "").replace("__", ".") for name in machine.loops],
        transitions=transitions,
    )


def _head(result: Characterization) -> dict[str, Any]:
    return {
        "name": result.cell,
        "title": result.title,
        "simulator": f"{result.simulator} {result.version}",
        "process": result.process,
    }


def _arc_name(transition: Transition, output: str) -> str:
    return f"s{transition.state}_{transition.input}_{output}"


def _arcs(machine: Machine) -> Iterator[tuple[str, str, Transition]]:
    for t in machine.transitions:
        for output in t.delays_s:
            yield _arc_name(t, output), output, t


def _bias_ratios(result: Characterization, source: str, target: str) -> list[float]:
    """Delay at the bias corners over nominal delay; 1 where the cell does not work there."""
    nominal = [a.mean_s for a in result.arcs if (a.input, a.output) == (source, target)]
    found = [
        a.mean_s / nominal[0]
        for corner in BIAS_CORNERS
        for a in result.by_bias.get(corner, ())
        if nominal and (a.input, a.output) == (source, target)
    ]
    return found or [1.0]

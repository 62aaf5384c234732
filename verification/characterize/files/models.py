"""Models of a characterised cell: Verilog with SDF delays, and the state machine as DOT.

Pulses are level changes in Verilog, as in the models of published SFQ cell libraries. Delays sit
on small arc modules, one for each input, state and output, because plain ``IOPATH`` entries on
instances are what every simulator annotates (Icarus Verilog 11 reads ``COND`` but drops it). The
SDF triple is (fastest : nominal : slowest) over the bias ratios 0.95 to 1.05 that work.
"""

from __future__ import annotations

import re
from pathlib import Path

from netlist_gen.errors import ConfigurationError
from netlist_gen.files import write_text
from netlist_gen.resources import template
from verification.characterize.files.summary import Characterization
from verification.characterize.measure.machine import Machine
from verification.characterize.measure.timing import mean_delay

BIAS_CORNERS = (0.95, 1.05)


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
        write_text(out / name, text)
    return [out / name for name in texts]


def verilog(result: Characterization, machine: Machine) -> str:
    """The Verilog model. Raises ConfigurationError for names that Verilog can't take."""
    for name in (result.cell, *result.inputs, *result.outputs):
        if not re.fullmatch(r"[A-Za-z_]\w*", name):
            raise ConfigurationError(f"{name!r} of cell {result.cell} is no name in Verilog")
    widest = {
        (s.first, s.second): s
        for s in sorted(result.spacings, key=lambda s: s.last_pass_s)
        if s.criterion == "function" and {s.first, s.second} <= set(result.inputs)
    }
    spacings = [s for s in widest.values() if s.last_pass_s > 0]
    return template("models/cell.v.j2").render(r=result, m=machine, spacings=spacings)


def sdf(result: Characterization, machine: Machine) -> str:
    """The SDF file. A corner at which the cell does not work is left out."""
    delays = []
    for t in machine.transitions:
        for output, typical in t.delays_s.items():
            pair = (t.input, output)
            nominal = mean_delay(result.arcs, pair)
            corners = (mean_delay(result.by_bias.get(bias, ()), pair) for bias in BIAS_CORNERS)
            found = [typical, *(typical * (at / nominal) for at in corners if at and nominal)]
            triple = (min(found), typical, max(found))
            delays.append((t, output, [f"{delay * 1e12:.4f}" for delay in triple]))
    low, high = BIAS_CORNERS
    return template("models/cell.sdf.j2").render(r=result, delays=delays, low=low, high=high)


def dot(result: Characterization, machine: Machine) -> str:
    """The state machine as a Graphviz file."""
    loops = [name.replace("__XC", "").replace("__", ".") for name in machine.loops]
    return template("models/machine.dot.j2").render(r=result, m=machine, loops=loops)

"""Waveforms as they would be if a neuron's circuit did exactly what the reference says.

Built from the expectation and from cells' event rules, so that a test can change one pulse and
see that comparison finds this one.
"""

from __future__ import annotations

import numpy as np

from netlist_gen.circuit.bench import NeuronBench
from netlist_gen.circuit.probe import Probe
from netlist_gen.library.cells import CellLibrary
from netlist_gen.spikes import NeuronSpikes
from verification.waves.waveforms import Waveforms

STEP_S = 0.25e-12
RISE_S = 0.7e-12
OUTPUT_DELAY_S = 20e-12


class IdealWaves:
    """Pulses of every watched junction; ``change`` them, then take the ``waveforms``.

    Attributes:
        pulses: for each column the (time, sign) of its pulses.
        rest: for each column the phase in rad it rests at.
    """

    def __init__(self, bench: NeuronBench, spikes: NeuronSpikes, library: CellLibrary) -> None:
        self.bench, self.view, self.spikes = bench, bench.view, spikes
        view, phases = bench.view, bench.view.phases
        fires = spikes.fires
        decisions = view.decisions_s()
        data = decisions - phases.decision
        resets = data + phases.reset
        self.pulses: dict[str, list[tuple[float, int]]] = {p.column: [] for p in bench.probes()}
        self.rest = dict.fromkeys(self.pulses, 0.4)

        def advance(path, junctions, times_s):
            for junction in junctions:
                column = Probe(path, junction).column
                if column in self.pulses:
                    self.pulses[column] += [(float(t), 1) for t in times_s]

        def event(path, cell, name, times_s):
            rule = library.description(cell.kind).events[name]
            names = [j.name for j in cell.junctions() if rule.advanced(j.name)]
            advance(path, names, times_s)
            inner = {i.name: i.cell for i in cell.instances}
            for instance, below in rule.instances:
                event((*path, instance), inner[instance], below, times_s)

        sources = {"XIC": decisions, "XIR": resets, "XO": decisions[fires] + OUTPUT_DELAY_S}
        sources |= {
            f"XI{label}": data[spikes.arrivals[:, k]] for k, label in enumerate(view.site.labels)
        }
        storage = dict(zip(view.branches().values(), spikes.arrivals.T, strict=True))
        for placed in bench.circuit.walk():
            path, cell = placed.path, placed.cell
            if path in storage:
                on = storage[path]
                event(path, cell, "data", data[on])
                event(path, cell, "clear", resets[on])
                event(path, cell, "clear_empty", resets[~on])
            elif path == (view.instance, "XD"):
                event(path, cell, "fire", decisions[fires] + 5e-12)
                event(path, cell, "reject", decisions[~fires] + 5e-12)
                # Junctions of the SQUIDs that carry no bias stand in no event's rule.
                for probe, with_pulse in view.squids():
                    self.pulses[probe.column] = []
                    advance(path, (probe.junction,), decisions[fires == with_pulse] + 5e-12)
            elif path[:2] == (view.instance, "XRT"):
                if cell.kind != "splitter_tree":
                    event(path, cell, "pulse", resets)
            elif len(path) == 1 and path[0] in sources:
                event(path, cell, "pulse", sources[path[0]])

    def add(self, column: str, time_s: float, sign: int = 1) -> None:
        """One more pulse."""
        self.pulses[column].append((time_s, sign))

    def drop(self, column: str, window: int) -> None:
        """Take away a column's pulses of one window."""
        begin, end = self.view.boundaries_s()[window : window + 2]
        kept = [(t, s) for t, s in self.pulses[column] if not begin <= t < end]
        assert len(kept) < len(self.pulses[column]), f"{column} has no pulse in window {window}"
        self.pulses[column] = kept

    def waveforms(self) -> Waveforms:
        """All columns over the bench's time."""
        time = np.arange(0.0, self.bench.analysis().stop_s + STEP_S, STEP_S)
        rows = []
        for column, pulses in self.pulses.items():
            row = np.full(time.size, self.rest[column])
            for at, sign in pulses:
                # A soliton: 4 arctan(exp(t)), rising by 2 pi.
                row += sign * 4.0 * np.arctan(np.exp(np.clip((time - at) / RISE_S, -60, 60)))
            rows.append(row)
        return Waveforms(time, tuple(self.pulses), np.stack(rows))

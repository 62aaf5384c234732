"""Waveforms of the stimulus: what the nominal cell does on its bench, for eyes."""

from __future__ import annotations

import numpy as np

from verification.characterize.subject.parameters import trial
from verification.characterize.trials.cell import CellUnderTest
from verification.simulators.base import DeckJob
from verification.simulators.registry import get_simulator
from verification.waves.waveforms import Waveforms


def stimulus_waves(cell: CellUnderTest) -> Waveforms:
    """Phases of the ports, ``P(A)``, and of the cell's junctions, ``P(B1)``, in the first case.

    Raises:
        SimulatorError: the simulator fails.
    """
    bench, subject = cell.bench, cell.subject
    ports = {bench.target_label(port): port for port in (*subject.inputs, *subject.outputs)}
    labels = (*ports, *bench.junctions)
    simulator = get_simulator(cell.runner.simulator)
    name = f"{subject.name}_stimulus"
    deck = bench.deck(name, labels, trial(bench, cell.cases[0]), simulator.dialect)
    outcome = simulator.run(DeckJob(name, deck.text), timeout_s=cell.runner.timeout_s)
    waves = outcome.require()
    names = [ports.get(label, label.removesuffix("|XC")) for label in labels]
    values = np.stack([waves.signal(probe.column) for probe in deck.probes])
    return Waveforms(waves.time_s, tuple(f"P({one})".upper() for one in names), values)

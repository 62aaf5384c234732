"""From what was measured to the verdict on a run: figures of scopes, layers, energy, simulators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netlist_gen.checkpoint.digest import network_digest
from netlist_gen.circuit.model import Totals
from netlist_gen.circuit.probe import STEP_PS
from netlist_gen.deck.annotation import AnnotationFigures
from netlist_gen.deck.decks import NETWORK_TIME_ERROR_S
from netlist_gen.library.process import Process
from netlist_gen.network import TernaryNetwork
from netlist_gen.spikes import steps_of
from netlist_gen.version import __version__
from netlist_gen.votes import vote_accuracy
from verification.reference.bus_energy import BusLoads
from verification.reference.energy import EnergyLedger
from verification.verdict.counter_example import counter_example
from verification.verdict.energy import ENERGY_TOLERANCE
from verification.verdict.figures import (
    Accuracy,
    BusFigures,
    CircuitFigures,
    EnergyFigures,
    LayerFigures,
)
from verification.verdict.measured import Measured, scope_difference
from verification.verdict.outcome import NetworkFacts, RunVerdict, SimulatorVerdict
from verification.verdict.simulators import Agreement, Observed, compare_all


@dataclass(frozen=True, eq=False)
class Facts:
    """What a run is of, whatever was measured.

    Attributes:
        network: what is verified.
        inputs: windows of the samples, bool of shape (windows, inputs); there may be none where
            windows are made.
        steps: windows of a sample, where membranes last its clearing window included.
        labels: of the samples, or None.
        process: of the cells.
        totals: of the whole network's circuit.
        period_s: of the clock.
        cooling_W_per_W: watts at the wall for one at 4.2 K.
        tolerance_s: of pulses' times by the timed reference; None where it is not asked.
        window_s: of pulses' times by the tables; None where the process has none.
        source: the network's file.
        seed: of the draw of samples.
        rows: of the samples in their file; None is all of them in order.
        annotation: what a table of extracted values set, or None.
        loads: what is on the buses of the whole network's circuit; None with ideal sources.
        rules: "on" where the network was held against the rules of drawing, else "off".
        crosstalk: whether neighbouring synapses are coupled.
        startup: whether decks of the whole network begin with start-up windows.
        time_step_ps: of the decks.
    """

    network: TernaryNetwork
    inputs: NDArray[np.bool_]
    steps: int
    labels: NDArray[np.int64] | None
    process: Process
    totals: Totals
    period_s: float
    cooling_W_per_W: float
    tolerance_s: float | None
    window_s: float | None
    source: str
    seed: int
    rows: tuple[int, ...] | None
    annotation: AnnotationFigures | None = None
    loads: BusLoads | None = None
    rules: str = "on"
    crosstalk: bool = False
    startup: bool = False
    time_step_ps: float = STEP_PS

    @property
    def samples(self) -> int:
        """How many."""
        return self.inputs.shape[0] // self.steps


def judge_simulator(facts: Facts, scopes: Sequence[Measured], folder: str) -> RunVerdict:
    """The verdict on what one simulator measured, in each scope.

    Args:
        facts: of the run.
        scopes: what it measured.
        folder: where decks of disagreements are kept, with a slash at its end, or "".
    """
    first = scopes[0]
    unlike = scope_difference(scopes)
    agreed = all(scope.agreed for scope in scopes) and unlike is None
    network = facts.network
    charged = next((scope for scope in scopes if scope.scope == "network"), first)
    energy = _energy(facts, charged, scopes)
    own = SimulatorVerdict(
        name=first.simulator.name,
        version=first.simulator.version,
        agreed=agreed,
        checked=sum(scope.checked for scope in scopes),
        mismatches=sum(scope.mismatches for scope in scopes),
        class_lines_wrong=sum(scope.lines_wrong for scope in scopes),
        failed=sum(len(scope.failures) for scope in scopes),
        pulses=first.pulse_count,
        energy_J=energy.measured_J,
        energy_relative_error=energy.relative_error,
    )
    return RunVerdict(
        agreed=agreed,
        checked=own.checked,
        mismatches=own.mismatches,
        failed=tuple(sentence for scope in scopes for sentence in scope.failures),
        samples=facts.samples,
        steps=facts.steps,
        scope=", ".join(scope.scope for scope in scopes),
        scopes=tuple(scope.verdict(facts.tolerance_s, facts.window_s) for scope in scopes),
        scope_difference=unlike,
        network=NetworkFacts(
            source=facts.source,
            inputs=network.inputs,
            neurons=network.neurons,
            synapses=network.synapses,
            classes=network.classes,
            population=network.population,
            sha256=network_digest(network),
        ),
        generator=__version__,
        process=facts.process.name,
        clock_ghz=1e-9 / facts.period_s,
        energy=energy,
        circuit=CircuitFigures(
            facts.totals.junctions, facts.totals.bias_A, facts.totals.flux_A, facts.totals.cells
        ),
        layers=tuple(_layer(index, scopes) for index in range(len(network.layers))),
        accuracy=_accuracy(facts, first),
        from_ledger=sum(scope.from_ledger for scope in scopes),
        seed=facts.seed,
        rows=facts.rows,
        rules=facts.rules,
        crosstalk=facts.crosstalk,
        startup=facts.startup,
        time_step_ps=facts.time_step_ps,
        clearing=network.has_memory,
        simulator=first.simulator,
        simulators=(own,),
        agreement=(),
        counter_example=counter_example(
            scopes, facts.steps, facts.rows, folder, clearing=network.has_memory
        ),
        example=None,
        wall_s=0.0,
        annotation=facts.annotation,
    )


def agreements(
    measured: Sequence[Sequence[Measured]], dialects: Mapping[str, str]
) -> list[Agreement]:
    """Every two simulators in each scope.

    Args:
        measured: of each simulator its scopes, in one order.
        dialects: of the decks that each simulator reads, by its name.
    """
    return [
        pair
        for scopes in zip(*measured, strict=True)
        for pair in compare_all([_observed(scope, dialects) for scope in scopes])
    ]


def _observed(scope: Measured, dialects: Mapping[str, str]) -> Observed:
    return Observed(
        scope.scope,
        scope.simulator.name,
        dialects[scope.simulator.name],
        scope.pulses,
        scope.delays_s,
        {(*r.place, r.first): r.energy_J for r in scope.results if not r.failed},
        NETWORK_TIME_ERROR_S if scope.scope == "network" else 0.0,
        sum(int(layer.size) for layer in scope.pulses) - scope.windows,
    )


def _dynamic_J(facts: Facts, measured: Measured) -> float:
    """Energy that events take in an inference.

    Of made windows each neuron's mean, one for each step; where some of the neurons were drawn,
    the others take as much as these on the average.
    """
    if not measured.made:
        return (measured.energy_J - measured.startup_J) / facts.samples
    energy_J: dict[tuple[int, int], float] = {}
    windows: dict[tuple[int, int], int] = {}
    for result in measured.results:
        if not result.failed:
            place = result.place
            energy_J[place] = energy_J.get(place, 0.0) + result.energy_J - result.startup_J
            windows[place] = windows.get(place, 0) + result.windows
    if not windows:
        return 0.0
    means = [energy_J[place] / windows[place] for place in windows]
    built = sum(int((layer.fan_in > 0).sum()) for layer in facts.network.layers)
    return sum(means) / len(means) * built * facts.steps


def _energy(facts: Facts, charged: Measured, scopes: Sequence[Measured]) -> EnergyFigures:
    dynamic_J = _dynamic_J(facts, charged)
    duration_s, loads = facts.period_s * facts.steps, facts.loads
    buses = None if loads is None else _buses(facts, loads, charged, dynamic_J)
    ledger = EnergyLedger(
        dynamic_J=dynamic_J,
        supply_A=facts.totals.supply_A,
        supply_V=facts.process.supply_voltage,
        duration_s=duration_s,
        cooling_W_per_W=facts.cooling_W_per_W,
        rest_W=None if loads is None else loads.rest_W,
        given_J=None
        if buses is None or loads is None
        else buses.J_per_inference + loads.lines_W * duration_s,
    )
    return EnergyFigures(
        scope=charged.scope,
        measured_J=charged.energy_J,
        reference_J=charged.reference_J,
        relative_error=charged.energy_error,
        worst_window_error=max((scope.worst_error for scope in scopes), key=abs),
        tolerance=ENERGY_TOLERANCE,
        dynamic_J_per_inference=ledger.dynamic_J,
        static_W=ledger.static_W,
        static_J_per_inference=ledger.static_J,
        wall_plug_J_per_inference=ledger.wall_plug_J,
        cooling_W_per_W=ledger.cooling_W_per_W,
        supply_V=facts.process.supply_voltage,
        startup_J=charged.startup_J,
        buses=buses,
    )


def _buses(facts: Facts, loads: BusLoads, charged: Measured, dynamic_J: float) -> BusFigures:
    """What the buses gave, of the network's decks or of the neurons' benches."""
    shares = loads.shares(facts.period_s * facts.steps, facts.steps, dynamic_J)
    measured, reference = charged.buses_J, charged.bus_reference_J
    error = (measured - reference) / reference if reference else None
    return BusFigures(
        bias=loads.network.kind,
        buses=len(loads.buses),
        voltage_V=loads.bus_V(facts.period_s),
        current_A=loads.fed_A,
        measured_J=measured,
        reference_J=reference,
        charging_J=charged.charging_J,
        relative_error=error,
        J_per_inference=shares.total * (1.0 + (error or 0.0)),
        resistors_J_per_inference=shares.resistors,
        events_J_per_inference=shares.events,
        limiters_J_per_inference=shares.limiters,
        feeding_J_per_inference=shares.feeding,
    )


def _layer(index: int, scopes: Sequence[Measured]) -> LayerFigures:
    first = scopes[0]
    layer = first.spikes.network.layers[index]
    results = [r for scope in scopes for r in scope.results]
    verdicts = [(r, v) for r in results for v in r.neurons if v.layer == index]
    alone = [r for r in results if r.place[0] == index]
    delays = first.delays_s[index]
    seen = delays[np.isfinite(delays)] * 1e12
    return LayerFigures(
        layer=index,
        neurons=layer.outputs,
        synapses=layer.synapses,
        fan_in=(int(layer.fan_in.min()), int(layer.fan_in.max())),
        theta=(int(layer.theta.min()), int(layer.theta.max())),
        checked=sum(r.checked_of(v) for r, v in verdicts),
        mismatches=sum(r.wrong_of(v) for r, v in verdicts),
        failed=sum(r.failed for r in alone),
        pulses=int(np.clip(first.pulses[index], 0, None).sum()),
        delay_ps=(float(seen.min()), float(seen.max())) if seen.size else None,
        energy_J=sum(r.energy_J for r in alone) if alone else None,
        reference_J=sum(r.expected_J for r in alone) if alone else None,
    )


def _accuracy(facts: Facts, measured: Measured) -> Accuracy | None:
    if facts.labels is None:
        return None
    votes = measured.votes(facts.steps)
    samples = steps_of(facts.network, facts.inputs, facts.steps)
    return Accuracy(
        reference=facts.network.accuracy(samples, facts.labels),
        simulated=None if votes is None else vote_accuracy(votes, facts.labels),
    )

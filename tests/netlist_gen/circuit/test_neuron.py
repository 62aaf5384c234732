"""Design rules by property; that the neurons decide as the integer model, in simulation."""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import NO_JOSIM, measured_energy, neuron_site, site_spikes

from netlist_gen.circuit.bench import NeuronBench, neuron_bench
from netlist_gen.circuit.elements import CurrentSource
from netlist_gen.circuit.linear import LoopSum
from netlist_gen.circuit.loops import loop_shares
from netlist_gen.circuit.model import Circuit
from netlist_gen.circuit.neuron import Coupler, coupler_of, design_neuron, neuron_cell
from netlist_gen.circuit.trees import tree_depth
from netlist_gen.constants import PHI0
from netlist_gen.deck.decks import neuron_deck
from netlist_gen.deck.emit import emit
from netlist_gen.errors import ConfigurationError, NetworkError
from netlist_gen.library.cells import CellLibrary
from netlist_gen.library.design import load_phases, load_rules
from netlist_gen.library.drawing import ONE_TURN, OPENED, Transformer
from netlist_gen.library.process import load_process
from verification.reference.event_energy import EventEnergy, bench_energies
from verification.simulators.base import DeckJob
from verification.verdict.neuron import compare
from verification.waves.pulses import detect_phase

STORAGE_H = 8e-12
COUPLER = Coupler(STORAGE_H)
ENERGY = 5e-4
"""Relative: drawn shunts ring a little longer, so that windows end a milliradian from rest."""

SIGNS = st.lists(st.sampled_from([-1, 1]), min_size=1, max_size=64)


@given(SIGNS, st.integers(-100, 100))
def test_the_whole_signed_range_is_decided_rightly(signs, theta):
    rules, design = load_rules(), design_neuron(signs, theta, COUPLER)
    excitatory, inhibitory = signs.count(1), signs.count(-1)
    counts = np.arange(-inhibitory, excitatory + 1)
    stage = rules.edge(design.size.loops)
    taken = len(signs) / design.size.synapses
    offset = stage.offset - stage.screening * taken * design.coupling**2
    unit = design.unit * (1 - rules.alone * design.coupling**2 * (1 - taken))
    over = design.threshold + unit * counts - offset
    assert ((over > 0) == (counts >= theta)).all()
    edge = min(max(theta, -inhibitory), excitatory + 1) - 0.5
    shares = loop_shares(excitatory, inhibitory, design.size)
    loops = LoopSum(design.size, shares, 1, rules, design.coupling / design.unit)
    strays = abs(loops.allowed(design.unit, edge, stage.offset)) * design.unit * (1 + 1e-9)
    assert np.abs(over).max() <= rules.reach + strays
    assert design.threshold >= -rules.rest - strays
    assert np.abs(over).min() >= 0.5 * unit - strays, "the edge is not half-way"


@given(SIGNS, st.integers(-100, 100), st.sampled_from([ONE_TURN, Transformer(OPENED, 0.5, 0.35)]))
def test_couplings_can_be_drawn(signs, theta, transformer):
    """One turn couples so much and no more; the pick-ups fill their loops."""
    rules = load_rules()
    design = design_neuron(signs, theta, Coupler(STORAGE_H, transformer))
    assert 0 < design.coupling <= transformer.coupling * (1 + 1e-12)
    assert design.mutual <= transformer.mutual_share * design.pickup * (1 + 1e-12)
    assert design.coupling == pytest.approx(
        design.mutual / np.sqrt(STORAGE_H * design.pickup), rel=1e-9, abs=0
    )
    assert design.pickup * design.size.places == pytest.approx(rules.pickup_total, rel=1e-12)
    assert design.size.loops in rules.loops
    assert len(signs) <= design.size.synapses


@given(SIGNS, st.integers(-70, 70), st.sampled_from([1, 2, 4]))
def test_the_unit_is_the_largest_that_every_bound_allows(signs, theta, capacity):
    """Transformer, loop, range and rest: none is passed, one is reached."""
    rules = load_rules()
    design = design_neuron(signs, theta, COUPLER, capacity=capacity)
    loops = design.size.loops
    excitatory, inhibitory = signs.count(1), signs.count(-1)
    edge = min(max(theta, -inhibitory), excitatory + 1) - 0.5
    counts = np.arange(-inhibitory, excitatory + 1)
    stage = rules.edge(loops)
    # Screening is taken as that of the closest coupling that can be made.
    screening = stage.screening * len(signs) / design.size.synapses
    rest = rules.rest + stage.offset - screening * ONE_TURN.coupling**2
    full = 1 / (1 / rules.full + (capacity - 1) * STORAGE_H / PHI0)
    by_share = ONE_TURN.mutual_share * design.pickup
    by_coefficient = ONE_TURN.coupling * np.sqrt(capacity * STORAGE_H * design.pickup)
    bounds = [
        min(by_share, by_coefficient) * full / PHI0 / loops,
        rules.reach / np.abs(counts - edge).max(),
    ]
    bounds += [rest / edge] if edge > 0 else []
    assert design.unit <= min(bounds) * (1 + 1e-12)
    shares = loop_shares(excitatory, inhibitory, design.size)
    loop_sum = LoopSum(design.size, shares, capacity, rules, design.coupling / design.unit)
    assert loop_sum.shift(design.unit, edge, stage.offset) <= rules.shift * (1 + 1e-9)
    if design.unit < min(bounds) * (1 - 1e-6):
        assert loop_sum.shift(design.unit * 1.001, edge, stage.offset) > rules.shift


@given(SIGNS, st.integers(1, 10**6))
def test_a_theta_beyond_the_range_is_the_nearest_beyond_it(signs, far):
    excitatory, inhibitory = signs.count(1), signs.count(-1)
    never = design_neuron(signs, excitatory + 1, COUPLER)
    always = design_neuron(signs, -inhibitory, COUPLER)
    assert design_neuron(signs, excitatory + 1 + far, COUPLER) == never
    assert design_neuron(signs, -inhibitory - far, COUPLER) == always


@given(SIGNS, st.integers(-70, 70), st.randoms())
def test_the_order_of_the_branches_does_not_matter(signs, theta, random):
    shuffled = list(signs)
    random.shuffle(shuffled)
    assert design_neuron(shuffled, theta, COUPLER) == design_neuron(signs, theta, COUPLER)


def test_what_cannot_be_built(library):
    limit = load_rules().max_fan_in
    assert limit == 256
    for count in (0, 257):
        message = f"a neuron of fan-in {count} can't be built: shown to work are 1 to 256"
        with pytest.raises(NetworkError, match=f"^{re.escape(message)}$"):
            design_neuron([1] * count, 1, COUPLER)
    with pytest.raises(NetworkError, match=r"^branch 1 has sign 0; only \+1 and -1 are built$"):
        design_neuron([1, 0], 1, COUPLER)
    with pytest.raises(
        NetworkError,
        match=r"^neuron L3N1: a neuron of fan-in 257 can't be built: shown to work are 1 to 256$",
    ):
        neuron_cell(library, "L3N1", [1] * 257, 1)


@pytest.mark.parametrize("fan_in", [1, 2, 3, 16, 64])
def test_a_cell_has_a_branch_for_each_sign(fan_in):
    library = CellLibrary()
    signs = [1 if i % 3 else -1 for i in range(fan_in)]
    cell = neuron_cell(library, "L0N0", signs, 2)
    assert cell.ports == (*(f"d{i}" for i in range(fan_in)), "clk", "rst", "q")
    kinds = [i.cell.name for i in cell.instances if i.name.startswith("XS")]
    assert kinds == [f"branch_L0N0_{'exc' if s > 0 else 'inh'}" for s in signs]
    assert tree_depth(fan_in) == max(1, (fan_in - 1).bit_length())


def test_the_pick_ups_of_each_loop_are_in_series_from_end_to_end(library):
    """Three synapses in a stage of four loops of two places: plain inductors fill the rest."""
    cell = neuron_cell(library, "L0N0", [1, -1, 1], 1)
    branches = [i.nets[2:6] for i in cell.instances if i.name.startswith("XS")]
    assert branches == [
        ("b0_0", "b0_1", "u0_0", "u0_1"),
        ("b2_0", "b2_1", "u2_0", "u2_1"),
        ("b1_0", "b1_1", "u1_0", "u1_1"),
    ]
    (decision,) = [i.nets for i in cell.instances if i.name == "XD"]
    assert decision[1:5] == ("b0_0", "b0_e", "u0_0", "u0_e")
    pickup = design_neuron([1, -1, 1], 1, coupler_of(library)).pickup
    fillers = {e.name: (e.plus, e.minus, e.value) for e in cell.elements if e.name[0] == "L"}
    for i, (first, missing) in enumerate(((1, 1), (1, 1), (1, 1), (0, 2))):
        for side in "bu":
            name = f"L{side.upper()}{i}"
            assert fillers.pop(name) == (f"{side}{i}_{first}", f"{side}{i}_e", missing * pickup)
    assert not fillers


def test_another_processs_phases_are_longer_in_proportion_to_its_pulses():
    process = load_process("stp2")
    slow, fast = load_phases(process=process), load_phases()
    ratio = load_process("sfq5ee").ic_rs / process.ic_rs
    assert slow == fast.slowed(ratio)
    assert slow.slowness == pytest.approx(ratio)
    assert fast.slowness == 1.0
    short = slow.with_period(load_phases("timing_short").period * ratio)
    assert short.reset == pytest.approx(load_phases("timing_short").reset * ratio)
    with pytest.raises(
        ConfigurationError,
        match=r"^a clock of 10 GHz leaves windows of 100 ps; the shortest shown to work is "
        r"110\.3 ps \(9\.064 GHz\)$",
    ):
        slow.with_period(100e-12)


def test_windows_of_other_lengths():
    phases, short = load_phases(), load_phases("timing_short")
    assert phases.with_period(200e-12) == dataclasses.replace(phases, period=200e-12)
    assert phases.with_period(105e-12).reset == phases.reset, "30 ps are left for the reset"
    # Between the two tables in proportion: hold and recovery grow together.
    middle = phases.with_period(0.5 * (105e-12 + short.period))
    for name in ("decision", "reset", "latest", "skew"):
        mean = 0.5 * (getattr(short, name) + getattr(phases, name))
        assert getattr(middle, name) == pytest.approx(mean)
    for one in (short, middle, phases):
        assert one.reset - one.decision >= 26e-12 * (1 - 1e-9)
        assert one.period - one.reset >= 18e-12 * (1 - 1e-9)
    assert phases.with_period(1e-9 / (1e-9 / short.period)).reset == short.reset
    with pytest.raises(
        ConfigurationError,
        match=r"^a clock of 20 GHz leaves windows of 50 ps; the shortest shown to work is 60 ps "
        r"\(16.67 GHz\)$",
    ):
        phases.with_period(50e-12)


def simulated(simulator, library, bench: NeuronBench, stimulus, text: str):
    """Verdict, energy measured and energy expected of one neuron."""
    waves = simulator.run(DeckJob("neuron", text), timeout_s=120.0).require()
    spikes = site_spikes(bench.view.site, stimulus)
    verdict = compare(bench.view, spikes, waves)
    bounds = bench.view.boundaries_s()
    energy = measured_energy(bench.circuit, waves, bounds[0], bounds[-1])
    return waves, verdict, energy, bench_energies(bench, spikes, EventEnergy(library)).sum()


def random_case(fan_in, seed, windows=8):
    """Signs, a theta near the middle of what n takes, and windows on both sides of it."""
    rng = np.random.default_rng(seed)
    signs = rng.choice([-1, 1], fan_in)
    stimulus = rng.random((windows, fan_in)) < rng.uniform(0.2, 0.9, (windows, 1))
    theta = int(np.median(stimulus @ signs)) + int(rng.integers(0, 2))
    return signs, theta, stimulus


@pytest.mark.josim
@NO_JOSIM
@pytest.mark.parametrize(("fan_in", "seed"), [(1, 0), (1, 3), (2, 1), (5, 2), (5, 5), (16, 4)])
def test_neurons_decide_as_the_integer_model(josim, fan_in, seed):
    check_neuron(josim, fan_in, seed)


def test_a_neuron_decides_as_the_integer_model_in_each_simulator(simulator):
    check_neuron(simulator, fan_in=3, seed=1)


def check_neuron(simulator, fan_in, seed):
    library = CellLibrary()
    signs, theta, stimulus = random_case(fan_in, seed)
    bench = neuron_bench(library, neuron_site(signs, theta), stimulus)
    deck = neuron_deck(library, bench, "L0N0", 0)
    _, verdict, energy, reference = simulated(simulator, library, bench, stimulus, deck.text)
    assert verdict.first is None
    assert verdict.mismatches == 0
    assert (verdict.pulses == (stimulus @ signs >= theta)).all()
    assert energy == pytest.approx(reference, rel=ENERGY, abs=0)


@pytest.mark.josim
@NO_JOSIM
@pytest.mark.parametrize(("sign", "theta"), [(1, 2), (1, 1), (1, 0), (-1, 0), (-1, 1), (-1, -1)])
def test_one_synapse_never_sometimes_and_always(josim, sign, theta):
    library = CellLibrary()
    stimulus = np.array([[0], [1], [1], [0]], dtype=bool)
    bench = neuron_bench(library, neuron_site([sign], theta), stimulus)
    deck = neuron_deck(library, bench, "L0N0", 0)
    _, verdict, _, _ = simulated(josim, library, bench, stimulus, deck.text)
    assert verdict.first is None
    assert verdict.pulses.tolist() == [int(sign * on >= theta) for on in (0, 1, 1, 0)]


@pytest.mark.josim
@NO_JOSIM
def test_half_the_step_gives_the_same_pulses_and_energy(josim):
    library = CellLibrary()
    signs, theta, stimulus = random_case(5, 7, windows=6)
    bench = neuron_bench(library, neuron_site(signs, theta), stimulus)
    trains, energies = [], []
    for step in (0.05e-12, 0.025e-12):
        analysis = dataclasses.replace(bench.analysis(), step_s=step)
        deck = emit(bench.circuit, library.process, analysis, bench.probes(), name="neuron")
        waves, verdict, energy, _ = simulated(josim, library, bench, stimulus, deck.text)
        assert verdict.first is None
        column = bench.view.output.column
        trains.append(detect_phase(waves.time_s, waves.signal(column)).times_s)
        energies.append(energy)
    assert trains[0].size > 0
    assert trains[0] == pytest.approx(trains[1], abs=0.05e-12)
    assert energies[0] == pytest.approx(energies[1], rel=ENERGY, abs=0)


@pytest.mark.josim
@NO_JOSIM
def test_another_process_decides_the_same_at_slower_phases(josim):
    """2.5 kA/cm2: junctions are about half as fast, and so are its phases."""
    library = CellLibrary("stp2")
    signs, theta, stimulus = random_case(5, 2, windows=5)
    bench = neuron_bench(library, neuron_site(signs, theta), stimulus)
    assert bench.view.phases.period == pytest.approx(1.839 * load_phases().period, rel=1e-3)
    deck = neuron_deck(library, bench, "L0N0", 0)
    _, verdict, energy, reference = simulated(josim, library, bench, stimulus, deck.text)
    assert verdict.first is None
    assert energy == pytest.approx(reference, rel=ENERGY, abs=0)


@pytest.mark.parametrize(("signs", "theta"), [((1, -1, 1), 1), ((1,) * 12, 9), ((-1, -1), -1)])
def test_the_control_currents_put_the_designs_flux_into_the_loops(library, signs, theta):
    cell = neuron_cell(library, "L0N0", signs, theta)
    design = design_neuron(signs, theta, coupler_of(library))
    stage = library.description("decision").parameters
    mutual = stage["k_control"] * np.sqrt(stage["l_control"] * stage["l_coil"])
    currents = {e.name: e.value for e in cell.elements if isinstance(e, CurrentSource)}
    (decision,) = [i for i in cell.instances if i.name == "XD"]
    ends = dict(zip(decision.cell.ports, decision.nets, strict=True))
    for name, port, flux in (("ICB", "b", design.bottom), ("ICT", "t", design.top)):
        assert currents.pop(name) * mutual / PHI0 == pytest.approx(abs(flux), rel=1e-12)
        fed, ground = (ends[f"{port}{end}"] for end in ("cd" if flux >= 0 else "dc"))
        assert (fed, ground) == (f"c{port}", "0"), "a negative flux comes in from the other end"
    assert not currents


def test_no_current_of_a_neuron_is_negative(library):
    for signs, theta in (((1,) * 16, 16), ((-1,) * 16, -15), ((1, -1) * 8, 1)):
        circuit = Circuit(neuron_cell(library, "L0N0", signs, theta))
        for cell in circuit.cells.values():
            assert all(e.value > 0 for e in cell.elements if isinstance(e, CurrentSource))

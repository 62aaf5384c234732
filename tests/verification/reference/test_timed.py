"""The timed reference against simulation: every pulse of a small network, within 3 ps.

The time of a decision depends on which synapses make up a count: by up to 2 ps next to the edge.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from support import neuron_site, site_spikes, tiny_network

from netlist_gen.assembly.delays import measured_delays
from netlist_gen.assembly.network_circuit import network_bench
from netlist_gen.assembly.stages import Stage
from netlist_gen.assembly.unevenness import unevenness
from netlist_gen.circuit.bench import neuron_bench
from netlist_gen.circuit.view import START_S
from netlist_gen.deck.decks import network_deck
from netlist_gen.library.cells import CellLibrary
from netlist_gen.library.design import load_phases
from netlist_gen.network import TernaryNetwork
from verification.campaign.cases import network_readout
from verification.reference.influence import influenced_delays, junctions_after_ports
from verification.reference.timed import bench_times, expected_times, timed_reference
from verification.simulators.base import DeckJob
from verification.simulators.embedded import EmbeddedSimulator

PATTERN_S = 3e-12

X = np.array([[1, 0, 1], [0, 1, 1], [1, 1, 0], [0, 0, 0], [1, 1, 1]], dtype=bool)


def voting():
    """Three inputs, six hidden neurons of several fan-outs, two classes of three votes."""
    rng = np.random.default_rng(5)
    hidden = rng.choice([-1, 1, 1], (6, 3))
    out = rng.choice([-1, 0, 1, 1], (6, 6))
    return TernaryNetwork.from_arrays([hidden, out], [[1, 1, 2, 1, 0, 1], [1, 1, 2, 1, 1, 2]], 3)


@pytest.mark.parametrize("network", [tiny_network(), voting()], ids=["tiny", "voting"])
@pytest.mark.parametrize("period_ps", [66.7, 112.0])
def test_every_pulse_comes_when_it_is_predicted(network, period_ps):
    library = CellLibrary()
    phases = load_phases().with_period(period_ps * 1e-12)
    bench = network_bench(network, library, X, phases)
    reference = timed_reference(bench.plan, X, library.process)
    deck = network_deck(library, bench, "network")
    outcome = EmbeddedSimulator().run(
        DeckJob("network", deck.text, network_readout(bench)), timeout_s=300
    )
    assert outcome.readings is not None, outcome.message
    spikes = network.forward(X)
    pulses = 0
    for view in bench.views:
        site = view.site
        predicted = reference.neurons[site.layer, site.neuron]
        assert (predicted.fires == spikes[site.layer][:, site.neuron]).all()
        assert predicted.late == 0
        times = predicted.times_s[predicted.fires]
        seen = outcome.readings.train(view.output.column).times_s
        assert seen.size == times.size
        np.testing.assert_allclose(seen, times, rtol=0, atol=PATTERN_S)
        pulses += seen.size
    assert pulses > 5
    for line in bench.plan.class_lines:
        seen = outcome.readings.train(line.output.column).times_s
        assert seen.size == reference.lines[line.name].size
        np.testing.assert_allclose(seen, reference.lines[line.name], rtol=0, atol=PATTERN_S)


def test_a_pulse_that_misses_its_clock_is_counted_in_the_next_window():
    """The clock of the first layer is moved to where its data have not come yet."""
    network = tiny_network()
    library = CellLibrary()
    bench = network_bench(network, library, X)
    first, second = bench.timing.layers
    early = dataclasses.replace(first, clock_s=first.clock_s - 60e-12)
    timing = dataclasses.replace(bench.timing, layers=(early, second))
    moved = dataclasses.replace(bench.plan, timing=timing)
    reference = timed_reference(moved, X, library.process)
    hidden = [reference.neurons[0, j] for j in range(3)]
    assert sum(one.late for one in hidden) > 0
    expected = network.layers[0].counts(X)
    # Window w now sees the pulses of window w - 1.
    np.testing.assert_array_equal(hidden[0].count[1:4], expected[:3, 0])


NARROW = TernaryNetwork.from_arrays([[[1, 1, 1], [1, -1, 0], [1, 0, 0]]], [[1, 1, 1]])
"""Three neurons of three, two and one synapses; line 0 feeds all of them, line 2 only one."""

PAD = 2
"""JTL stages that hold line 2 back here."""


PERIOD_S = load_phases().period


def narrow(clock_s=0.0, period_s=None, reset_stages=4):
    """The plan of ``NARROW``, its clock moved by hand, and the delays it is timed with."""
    library = CellLibrary()
    bench = network_bench(NARROW, library, X)
    (timing,) = bench.timing.layers
    moved = dataclasses.replace(timing, clock_s=timing.clock_s + clock_s, reset_stages=reset_stages)
    closed = dataclasses.replace(
        bench.timing,
        layers=(moved,),
        period_s=bench.timing.period_s if period_s is None else period_s,
        pads={(0, 2): PAD},
    )
    return bench.plan.with_timing(closed), influenced_delays(library.process, PERIOD_S)


def said(windows, **changes):
    """What the reference says of each neuron."""
    plan, _ = narrow(**changes)
    reference = timed_reference(plan, np.array(windows, dtype=bool), CellLibrary().process)
    return [reference.neurons[0, j] for j in range(3)]


# How a tree of three goes on: its root is a splitter, whose outputs are a splitter and a JTL stage.
FIRST, SECOND = "splitter", "jtl"


def tree_of_three(delays, driver):
    """Root to each leaf, the leaves driven by the splitter, by it, and by the JTL stage."""
    up = delays.stage(Stage("splitter", driver, FIRST, SECOND))
    up += delays.stage(Stage("splitter", "splitter", "jtl", "jtl"))
    down = delays.stage(Stage("splitter", driver, SECOND, FIRST))
    down += delays.stage(Stage("jtl", "splitter", "jtl"))
    return up, up, down


def arrivals(delays):
    """Each neuron's pulses, by line: a chain, then a tree of as many leaves as there are users."""
    jtl = delays.stage(Stage("jtl"))
    zero = delays.stage(Stage("jtl", "source", "splitter"))
    wide = [START_S + zero + leaf for leaf in tree_of_three(delays, "first")]
    # Lines with one user end in a stage instead of a tree: behind the source's, or padded.
    source = delays.stage(Stage("jtl", "source", "jtl"))
    second = delays.stage(Stage("jtl", "first", "jtl"))
    two_users = delays.stage(Stage("jtl", "source", "splitter")) + delays.stage(
        Stage("splitter", "first", "jtl", "jtl")
    )
    padded = source + second + (PAD - 1) * jtl + jtl
    return [
        {0: wide[0], 1: START_S + two_users, 2: START_S + padded},
        {0: wide[1], 1: START_S + two_users},
        {0: wide[2]},
    ]


def decisions(plan, delays):
    """Arrivals of the clock: source, splitter, tree of three."""
    trunk = delays.stage(Stage("jtl", "source", "splitter"))
    trunk += delays.stage(Stage("splitter", "first", "splitter", "jtl"))
    source = plan.timing.layers[0].clock_s
    return [source + trunk + leaf for leaf in tree_of_three(delays, "splitter")]


@pytest.mark.parametrize(("neuron", "line"), [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (2, 0)])
def test_a_pulse_is_late_from_where_the_tables_neuron_no_longer_counts_it(neuron, line):
    """To 0.02 ps: each line's driver, chain and tree count, and the driver of the clock's.

    The clock's line within the neuron lets pulses come some picoseconds behind it.
    """
    plan, delays = narrow()
    signs = tuple(sign for sign in NARROW.layers[0].weights[neuron].tolist() if sign)
    setup = delays.limits(signs, int(NARROW.layers[0].theta[neuron])).setup
    assert -8e-12 < setup < -3e-12
    apart = arrivals(delays)[neuron][line] - decisions(plan, delays)[neuron] + setup
    windows = np.zeros((2, 3), dtype=bool)
    windows[0, line] = True
    sign = int(NARROW.layers[0].weights[neuron, line])
    for off_s, late, counts in ((-0.02e-12, 1, [0, sign]), (0.02e-12, 0, [sign, 0])):
        found = said(windows, clock_s=apart + off_s)[neuron]
        assert (found.late, found.count.tolist()) == (late, counts)


@pytest.mark.parametrize(("neuron", "stages"), [(0, 2), (0, 4), (1, 4), (2, 4)])
def test_a_pulse_is_early_before_the_reset_has_cleared_what_the_decision_had_stored(neuron, stages):
    """To 0.02 ps, by the clock's period: line 0 again, as soon as the first loop is cleared."""
    plan, delays = narrow(reset_stages=stages)
    clock = plan.timing.layers[0].clock_s + delays.stage(Stage("jtl", "source", "splitter"))
    reset = clock + delays.stage(Stage("splitter", "first", "jtl", "splitter"))
    reset += delays.stage(Stage("jtl", "splitter", "jtl"))
    reset += (stages - 2) * delays.stage(Stage("jtl"))
    reset += delays.stage(Stage("jtl", "jtl", "splitter"))
    # The tree of the resets ends in the neurons' own trees: of three, two and one synapses.
    ends = []
    for load in ("splitter", "splitter", "jtl"):
        up = delays.stage(Stage("splitter", "jtl", "splitter", "jtl"))
        up += delays.stage(Stage("splitter", "splitter", load, load))
        down = delays.stage(Stage("splitter", "jtl", "jtl", "splitter"))
        down += delays.stage(Stage("jtl", "splitter", load))
        ends.append((up, up, down)[len(ends)])
    own = (
        min(tree_of_three(delays, "jtl")),
        delays.stage(Stage("splitter", "jtl", "jtl", "jtl")),
        delays.stage(Stage("jtl")),
    )
    cleared = reset + ends[neuron] + own[neuron] - delays.stored()
    period = cleared - arrivals(delays)[neuron][0]
    windows = [[False] * 3, [True, False, False], [True, False, False]]
    for off_s, late in ((-0.02e-12, 2), (0.02e-12, 0)):
        found = said(windows, period_s=period + off_s, reset_stages=stages)[neuron]
        assert (found.late, found.count.tolist()) == (late, [0, 1, 1])
        assert found.count.dtype == np.int64


def test_an_output_pulse_comes_after_its_clock_by_what_its_neighbours_make_of_it():
    plan, delays = narrow()
    junctions = junctions_after_ports(CellLibrary().process)
    windows = [[True, False, False], [True, True, True], [False, False, False]]
    reference = timed_reference(plan, np.array(windows), CellLibrary().process)
    clocks, period = decisions(plan, delays), plan.timing.period_s
    weights, signs = NARROW.layers[0].weights, [(1, 1, 1), (1, -1), (1,)]
    heard = [np.flatnonzero(row) for row in weights]
    (loads,) = {line.loads() for line in plan.class_lines}
    for neuron, driver in enumerate(("splitter", "splitter", "jtl")):
        counts = np.array(windows) @ weights[neuron]
        found = reference.neurons[0, neuron]
        assert found.count.tolist() == counts.tolist()
        assert found.fires.tolist() == (counts >= 1).tolist()
        decided = delays.decisions.delay(
            signs[neuron], 1, counts[counts >= 1], driver=driver, load=loads[0],
            uneven=unevenness(signs[neuron], np.array(windows)[counts >= 1][:, heard[neuron]]),
        )  # fmt: skip
        starts = clocks[neuron] + period * np.flatnonzero(counts >= 1)
        ports = starts + decided
        np.testing.assert_allclose(
            found.times_s[found.fires],
            ports + junctions.after_neuron(8, loads[0]),
            rtol=0,
            atol=1e-17,
        )
        line = plan.class_lines[neuron]
        chain = delays.path(line.chains()[0]) + delays.merge(1)[0] + junctions.after_merger
        np.testing.assert_allclose(reference.lines[line.name], ports + chain, rtol=0, atol=1e-17)


@pytest.mark.parametrize("behind", [True, False])
def test_times_by_the_tables_alone(behind):
    site, windows = (
        neuron_site((1, -1, 1), 1),
        np.array([[1, 0, 0], [1, 1, 1], [0, 1, 0], [1, 0, 1]]),
    )
    library = CellLibrary()
    view = neuron_bench(library, site, windows.astype(bool)).view
    spikes = site_spikes(site, windows)
    delays = measured_delays(library.process)
    found = expected_times(view, spikes, library.process, behind=behind)
    assert np.isfinite(found).tolist() == [True, True, False, True]
    decided = delays.decisions.delay((1, -1, 1), 1, np.array([1, 1, 2]))
    assert decided[2] < decided[0]
    clocks = START_S + view.phases.decision + view.phases.period * np.array([0, 1, 3])
    output = (1.5 if behind else 0.5) * delays.stage(Stage("jtl"))
    np.testing.assert_allclose(found[[0, 1, 3]], clocks + decided + output, rtol=0, atol=1e-17)


def test_times_on_a_bench():
    site, windows = neuron_site((1, -1, 1), 1), np.array([[1, 0, 0], [0, 1, 0], [1, 0, 1]])
    library = CellLibrary()
    view = neuron_bench(library, site, windows.astype(bool)).view
    found = bench_times(view, site_spikes(site, windows), library.process)
    delays = influenced_delays(library.process, PERIOD_S)
    uneven = unevenness((1, -1, 1), windows[[0, 2]])
    decided = delays.decisions.delay(
        (1, -1, 1), 1, np.array([1, 2]), driver="first", load="end", uneven=uneven
    )
    clocks = START_S + view.phases.decision + view.phases.period * np.array([0, 2])
    clocks += delays.stage(Stage("jtl", "source", "jtl"))
    after = junctions_after_ports(library.process).after_neuron(8, "end")
    assert np.isnan(found[1])
    np.testing.assert_allclose(found[[0, 2]], clocks + decided + after, rtol=0, atol=1e-17)


def test_neurons_that_are_silent_have_no_times():
    site, windows = neuron_site((1,), 2), np.ones((2, 1), dtype=bool)
    library = CellLibrary()
    view, spikes = neuron_bench(library, site, windows).view, site_spikes(site, windows)
    for times in (
        bench_times(view, spikes, library.process),
        expected_times(view, spikes, library.process, behind=False),
    ):
        assert np.isnan(times).tolist() == [True, True]


def test_an_output_stage_by_what_it_drives():
    """A tree of the next layer, a stage of it, nothing; behind them, the pulses of two classes."""
    network = TernaryNetwork.from_arrays(
        [[[1, 0], [0, 1], [1, 1]], [[1, 0, 0], [1, 1, 0]]], [[1, 1, 1], [1, 2]]
    )
    library = CellLibrary()
    x = np.array([[1, 1], [0, 1], [1, 0]], dtype=bool)
    bench = network_bench(network, library, x)
    reference = timed_reference(bench.plan, x, library.process)
    delays, junctions = (
        influenced_delays(library.process, PERIOD_S),
        junctions_after_ports(library.process),
    )
    assert (
        len({delays.decisions.delay((1,), 1, np.array([1]), load=at)[0] for at in ("jtl", "end")})
        == 2
    )
    trunk = delays.path(bench.plan.layers[0].clock.decision_trunk())
    clocks = bench.timing.layers[0].clock_s + trunk + np.array(tree_of_three(delays, "splitter"))
    counts = [[1, 0, 1], [1, 1, 0], [2, 1, 1]]
    heard = [x[:, [0]], x[:, [1]], x]
    assert bench.plan.layers[1].lines[0].pads == bench.plan.layers[1].lines[1].pads == 0
    for neuron, load in enumerate(("splitter", "jtl", "end")):
        found = reference.neurons[0, neuron]
        assert (found.count.tolist(), found.late) == (counts[neuron], 0)
        fires = np.flatnonzero(counts[neuron])
        decided = delays.decisions.delay(
            ((1,), (1,), (1, 1))[neuron],
            1,
            np.array(counts[neuron])[fires],
            driver=("splitter", "splitter", "jtl")[neuron],
            load=load,
            uneven=unevenness(((1,), (1,), (1, 1))[neuron], heard[neuron][fires]),
        )
        times = clocks[neuron] + bench.timing.period_s * fires + decided
        np.testing.assert_allclose(
            found.times_s[found.fires], times + junctions.after_neuron(8, load), rtol=0, atol=1e-17
        )
    assert reference.neurons[1, 1].count.tolist() == [2, 1, 1]
    assert [reference.lines[name].size for name in ("0", "1")] == [2, 1]

"""Delays, spacings, energies and temperature: what physics says of them."""

from __future__ import annotations

import dataclasses

import pytest

from netlist_gen.constants import PHI0
from netlist_gen.errors import ConfigurationError, SimulatorError
from verification.characterize.measure.energy import static_power_W, step_energies
from verification.characterize.measure.spacing import critical_spacings, shortest_period
from verification.characterize.measure.sweep import delay_against_bias
from verification.characterize.measure.timing import (
    arcs,
    delay_against_neighbour,
    delay_against_temperature,
    delays,
    junction_delays,
    voltage_delays,
)
from verification.characterize.subject.processes import process_at, relative_critical_current
from verification.characterize.subject.stimulus import START_S
from verification.characterize.trials.trial import Failure


def test_jtl_delay_falls_with_bias(cut):
    found = delay_against_bias(cut("jtl"), (0.8, 0.9, 1.0, 1.1, 1.2))
    values = [found[ratio][0].mean_s for ratio in (0.8, 0.9, 1.0, 1.1, 1.2)]
    assert values == sorted(values, reverse=True)
    assert values[2] == pytest.approx(1.92e-12, abs=0.03e-12)


def test_a_slower_load_makes_a_longer_delay(cut):
    found = delay_against_neighbour(cut("jtl"), "load", ("jtl", "splitter"))
    assert found["splitter"][0].mean_s > found["jtl"][0].mean_s


def test_the_cell_before_matters_less_than_the_cell_after(cut):
    cell = cut("jtl")
    (nominal,) = arcs(delays(cell, cell.nominal))
    for kind in ("splitter", "merger"):
        load, source = (
            delay_against_neighbour(cell, side, (kind,))[kind][0].mean_s - nominal.mean_s
            for side in ("load", "source")
        )
        assert 0 < abs(source) < abs(load)


def test_state_and_context_of_delays(cut):
    cell = cut("dff")
    found = delays(cell, cell.nominal)
    assert [(d.step, d.input, d.output) for d in found] == [(1, "clk", "q"), (4, "clk", "q")]
    (arc,) = arcs(found)
    assert arc.least_s <= arc.mean_s <= arc.most_s
    assert junction_delays(cell)["clk", "q"] > 0


@pytest.mark.parametrize("name", ["splitter", "merger", "dff"])
def test_delay_by_phase_is_delay_by_voltage_integral(cut, name):
    """A node's phase and the integral of its voltage cross the middle together."""
    cell = cut(name)
    found = voltage_delays(cell)
    expected = {(a.input, a.output): a.mean_s for a in arcs(delays(cell, cell.nominal))}
    assert found == {pair: pytest.approx(delay, abs=0.01e-12) for pair, delay in expected.items()}


def test_energy_of_a_pulse_is_bias_current_times_flux_quantum(cut):
    cell = cut("jtl")
    for event in step_energies(cell):
        assert event.energy_J == pytest.approx(175e-6 * PHI0, rel=1e-6)
    assert static_power_W(cell) == pytest.approx(175e-6 * 2.6e-3)


def test_energies_of_a_branch_agree_with_its_events(cut, library):
    """Measured work of each step against Ib Phi0 of the junctions its TOML file names."""
    from verification.reference.event_energy import EventEnergy

    cell = cut("branch")
    model = EventEnergy(library)
    expected = {
        event: model.of(library.cell("branch"), event) for event in ("data", "clear", "clear_empty")
    }
    names = {"d -> BA": "data", "r -> BB": "clear", "r -> BE|XE": "clear_empty"}
    for found in step_energies(cell):
        assert found.energy_J == pytest.approx(expected[names[found.event]], rel=0.02)


@pytest.mark.parametrize(
    ("name", "events"),
    [
        ("escape", {"r -> s": "through", "r -> BE": "escape"}),
        ("clock_splitter", {"a -> d r": "pulse"}),
        ("dc_sfq", {"a -> q": "pulse"}),
    ],
)
def test_energies_of_other_cells_agree_with_their_events(cut, library, name, events):
    from verification.reference.event_energy import EventEnergy

    cell, model = cut(name), EventEnergy(library)
    for found in step_energies(cell):
        expected = model.of(library.cell(name), events[found.event])
        assert found.energy_J == pytest.approx(expected, rel=0.02)


def test_an_output_that_runs_has_no_energy_for_each_event(cut):
    assert step_energies(cut("sfq_dc")) == ()


def test_a_level_has_its_time_at_the_middle_of_the_rise(cut):
    cell = cut("dc_sfq")
    marks = cell.nominal[""].times_s["BP_A"]
    assert marks == pytest.approx([START_S, START_S + 80e-12], abs=1e-15)
    assert junction_delays(cell)["a", "q"] > delays(cell, cell.nominal)[0].delay_s


def test_critical_spacings_of_a_merger(cut):
    found = critical_spacings(cut("merger"))
    kinds = {(s.first, s.second): s.kind for s in found}
    assert kinds == {
        ("a", "a"): "recovery",
        ("a", "b"): "separation",
        ("b", "b"): "recovery",
        ("b", "a"): "separation",
    }
    by = {(s.first, s.second, s.criterion): s for s in found}
    for first, second in kinds:
        function, delay = by[first, second, "function"], by[first, second, "delay"]
        assert 2e-12 < function.last_pass_s <= delay.last_pass_s < 20e-12
        if function.first_fail_s is not None:
            assert 0 < function.last_pass_s - function.first_fail_s < 1e-12
    # The two sides are alike.
    assert by["a", "b", "function"].last_pass_s == pytest.approx(
        by["b", "a", "function"].last_pass_s, abs=0.2e-12
    )


def test_setup_and_hold_are_told_by_the_clock(cut):
    kinds = {(s.first, s.second): s.kind for s in critical_spacings(cut("dff"))}
    assert kinds["a", "clk"] == "setup"
    assert kinds["clk", "a"] == "hold"
    assert kinds["clk", "clk"] == "recovery"


def test_shortest_period_of_a_line(cut):
    found = shortest_period(cut("jtl"))
    good, bad = found.last_pass_s, found.first_fail_s
    assert 4e-12 < bad < good < 8e-12
    assert good - bad < 0.2e-12
    assert found.sentence() == f"shortest period: {good / 1e-12:.2f} ps"
    assert found.bound() == ""


def test_first_steps_may_change_places(cut):
    """Two JTLs that share nothing: whichever comes first, and however early, neither minds."""
    for found in critical_spacings(cut("dual")):
        assert found.kind == "separation"
        assert found.first_fail_s is None
        assert found.last_pass_s == pytest.approx(-30e-12, abs=1e-15)


def test_first_steps_may_change_places_where_the_bench_is_short(cut):
    """The second step, 10 ps after the first, is tried 30 ps before it: both are moved along."""
    cell = cut("dual")
    (case,) = cell.cases
    subject = dataclasses.replace(cell.subject, cases=(case.moved([0.0, 10e-12]),))
    for found in critical_spacings(cell.on(subject=subject)):
        assert (found.first_fail_s, found.kind) == (None, "separation")
        assert found.last_pass_s == pytest.approx(-30e-12, abs=1e-15)


def test_a_period_that_nothing_shortens_is_a_bound(cut):
    found = shortest_period(cut("dual"))
    assert (found.last_pass_s, found.first_fail_s, found.floor_s) == (
        pytest.approx(4.5e-12), None, 4.5e-12,
    )  # fmt: skip
    assert found.sentence() == (
        "shortest period <= 4.50 ps: nothing failed down to the search's floor of 4.5 ps"
    )


def test_one_step_has_no_period(cut):
    cell = cut("dual")
    (case,) = cell.cases
    one = dataclasses.replace(case, steps=case.steps[:1])
    alone = cell.on(subject=dataclasses.replace(cell.subject, cases=(one,)))
    assert shortest_period(alone) is not None  # it can follow itself


@pytest.mark.parametrize("measure", [junction_delays, step_energies])
def test_a_simulator_that_fails_is_said(cut, monkeypatch, measure):
    """An AssertionError before: the nominal runs were well, these are not."""
    cell = cut("dual")
    assert cell.nominal

    def fail(_bench, trials, _watch, **_energy):
        return [Failure("the simulator has gone away")] * len(trials)

    monkeypatch.setattr(cell.runner, "run", fail)
    whose = "delays of dual" if measure is junction_delays else "energy of dual after 0 steps"
    message = f"^{whose}: the simulator has gone away$"
    with pytest.raises(SimulatorError, match=message):
        measure(cell)


def test_noise_gives_jitter_that_grows_with_temperature(cut):
    cold, warm = delay_against_temperature(cut("jtl"), (1.0, 4.2), runs=48)
    assert cold.failed == warm.failed == 0
    assert 0 < cold.jitter_s < warm.jitter_s < 0.5e-12


def test_critical_current_against_temperature():
    assert relative_critical_current(0.0) == 1.0
    # Ambegaokar and Baratoff at t = T/Tc = 0.5 and near Tc.
    assert relative_critical_current(4.6) == pytest.approx(0.91, abs=0.02)
    assert relative_critical_current(8.9) < 0.15


def test_a_process_at_its_own_temperature_is_itself(cut):
    process = cut("jtl").bench.subject.process
    same = process_at(process, process.temperature)
    assert dataclasses.astuple(same.model)[1:] == pytest.approx(
        dataclasses.astuple(process.model)[1:]
    )
    with pytest.raises(ConfigurationError, match=r"^a temperature of 9.5 K is outside 0 <= T < 9"):
        process_at(process, 9.5)

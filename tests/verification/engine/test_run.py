"""Lanes, seeds, steps, sinks: the public way to run a deck."""

from __future__ import annotations

import re

import numpy as np
import pytest
from engine_decks import MODEL, compile_deck, every_step, jtl, mesh, same

from netlist_gen.errors import ConfigurationError, SimulatorError
from verification.engine import run as engine_run
from verification.engine.lanes import batch
from verification.engine.lanes.results import Extract
from verification.engine.text.sources import SourceWave
from verification.waves.pulses import detect_phase

KEEP = Extract(pulses=("B1|X0", "B1.X4"), rest_s=15e-12, energy=True)
LANES_OF_STIMULI = 11  # one full tile of 8 and a part of one


def stimulus(lane: int) -> dict[str, SourceWave]:
    """Another number of pulses, at other times, in each lane."""
    times, values = [0.0], [0.0]
    for pulse in range(lane % 4):
        at = (20 + 15 * pulse + lane) * 1e-12
        times += [at, at + 2e-12, at + 4e-12]
        values += [0.0, 500e-6, 0.0]
    return {"IIN": SourceWave.pwl(times, values)}


def test_lanes_of_stimuli_equal_single_runs():
    deck = compile_deck(jtl(5), name="d")
    stimuli = [stimulus(lane) for lane in range(LANES_OF_STIMULI)]
    together = deck.run_lanes(stimuli, extract=KEEP)
    counts = set()
    for lane, result in enumerate(together):
        (alone,) = deck.run_lanes([stimuli[lane]], extract=KEEP)
        same(result, alone, 1e-9)
        for label in ("B1|X0", "B1.X4"):
            np.testing.assert_allclose(
                result.pulses[label].time_s, alone.pulses[label].time_s, rtol=0, atol=1e-20
            )
        for label, work in result.bias_energy_J.items():
            assert work == pytest.approx(alone.bias_energy_J[label], rel=1e-9, abs=1e-27)
        counts.add(result.pulses["B1.X4"].time_s.size)
    assert counts == {0, 1, 2, 3}


def test_lanes_of_values_equal_decks_with_these_values():
    text = jtl(4)
    deck = compile_deck(text, name="d")
    overrides = [{"R*": 1.0 + 0.02 * k, "B1.X1": 2.3 + 0.05 * k, "I*": 0.95} for k in range(9)]
    lanes = deck.run_parameter_lanes(overrides)
    for k in (0, 4, 8):
        edited = text.replace("RS1 1 4 2.74", f"RS1 1 4 {2.74 * (1 + 0.02 * k)!r}")
        edited = edited.replace("0 2\n.tran", f"0 {2.0 * (1 + 0.02 * k)!r}\n.tran")
        edited = edited.replace("X1 N1 N2 stage", f"X1 N1 N2 stage B1={2.3 + 0.05 * k!r}")
        edited = re.sub(r"(175|500)u", lambda m: f"{float(m[1]) * 0.95!r}u", edited)
        same(lanes[k], compile_deck(edited, name="d").run(), 1e-8)


def test_lanes_of_values_may_have_stimuli_and_couplings():
    text = "I1 0 1 dc 0\nL1 1 0 2p\nR1 1 0 1\nL2 2 0 2p\nR2 2 0 1\nK1 L1 L2 0.3\n"
    deck = compile_deck(text + ".tran 0.02p 4p\n.print i(l2)", name="d")
    wave = {"I1": SourceWave.pwl([0, 1e-12], [0, 1e-3])}
    lanes = deck.run_parameter_lanes([{"K1": 0.1}, {"K1": 0.5}, {"L2": 4e-12}], stimuli=[wave] * 3)
    peaks = [np.abs(lane.waveforms.values).max() for lane in lanes]
    assert 3 < peaks[1] / peaks[0] < 6
    assert peaks[2] != pytest.approx(peaks[0])


@pytest.mark.parametrize("threads", [1, 3])
def test_threads_change_nothing(threads):
    deck = compile_deck(jtl(4) + "", name="d")
    stimuli = [stimulus(lane) for lane in range(24)]
    expected = deck.run_lanes(stimuli)
    for a, b in zip(deck.run_lanes(stimuli, threads=threads), expected, strict=True):
        same(a, b)


def test_pulses_found_while_running_are_those_of_the_waveform():
    deck = compile_deck(jtl(5, extra=".print p(b1.x2)\n"), name="d")
    result = deck.run(extract=every_step(deck, pulses=("B1|X4",), rest_s=15e-12))
    phase = result.waveforms.signal("P(B1|X4)")
    found = detect_phase(result.waveforms.time_s, phase, rest_rad=float(phase[300]))
    np.testing.assert_array_equal(result.pulses["B1|X4"].sign, found.signs)
    # Straight lines between steps against a polynomial through them.
    np.testing.assert_allclose(result.pulses["B1|X4"].time_s, found.times_s, rtol=0, atol=3e-15)


def test_the_work_of_a_source_is_its_current_over_the_flux_it_moved():
    deck = compile_deck(jtl(5, extra=".print p(n2)\n.print i(ib.x2)\n"), name="d")
    result = deck.run(extract=Extract(energy=True))
    current = result.waveforms.signal("I(IB|X2)")
    phase = result.waveforms.signal("P(N2)")
    phi0 = 2.067833831170082e-15
    work = np.sum(0.5 * (current[1:] + current[:-1]) * np.diff(phase)) * phi0 / (2 * np.pi)
    assert result.bias_energy_J["IB|X2"] == pytest.approx(work, rel=1e-9)
    assert work == pytest.approx(2 * 175e-6 * phi0, rel=0.3)


def test_a_sink_gets_what_the_run_would_have_kept():
    class Keeper:
        def begin(self, names):
            self.names, self.pieces = names, []

        def add(self, time_s, values):
            self.pieces.append((time_s, values.copy()))

    for window in ("", " 1p"):
        deck = compile_deck(jtl(4).replace("80p 0 0.05p", f"80p 3p 0.17p{window}"), name="d")
        keeper = Keeper()
        streamed = deck.run(sink=keeper)
        kept = deck.run().waveforms
        assert streamed.waveforms is None
        assert keeper.names == kept.names
        times = np.concatenate([time for time, _ in keeper.pieces])
        values = np.concatenate([values for _, values in keeper.pieces], axis=1)
        np.testing.assert_array_equal(times, kept.time_s)
        np.testing.assert_array_equal(values, kept.values)


def test_samples_at_chosen_times():
    deck = compile_deck(jtl(4), name="d")
    whole = deck.run(extract=every_step(deck)).waveforms
    at = np.array([10.02e-12, 33e-12, 70e-12])
    picked = deck.run(extract=Extract(sample_s=at)).waveforms
    steps = np.ceil(at / 0.05e-12 - 1e-6).astype(int)
    np.testing.assert_allclose(picked.time_s, steps * 0.05e-12)
    np.testing.assert_array_equal(picked.values, whole.values[:, steps])
    once = deck.run(extract=Extract(sample_s=np.array([33e-12, 33e-12 + 1e-26, 70e-12])))
    np.testing.assert_allclose(once.waveforms.time_s, [33e-12, 70e-12])
    for wrong in ([1.0], [2e-12, 1e-12], [-1e-12]):
        with pytest.raises(ConfigurationError, match="samples are asked for at times"):
            deck.run(extract=Extract(sample_s=np.array(wrong)))


@pytest.mark.parametrize("fast", range(11))
def test_the_step_of_a_deck_alone_is_halved_for_any_of_its_junctions(fast):
    """A vector of a run of one lane holds eight junctions: each is looked at."""
    currents = [50.0] * 11
    currents[fast] = 6000.0
    text = MODEL + "".join(
        f"B{k} {k} 0 jj1\nR{k} {k} 0 5\nI{k} 0 {k} pwl(0 0 5p {current}u)\n"
        for k, current in enumerate(currents, start=1)
    )
    deck = compile_deck(f"{text}.tran 0.05p 30p\n.print p({fast + 1})\n.end\n")
    lanes = deck.run_parameter_lanes([{}, {}])
    assert deck.run().step_s == lanes[0].step_s == pytest.approx(0.0125e-12)


def test_the_step_is_halved_where_a_phase_moves_too_far():
    """JoSIM starts over with half the step; only the lane that needs it does here."""
    deck = compile_deck(jtl(4, step="0.5p"), name="d")
    (alone,) = deck.run_lanes([{}])
    (still,) = deck.run_lanes([{"IIN": SourceWave.dc(0.0)}])
    assert still.waveforms.time_s.size > 100
    for before in range(1, 9):  # the lanes of a tile are filled up with copies of the last one
        *quiet, busy = deck.run_lanes([{"IIN": SourceWave.dc(0.0)}] * before + [{}])
        same(busy, alone, 1e-9)
        for lane in quiet:
            assert busy.step_s == pytest.approx(lane.step_s / 2)
            same(lane, still, 1e-9)


def test_a_step_can_be_given():
    deck = compile_deck(jtl(3), name="d")
    fine = deck.run(step_s=0.01e-12)
    assert fine.step_s == 0.01e-12
    assert fine.waveforms.time_s[1] == pytest.approx(0.05e-12)
    coarse = deck.run(extract=every_step(deck)).waveforms
    for name in coarse.names:
        expected = np.interp(coarse.time_s, fine.waveforms.time_s, fine.waveforms.signal(name))
        np.testing.assert_allclose(coarse.signal(name), expected, atol=0.2)


def test_noise_of_a_lane_depends_on_its_seed_alone():
    text = jtl(3, extra=".temp 4.2\n.neb 1T\n")
    deck = compile_deck(text, name="d")
    lanes = deck.run_lanes([{}] * 10, seeds=list(range(100, 110)), threads=2)
    same(lanes[7], deck.run_lanes([{}], seeds=[107])[0], 1e-8)
    same(lanes[3], deck.run_lanes([{}] * 2, seeds=[5, 103])[1], 1e-12)
    spread = np.std([lane.waveforms.values[0] for lane in lanes], axis=0)
    assert 1e-3 < spread[10:300].mean() < 0.5


def test_a_spread_is_drawn_by_its_seed():
    deck = compile_deck(jtl(3, extra=".spread 0.1\n"), name="d")
    a, b, c = deck.run(seed=1), deck.run(seed=1), deck.run(seed=2)
    same(a, b)
    assert np.abs(a.waveforms.values - c.waveforms.values).max() > 1e-4


def test_a_deadline_ends_a_run():
    deck = compile_deck(jtl(3), name="d")
    with pytest.raises(SimulatorError, match=r"^d: the run took too long$"):
        deck.run(deadline=lambda: True)


def test_a_circuit_that_diverges():
    text = MODEL + "B1 1 0 jj1\nI1 0 1 pwl(0 0 1p 1)\n.tran 1p 200p\n.print p(b1)"
    with pytest.raises(SimulatorError, match=r"after 12 halvings; the circuit diverges$"):
        compile_deck(text, name="d").run()


def test_factors_of_a_large_circuit_leave_out_what_is_below_rounding(monkeypatch):
    text = mesh(100)
    whole = compile_deck(text, name="d")
    expected = whole.run()
    longer = whole.run(step_s=0.1e-12)
    entries = whole.structure.pattern.entries
    assert all(np.ptp(row) > np.pi for row in expected.waveforms.values)  # a pulse came through
    monkeypatch.setattr(engine_run, "LARGE", 0)
    sparse = compile_deck(text, name="d")
    same(sparse.run(), expected, 1e-9)
    assert sparse.structure.pattern.entries < 0.8 * entries
    same(sparse.run(step_s=0.1e-12), longer, 1e-9)  # couples more: the pattern follows


def test_a_large_circuit_takes_any_values(monkeypatch):
    """Inductors of a thousandth couple as no pattern of the deck's own values has room for."""
    text = mesh(100, stop="10p")
    overrides = [{"L*": 1.0}, {"L*": 1e-3}]
    expected = compile_deck(text, name="d").run_parameter_lanes(overrides)
    monkeypatch.setattr(engine_run, "LARGE", 0)
    complete = []
    plain = engine_run.CompiledDeck.prepare

    def noted(*arguments, **options):
        complete.append(options["complete"])
        return plain(*arguments, **options)

    monkeypatch.setattr(engine_run.CompiledDeck, "prepare", noted)
    for lane, result in enumerate(compile_deck(text, name="d").run_parameter_lanes(overrides)):
        same(result, expected[lane], 1e-9)
    assert complete == [False, True]


def test_no_lanes_give_nothing():
    deck = compile_deck(jtl(2), name="d")
    assert deck.run_lanes([]) == deck.run_lanes([], seeds=[]) == []


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda d: d.run_lanes([{"NONE": SourceWave.dc(0)}]),
         "d has no source NONE; it has IIN, IB|X0, IB|X1"),
        (lambda d: d.run_lanes([{}], seeds=[1, 2]), "1 lanes, but 2 seeds"),
        (lambda d: d.run_parameter_lanes([{}], stimuli=[{}, {}]),
         "1 lanes of values, but 2 of stimuli"),
        (lambda d: d.run_parameter_lanes([{"Q1": 1.0}]), "d has no junction, inductor, resistor, "
         "capacitor, coupling or current source Q1"),
        (lambda d: d.run_parameter_lanes([{"RL": -1.0}]), "RL = -1: the value must be above 0"),
        (lambda d: d.run_parameter_lanes([{"R*": 0.0}]), "R* = 0: the factor must be above 0"),
        (lambda d: d.run_parameter_lanes([{"IIN": 1e-6}]), "IIN is no dc or pwl source with a "
         "final value other than 0; replace its wave instead"),
        (lambda d: d.run_parameter_lanes([{"IB|X0": 1e306}]), "IB|X0 = 1e+306: its wave, which "
         "ends at 0.000175 A, can't be scaled to that; it must be finite, and so must their "
         "quotient"),
        (lambda d: d.run(step_s=1.0), "a time step of 1 s is outside the run"),
        (lambda d: d.run(extract=Extract(pulses=("B9",))), "d has no junction B9"),
    ],
)  # fmt: skip
def test_refusals(call, message):
    deck = compile_deck(jtl(2), name="d")
    with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}$"):
        call(deck)


def test_too_many_pulses():
    deck = compile_deck(jtl(2), name="d")
    message = "d: B1|X1 gave 2 pulses; max_pulses is 1"
    with pytest.raises(SimulatorError, match=f"^{re.escape(message)}$"):
        deck.run(extract=Extract(pulses=("B1|X1",), rest_s=15e-12, max_pulses=1))


SETTLING = """.model m jj(rtype=1, vg=2.8m, cap=0.07p, r0=160, rn=16, icrit=0.1m)
.model o jj(rtype=1, vg=2.8m, cap=0.07p, r0=160, rn=16, icrit=0.1m, phi=1)
IB 0 1 pwl(0 0 5p 70u)
IIN 0 1 pwl(0 0 20p 0 22p 300u 24p 0)
B1 1 0 {model}
RS 1 0 5
L1 1 2 3p
C1 2 0 0.1p
T1 2 0 3 0 z0=5 td=1p
R3 3 0 5 temp=4.2 neb=1t
V1 4 0 {volt}
R4 4 2 50
.tran 0.05p 60p 0 0.5p
.print p(b1)
.print v(3)
.print i(l1)
"""


@pytest.mark.parametrize("model", ["m", "o"])
@pytest.mark.parametrize("volt", ["pwl(0 0 3p 1u)", "dc 1u", "sin(1u 1u 1g)"])
def test_steps_before_the_begin_are_left_out_where_nothing_moves(monkeypatch, model, volt):
    deck = compile_deck(SETTLING.format(model=model, volt=volt))
    steps = []
    advance = batch.kernels.run_tile

    def counted(tile, output, prints, count, first, last, *rest):
        steps.append(last - first)
        return advance(tile, output, prints, count, first, last, *rest)

    monkeypatch.setattr(batch.kernels, "run_tile", counted)
    found = deck.run(seed=1).waveforms.values
    still = model == "m" and volt.startswith("pwl")
    assert sum(steps) == (1201 if still else 2200)
    monkeypatch.setattr(batch, "at_rest", lambda _tile: False)
    np.testing.assert_array_equal(deck.run(seed=1).waveforms.values, found)

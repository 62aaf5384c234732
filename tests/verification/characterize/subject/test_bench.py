"""Benches: labels, the flat form for simulators that are programs, loads."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from netlist_gen.deck.lint import lint
from netlist_gen.errors import ConfigurationError
from verification.characterize.subject.parameters import trial
from verification.characterize.trials.trial import Response, Trial
from verification.engine.run import Extract, compile_deck


@pytest.mark.parametrize("name", ["splitter", "decision", "dff"])
def test_flat_deck_with_values_is_the_same_circuit(cut, name):
    """What the engine does with lanes of values is what a deck with those values says."""
    cell = cut(name)
    bench = cell.bench
    factors = {p: 1.0 + 0.01 * (i % 5) for i, p in enumerate(cell.parameters.values())}
    case = cell.cases[-1]
    one = trial(bench, case, factors)
    (lanes,) = cell.runner.run(bench, [one], cell.watched)
    assert isinstance(lanes, Response)
    deck = bench.deck("flat", cell.watched, one)
    lint(deck.text, "flat.cir")
    names = {label: probe.junction for label, probe in zip(cell.watched, deck.probes, strict=True)}
    alone = compile_deck(deck.text).run(
        extract=Extract(waveforms=False, pulses=tuple(names.values()), rest_s=36e-12)
    )
    for label, junction in names.items():
        found = alone.pulses[junction.upper()] if junction.upper() in alone.pulses else (
            alone.pulses[junction])  # fmt: skip
        np.testing.assert_allclose(found.time_s, lanes.times_s[label], atol=1e-15)


@pytest.mark.parametrize("dialect", ["josim", "wrspice", "ngspice"])
@pytest.mark.parametrize("name", ["jtl", "merger", "branch", "decision", "neuron2", "dff"])
def test_every_dialect_takes_every_bench(cut, name, dialect):
    bench = cut(name).bench
    text = bench.deck("b", cut(name).watched, dialect=dialect).text
    assert text.count(".end\n") == 1


def test_noise_and_its_seed_stand_in_the_deck(cut):
    bench = cut("jtl").on(temperature_K=4.2).bench
    text = bench.deck("b", ("B1|XC",), Trial(seed=7)).text
    assert ".temp 4.2\n.neb 1e+12\n.option seed=7\n" in text
    with pytest.raises(
        ConfigurationError,
        match=r"^decks for ngspice have no thermal noise; a temperature of 4.2 K needs the dialect "
        r"josim$",
    ):
        bench.deck("b", ("B1|XC",), Trial(), "ngspice")


def test_probes_do_not_load_the_ports(cut):
    """A probe carries a millionth of a JTL junction's current: delays stay to 1 fs."""
    cell = cut("jtl")
    deck = cell.bench.deck("b", ("B1|XC",), trial(cell.bench, cell.cases[0])).text
    without = "\n".join(line for line in deck.splitlines() if not line.startswith("BP_"))
    times = [
        compile_deck(text).run(
            extract=Extract(waveforms=False, pulses=("B1__XC",), rest_s=36e-12)
        ).pulses["B1__XC"].time_s
        for text in (deck, without + "\n")
    ]  # fmt: skip
    np.testing.assert_allclose(times[0], times[1], atol=1e-15)


def test_unknown_load_and_target_are_named(cut):
    bench = dataclasses.replace(cut("jtl").bench, load="branch")
    with pytest.raises(
        ConfigurationError,
        match=r"^no driver or load 'branch'; ports can meet jtl, splitter, merger, and TOML ",
    ):
        _ = bench.circuit
    with pytest.raises(
        ConfigurationError,
        match=r"^cell jtl: a step expects 'B7', which is neither an output \(q\) nor a junction ",
    ):
        cut("jtl").bench.target_label("B7")

from __future__ import annotations

import re

import numpy as np
import pytest
from engine_decks import refused

from netlist_gen.errors import DeckError
from verification.engine.text.expressions import evaluate
from verification.engine.text.lines import Place
from verification.engine.text.sources import (
    CUS,
    DC,
    EXP,
    NOISE,
    PULSE,
    PWL,
    PWS,
    SIN,
    SourceWave,
    parse_source,
)


def parse(text, directory=None):
    return parse_source(
        text.upper().split(), Place("d", 1), lambda item: evaluate(item, {"A": 2.0}), directory
    )


@pytest.mark.parametrize(
    ("text", "kind", "values"),
    [
        ("dc 5m", DC, [5e-3]),
        ("5m", DC, [5e-3]),
        ("pwl(0 0 5p 1m)", PWL, [0, 5e-12, 0, 1e-3]),
        ("pwl (0, 0, {a*1p} {a})", PWL, [0, 2e-12, 0, 2]),
        ("pws(0 1 1p 2)", PWS, [0, 1e-12, 1, 2]),
        ("pulse(0 1m 1p)", PULSE, [0, 1e-3, 1e-12, np.nan, np.nan, np.nan, np.nan]),
        ("sin(0 1 1g)", SIN, [0, 1, 1e9, np.nan, np.nan, np.nan, np.nan]),
        ("exp(0 1 1p 2p 3p 4p)", EXP, [0, 1, 1e-12, 2e-12, 3e-12, 4e-12]),
        ("noise(1m 2p)", NOISE, [1e-3, 2e-12, np.nan]),
    ],
)
def test_waves(text, kind, values):
    wave = parse(text)
    assert wave.kind == kind
    np.testing.assert_allclose(wave.values, values, rtol=1e-14)


def test_a_custom_wave_is_read_from_a_file(tmp_path):
    (tmp_path / "wave.txt").write_text("0 1m, 2m; 3m\nnot this line\n")
    wave = parse("cus(wave.txt 1p 2 0 5p 1)", tmp_path)
    assert wave.kind == CUS
    np.testing.assert_allclose(wave.values, [1e-12, 2, 0, 5e-12, 1, 0, 2e-3, 4e-3, 6e-3])


def test_defaults_come_from_step_and_stop():
    pulse = parse("pulse(0 1)").encoded(1e-13, 1e-9)
    np.testing.assert_allclose(pulse, [0, 1, 0, 1e-13, 1e-13, 1e-9, 1e-9])
    sine = parse("sin(0 1 1g 0 0 90)").encoded(1e-13, 1e-9)
    assert sine[5] == pytest.approx(np.pi / 2)  # degrees


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("pwl(0 0 5p 1m", "PWL(0 0 5P 1M is no source; use dc VALUE, pwl(..), pulse(..), sin(..), "
         "exp(..), pws(..), cus(..) or noise(..), with both brackets"),
        ("pwl(0 0 5p)", "pwl takes pairs of time and value, not 3 numbers"),
        ("pwl(1p 0 5p 1)", "pwl: the first time is 1e-12 s; it must be 0"),
        ("pwl(0 0 5p 1 5p 2)",
         "pwl: the times must increase: 5e-12 s is followed by 5e-12 s"),
        ("pulse(1)", "pulse takes 2 to 7 numbers, not 1"),
        ("pulse(0 1 0 -1p)", "pulse: rise, fall and width can't be negative"),
        ("pulse(0 1 0 1p 1p 1p 0)", "pulse: the period must be above 0"),
        ("exp(0 1 0 0)", "exp: the time constants can't be 0"),
        ("sin(0 1 0 0 0 0 3)", "sin: a number of cycles needs a frequency above 0"),
        ("noise(1 0 0)", "noise: the time step must be above 0"),
        ("cus(a.txt 1p)", "cus A.TXT: a deck that is no file can't read one"),
        ("tri(0 1)", "TRI(0 1) is no source; use dc VALUE, pwl(..), pulse(..), sin(..), exp(..), "
         "pws(..), cus(..) or noise(..), with both brackets"),
    ],
)  # fmt: skip
def test_refusals(text, message):
    refused(f"I1 0 1 {text}\nR1 1 0 1\n.tran 1p 10p", f"d, line 1: {message}")


def test_a_custom_wave_needs_its_file(tmp_path):
    with pytest.raises(DeckError, match=re.escape("no file NONE.TXT (or in lower case)")):
        parse("cus(none.txt 1p)", tmp_path)
    (tmp_path / "bad.txt").write_text("1 x 3\n")
    with pytest.raises(DeckError, match="is not two or more numbers"):
        parse("cus(bad.txt 1p)", tmp_path)


def test_waves_given_from_python():
    wave = SourceWave.pwl([0, 1e-12], [0, 2.0])
    assert wave.same_as(SourceWave.pwl([0, 1e-12], [0, 2.0]))
    assert not wave.same_as(SourceWave.dc(2.0))
    for times, values, message in (
        ([1e-12], [0.0], "a pwl's first time is 1e-12 s; it must be 0"),
        (
            [0, 1e-12, 1e-12],
            [0, 0, 0],
            "a pwl's times must increase: 1e-12 s is followed by 1e-12 s",
        ),
        ([0, 1e-12], [0], "a pwl takes as many times as values, not 2 and 1"),
    ):
        with pytest.raises(DeckError, match=f"^{re.escape(message)}$"):
            SourceWave.pwl(times, values)


STEP, STOP = 0.5e-12, 40e-12


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("sin(1 2)", [1, 2, 1 / STOP, 0, 0, 0, 0]),
        ("sin(1 2 1g 3p 4 90)", [1, 2, 1e9, 3e-12, 4, np.pi / 2, 0]),
        ("pulse(0 1m)", [0, 1e-3, 0, STEP, STEP, STOP, STOP]),
        ("pulse(0 1m 1p 2p 3p 4p 5p)", [0, 1e-3, 1e-12, 2e-12, 3e-12, 4e-12, 5e-12]),
        ("exp(0 1)", [0, 1, 0, STEP, STEP, STEP]),
        ("noise(1m 2p)", [1e-3, 2e-12, STEP]),
    ],
)
def test_what_a_wave_leaves_open_is_filled_in_by_step_and_stop(text, values):
    np.testing.assert_allclose(parse(text).encoded(STEP, STOP), values, rtol=1e-14, atol=1e-30)

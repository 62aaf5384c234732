"""``netlist-gen simulate``: JoSIM's CSV from any simulator, and decks that are not for one."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from cell_benches import cell_bench

from verification.waves.josim_controls import read_controls
from verification.waves.pulses import detect_phase
from verification.waves.readers.josim_csv import read_josim_csv

HERE = {
    "embedded": [],
    "josim": [
        pytest.mark.josim,
        pytest.mark.skipif(shutil.which("josim-cli") is None, reason="josim-cli is not on PATH"),
    ],
    "ngspice": [
        pytest.mark.ngspice,
        pytest.mark.skipif(shutil.which("ngspice") is None, reason="ngspice is not on PATH"),
    ],
}
DIALECTS = {"embedded": "josim", "josim": "josim", "ngspice": "ngspice"}


@pytest.mark.parametrize(
    "simulator", [pytest.param(name, marks=marks) for name, marks in HERE.items()]
)
def test_a_deck_gives_josims_csv(cli, tmp_path, simulator):
    bench = cell_bench("merger")
    deck, out = tmp_path / "merger.cir", tmp_path / "out.csv"
    deck.write_text(bench.deck(DIALECTS[simulator]).text)
    ran = cli("simulate", deck, "-o", out, "--simulator", simulator)
    assert ran.status == 0, ran.err
    waves = read_josim_csv(out)
    asked = read_controls(bench.deck("josim").text)
    assert waves.names == asked.columns
    assert ran.out.startswith(
        f"{out}: {len(waves.names)} signals, {waves.time_s.size} times, {simulator} "
    )
    for column, times in bench.advances().items():
        assert detect_phase(waves.time_s, waves.signal(column)).signs.tolist() == [1] * times
    if DIALECTS[simulator] == "josim":
        assert np.array_equal(waves.time_s, read_josim_csv(out, asked).time_s)


@pytest.mark.parametrize(
    "simulator",
    [pytest.param(n, marks=m) for n, m in HERE.items() if DIALECTS[n] == "josim"],
)
def test_included_files_are_found_where_the_deck_is(cli, tmp_path, simulator):
    text = cell_bench("jtl").deck("josim").text
    (model,) = (line for line in text.splitlines() if line.startswith(".model"))
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "jj.inc").write_text(model + "\n")
    whole, parts = tmp_path / "whole.cir", tmp_path / "parts.cir"
    whole.write_text(text)
    parts.write_text(text.replace(model, ".include models/jj.inc"))
    for deck in (whole, parts):
        ran = cli("simulate", deck, "-o", deck.with_suffix(".csv"), "--simulator", simulator)
        assert ran.status == 0, ran.err
    assert whole.with_suffix(".csv").read_bytes() == parts.with_suffix(".csv").read_bytes()


@pytest.mark.parametrize(
    ("dialect", "simulator", "message"),
    [
        (
            "josim",
            "ngspice",
            "a deck of JoSIM's dialect, not of ngspice's; --simulator embedded and josim read it, "
            "and `netlist-gen generate --dialect ngspice` writes ngspice's",
        ),
        (
            "wrspice",
            "embedded",
            "a deck of WRspice's dialect, not of JoSIM's; --simulator wrspice reads it, and "
            "`netlist-gen generate --dialect josim` writes JoSIM's",
        ),
        (
            "ngspice",
            "wrspice",
            "a deck of ngspice's dialect, not of WRspice's; --simulator ngspice reads it, and "
            "`netlist-gen generate --dialect wrspice` writes WRspice's",
        ),
    ],
)
def test_a_deck_for_another_simulator_is_refused(cli, tmp_path, dialect, simulator, message):
    deck = tmp_path / "deck.cir"
    deck.write_text(cell_bench("jtl").deck(dialect).text)
    ran = cli("simulate", deck, "-o", tmp_path / "out.csv", "--simulator", simulator)
    assert (ran.status, ran.sentence) == (2, f"{deck}: {message}")
    assert not (tmp_path / "out.csv").exists()


def test_a_deck_that_is_not_there(cli, tmp_path):
    ran = cli("simulate", tmp_path / "no.cir", "-o", tmp_path / "out.csv")
    assert ran.status == 2
    assert ran.sentence == f"{tmp_path}/no.cir: can't be read (No such file or directory)"

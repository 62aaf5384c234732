"""``netlist-gen simulate``: files, formats, the engine's own options."""

from __future__ import annotations

import os
import re
import shutil

import numpy as np
import pytest

from netlist_gen import api
from verification.engine.run import CompiledDeck
from verification.simulators.josim import JosimSimulator
from verification.waves.readers.josim_csv import read_josim_csv

DECK = """* a junction that turns once
.model m jj(rtype=1, vg=2.8m, cap=0.07p, r0=160, rn=16, icrit=0.1m)
.include bias.cir
B1 1 0 m
RS 1 0 5
.tran 0.05p 60p 0 0.5p
.print p(b1) v(1)
.file other.csv
.print i(rs)
"""


@pytest.fixture
def deck(tmp_path):
    (tmp_path / "bias.cir").write_text(
        "IB 0 1 pwl(0 0 5p 70u)\nI1 0 1 pwl(0 0 20p 0 22p 200u 24p 0)\n"
    )
    path = tmp_path / "deck.cir"
    path.write_text(DECK)
    return path


def test_the_same_numbers_in_every_format(cli, deck, tmp_path):
    for suffix in ("csv", "npz", "parquet"):
        ran = cli("simulate", deck, "-o", tmp_path / f"out.{suffix}", "--simulator", "embedded")
        assert ran.status == 0, ran.err
        assert ran.out.startswith(f"{tmp_path / f'out.{suffix}'}: 3 signals, 120 times, embedded")
    other = read_josim_csv(tmp_path / "other.csv")
    assert other.names == ("I(RS)",)
    found = read_josim_csv(tmp_path / "out.csv")
    assert found.names == ("P(B1)", "V(1)", "I(RS)")
    np.testing.assert_array_equal(other.values, found.values[2:])
    assert found.signal("P(B1)")[-1] == pytest.approx(2 * np.pi + np.arcsin(0.7), abs=1e-3)
    with np.load(tmp_path / "out.npz") as archive:
        np.testing.assert_allclose(archive["values"], found.values, rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("simulator", ["embedded", "josim"])
def test_a_decks_files_are_written_beneath_the_output_alone(cli, deck, tmp_path, simulator):
    """JoSIM itself writes wherever a deck says."""
    if simulator == "josim" and shutil.which("josim-cli") is None:
        pytest.skip("josim-cli is not on PATH")
    folder, outside = tmp_path / "o", tmp_path / "outside.csv"
    folder.mkdir()
    words = ("simulate", deck, "-o", folder / "out.csv", "--simulator", simulator)
    deck.write_text(DECK + ".iv m 5u curve.csv\n")
    ran = cli(*words)
    assert ran.status == 0, ran.err
    assert read_josim_csv(folder / "other.csv").names == ("I(RS)",)
    curve = folder / "curve.csv"
    assert curve.exists() == (simulator == "embedded")
    note = f"note: {deck}: .iv was not run; --simulator embedded writes its curve\n"
    assert ran.err == ("" if curve.exists() else note)
    deck.write_text(DECK.replace("other.csv", f"{outside}"))
    ran = cli(*words)
    assert ran.status == 2
    place = (
        f"{deck}, line 8" if simulator == "embedded" else f"{deck}, with what it includes: line 9"
    )
    assert ran.sentence == (
        f"{place}: {outside}: a deck's files are written beneath the folder of the output; a name "
        "has no / at its begin, no : and no part that begins with . or ~"
    )
    assert not outside.exists()
    assert {path.name for path in tmp_path.iterdir()} == {"o", "bias.cir", "deck.cir"}


def test_without_an_output_there_are_no_files(deck):
    notes = []
    waves = api.simulate(deck, simulator="embedded", note=notes.append)
    assert waves.names == ("P(B1)", "V(1)", "I(RS)")
    assert notes == [
        "note: the deck's files (.file, .iv) are written beside an output, and there is none"
    ]
    assert not (deck.parent / "other.csv").exists()


def test_a_deck_that_josim_is_not_given_is_named(cli, tmp_path, monkeypatch):
    """What JoSIM would drop without a word is refused before it runs, with the file."""
    monkeypatch.setattr(JosimSimulator, "version", lambda _: "2.7")
    deck = tmp_path / "d.cir"
    deck.write_text("R1 1 0 1\nI1 0 1 pwl(0 0 1p 1u)\n.print v(1)\n")
    for include, place in (("", f"{deck}"), (".include x.cir\n", f"{deck}, with what it includes")):
        (tmp_path / "x.cir").write_text("R2 1 0 1\n")
        deck.write_text(include + deck.read_text())
        ran = cli("simulate", deck, "-o", tmp_path / "out.csv", "--simulator", "josim")
        assert (ran.status, ran.sentence) == (
            2, f"{place}: the deck has no .tran line; JoSIM needs one",
        )  # fmt: skip


def test_a_column_that_is_there_twice(cli, deck, tmp_path):
    deck.write_text(DECK.replace("v(1)", "v(1) v(1)"))
    out = tmp_path / "out.parquet"
    ran = cli("simulate", deck, "-o", out, "--simulator", "embedded")
    assert ran.status == 2
    assert ran.err.rstrip().endswith(
        "netlist-gen: the column V(1) is there twice, which readers of Parquet refuse; print it "
        "once, or write .csv or .npz"
    )
    assert not out.exists()
    assert cli("simulate", deck, "-o", tmp_path / "out.csv", "--simulator", "embedded").status == 0


def test_the_step_is_checked(cli, deck, tmp_path):
    out = tmp_path / "out.csv"
    ran = cli("simulate", deck, "-o", out, "--simulator", "embedded", "--check-step")
    assert ran.status == 0, ran.err
    assert "steps of 0.05 ps and 0.0125 ps give the same pulses" in ran.err
    # A swing of 3 ps period in steps of 0.5 ps.
    deck.write_text("I1 0 1 pwl(0 0 1p 1u)\nL1 1 0 1p\nC1 1 0 0.23p\n.tran 0.5p 30p\n.print v(1)\n")
    out.unlink()
    ran = cli("simulate", deck, "-o", out, "--simulator", "embedded", "--check-step")
    assert (ran.status, out.exists()) == (1, False)
    assert re.search(r"; use a step of at most 0\.\d+ ps in \.tran\n$", ran.err), ran.err


def test_a_seed_makes_noise_repeat(cli, deck, tmp_path):
    deck.write_text(DECK.replace("RS 1 0 5", "RS 1 0 5 temp=4.2 neb=1T"))
    texts = []
    for seed in (1, 1, 2):
        out = tmp_path / "out.csv"
        ran = cli("simulate", deck, "-o", out, "--simulator", "embedded", "--seed", seed)
        assert ran.status == 0, ran.err
        texts.append(out.read_text())
    assert texts[0] == texts[1] != texts[2]


def test_the_noise_of_josim(cli, deck, tmp_path):
    """Other noise than the engine's, and with the same seed the same again."""
    deck.write_text(DECK.replace("RS 1 0 5", "RS 1 0 5 temp=4.2 neb=1T"))
    words = ("simulate", deck, "-o", tmp_path / "out.csv", "--seed", "1", "--simulator")
    texts = []
    for noise in ("engine", "josim", "josim"):
        ran = cli(*words, "embedded", "--noise", noise)
        assert ran.status == 0, ran.err
        texts.append((tmp_path / "out.csv").read_text())
    assert texts[0] != texts[1] == texts[2]
    ran = cli(*words, "embedded", "--noise", "josim", "--check-step")
    assert (ran.status, ran.sentence) == (
        2,
        "--noise josim is another noise with every step, so that --check-step has nothing to "
        "compare; leave one of them out",
    )
    deck.write_text(SPICE)
    ran = cli(
        "simulate", deck, "-o", tmp_path / "o.csv", "--simulator", "ngspice", "--noise", "josim"
    )
    if shutil.which("ngspice") is not None:
        assert (ran.status, ran.sentence) == (
            2,
            "--seed, --check-step, --noise, --checkpoint and --threads are the embedded engine's; "
            "ngspice was chosen (use --simulator embedded)",
        )


def test_the_step_is_checked_on_the_noise_that_is_written(cli, deck, tmp_path, monkeypatch):
    deck.write_text(DECK.replace("RS 1 0 5", "RS 1 0 5 temp=4.2 neb=1T"))
    seeds = []
    run = CompiledDeck.run
    monkeypatch.setattr(
        CompiledDeck,
        "run",
        lambda self, *, seed, **options: (seeds.append(seed), run(self, seed=seed, **options))[1],
    )
    for _ in range(2):
        words = ("-o", tmp_path / "out.csv", "--simulator", "embedded", "--check-step")
        assert cli("simulate", deck, *words).status == 0
    half = len(seeds) // 2
    assert half >= 4  # the step, its half, its quarter, and the run that is written
    assert len({*seeds[:half]}) == len({*seeds[half:]}) == 1
    assert seeds[0] != seeds[half]  # the deck has no seed: each time another


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-o", "{tmp}/out.txt"],
         "{tmp}/out.txt: waveforms are written to .csv, .npz, .parquet, .raw, .vcd, not .txt"),
        (["-o", "{tmp}/out.csv", "--timeout", "0"],
         "--timeout is 0; it must be positive and finite"),
    ],
)  # fmt: skip
def test_refusals(cli, deck, tmp_path, arguments, message):
    arguments = [text.format(tmp=tmp_path) for text in arguments]
    ran = cli("simulate", deck, "--simulator", "embedded", *arguments)
    assert (ran.status, ran.sentence) == (2, message.format(tmp=tmp_path))


def test_a_deck_that_can_not_be_read(cli, deck, tmp_path):
    deck.write_text(DECK.replace("B1 1 0 m", "B1 1 0 none"))
    ran = cli("simulate", deck, "-o", tmp_path / "out.csv", "--simulator", "embedded")
    assert ran.status == 2
    assert f"{deck}, line 4: B1: unknown junction model NONE" in ran.err
    ran = cli("simulate", tmp_path / "none.cir", "-o", tmp_path / "out.csv")
    assert ran.status == 2
    assert f"{tmp_path / 'none.cir'}: can't be read (No such file or directory)" in ran.err


SPICE = """RC low pass, 3 k\u03a9
V1 in 0 pwl(0 0 1n 1)
R1 in out 1k
C1 out 0 1p
.tran 0.1n 20n
.save v(out)
.end
"""


@pytest.mark.ngspice
@pytest.mark.skipif(shutil.which("ngspice") is None, reason="ngspice not on PATH")
def test_the_first_line_of_a_spice_deck_is_its_title(cli, tmp_path):
    deck, out = tmp_path / "rc.cir", tmp_path / "out.csv"
    deck.write_text(SPICE)
    ran = cli("simulate", deck, "-o", out, "--simulator", "ngspice")
    assert ran.status == 0, ran.err
    assert (
        ran.err
        == f"note: {deck}, line 1: the title, as in all SPICE decks: RC low pass, 3 k\u03a9\n"
    )
    assert read_josim_csv(out).signal("V(OUT)")[-1] == pytest.approx(1.0, abs=1e-3)


@pytest.mark.ngspice
@pytest.mark.skipif(shutil.which("ngspice") is None, reason="ngspice not on PATH")
def test_a_deck_that_runs_a_program_is_refused_unless_it_is_trusted(cli, tmp_path):
    deck, out, left = tmp_path / "rc.cir", tmp_path / "out.csv", tmp_path / "left"
    deck.write_text(SPICE.replace(".end", f".control\nshell touch {left}\n.endc\n.end"))
    words = ("simulate", deck, "-o", out, "--simulator", "ngspice")
    ran = cli(*words)
    assert (ran.status, left.exists(), out.exists()) == (2, False, False)
    assert ran.sentence == (
        f"{deck}: line 7: .control can run commands and programs; decks that do are run by "
        "simulate --trust-deck alone"
    )
    assert cli(*words, "--trust-deck").status == 0
    assert left.exists()
    # Files are read for trusted decks alone: what they hold may be commands.
    (tmp_path / "load.inc").write_text("R2 out 0 1k\n")
    deck.write_text(SPICE.replace(".end", ".include load.inc\n.end"))
    ran = cli(*words)
    assert (ran.status, ran.sentence) == (
        2,
        f"{deck}: line 7: .include reads another file, which can hold commands; decks that do are "
        "run by simulate --trust-deck alone",
    )
    assert cli(*words, "--trust-deck").status == 0
    assert read_josim_csv(out).signal("V(OUT)")[-1] == pytest.approx(0.5, abs=1e-3)


@pytest.mark.parametrize("simulator", ["embedded", "josim", "ngspice", "wrspice"])
def test_what_is_no_ordinary_file_is_not_waited_for(cli, tmp_path, simulator):
    fifo, out = tmp_path / "fifo", tmp_path / "out.csv"
    os.mkfifo(fifo)
    for deck, why in (
        (fifo, "it is a FIFO; an ordinary file is needed"),
        ("/dev/zero", "it is a device; an ordinary file is needed"),
        (tmp_path, "Is a directory"),
        (tmp_path / "none", "No such file or directory"),
    ):
        ran = cli("simulate", deck, "-o", out, "--simulator", simulator)
        assert (ran.status, ran.sentence) == (2, f"{deck}: can't be read ({why})")


def test_the_timeout_covers_reading(cli, tmp_path):
    deck = tmp_path / "long.cir"
    chain = "".join(f".param p{n}=p{n + 1}+1\n" for n in range(20_000))
    deck.write_text(
        f"{chain}.param p20000=1\nR1 1 0 p0\nI1 0 1 dc 1u\n.tran 0.1p 9p\n.print v(1)\n"
    )
    words = ("-o", tmp_path / "out.csv", "--simulator", "embedded", "--timeout", "0.02")
    ran = cli("simulate", deck, *words)
    assert (ran.status, ran.sentence) == (
        1,
        f"{deck}: reading the deck took too long and was stopped",
    )


def test_raw_and_standard_output(cli, deck, tmp_path):
    from verification.waves.read import read_waveforms

    words = ("--simulator", "embedded")
    assert cli("simulate", deck, "-o", tmp_path / "out.csv", *words).status == 0
    assert cli("simulate", deck, "-o", tmp_path / "out.raw", *words).status == 0
    csv, raw = (read_waveforms(tmp_path / f"out.{kind}") for kind in ("csv", "raw"))
    assert raw.names == csv.names
    np.testing.assert_array_equal(raw.values, csv.values)
    (tmp_path / "other.csv").unlink()
    ran = cli("simulate", deck, "-o", "-", *words)
    assert (ran.status, ran.out) == (0, (tmp_path / "out.csv").read_text())
    assert ran.err == (
        "note: the deck's files (.file, .iv) are written beside an output, and there is none\n"
    )
    assert not (tmp_path / "other.csv").exists()

"""``netlist-gen characterize``: files, what it prints, what it refuses."""

from __future__ import annotations

import csv
import html
import json
import os
import re
from pathlib import Path

import pytest

from netlist_gen.errors import ConfigurationError
from verification.characterize.options import CharacterizeOptions

CELLS = Path(__file__).parent / "cells"


def read_csv(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_users_cell_with_everything(cli, own_cell, tmp_path):
    out = tmp_path / "out"
    ran = cli(
        "characterize", own_cell(), "--sweep", "bias=0.8:1.2:3", "--sweep", "L=0.9:1.1:3",
        "--monte-carlo", 32, "--spread", "L=0.05:0.02", "--jobs", 1, "-o", out,
    )  # fmt: skip
    assert ran.status == 0, ran.err
    names = {p.name for p in out.iterdir()}
    assert {
        "summary.json", "measurements.csv", "sweep.csv", "monte_carlo.csv", "dff.v", "dff.sdf",
        "dff.dot", "dff.html", "delays.png", "delays.svg", "sweep.png", "ledger.sqlite",
    } <= names  # fmt: skip
    summary = json.loads((out / "summary.json").read_text())
    conditions = summary["conditions"]
    assert conditions["simulator"]["name"] == "embedded"
    assert conditions["process"] == "sfq5ee"
    assert conditions["load"] == "jtl, then a JTL ended by a resistor"
    assert conditions["seed"] == 1
    assert summary["yield"]["samples"] == 32
    assert summary["yield"]["spreads"]["global"] == {"L": 0.05}
    rows = read_csv(out / "measurements.csv")
    assert {r["quantity"] for r in rows} <= set(summary["definitions"])
    delay = next(r for r in rows if r["quantity"] == "delay" and r["load"] == "jtl")
    assert (delay["cell"], delay["unit"], delay["simulator"]) == ("dff", "ps", "embedded")
    assert len(read_csv(out / "sweep.csv")) == 9
    assert len(read_csv(out / "monte_carlo.csv")) == 32
    page = (out / "dff.html").read_text()
    assert "<svg" in page
    assert "Wilson" in page
    assert "sweep: " in ran.out
    again = cli(
        "characterize", own_cell(), "--sweep", "bias=0.8:1.2:3", "--sweep", "L=0.9:1.1:3",
        "--monte-carlo", 32, "--spread", "L=0.05:0.02", "--jobs", 1, "-o", out, "--resume",
    )  # fmt: skip
    assert again.status == 0
    resumed = json.loads((out / "summary.json").read_text())
    assert resumed["trials"] == 0
    assert resumed["trials_from_ledger"] == summary["trials"] + summary["trials_from_ledger"]
    assert resumed["delays_ps"] == summary["delays_ps"]


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        (
            "cycler.__init__.__globals__.os.system('touch PWNED')+5",
            "\"cycler.__init__.__globals__.os.system('touch PWNED')\" has no meaning; allowed are "
            "numbers, + - * / ** ( ) and phi0",
        ),
        ("9**(9**9)", "it has no value: Numerical result out of range"),
    ],
)
def test_arithmetic_that_is_a_program_is_refused(cli, own_cell, tmp_path, expression, words):
    line = f"R RX q 0 {{{{ {expression} }}}}"
    path = own_cell(('clock = "clk"', f'elements = ["{line}"]'))
    ran = cli("characterize", path, "-o", tmp_path / "out")
    assert (ran.status, ran.sentence) == (2, f"{path}: [bench]: {line!r} is no number: {words}")


def test_files_that_are_no_process_are_refused(cli, tmp_path):
    deep = tmp_path / "deep.toml"
    deep.write_text("a=" + "[" * 1000 + "]" * 1000)
    pipe = tmp_path / "pipe.toml"
    os.mkfifo(pipe)
    for path, words in (
        (deep, "not a valid TOML file (nested too deep)"),
        (pipe, "can't be read (it is a FIFO; an ordinary file is needed)"),
    ):
        ran = cli("characterize", "jtl", "--process", path, "-o", tmp_path / "out")
        assert (ran.status, ran.sentence) == (2, f"{path}: {words}")


def test_a_bound_is_printed_as_one_everywhere(cli, tmp_path):
    out = tmp_path / "out"
    ran = cli("characterize", CELLS / "dual.toml", "-o", out, "--jobs", 1)
    assert ran.status == 0, ran.err
    words = "<= 4.50 ps: nothing failed down to the search's floor of 4.5 ps"
    assert f"  shortest period {words}\n" in ran.out
    assert re.findall(r"delay (a to qa|b to qb): (\d\.\d)", ran.out) == [
        ("a to qa", "1.9"), ("b to qb", "1.9"),
    ]  # fmt: skip
    page = html.unescape((out / "dual.html").read_text())
    assert f"Shortest period {words} (at least 222.2 GHz)." in page
    assert page.count("≤ -30.00</td>") == 2
    summary = json.loads((out / "summary.json").read_text())
    assert summary["period_ps"] == {
        "last_pass": pytest.approx(4.5), "first_fail": None, "floor": 4.5,
    }  # fmt: skip
    rows = {row["quantity"]: row for row in read_csv(out / "measurements.csv")}
    period = rows["period"]
    assert (period["value"], period["bound"], period["low"]) == ("4.5", "<=", "")
    assert period["context"] == "nothing failed down to the search's floor of 4.5 ps"
    assert float(rows["separation"]["value"]) == pytest.approx(-30, abs=1e-3)
    assert rows["separation"]["bound"] == "<="
    assert rows["delay"]["bound"] == ""


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("jtl",), "the directory is missing: give -o DIR"),
        (("-o", "x"), "name a cell, or give --all: one of the two"),
        (("jtl", "--all", "-o", "x"), "name a cell, or give --all: one of the two"),
        (("", "--all", "-o", "x"), "name a cell, or give --all: one of the two"),
        (
            ("jtl", "--temperature", "0", "-o", "x"),
            "--temperature is 0; it must be above 0 and below 9",
        ),
        (
            ("jtl", "--tolerance", "2", "-o", "x"),
            "--tolerance is 2; it must be above 0 and below 1",
        ),
        (
            ("jtl", "--spread", "Q=1", "--monte-carlo", "2", "-o", "x"),
            "--spread 'Q=1' is not KIND=GLOBAL[:LOCAL] with KIND one of Ic, L, R, C, bias",
        ),
        (
            ("jtl", "--correlation", "Ic,C=2", "--monte-carlo", "2", "-o", "x"),
            "--correlation 'Ic,C=2' is not KIND,KIND=RHO with two of Ic, L, R, C and "
            "-1 <= RHO <= 1",
        ),
        (
            ("jtl", "--simulator", "spectre", "-o", "x"),
            "there is no simulator 'spectre'; allowed are auto, embedded, josim, wrspice, ngspice",
        ),
        (
            ("jtl", "--spread", "L=0.1", "-o", "x"),
            "--spread counts with --monte-carlo or --optimize --goal yield alone; give one of "
            "them too",
        ),
        (
            ("jtl", "--half-width", "0.1", "-o", "x"),
            "--half-width counts with --monte-carlo alone; give that too",
        ),
        (
            ("jtl", "--noise-runs", "9", "-o", "x"),
            "--noise-runs counts with --temperature alone; give that too",
        ),
        (
            ("jtl", "--tolerance", "0.01", "-o", "x"),
            "--tolerance counts with --margins or --temperature or --optimize alone; give one of "
            "them too",
        ),
    ],
)
def test_wrong_commands_are_one_sentence(cli, arguments, sentence):
    ran = cli("characterize", *arguments)
    assert ran.status == 2
    assert ran.sentence == sentence


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("jtl", "--correlation", "Ic,C=.8.8", "--monte-carlo", "2", "-o", "x"),
         "--correlation 'Ic,C=.8.8' is not KIND,KIND=RHO with two of Ic, L, R, C and "
         "-1 <= RHO <= 1"),
        (("jtl", "--sweep", "bias=0.5:1:2000000000", "-o", "x"),
         "--sweep 'bias=0.5:1:2000000000': LO must be below HI, both finite, and N from 2 to "
         "100000"),
    ],
)  # fmt: skip
def test_numbers_beyond_sense(cli, words, sentence):
    ran = cli("characterize", *words)
    assert (ran.status, ran.sentence) == (2, sentence)


def test_only_what_the_library_measured_is_up_to_date(cli, own_cell, tmp_path):
    assert cli("characterize", "jtl", "--check").out == "tables are up to date\n"
    ran = cli("characterize", "nope", "--check")
    assert ran.status == 2
    assert ran.sentence.startswith("no cell 'nope'; there are ")
    path = own_cell()
    ran = cli("characterize", path, "--check")
    assert (ran.status, ran.sentence) == (
        2,
        f"{path}: the library has no table of it to check; with --tables -o DIR one that was "
        "written there is measured again",
    )
    assert cli("characterize", path, "--tables", "-o", tmp_path).status == 0
    assert cli("characterize", path, "--tables", "--check", "-o", tmp_path).status == 0


def test_a_directory_holds_one_characterization(cli, tmp_path):
    out = tmp_path / "out"
    words = ("--monte-carlo", 2, "--sweep", "bias=0.9:1.1:2", "-o", out)
    assert cli("characterize", "jtl", *words).status == 0
    assert {"jtl.html", "monte_carlo.csv", "sweep.csv", "sweep.svg"} <= names(out)
    assert cli("characterize", "escape", "-o", out).status == 0
    assert "escape.html" in names(out)
    left = {"jtl.html", "jtl.v", "monte_carlo.csv", "sweep.csv", "sweep.svg", "sweep.png"}
    assert not left & names(out)


def names(folder):
    return {path.name for path in folder.iterdir()}


def test_a_cell_that_fails_as_designed_is_an_error(cli, own_cell, tmp_path):
    path = own_cell(('"clk", "a", "clk -> q"]', '"clk -> q"]'))
    ran = cli("characterize", path, "-o", tmp_path / "out")
    assert ran.status == 1
    assert re.search(
        r"cell dff fails as designed, so that nothing can be measured against it: step "
        r"'clk -> q' at 100 ps: q gave 0 pulses, expected 1$",
        ran.err.strip(),
    )
    assert not (tmp_path / "out" / "summary.json").exists()


@pytest.mark.parametrize("text", ["bias=0.02:0.5", "bias=5", "bias=0.34"])
def test_spreads_of_the_bias_that_can_not_be(text):
    message = (
        f"--spread {text}: a bias is one for the whole cell, and its standard deviation "
        "0 <= sigma < 1/3"
    )
    with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}$"):
        CharacterizeOptions(spreads=(text,), monte_carlo=2).spread()


def test_spreads_as_they_are_written():
    spreads = CharacterizeOptions(
        spreads=("Ic=0.05:0.02", "bias=0.03"), correlations=("C,Ic=0.5",), monte_carlo=2
    ).spread()
    assert spreads.overall == {"Ic": 0.05}
    assert spreads.local == {"Ic": 0.02}
    assert spreads.bias == 0.03
    assert spreads.correlation == {"Ic,C": 0.5}


def test_tables_are_written_and_measured_again(cli, tmp_path):
    ran = cli("characterize", "jtl", "--tables", "-o", tmp_path)
    assert (ran.status, ran.out) == (0, f"{tmp_path / 'sfq5ee' / 'jtl.toml'}\n")
    again = cli("characterize", "jtl", "--tables", "--check", "-o", tmp_path)
    assert (again.status, again.out) == (0, "1 tables measured again: all the same\n")
    path = tmp_path / "sfq5ee" / "jtl.toml"
    path.write_text(re.sub(r"(?m)^delay_ps = .*", "delay_ps = 9.0", path.read_text(), count=1))
    wrong = cli("characterize", "jtl", "--tables", "--check", "-o", tmp_path)
    assert wrong.status == 1
    assert re.fullmatch(r"jtl: a to q, nominal: 9\.000 ps is now 1\.\d+\n", wrong.out)


def test_extracted_values(cli, tmp_path):
    table, out = tmp_path / "t.csv", tmp_path / "out"
    table.write_text("element,value\nLA.XC,4.0\nLQ.XC,4.0\n")
    ran = cli("characterize", "jtl", "-o", out, "--annotate", table, "--jobs", 1)
    assert ran.status == 0, ran.err
    summary = json.loads((out / "summary.json").read_text())
    assert summary["annotation"]["elements"] == {"jtl": 2}
    assert f"  annotated: 2 lines of {table} set elements: 2 in jtl (SHA-256 " in ran.out
    assert f"annotated: 2 lines of {table}" in (out / "jtl.html").read_text()
    inductors = {size["name"]: size["value"] for size in summary["sizes"]}
    assert (inductors["LA"], inductors["LQ"]) == (4e-12, 4e-12)
    assert summary["delays_ps"][0]["mean"] > 2.2  # 1.8 ps as designed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["jtl", "-o", "OUT"], "TABLE, line 2: LA.XL0N0 names no element of the bench of jtl; near "
         "are LA.X"),
        (["jtl", "--tables"], "--annotate goes with none of --tables, --check, --design and "
         "--edge-spread: the library's tables are of its cells as designed"),
        (["--all", "-o", "OUT"], "--annotate is of one cell's bench, and there are "),
    ],
)  # fmt: skip
def test_tables_that_do_not_fit(cli, tmp_path, arguments, message):
    table = tmp_path / "t.csv"
    table.write_text("element,value\nLA.XL0N0,4.0\n")
    words = [str(tmp_path / "o") if word == "OUT" else word for word in arguments]
    ran = cli("characterize", *words, "--annotate", table)
    assert ran.status == 2
    assert ran.sentence.startswith(message.replace("TABLE", str(table)))


@pytest.mark.parametrize("flag", ["--design", "--edge-spread"])
def test_splitters_are_refused_where_trees_do_not_matter(cli, flag):
    ran = cli("characterize", flag, "--splitters", "by-load")
    assert ran.status == 2
    assert ran.sentence == (
        "--splitters goes with neither --design nor --edge-spread: what they measure does not "
        "depend on trees"
    )


@pytest.mark.parametrize(
    ("arguments", "flag"),
    [
        (["jtl", "--design"], "--design"),
        (["--edge-spread", "--check"], "--edge-spread"),
        (["--edge-spread", "--design"], "--design"),
    ],
)
def test_flags_that_measure_one_neuron_stand_alone(cli, arguments, flag):
    ran = cli("characterize", *arguments)
    assert (ran.status, ran.sentence) == (
        2,
        f"{flag} takes no cell, directory, --all or --check, and no other such flag: it measures "
        "one neuron",
    )


def test_a_cell_is_optimized(cli, own_cell, tmp_path):
    path, out = own_cell(netlist=(("jj1 area=1.6", "jj1 area=2.08"),)), tmp_path / "out"
    words = ("--optimize", "--vary", "BES", "--vary", "LST=0.8:1.5:0.1", "--starts", 1)
    ran = cli("characterize", path, *words, "--rounds", 2, "-o", out, "--jobs", 1)
    assert ran.status == 0, ran.err
    assert re.search(r"^  least margin raised from 6\.\d % \(BES\+\) to ", ran.out, re.MULTILINE)
    assert re.search(r"^  RES +4\.287 Ω to .* follows its junction\)$", ran.out, re.MULTILINE)
    assert f"  cell: {out / 'dff_optimized.toml'}\n" in ran.out
    summary = json.loads((out / "summary.json").read_text())
    found = summary["optimized"]
    assert [c["element"] for c in found["changes"]] == ["LST", "BES", "RES"]
    lst = found["changes"][0]
    assert lst["factor"] == pytest.approx(round(lst["factor"], 1))
    history = read_csv(out / "optimized.csv")
    assert len(history) == len(found["history"])
    assert float(history[-1]["merit"]) == pytest.approx(found["after"]["margin"], abs=1e-9)
    # Least of all: the global ones too.
    margins = summary["margins"]["parameters"].values()
    least = min(abs(m[side]["last_pass"] - 1) for m in margins for side in ("low", "high"))
    assert least == pytest.approx(found["after"]["margin"], abs=0.006)
    page = (out / "dff.html").read_text()
    assert "<h2>Optimized</h2>" in page
    assert 'href="dff_optimized.cir"' in page
    # The files that were written are the cell, and go once an ordinary measurement takes its place.
    again = cli("characterize", out / "dff_optimized.toml", "-o", tmp_path / "again", "--jobs", 1)
    assert again.status == 0, again.err
    repeated = json.loads((tmp_path / "again" / "summary.json").read_text())
    assert repeated["delays_ps"] == summary["delays_ps"]
    assert "optimized" not in repeated
    cli("characterize", path, "-o", out, "--jobs", 1)
    assert not [*out.glob("*optimized*")]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--vary", "LST"], "--vary counts with --optimize alone; give that too"),
        (["--goal", "delay"], "--goal counts with --optimize alone; give that too"),
        (["--against", "bias"], "--against counts with --optimize alone; give that too"),
        (
            ["--least-margin", "0.1"],
            "--least-margin counts with --optimize --goal delay alone; give that too",
        ),
        (["--starts", "6"], "--starts counts with --optimize alone; give that too"),
        (["--rounds", "1"], "--rounds counts with --optimize alone; give that too"),
        (
            ["--optimize", "--goal", "yield", "--least-margin", "0.1"],
            "--least-margin counts with --optimize --goal delay alone; give that too",
        ),
        (
            ["--optimize", "--goal", "yield", "--against", "bias"],
            "--against is of --goal margin and delay; the goal is yield, which looks at no margins",
        ),
        (
            ["--optimize", "--annotate", "t.csv"],
            "--annotate goes not with --optimize: extracted values are not the optimizer's to "
            "change",
        ),
        (
            ["--optimize", "--vary", "LST=0"],
            "--vary 'LST=0' is not NAME, NAME=LO:HI or NAME=LO:HI:STEP, e.g. 'L*=0.5:2:0.01'",
        ),
    ],
)
def test_options_of_an_optimizer_that_are_refused(cli, own_cell, tmp_path, words, sentence):
    ran = cli("characterize", own_cell(), *words, "-o", tmp_path / "out")
    assert (ran.status, ran.sentence) == (2, sentence)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--all", "--optimize", "-o", "OUT"], "--optimize is of one cell, and there are "),
        (["jtl", "--tables", "--optimize"], "--optimize goes with none of --tables, --check, "),
        (["jtl", "--tables", "--driver", "merger"], "--driver goes with none of --tables, --check"),
        (["jtl", "--load", "none.toml", "-o", "OUT"], "none.toml: can't be read (No such file"),
        (["jtl", "--driver", "and", "-o", "OUT"], "no driver or load 'and'; ports can meet jtl, "),
    ],
)
def test_loads_drivers_and_optimizers_that_are_refused(cli, tmp_path, words, sentence):
    ran = cli("characterize", *(str(tmp_path / "o") if word == "OUT" else word for word in words))
    assert ran.status == 2
    assert ran.sentence.startswith(sentence)


def test_own_loads_and_drivers_are_told_of(cli, tmp_path):
    out = tmp_path / "out"
    load = CELLS / "dual.toml"
    ran = cli("characterize", "jtl", "--load", load, "--driver", "merger", "-o", out, "--jobs", 1)
    assert ran.status == 0, ran.err
    assert "load dual" in ran.out
    conditions = json.loads((out / "summary.json").read_text())["conditions"]
    assert conditions["load"] == "dual, then a JTL ended by a resistor"
    assert conditions["sources"] == "a JTL stage, then merger, at each input"
    delays = [r for r in read_csv(out / "measurements.csv") if r["quantity"] == "delay"]
    kinds = {(r["source"], r["load"]) for r in delays}
    assert {("merger", "dual"), ("merger", "jtl"), ("splitter", "dual"), ("jtl", "dual")} <= kinds


def test_the_edges_spread_against_the_librarys(cli, monkeypatch):
    from verification.characterize.measure import spread

    points = [spread.SpreadPoint(0.02, 0.02, 0.0005, 256, 0)]
    monkeypatch.setattr(spread, "measure_spread", lambda *_, **__: points)
    ran = cli("characterize", "--edge-spread")
    assert ran.status == 1
    assert ran.out.splitlines()[0] == (
        "Ic, L and R by 0.02: edges by 0.0200 Phi0 from neuron to neuron, 0.0005 Phi0 from chip "
        "to chip (256 of each)"
    )
    assert re.match(r"local at 0\.02: 0\.00\d\d Phi0 is now 0\.0200$", ran.out.splitlines()[1])

"""The tables of cells: what the reader gives, and what it refuses."""

from __future__ import annotations

import dataclasses
import re

import pytest

from netlist_gen.errors import ConfigurationError
from netlist_gen.library.cells import CellLibrary
from netlist_gen.library.process import load_process
from netlist_gen.library.tables import content_digest, find_tables, read_table, table_files

TABLE = """[table]
format = 2
cell = "x"
process = "p"
simulator = "embedded 1"
content_sha256 = "01"
bench_sha256 = "00"
junctions = 3
static_nW = 1000.0
bias_low = 0.8
bias_high = 1.3
period_ps = 8.0
[[arcs]]
input = "a"
output = "q"
delay_ps = 5.0
least_ps = 4.9
most_ps = 5.1
load_ps = { jtl = 5.0, merger = 6.5 }
source_ps = { splitter = 4.8 }
bias_ratio = [0.9, 1.0, 1.2]
bias_ps = [7.0, 5.0, 4.0]
[[spacings]]
first = "a"
second = "a"
kind = "recovery"
function_ps = 5.0
delay_ps = 6.0
[[spacings]]
first = "a"
second = "a"
kind = "recovery"
function_ps = 5.5
delay_ps = 5.8
[[energies]]
event = "a -> q"
after = ""
aJ = 1.0
[[energies]]
event = "a -> q"
after = "a -> q"
aJ = 2.0
[[overdrive]]
n_minus_theta = 0
delay_ps = 18.0
"""


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "x.toml"
    path.write_text(TABLE)
    return read_table(path)


def test_values_are_si(table):
    assert table.delay_s("a", "q") == pytest.approx(5e-12)
    assert table.delay_s("a", "q", driver="splitter") == pytest.approx(4.8e-12)
    assert table.delay_s("a", "q", driver="splitter", load="merger") == pytest.approx(6.3e-12)
    assert table.spacing_s("a", "a") == pytest.approx(6e-12)
    assert table.spacing_s("a", "a", undisturbed=False) == pytest.approx(5.5e-12)
    assert table.energy_J("a -> q") == pytest.approx(1.5e-18)
    assert table.static_W == pytest.approx(1e-6)
    assert table.period_s == pytest.approx(8e-12)
    assert table.overdrive_s == ((0, pytest.approx(18e-12)),)


@pytest.mark.parametrize(
    ("bias", "expected"), [(0.9, 7.0), (0.95, 6.0), (1.0, 5.0), (1.1, 4.5), (1.2, 4.0)]
)
def test_bias_between_points_is_a_straight_line(table, bias, expected):
    assert table.delay_s("a", "q", bias=bias) == pytest.approx(expected * 1e-12)
    loaded = table.delay_s("a", "q", bias=bias, load="merger")
    assert loaded == pytest.approx((expected + 1.5) * 1e-12)


@pytest.mark.parametrize(
    ("ask", "sentence"),
    [
        (
            lambda t: t.delay_s("b", "q"),
            "the table of cell x has no delay from b to q; it has a to q",
        ),
        (
            lambda t: t.delay_s("a", "q", load="branch"),
            "the table of cell x has no load 'branch' from a to q; it has jtl, merger",
        ),
        (
            lambda t: t.delay_s("a", "q", driver="merger"),
            "the table of cell x has no driver 'merger' from a to q; it has splitter",
        ),
        (
            lambda t: t.delay_s("a", "q", bias=1.3),
            "the table of cell x covers bias ratios 0.9 to 1.2, not 1.3",
        ),
        (
            lambda t: t.spacing_s("a", "b"),
            "the table of cell x has no spacing of a to b; it has a to a",
        ),
        (lambda t: t.energy_J("b"), "the table of cell x has no event 'b'; it has 'a -> q'"),
    ],
)
def test_what_is_not_there_is_named(table, ask, sentence):
    with pytest.raises(ConfigurationError, match=f"^{re.escape(sentence)}$"):
        ask(table)


def test_garbled_table_is_named(tmp_path):
    path = tmp_path / "x.toml"
    path.write_text(TABLE.replace("junctions = 3\n", ""))
    with pytest.raises(ConfigurationError, match=r"x\.toml: a cell's table lacks or garbles"):
        read_table(path)
    path.write_text("[table]\nformat = 99\n")
    with pytest.raises(ConfigurationError, match=r"x\.toml: not a cell's table of format 2$"):
        read_table(path)


def test_tables_are_found_by_content_and_not_by_name(tmp_path):
    """A process of the library's name and other numbers has no tables, until it has its own."""
    plain, library = load_process(), CellLibrary()
    cells = [library.cell(name) for name in ("jtl", "splitter", "merger")]
    jtl = cells[0]

    def found(process):
        return find_tables(process, {"jtl": content_digest(process, jtl, cells)})

    assert set(found(plain)) == {"jtl"}
    renamed = dataclasses.replace(plain, name="mine", title="", origin="")
    assert set(found(renamed)) == {"jtl"}, "a name says nothing of what was measured"
    other = dataclasses.replace(plain, ic_rs=0.9 * plain.ic_rs, origin=str(tmp_path / "p.toml"))
    assert other.name == "sfq5ee"
    assert found(other) == {}
    folder = tmp_path / "tables" / "sfq5ee"
    folder.mkdir(parents=True)
    digest = content_digest(other, jtl, cells)
    (folder / "jtl.toml").write_text(TABLE.replace('"01"', f'"{digest}"'))
    assert found(other)["jtl"].period_s == pytest.approx(8e-12)
    assert found(plain)["jtl"].period_s != found(other)["jtl"].period_s


def test_committed_tables_hold_the_librarys_cells():
    process = load_process("sfq5ee")
    found = [read_table(path) for path in table_files(process)]
    tables = {
        table.cell: table
        for table in found
        if (table.process, table.bias) == (process.name, "ideal")
    }
    assert {"jtl", "splitter", "merger", "branch", "decision", "neuron16"} <= set(tables)
    for table in tables.values():
        assert table.bias_low < 1 < table.bias_high
        for arc in table.arcs:
            assert arc.least_s <= arc.nominal_s <= arc.most_s
            ratios = [r for r, _ in arc.by_bias_s]
            assert ratios == sorted(ratios)
            assert 1.0 in ratios
            # Every cell is faster with more bias; what a flip-flop and an escape drive changes too.
            times = [d for _, d in arc.by_bias_s]
            assert times == sorted(times, reverse=True) or table.cell in ("sfq_dc", "escape")

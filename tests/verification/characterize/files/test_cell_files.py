"""A cell's files are read again as the cell they were written from."""

from __future__ import annotations

import pytest

from netlist_gen.circuit.elements import CurrentSource
from verification.characterize.files.cell_files import cell_table, write_cell
from verification.characterize.files.summary import Characterization
from verification.characterize.optimize.result import with_factors
from verification.characterize.subject.subject import load_subject


def values(cell):
    """Elements without the spelling of inner nets, which readers write in capitals."""
    found = {}
    for e in cell.elements:
        ends = (getattr(e, side, "") for side in ("plus", "minus", "first", "second"))
        nets = [n if n in cell.ports else n.upper() for n in ends]
        number = next(getattr(e, f) for f in ("area", "value", "k") if hasattr(e, f))
        role = e.role if isinstance(e, CurrentSource) else None
        found[e.name.upper()] = (type(e), nets, pytest.approx(number, rel=1e-8), role)
    return found


@pytest.mark.parametrize("name", ["dff", "splitter", "decision", "dc_sfq", "sfq_dc", "branch"])
def test_files_are_read_again(cut, tmp_path, name):
    bench = cut(name).bench
    subject = with_factors(bench, {}, f"{name}_optimized")
    result = Characterization.__new__(Characterization)
    object.__setattr__(result, "optimized", None)
    table, netlist = write_cell(subject, result, tmp_path)
    assert (table.name, netlist.name) == (f"{name}_optimized.toml", f"{name}_optimized.cir")
    again = load_subject(str(table), subject.process)
    assert values(again.cell) == values(subject.cell)
    assert again.cell.ports == subject.cell.ports
    assert (again.inputs, again.outputs, again.clock) == (
        subject.inputs, subject.outputs, subject.clock
    )  # fmt: skip
    assert again.turning == subject.turning
    assert [e.name for e in again.elements] == [e.name for e in subject.elements]
    assert [e.value for e in again.elements] == pytest.approx(
        [e.value for e in subject.elements], rel=1e-8
    )
    for read, wrote in zip(again.cases, subject.cases, strict=True):
        assert read.name == wrote.name
        assert dict(read.settings) == pytest.approx(dict(wrote.settings), rel=1e-8)
        for a, b in zip(read.steps, wrote.steps, strict=True):
            assert (a.inputs, a.expect, a.runs) == (b.inputs, b.expect, b.runs)
            assert a.time_s == pytest.approx(b.time_s, abs=1e-20)
    assert again.levels.keys() == subject.levels.keys()
    for port, level in subject.levels.items():
        for field in ("high", "width", "edge"):
            assert getattr(again.levels[port], field) == pytest.approx(getattr(level, field))
    model = subject.process.model
    assert again.process.model.capacitance == pytest.approx(model.capacitance, rel=1e-8)


def test_a_title_with_quotes_is_one_text(own_cell):
    subject = load_subject(str(own_cell(('name = "DFF"', 'name = "DFF"\ntitle = "a \\"b\\" µ"'))))
    assert 'title = "a \\"b\\" µ"' in cell_table(subject, "dff.cir", [])

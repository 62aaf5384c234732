"""Tables of extracted values: units, both separators, and every line that is refused."""

from __future__ import annotations

import hashlib

import pytest

from netlist_gen.circuit.elements import Coupling, CurrentSource, Inductor, Junction, Resistor
from netlist_gen.errors import ConfigurationError
from netlist_gen.library.annotations import read_annotations
from netlist_gen.library.process import load_process


@pytest.fixture
def read(tmp_path):
    process = load_process("sfq5ee")

    def reader(text: str | bytes):
        path = tmp_path / "t.csv"
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return read_annotations(path, process)

    return reader


def test_units(read):
    text = (
        "# by an extractor\n\nelement,value,unit\nLA,15.9,pH\nLB,15900,fH\nB1,250,uA\nB2,2.5,area\n"
        'IB,0.175,mA\nRB,2743.6,mohm\nKA,-0.42,1\n"L*",2.1,\n'
    )
    found = read(text)
    one, other, b1, b2, ib, rb, ka, any_kind = (s.values for s in found.settings)
    assert one == {Inductor: 15.9e-12}
    assert other[Inductor] == 15.9e-12
    assert b1 == {Junction: pytest.approx(2.5, rel=1e-12), CurrentSource: 250e-6}
    assert b2 == {Junction: 2.5}
    # Amperes are of junctions and of sources: what is named decides.
    assert ib == {CurrentSource: 175e-6, Junction: pytest.approx(1.75, rel=1e-12)}
    assert rb == {Resistor: 2.7436}
    assert ka == {Coupling: -0.42}
    assert any_kind == {
        Inductor: 2.1e-12, Junction: pytest.approx(0.021), CurrentSource: 2.1e-6, Resistor: 2.1,
        Coupling: 2.1,
    }  # fmt: skip
    assert found.sha256 == hashlib.sha256(text.encode()).hexdigest()
    assert found.note == f"annotated by a table of 8 lines, SHA-256 {found.sha256}"
    assert found.settings[0].where.endswith("t.csv, line 4")


def test_tabs_windows_lines_and_a_byte_order_mark(read):
    found = read(b"\xef\xbb\xbfelement\tvalue\r\nLST.XS0.XL0N0\t15.9\r\n")
    assert [s.target for s in found.settings] == ["LST.XS0.XL0N0"]


@pytest.mark.parametrize("sign", ["\u2028", "\x85", "\x0c", "\x1c"])
def test_a_comment_ends_where_its_line_does(read, sign):
    found = read(f"element,value,unit\n# by A{sign}jtl:LA,9,pH\nsplitter:LA,0.65,pH\n")
    assert [s.target for s in found.settings] == ["splitter:LA"]


def test_two_reads_of_one_file_are_the_same(read):
    one, again = read("element,value\nLA,1"), read("element,value\nLA,1")
    assert len({one, again, read("element,value\nLA,2")}) == 2


NEEDED = (
    "LST.XS00.XL0N0 (innermost first, with dots), a pattern with * and ?, or cell:element is needed"
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "{f}, line 1: the header is ''; 'element,value' or 'element,value,unit' is needed "
         "(commas or tabs)"),
        ("name,value\nLA,1", "{f}, line 1: the header is 'name,value'; 'element,value' or "
         "'element,value,unit' is needed (commas or tabs)"),
        ("element,value\n", "{f}: the table has no line; one value at least is needed"),
        ("element,value\nLA", "{f}, line 2: 'LA' has 1 columns; the header has 2"),
        ("element,value\nLA,1,pH", "{f}, line 2: 'LA,1,pH' has 3 columns; the header has 2"),
        ('element,value\n"LA,1', "{f}, line 2: '\"LA,1' is no row (unexpected end of data)"),
        ("element,value\nLA|XC,1", f"{{f}}, line 2: 'LA|XC' is no element; {NEEDED}"),
        ("element,value\nLA .end,1", f"{{f}}, line 2: 'LA .end' is no element; {NEEDED}"),
        ("element,value\na:b:LA,1", f"{{f}}, line 2: 'a:b:LA' is no element; {NEEDED}"),
        ("element,value\nLA,2p", "{f}, line 2: LA has the value '2p'; a finite number is needed"),
        ("element,value\nLA,\u0663", "{f}, line 2: LA has the value '\u0663'; a finite number is "
         "needed"),
        ("element,value\nLA,nan", "{f}, line 2: LA has the value 'nan'; a finite number is needed"),
        ("element,value\nLA,1e999",
         "{f}, line 2: LA has the value '1e999'; a finite number is needed"),
        ("element,value,unit\nLA,1,F", "{f}, line 2: LA has the unit 'F'; allowed are pH, fH, nH, "
         "H, uA, nA, mA, A, area, ohm, mohm, kohm, 1"),
    ],
)  # fmt: skip
def test_what_is_refused(read, tmp_path, text, message):
    with pytest.raises(ConfigurationError) as error:
        read(text)
    assert str(error.value) == message.replace("{f}", str(tmp_path / "t.csv"))


def test_files_that_are_none(read, tmp_path):
    process = load_process("sfq5ee")
    with pytest.raises(
        ConfigurationError, match=rf"^{tmp_path}: can't be read \(Is a directory\)$"
    ):
        read_annotations(tmp_path, process)
    with pytest.raises(ConfigurationError, match=r"/none: can't be read \(No such file or direct"):
        read_annotations(tmp_path / "none", process)
    with pytest.raises(ConfigurationError, match=r"t\.csv: not a text in UTF-8 \('utf-8' codec "):
        read(b"element,value\n\xff,1")

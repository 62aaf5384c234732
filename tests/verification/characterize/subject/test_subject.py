"""Library cells, neurons and a user's own subcircuit become subjects; wrong ones are named."""

from __future__ import annotations

import re

import pytest

from netlist_gen.circuit.table_neuron import table_neuron
from netlist_gen.errors import ConfigurationError, DeckError
from netlist_gen.library.cells import CellLibrary
from netlist_gen.library.process import load_process
from netlist_gen.library.splitters import SMALL_CELLS
from verification.characterize.subject.neuron import neuron_windows
from verification.characterize.subject.subject import load_subject, subject_names


def test_every_library_cell_and_neuron_is_a_subject(library):
    names = subject_names(library)
    assert {"jtl", "splitter", "merger", "branch", "decision", "neuron8", "neuron64"} <= set(names)
    small = CellLibrary(load_process(splitters="by-load"))
    assert set(library.descriptions) - set(SMALL_CELLS) <= set(names)
    assert set(names) | set(SMALL_CELLS) == set(subject_names(small))


def test_own_cell_is_read_with_its_parameters_and_nested_subcircuit(own_cell):
    path = own_cell()
    assert len(path.read_text().splitlines()) < 20
    subject = load_subject(str(path))
    cell = subject.cell
    assert cell.ports == ("a", "clk", "q")
    assert len(cell.junctions()) == 4
    values = {e.name: getattr(e, "value", None) for e in cell.elements}
    assert values["LST"] == pytest.approx(8e-12)
    assert subject.process.model.capacitance == pytest.approx(0.07e-12)


def test_ports_can_be_renamed(own_cell):
    path = own_cell(
        ('netlist = "dff.cir"', 'netlist = "dff.cir"\nports = ["d", "t", "out"]'),
        ('inputs = ["a", "clk"]', 'inputs = ["d", "t"]'),
        ('outputs = ["q"]', 'outputs = ["out"]'),
        ('clock = "clk"', 'clock = "t"'),
        ('["a", "clk -> q", "clk", "a", "clk -> q"]', '["d", "t -> out"]'),
    )
    assert load_subject(str(path)).cell.ports == ("d", "t", "out")


def test_capitals_of_ports_make_no_difference(own_cell):
    path = own_cell(
        ('inputs = ["a", "clk"]', 'inputs = ["A", "Clk"]'),
        ('outputs = ["q"]', 'outputs = ["Q"]'),
        ('clock = "clk"', 'clock = "CLK"\nelements = ["R RX A 0 1e6"]'),
        ('["a", "clk -> q", "clk", "a", "clk -> q"]', '["a", "CLK -> Q", "clk", "A", "Clk -> q"]'),
    )
    subject, same = load_subject(str(path)), load_subject(str(own_cell()))
    assert (subject.inputs, subject.outputs, subject.clock) == (("a", "clk"), ("q",), "clk")
    assert subject.cases == same.cases
    assert subject.elements[0].plus == "a"


def test_a_port_does_not_take_the_name_of_a_net_inside(own_cell):
    path = own_cell(
        ('netlist = "dff.cir"', 'netlist = "dff.cir"\nports = ["d", "t", "ST"]'),
        netlist=(("LST 1 2 L", "LST 1 st L"), ("BST 2 0", "BST st 0")),
    )
    sentence = (
        f"{path}: [cell] ports names ST, which is a net inside the cell; name the port otherwise"
    )
    with pytest.raises(ConfigurationError, match=f"^{re.escape(sentence)}$"):
        load_subject(str(path))


def test_control_currents_are_named(own_cell):
    path = own_cell(('name = "DFF"', 'name = "DFF"\nflux = ["ist"]'))
    roles = {
        e.name: e.role.value for e in load_subject(str(path)).cell.elements if hasattr(e, "role")
    }
    assert roles == {"IIN": "bias", "IST": "flux", "ICK": "bias"}


def test_a_file_without_model_takes_the_processs(own_cell):
    model = ".model jj1 jj(rtype=1, vg=2.8mV, cap=0.07pF, r0=160, rn=16, icrit=0.1mA)\n"
    path = own_cell(netlist=((model, ""), ("jj1", "jjmit")))
    assert load_subject(str(path)).process.model.name == "jjmit"


@pytest.mark.parametrize(
    ("replaced", "sentence"),
    [
        (
            ('name = "DFF"', 'name = "TFF"'),
            "{dir}/dff.cir: there is no subcircuit TFF; the file has shunted, DFF",
        ),
        (
            ('outputs = ["q"]', 'outputs = ["z"]'),
            "{dir}/dff.toml: [bench]: 'z' is no port of the cell; it has a, clk, q",
        ),
        (
            ('clock = "clk"', 'clok = "clk"'),
            "{dir}/dff.toml: [bench] may hold cases, clock, elements, inputs, levels, "
            "outputs, spacing_ps, stimulus, turning; found clok",
        ),
        (
            ('clock = "clk"', "levels = {q = {}}"),
            "{dir}/dff.toml: [bench]: levels names 'q'; a level is a table of one of the inputs, "
            "a, clk",
        ),
        (
            ('clock = "clk"', "levels = {a = {low = 1}}"),
            "{dir}/dff.toml: [bench]: levels.a may hold edge, high, width; found low",
        ),
        (
            (
                'clock = "clk"',
                'levels.a.high = {value = 1000, unit = "uA", source = "x"}\n'
                'levels.a.width = {value = 5, unit = "ps", source = "x"}\n'
                'levels.a.edge = {value = 6, unit = "ps", source = "x"}',
            ),
            "{dir}/dff.toml: [bench]: levels.a is 0.001 A for 5e-12 s with edges of 6e-12 s; the "
            "current must be positive and an edge not longer than the width",
        ),
        (
            ('clock = "clk"', 'clock = "q"'),
            "{dir}/dff.toml: [bench]: clock is 'q'; it must be one of the inputs",
        ),
        (
            ('clock = "clk"', "spacing_ps = 2"),
            "{dir}/dff.toml: [bench]: spacing_ps is 2; it must be at least 10, and at most 10000",
        ),
        (
            ('clock = "clk"', 'elements = ["C CX q 0 1e-12"]'),
            "{dir}/dff.toml: [bench]: 'C CX q 0 1e-12' is no element; write 'R NAME PORT 0 OHM', "
            "'L NAME PORT PORT HENRY' or 'I NAME 0 PORT AMPERE bias' (or flux)",
        ),
        (
            ('clock = "clk"', 'elements = ["R RX q 0 1k"]'),
            "{dir}/dff.toml: [bench]: '1k' is no number; write one, or arithmetic in {{{{ }}}}",
        ),
        (
            ('clock = "clk"', "elements = [\"R RX q 0 {{ ''.__class__ }}\"]"),
            "{dir}/dff.toml: [bench]: \"R RX q 0 {{{{ ''.__class__ }}}}\" is no number: "
            "\"''.__class__\" has no meaning; allowed are numbers, + - * / ** ( ) and phi0",
        ),
        (
            ('clock = "clk"', 'elements = ["I IX 0 q {{ rules.offset }} bias"]'),
            "{dir}/dff.toml: [bench]: 'I IX 0 q {{{{ rules.offset }}}} bias' is no number: "
            "'rules.offset' has no meaning; allowed are numbers, + - * / ** ( ) and phi0",
        ),
        (
            ('clock = "clk"', "clock = []"),
            "{dir}/dff.toml: [bench]: clock is []; it must be one of the inputs",
        ),
        (
            ('clock = "clk"', "spacing_ps = inf"),
            "{dir}/dff.toml: [bench]: spacing_ps is inf; it must be at least 10, and at most 10000",
        ),
        (
            ('clock = "clk"', "spacing_ps = true"),
            "{dir}/dff.toml: [bench]: spacing_ps is True; it must be at least 10, and at most "
            "10000",
        ),
        (
            ('clock = "clk"', "elements = 3"),
            "{dir}/dff.toml: [bench]: elements must be a list of at most 500, not 3",
        ),
        (
            ('clock = "clk"', "elements = [3]"),
            "{dir}/dff.toml: [bench]: 3 is no element; write 'R NAME PORT 0 OHM', 'L NAME PORT "
            "PORT HENRY' or 'I NAME 0 PORT AMPERE bias' (or flux)",
        ),
        (
            ('clock = "clk"', 'elements = ["R RX q other 1"]'),
            "{dir}/dff.toml: [bench]: element RX is at 'other'; its nodes are ports of the cell "
            "(a, clk, q) and 0",
        ),
        (
            ('clock = "clk"', 'elements = ["R VX q 0 1"]'),
            "{dir}/dff.toml: [bench]: the element R is called 'VX'; its name must begin with R, "
            "and have letters, digits and _",
        ),
        (
            ('clock = "clk"', 'elements = ["R R; q 0 1"]'),
            "{dir}/dff.toml: [bench]: the element R is called 'R;'; its name must begin with R, "
            "and have letters, digits and _",
        ),
        (
            ('clock = "clk"', 'elements = ["R RX q 0 nan"]'),
            "{dir}/dff.toml: [bench]: 'nan' is no number; write one, or arithmetic in {{{{ }}}}",
        ),
        (
            ('clock = "clk"', 'elements = ["R RX q 0 0"]'),
            "{dir}/dff.toml: [bench]: the value of RX is 0; it must be positive",
        ),
        (
            ('clock = "clk"', f'elements = ["{"{{" * 300}"]'),
            f"{{dir}}/dff.toml: [bench]: '{'{{' * 56}... has 600 characters; at most 500 are "
            "allowed",
        ),
        (
            ('clock = "clk"', 'elements = ["R RX q 0 {{ 9**(9**9) }}"]'),
            "{dir}/dff.toml: [bench]: 'R RX q 0 {{{{ 9**(9**9) }}}}' is no number: it has no "
            "value: Numerical result out of range",
        ),
        (
            ('outputs = ["q"]', 'outputs = ["q", "q"]'),
            "{dir}/dff.toml: [bench]: q stands twice among inputs and outputs",
        ),
        (
            ('outputs = ["q"]', 'outputs = "q"'),
            "{dir}/dff.toml: [bench]: outputs must be a list of ports, not 'q'",
        ),
        (
            ('stimulus = ["a"', 'cases = []\nturning = ["a"'),
            "{dir}/dff.toml: [bench]: cases is empty; give at least one",
        ),
        (
            ('stimulus = ["a"', 'cases = {}\nturning = ["a"'),
            "{dir}/dff.toml: [bench]: cases must be a list of at most 500, not {{}}",
        ),
        (
            ('stimulus = ["a"', 'cases = [3]\nturning = ["a"'),
            "{dir}/dff.toml: [bench] may hold name, set, stimulus; found 3",
        ),
        (
            ('stimulus = ["a"', 'cases = [{ stimulus = ["a"], set = 3 }]\nturning = ["a"'),
            "{dir}/dff.toml: [bench]: set must be a table of current sources, not 3",
        ),
        (
            ('stimulus = ["a"', 'cases = [{ stimulus = 3 }]\nturning = ["a"'),
            "{dir}/dff.toml: [bench]: stimulus must be a list of steps, at most 500",
        ),
        (
            ('stimulus = ["a"', 'cases = [{ stimulus = ["a"], name = 3 }]\nturning = ["a"'),
            "{dir}/dff.toml: [bench]: the name of a case is 3; it must be one line of at most 300 "
            "printable characters",
        ),
        (
            (
                'stimulus = ["a"',
                'cases = [{ stimulus = ["a"] }, { stimulus = ["a"] }]\nturning = ["a"',
            ),
            "{dir}/dff.toml: [bench]: two cases are called ''; each needs a name of its own",
        ),
        (
            ('stimulus = ["a"', 'stimulus = [3, "a"'),
            "{dir}/dff.toml: [bench]: 3 is no step; write e.g. 'a -> q', or '45: clk -> q' with a "
            "time in ps",
        ),
        (
            ('stimulus = ["a"', f'stimulus = ["{" " * 30_000}", "a"'),
            f"{{dir}}/dff.toml: [bench]: '{' ' * 56}... is no step; write e.g. 'a -> q', or '45: "
            "clk -> q' with a time in ps",
        ),
        (
            ('stimulus = ["a"', 'stimulus = ["999999: a"'),
            "{dir}/dff.toml: [bench]: step '999999: a' comes at 999999 ps; at most 100000 ps are "
            "allowed",
        ),
        (
            ('name = "DFF"', 'name = "DFF\\n.control"'),
            "{dir}/dff.toml: [cell] name is 'DFF\\n.control'; a name has letters, digits and _, "
            "begins with no digit, and has at most 80 characters",
        ),
        (
            ('name = "DFF"', 'name = "DFF"\ntitle = 3'),
            "{dir}/dff.toml: [cell] title is 3; it must be one line of at most 300 printable "
            "characters",
        ),
        (
            ('name = "DFF"', 'name = "DFF"\nports = ["a", "b c", "q"]'),
            "{dir}/dff.toml: [cell] a name of ports is 'b c'; a name has letters, digits and _, "
            "begins with no digit, and has at most 80 characters",
        ),
        (
            ('name = "DFF"', 'name = "DFF"\nports = ["a", "a", "q"]'),
            "{dir}/dff.toml: [cell] ports names one twice: a, a, q",
        ),
        (
            ('name = "DFF"', 'name = "DFF"\nport = ["a"]'),
            "{dir}/dff.toml: [cell] may hold flux, name, netlist, ports, title; found 'port'",
        ),
        (
            ('name = "DFF"', 'name = "DFF"\nflux = ["IXX"]'),
            "{dir}/dff.toml: [cell] flux names 'IXX'; the current sources of the cell are IIN, "
            "IST, ICK",
        ),
        (
            ('name = "DFF"', 'name = "DFF"\nflux = "IIN"'),
            "{dir}/dff.toml: [cell] flux must be a list of current sources, not 'IIN'",
        ),
        (
            ('netlist = "dff.cir"', 'netlist = "a\\u0000b"'),
            "{dir}/dff.toml: [cell] netlist is 'a\\x00b', no file",
        ),
        (
            ('netlist = "dff.cir"', 'netlist = "/dev/zero"'),
            "/dev/zero: can't be read (it is a device; an ordinary file is needed)",
        ),
        (
            ('netlist = "dff.cir"', 'netlist = "none.cir"'),
            "{dir}/none.cir: can't be read (No such file or directory)",
        ),
    ],
)
def test_wrong_descriptions_are_named(own_cell, replaced, sentence):
    path = own_cell(replaced)
    wanted = re.escape(sentence.format(dir=path.parent))
    with pytest.raises((ConfigurationError, DeckError), match=f"^{wanted}$"):
        load_subject(str(path))


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (
            "LQ 2 q 3p",
            "LQ 2 q; 3p",
            "{dir}/dff.cir: 'q;' is a port of subcircuit DFF; here a name may have letters, digits "
            "and _, and at most 200 characters",
        ),
        (
            ".model jj1 jj(rtype=1, vg=2.8mV",
            ".model jj1 jj(rtype=1, vg=0",
            "{dir}/dff.cir: model JJ1 has a value that is not positive and finite; vg, delv, "
            "icrit, r0, rn and cap must be",
        ),
    ],
)
def test_names_and_models_of_a_netlist_are_checked(own_cell, old, new, sentence):
    pairs = ((old, new), (" q\n", " q;\n")) if "q;" in new else ((old, new),)
    path = own_cell(netlist=pairs)
    wanted = re.escape(sentence.format(dir=path.parent))
    with pytest.raises(DeckError, match=f"^{wanted}$"):
        load_subject(str(path))


def test_elements_a_cell_cannot_hold_are_named(own_cell):
    path = own_cell(netlist=(("LQ 2 q 3p", "LQ 2 q 3p\nVX 2 0 pwl(0 0 1p 1m)"),))
    with pytest.raises(DeckError, match=r"dff\.cir: VX can't be part of a cell; it may hold "):
        load_subject(str(path))


def test_numbers_may_be_arithmetic(own_cell):
    path = own_cell(
        ('clock = "clk"',
         'elements = ["R RX q 0 {{ (3 + 1) / 2 }}", "I IX 0 q {{ phi0 / 1e-11 }} flux"]'),
        ('stimulus = ["a", "clk -> q", "clk", "a", "clk -> q"]',
         '[[bench.cases]]\nstimulus = ["a", "clk -> q"]\nset = { IX = "{{ 2 * phi0 / 1e-11 }}" }'),
    )  # fmt: skip
    subject = load_subject(str(path))
    resistor, source = subject.elements
    assert resistor.value == 2.0
    assert source.value == pytest.approx(2.0678e-4, rel=1e-4)
    assert subject.cases[0].settings == (("IX", 2 * source.value),)


def test_unknown_cell_is_named():
    with pytest.raises(
        ConfigurationError, match=r"^no cell 'xor'; there are branch, clock_splitter, "
    ):
        load_subject("xor")


@pytest.mark.parametrize("name", SMALL_CELLS)
def test_cells_of_trees_by_load_are_not_measured_with_the_librarys(name):
    message = (
        f"^the cell '{name}' is in splitter trees by load alone, and is measured with what is "
        "beside it there; give --splitters by-load$"
    )
    with pytest.raises(ConfigurationError, match=message):
        load_subject(name)


@pytest.mark.parametrize("fan_in", [1, 2, 4, 8, 16])
def test_neurons_windows_cover_the_signed_range(fan_in):
    signs, theta = table_neuron(fan_in)
    counts = [sum(signs[i] for i in lines) for lines in neuron_windows(signs, theta)]
    assert min(counts) == -sum(s < 0 for s in signs)
    assert max(counts) == sum(s > 0 for s in signs)
    assert {theta, theta - 1} <= set(counts)

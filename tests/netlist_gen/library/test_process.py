from __future__ import annotations

import math
import re

import pytest

from netlist_gen.constants import PHI0
from netlist_gen.errors import ConfigurationError
from netlist_gen.library.process import load_process, quantity
from netlist_gen.resources import resource_dir


def beta_c(process):
    """Stewart-McCumber parameter 2 pi (IcRs)^2 C / (Ic Phi0) of a shunted junction."""
    per_amp = process.model.capacitance / process.model.critical_current
    return 2 * math.pi * process.ic_rs**2 * per_amp / PHI0


def source_text():
    return (resource_dir("cells") / "process" / "sfq5ee.toml").read_text(encoding="utf-8")


def refuse(tmp_path, old, new):
    """The message for the library's file with one thing changed, without the path."""
    text = source_text()
    assert old in text
    path = tmp_path / "mine.toml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        load_process(str(path))
    return str(caught.value).replace(str(path), "FILE")


def test_the_default_process_in_si():
    process = load_process()
    assert process.name == "sfq5ee"
    assert process.model.critical_current == pytest.approx(1e-4)
    assert process.model.capacitance == pytest.approx(7e-14, rel=1e-9, abs=0)  # 70 fF/um2 on 1 um2
    assert process.model.gap_voltage == pytest.approx(2.8e-3)
    assert process.area(250e-6) == pytest.approx(2.5)
    assert process.shunt_ohm(250e-6) == pytest.approx(2.7436)
    assert beta_c(process) == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize("name", ["sfq5ee", "stp2"])
def test_every_process_of_the_library_loads(name):
    process = load_process(name)
    assert process.name == name
    assert 0.8 < beta_c(process) < 1.1
    path = resource_dir("cells") / "process" / f"{name}.toml"
    assert load_process(str(path)) == process


def test_an_unknown_name_lists_what_there_is():
    message = (
        "no process 'nb90'; the library has sfq5ee, sfq5ee_bare, sfq5ee_opened, stp2, or give a "
        ".toml file"
    )
    with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}$"):
        load_process("nb90")


def test_a_missing_file(tmp_path):
    path = tmp_path / "none.toml"
    message = f"{path}: can't be read (No such file or directory)"
    with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}$"):
        load_process(str(path))


def test_bytes_that_are_not_text(tmp_path):
    path = tmp_path / "bytes.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(
        ConfigurationError, match=rf"^{re.escape(str(path))}: not a text in UTF-8 \(.+\)$"
    ):
        load_process(str(path))


def test_broken_files_are_refused_with_place_and_value(tmp_path):
    assert refuse(tmp_path, "[shunt]", "[shunted]") == (
        "FILE: [shunt] lacks 'ic_rs': it wants { value, unit, source }"
    )
    assert refuse(
        tmp_path, 'unit = "mV", source = "ColdFlux library: IcRs', 'unit = "kg", source = "'
    ) == ("FILE: [shunt]: ic_rs.unit is 'kg'; allowed is mV")
    assert refuse(tmp_path, "value = 160.0", "value = -160.0") == (
        "FILE: [junction] subgap_resistance is -160; it must be positive"
    )
    assert refuse(tmp_path, "value = 160.0", "value = nan") == (
        "FILE: [junction]: subgap_resistance.value is nan, not a finite number"
    )
    assert refuse(tmp_path, "value = 160.0", "value = true") == (
        "FILE: [junction]: subgap_resistance.value is True, not a finite number"
    )
    assert refuse(tmp_path, 'model = "jjmit"', "model = 3") == (
        "FILE: 'model' is missing or not a string"
    )
    assert refuse(tmp_path, 'name = "sfq5ee"', "") == "FILE: 'name' is missing or not a string"
    assert re.fullmatch(
        r"FILE: not a valid TOML file \(.+\)", refuse(tmp_path, "[junction]", "[junction")
    )


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (
            'model = "jjmit"',
            'model = "jjmit\\n.control\\nshell touch PWNED\\n.endc\\n*"',
            "FILE: [junction] model is 'jjmit\\n.control\\nshell touch PWNED\\n.endc\\n*'; a name "
            "has letters, digits and _, begins with no digit, and has at most 80 characters",
        ),
        (
            'name = "sfq5ee"',
            'name = "../sfq5ee"',
            "FILE: [process] name is '../sfq5ee'; a name has letters, digits and _, begins with no "
            "digit, and has at most 80 characters",
        ),
        (
            'title = "MIT-LL',
            'title = "MIT\\nLL',
            "FILE: [process] title is 'MIT\\nLL SFQ5ee, 10 kA/cm2 niobium, externally shunted "
            "ju...; it must be one line of at most 300 printable characters",
        ),
        (
            "value = 160.0",
            f"value = {'9' * 400}",
            f"FILE: [junction]: subgap_resistance.value is {'9' * 57}..., not a finite number",
        ),
        (
            "value = 160.0",
            f"value = 0x{'f' * 5000}",
            "FILE: [junction]: subgap_resistance.value is a int too large to be shown, not a "
            "finite number",
        ),
        (
            'value = 160.0, unit = "ohm"',
            "value = 160.0, unit = []",
            "FILE: [junction]: subgap_resistance.unit is []; allowed is ohm",
        ),
        (
            'value = 160.0, unit = "ohm"',
            'value = 160.0, unit = "mV"',
            "FILE: [junction]: subgap_resistance.unit is 'mV'; allowed is ohm",
        ),
        (
            "[operation]",
            "[operation]\nx = 1\n[[wiring2]]",
            "FILE: [operation] lacks 'supply_voltage': it wants { value, unit, source }",
        ),
        (
            "specific_capacitance = { value = 70.0",
            "specific_capacitance = { value = 1e-320",
            "FILE: [junction] gives a junction of one unit 0 F; it must be positive and finite",
        ),
    ],
)
def test_what_reaches_a_deck_is_checked(tmp_path, old, new, sentence):
    assert refuse(tmp_path, old, new) == sentence


def test_the_digest_is_of_the_values_alone(tmp_path):
    process = load_process()
    path = tmp_path / "mine.toml"
    path.write_text(source_text().replace("sfq5ee", "mine").replace("jjmit", "other"))
    assert load_process(str(path)).digest() == process.digest()
    path.write_text(source_text().replace("value = 70.0", "value = 70.1"))
    changed = load_process(str(path))
    assert changed.name == process.name
    assert changed.digest() != process.digest()


def test_a_number_without_a_source_is_refused():
    table = {"a": {"value": 1, "unit": "uA", "source": " "}}
    with pytest.raises(
        ConfigurationError, match=r"^here: a\.source is empty; say where the number is from$"
    ):
        quantity(table, "a", "here")
    with pytest.raises(
        ConfigurationError,
        match=r"^here: a must be a table of exactly value, unit and source, not 3$",
    ):
        quantity({"a": 3}, "a", "here")


def test_all_numbers_of_the_library_have_sources():
    # Loading reads every number of every cell and process, and refuses one without a source.
    from netlist_gen.library.cells import CellLibrary

    library = CellLibrary()
    assert {"jtl", "splitter", "merger", "branch", "decision"} <= set(library.descriptions)

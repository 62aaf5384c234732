"""Records: keys, units and what is kept out of the JSON."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import pytest

from netlist_gen.errors import ConfigurationError
from netlist_gen.records import Record


@dataclass(frozen=True)
class Pulse(Record):
    """A record with all that a field's metadata may say."""

    port: str
    delay_s: float = field(metadata={"json": "delay_ps", "unit": 1e-12})
    late_s: float | None = field(metadata={"json": "late_ps", "unit": 1e-12})
    note: str | None = field(default=None, metadata={"absent": True})
    steps: int = field(default=0, metadata={"json": None})


def test_a_number_is_written_in_the_unit_of_its_key():
    pulse = Pulse("q", 2.5e-12, None, steps=3)
    assert pulse.to_json() == {"port": "q", "delay_ps": 2.5, "late_ps": None}
    assert Pulse("q", math.nan, 1e-11, "x").to_json() == {
        "port": "q", "delay_ps": None, "late_ps": 10.0, "note": "x",
    }  # fmt: skip


def test_what_was_written_is_read_in_si():
    found = Pulse.from_json({"port": "q", "delay_ps": 2.5, "late_ps": None, "steps": 3}, "f")
    assert found == Pulse("q", pytest.approx(2.5e-12), None)
    with pytest.raises(ConfigurationError, match=r"^f: delay_ps: '2' is not a number$"):
        Pulse.from_json({"port": "q", "delay_ps": "2", "late_ps": None}, "f")


def test_the_schema_has_what_is_written():
    schema = Pulse.schema()
    assert list(schema["properties"]) == ["port", "delay_ps", "late_ps", "note"]
    assert schema["required"] == ["port", "delay_ps", "late_ps"]
    assert schema["properties"]["delay_ps"] == {"type": "number"}


def test_what_no_float_holds_is_no_number():
    shown = "1" + "0" * 36
    with pytest.raises(ConfigurationError, match=rf"^f: delay_ps: {shown}\.\.\. is not a number$"):
        Pulse.from_json({"port": "q", "delay_ps": 10**400, "late_ps": None}, "f")


def test_what_is_nested_too_deep_is_shown_as_such():
    deep: list = []
    for _ in range(100_000):
        deep = [deep]
    message = r"^f: port: a list nested too deep is not a text$"
    with pytest.raises(ConfigurationError, match=message):
        Pulse.from_json({"port": deep, "delay_ps": 1.0, "late_ps": None}, "f")
    while deep:
        (deep,) = deep  # a list so deep can't be freed at once

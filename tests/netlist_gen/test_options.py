"""Options: one dataclass for Python and the command line."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner

from netlist_gen.errors import ConfigurationError
from netlist_gen.options import Options, option, options_of


@dataclass(frozen=True)
class Fruit(Options):
    """Options of a fruit."""

    kinds: tuple[str, ...] = option(("apple",), "Comma list.", flag="--kind")
    count: int | None = option(None, "How many.", least=1)
    weight: float = option(1.0, "Of each.", positive=True)
    share: float = option(0.5, "Of sugar.", positive=True, below=1.0)
    colour: str = option("red", "Of it.", choices=("red", "green"))
    ripe: bool = option(False, "Or not.")
    days: tuple[int, ...] = option((), "A day.", flag="--day", multiple=True)
    place: Path | None = option(None, "Where.", short="-p")
    note: str = "unsaid"


@click.command()
@options_of(Fruit)
def eat(**options):
    click.echo(repr(Fruit(**options)))


@click.command()
@options_of(Fruit, unset=True)
def bite(**options):
    click.echo(repr(options))


def ran(command, *words):
    return CliRunner().invoke(command, words)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"count": "3"}, "--count is '3'; a whole number is needed"),
        ({"count": 3.0}, "--count is 3.0; a whole number is needed"),
        ({"count": True}, "--count is True; a whole number is needed"),
        ({"weight": "2"}, "--weight is '2'; a number is needed"),
        ({"weight": False}, "--weight is False; a number is needed"),
        ({"ripe": "no"}, "--ripe is 'no'; True or False is needed"),
        ({"colour": 3}, "--colour is 3; a text is needed"),
        ({"place": 3}, "--place is 3; a path is needed"),
        ({"kinds": 3}, "--kind is 3; a list, or a text with commas, is needed"),
        ({"days": ["one"]}, "--day is 'one'; a whole number is needed"),
        ({"weight": None}, "--weight is None; a number is needed"),
        ({"ripe": None}, "--ripe is None; True or False is needed"),
        ({"colour": None}, "--colour is None; a text is needed"),
        ({"kinds": None}, "--kind is None; a list, or a text with commas, is needed"),
        ({"kinds": [None]}, "--kind is None; a text is needed"),
        ({"colur": "red"},
         "no option 'colur'; there are kinds, count, weight, share, colour, ripe, days, place, "
         "note"),
    ],
)  # fmt: skip
def test_values_of_another_type_and_names_that_are_none(values, message):
    with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}$"):
        Fruit.of(values)


def test_none_is_for_options_that_may_be_left_open():
    fruit = Fruit.of({"count": None, "place": None})
    assert (fruit.count, fruit.place) == (None, None)


def test_numbers_of_numpy_are_numbers():
    fruit = Fruit.of({"count": np.int64(3), "weight": np.float32(2)})
    assert (type(fruit.count), type(fruit.weight)) == (int, float)
    assert Fruit(weight=2).weight == 2.0


def test_defaults_are_the_same_on_both_ways():
    assert ran(eat).output == f"{Fruit()!r}\n"


def test_all_of_them():
    words = (
        "--kind", "apple,pear", "--count", "3", "--weight", "2", "--share", "0.1", "--colour",
        "green", "--ripe", "--day", "1", "--day", "2", "-p", "shelf",
    )  # fmt: skip
    expected = Fruit(("apple", "pear"), 3, 2.0, 0.1, "green", True, (1, 2), Path("shelf"))
    assert ran(eat, *words).output == f"{expected!r}\n"


def test_only_what_was_given():
    assert ran(bite, "--count", "2", "--day", "5").output == "{'count': 2, 'days': (5,)}\n"


def test_values_are_brought_to_their_types():
    found = Fruit(kinds="pear, plum,pear,", weight=2, place="shelf")
    assert found.kinds == ("pear", "plum")  # each once
    assert isinstance(found.weight, float)
    assert found.place == Path("shelf")
    assert Fruit(kinds=["pear"]).kinds == ("pear",)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"count": 0}, "--count is 0; it must be at least 1"),
        ({"weight": 0}, "--weight is 0; it must be positive and finite"),
        ({"weight": float("nan")}, "--weight is nan; it must be positive and finite"),
        ({"share": 1}, "--share is 1; it must be above 0 and below 1"),
        ({"colour": "blue"}, "--colour is 'blue'; allowed are red, green"),
    ],
)
def test_what_is_not_allowed(values, message):
    with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}$"):
        Fruit(**values)


def test_the_help_says_what_there_is():
    page = ran(eat, "--help").output
    for words in ("--kind TEXT", "[default: apple]", "-p, --place", "[red|green]", "x>=1"):
        assert words in page
    assert "note" not in page


@dataclass(frozen=True)
class Basket(Options):
    """Options that count with others alone."""

    fruits: tuple[str, ...] = option(("apple",), "In it.", flag="--fruit")
    lid: bool = option(False, "Close it.")
    lock: int | None = option(None, "Its number.", needs=("lid",))
    skin: str = option("thin", "Of oranges.", needs=("fruits=orange", "lid"))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"lock": 3}, "--lock counts with --lid alone; give that too"),
        (
            {"skin": "thick"},
            "--skin counts with --fruit orange or --lid alone; give one of them too",
        ),
    ],
)
def test_options_that_change_nothing_without_another_one(values, message):
    with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}$"):
        Basket(**values)


def test_options_with_the_one_that_they_need():
    assert Basket(lock=3, lid=True).lock == 3
    assert Basket(skin="thick", fruits=("apple", "orange")).skin == "thick"
    assert Basket(skin="thick", lid=True).skin == "thick"
    assert Basket(skin="thin").skin == "thin"  # the default asks for nothing

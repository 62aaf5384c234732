"""A TOML file of commands, checked name by name before the first one runs.

[generate]
net = "digits.pt"
inputs = "x.npy"
output = "decks"
dialect = ["josim", "ngspice"]

[[verify]]
net = "digits.pt"
inputs = "x.npy"
output = "run"
timing = true
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from netlist_gen.cli import COMMANDS, cli
from netlist_gen.errors import ConfigurationError
from netlist_gen.files import shown
from netlist_gen.library.toml_file import read_toml
from netlist_gen.suggest import did_you_mean

NOT_HERE = ("run", "completion")
"""Commands that a file can't hold."""


@dataclass(frozen=True)
class Step:
    """A command of a file: its place, and its words without the program's name."""

    place: str
    words: tuple[str, ...]


def read_campaign(path: Path) -> list[Step]:
    """The commands of a file, in its order.

    Raises:
        ConfigurationError: a file that can't be read, a command or a name that there is not, or a
            value of another kind; the message names the place, the value and what is allowed.
    """
    data = read_toml(path)
    if not data:
        raise ConfigurationError(f"{path}: it has no command; a table [verify] would be one")
    steps = []
    for name, found in data.items():
        command = _command(path, name)
        several = isinstance(found, list)
        for number, table in enumerate(found if several else [found], 1):
            place = f"{path}, [{name}]" + (f" number {number}" if several else "")
            if not isinstance(table, dict):
                raise ConfigurationError(f"{place} is {shown(table)}; a table of options is needed")
            words = tuple(_words(command, table, place, path.parent))
            _check(command, name, words, place)
            steps.append(Step(place, (name, *words)))
    return steps


def _check(command: click.Command, name: str, words: tuple[str, ...], place: str) -> None:
    """Have click look at the values, before anything runs."""
    try:
        with command.make_context(name, list(words)):
            pass
    except click.UsageError as error:
        message = " ".join(error.format_message().split())
        raise ConfigurationError(f"{place}: {message}") from None


def _command(path: Path, name: str) -> click.Command:
    allowed = [one for one in COMMANDS if one not in NOT_HERE]
    if name not in allowed:
        hint = did_you_mean(name, allowed) or f"there are {', '.join(allowed)}"
        raise ConfigurationError(f"{path}: there is no command [{name}]; {hint}")
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    return command


def _names(command: click.Command) -> dict[str, click.Parameter]:
    """What a table may name: options without their dashes, arguments by their names."""
    found: dict[str, click.Parameter] = {}
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            long = [flag for flag in parameter.opts if flag.startswith("--")]
            found |= {flag.removeprefix("--"): parameter for flag in long}
        elif parameter.name:
            found[parameter.name] = parameter
    return found


def _words(
    command: click.Command, table: dict[str, Any], place: str, folder: Path
) -> Iterator[str]:
    """The command line of a table: options, then arguments in their order."""
    names = _names(command)
    arguments: dict[str, list[str]] = {}
    for key, value in table.items():
        parameter = names.get(key) or names.get(key.replace("_", "-"))
        if parameter is None:
            hint = did_you_mean(key.replace("_", "-"), names) or f"there are {', '.join(names)}"
            raise ConfigurationError(f"{place}: there is no option {key!r}; {hint}")
        values = _texts(parameter, value, f"{place}, {key}", folder)
        if isinstance(parameter, click.Argument):
            arguments[parameter.name or ""] = values
        elif isinstance(parameter, click.Option):
            yield from _option(parameter, values)
    for parameter in command.params:
        if isinstance(parameter, click.Argument):
            given = arguments.get(parameter.name or "", [])
            if parameter.required and not given:
                raise ConfigurationError(f"{place}: {parameter.name!r} is missing")
            yield from given


def _option(parameter: click.Option, values: list[str]) -> Iterator[str]:
    flag = next(flag for flag in parameter.opts if flag.startswith("--"))
    if parameter.is_flag:
        if values:
            yield flag
    elif parameter.multiple:
        for value in values:
            yield f"{flag}={value}"
    elif values:
        yield f"{flag}={','.join(values)}"


def _texts(parameter: click.Parameter, value: object, place: str, folder: Path) -> list[str]:
    """A value as words; of a flag that is set one, of one that is not none."""
    if isinstance(parameter, click.Option) and parameter.is_flag:
        if not isinstance(value, bool):
            raise ConfigurationError(f"{place} is {shown(value)}; true or false is needed")
        return ["yes"] if value else []
    texts = []
    for one in value if isinstance(value, list) else [value]:
        if isinstance(one, bool) or not isinstance(one, str | int | float):
            raise ConfigurationError(f"{place} is {shown(one)}; a text or a number is needed")
        text = str(one)
        if isinstance(parameter.type, click.Path) and text != "-":
            text = str(folder / text)
        texts.append(text)
    return texts

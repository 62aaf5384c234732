"""Options of a command, spelled once: a frozen dataclass from which click's options are made.

    @dataclass(frozen=True)
    class GenerateOptions(Options):
        dialects: tuple[str, ...] = option(("josim",), "Comma list.", flag="--dialect")
        jobs: int | None = option(None, "Processes that write decks.", least=1)

    @click.command()
    @options_of(GenerateOptions)
    def generate(**options: Any) -> None:
        api.generate(..., **options)

    GenerateOptions(dialects="josim,wrspice", jobs=2)   # from Python, with the same checks

A ``tuple`` is a comma list on the command line (or, ``multiple``, an option given several times)
and any iterable of texts in Python; a ``Path`` may be given as text.
"""

from __future__ import annotations

import dataclasses
import math
import os
import types
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import wraps
from numbers import Integral, Real
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, Union, get_args, get_origin, get_type_hints

from netlist_gen.errors import ConfigurationError

if TYPE_CHECKING:
    import click

_RULE = "option"


@dataclass(frozen=True)
class Rule:
    """What is known of an option beside its type and default.

    Attributes:
        help: one sentence or two.
        flag: on the command line, e.g. ``--scope``; "" where there is none.
        short: a second flag of one letter, or "".
        metavar: how its value is shown in the help.
        least: smallest whole number.
        positive: a number above 0.
        below: a number under this.
        above: with ``below``, a number over this.
        choices: the values that are allowed.
        multiple: given once for each value.
        known: gives values that a shell may complete, where others are allowed too.
        files: whether the name of a file is one of these.
        needs: names of options, without one of which this one would change nothing, or NAME=VALUE
            where that value is needed.
    """

    help: str
    flag: str
    short: str = ""
    metavar: str | None = None
    least: int | None = None
    positive: bool = False
    below: float | None = None
    above: float = 0.0
    choices: tuple[str, ...] = ()
    multiple: bool = False
    known: Callable[[], Iterable[str]] | None = None
    files: bool = False
    needs: tuple[str, ...] = ()


def option(default: Any, help: str, *, flag: str | None = None, **rule: Any) -> Any:
    """A field of ``Options``; ``rule`` are fields of ``Rule``. ``flag`` defaults to the name."""
    return dataclasses.field(default=default, metadata={_RULE: (help, flag, rule)})


_KNOWN: dict[type, dict[str, tuple[Rule, Any]]] = {}


def _rules(cls: type[Options]) -> dict[str, tuple[Rule, Any]]:
    """Rule and type of each field that has a rule."""
    if cls not in _KNOWN:
        _KNOWN[cls] = _read_rules(cls)
    return _KNOWN[cls]


def _read_rules(cls: type[Options]) -> dict[str, tuple[Rule, Any]]:
    hints = get_type_hints(cls)
    found = {}
    for field in dataclasses.fields(cls):
        if _RULE in field.metadata:
            words, flag, rest = field.metadata[_RULE]
            name = f"--{field.name.replace('_', '-')}" if flag is None else flag
            found[field.name] = (Rule(words, name, **rest), hints[field.name])
    return found


@dataclass(frozen=True)
class Options:
    """Base of a command's options: values are brought to their types and checked.

    Raises:
        ConfigurationError: a value that is not allowed, or an option that changes nothing without
            another one; the message names the option.
    """

    def __post_init__(self) -> None:
        for name, (rule, hint) in _rules(type(self)).items():
            value = _converted(getattr(self, name), hint, rule.flag or name)
            object.__setattr__(self, name, value)
            _check(value, rule, rule.flag or name)
        for name, (rule, _) in _rules(type(self)).items():
            if rule.needs and not self._is_default(name) and not any(map(self._has, rule.needs)):
                raise ConfigurationError(
                    f"{rule.flag} counts with {' or '.join(map(self._flag, rule.needs))} alone; "
                    f"give {'that' if len(rule.needs) == 1 else 'one of them'} too"
                )

    def _is_default(self, name: str) -> bool:
        return bool(getattr(self, name) == getattr(type(self), name))

    def _has(self, need: str) -> bool:
        """Whether an option of ``Rule.needs`` is given."""
        name, _, wanted = need.partition("=")
        value = getattr(self, name)
        if not wanted:
            return not self._is_default(name)
        return wanted in (value if isinstance(value, tuple) else (value,))

    def _flag(self, need: str) -> str:
        """An option of ``Rule.needs`` as on the command line, behind what it needs itself."""
        name, _, wanted = need.partition("=")
        rule = _rules(type(self))[name][0]
        return " ".join([*map(self._flag, rule.needs[:1]), rule.flag, wanted]).rstrip()

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """Options by name. Raises ConfigurationError for a name that there is not."""
        known = [field.name for field in dataclasses.fields(cls)]
        for name in values:
            if name not in known:
                raise ConfigurationError(f"no option {name!r}; there are {', '.join(known)}")
        return cls(**values)

    @classmethod
    def among(cls, values: Mapping[str, Any]) -> Self:
        """Its options among those of a command that has others too."""
        return cls(**{f.name: values[f.name] for f in dataclasses.fields(cls) if f.name in values})

    def words(self, leave_out: tuple[str, ...] = ()) -> list[str]:
        """The options as on the command line, without defaults; of a path its name alone."""
        defaults = {field.name: field.default for field in dataclasses.fields(self)}
        found = []
        for name, (rule, _) in _rules(type(self)).items():
            value = getattr(self, name)
            if rule.flag and name not in leave_out and value != defaults[name]:
                found += _words(rule, value)
        return found


def _words(rule: Rule, value: Any) -> list[str]:
    """An option as it is written on the command line."""
    if isinstance(value, bool):
        return [rule.flag] if value else []
    if rule.multiple:
        return [word for one in value for word in (rule.flag, str(one))]
    if isinstance(value, tuple):
        return [rule.flag, ",".join(map(str, value))]
    return [rule.flag, Path(value).name if isinstance(value, Path) else f"{value}"]


def values_of(cls: type[Options], words: Mapping[str, str], name: str) -> dict[str, Any]:
    """Values of options from texts: by the option's name on the command line, without dashes.

    The parts of a list are joined by +.

    Args:
        cls: whose options.
        words: text by name.
        name: of what the texts were given to, for messages.

    Raises:
        ConfigurationError: an unknown name, or a text that is no value of it.
    """
    known = {
        rule.flag.lstrip("-"): (field, rule, hint)
        for field, (rule, hint) in _rules(cls).items()
        if rule.flag
    }
    found = {}
    for word, text in words.items():
        if word not in known:
            raise ConfigurationError(f"{name} names {word!r}; there are {', '.join(sorted(known))}")
        field, rule, hint = known[word]
        kind = _kind(hint)
        inner = get_args(_plain(hint))[0] if kind is tuple else kind
        try:
            parts = [inner(part) for part in text.split("+")] if kind is tuple else [inner(text)]
        except ValueError:
            raise ConfigurationError(
                f"{name} {word} is {text!r}; {_KINDS[inner][1]} is needed"
            ) from None
        for part in parts:
            _check(part, rule, f"{name} {word}")
        found[field] = tuple(parts) if kind is tuple else parts[0]
    return found


_KINDS: dict[Any, tuple[Any, str]] = {
    bool: (bool, "True or False"),
    int: (Integral, "a whole number"),
    float: (Real, "a number"),
    str: (str, "a text"),
    Path: ((str, os.PathLike), "a path"),
    tuple: (Iterable, "a list, or a text with commas,"),
}
"""Of the types that options have: what is taken for it in Python, and what it is called."""


def _converted(value: Any, hint: Any, name: str) -> Any:
    if value is None and _plain(hint) is not hint:
        return None
    kind = _kind(hint)
    taken, called = _KINDS.get(kind, (object, ""))
    number = kind in (int, float)
    if not isinstance(value, taken) or (number and isinstance(value, bool)):
        raise ConfigurationError(f"{name} is {value!r}; {called} is needed")
    if kind is tuple:
        parts: Iterable[Any] = value.split(",") if isinstance(value, str) else value
        inner = get_args(_plain(hint))[0]
        plain = (part.strip() if isinstance(part, str) else part for part in parts)
        return tuple(dict.fromkeys(_converted(part, inner, name) for part in plain if part != ""))
    return kind(value) if number or kind in (bool, Path) else value


def _check(value: Any, rule: Rule, name: str) -> None:
    if value is None:
        return
    for one in value if isinstance(value, tuple) else (value,):
        if rule.least is not None and one < rule.least:
            raise ConfigurationError(f"{name} is {one}; it must be at least {rule.least}")
        if rule.positive and rule.below is not None and not rule.above < one < rule.below:
            raise ConfigurationError(
                f"{name} is {one:g}; it must be above {rule.above:g} and below {rule.below:g}"
            )
        if rule.positive and not 0 < one < math.inf:
            raise ConfigurationError(f"{name} is {one:g}; it must be positive and finite")
        if rule.choices and one not in rule.choices:
            raise ConfigurationError(
                f"{name} is {one!r}; allowed are {', '.join(map(str, rule.choices))}"
            )


def _plain(hint: Any) -> Any:
    """The type of a value that is not None."""
    if get_origin(hint) in (Union, types.UnionType):
        (hint,) = (kind for kind in get_args(hint) if kind is not type(None))
    return hint


def _kind(hint: Any) -> type:
    hint = _plain(hint)
    return get_origin(hint) or hint


def options_of(
    cls: type[Options], *, unset: bool = False, leave_out: tuple[str, ...] = ()
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Gives a click command the options of ``cls``, as keyword arguments.

    Args:
        cls: the options.
        unset: only those that were given; the defaults are decided elsewhere.
        leave_out: names of those that the command does not have.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @wraps(command)
        def called(**values: Any) -> None:
            own = {name: values.pop(name) for name in _rules(cls) if name in values}
            if unset:
                own = {k: v for k, v in own.items() if v is not None and v != ()}
            command(**values, **own)

        for name, (rule, hint) in reversed(_rules(cls).items()):
            if rule.flag and name not in leave_out:
                default = next(f.default for f in dataclasses.fields(cls) if f.name == name)
                called = _click_option(name, rule, hint, None if unset else default)(called)
        return called

    return decorate


def _click_option(name: str, rule: Rule, hint: Any, default: Any) -> Callable[..., Any]:
    import click

    kind = _kind(hint)
    flags = [rule.flag, *([rule.short] if rule.short else []), name]
    if kind is bool:
        return click.option(*flags, is_flag=True, default=default, help=rule.help)
    if kind is tuple and not rule.multiple:
        shown = None if default is None else ",".join(map(str, default))
        return click.option(
            *flags, default=shown, show_default=bool(shown), help=rule.help, metavar=rule.metavar,
            shell_complete=completes(rule.known or (lambda: rule.choices), files=rule.files),
        )  # fmt: skip
    inner = get_args(_plain(hint))[0] if kind is tuple else kind
    return click.option(
        *flags,
        type=_click_type(inner, rule),
        multiple=kind is tuple,
        default=() if kind is tuple and default is None else default,
        show_default=default not in (None, ()),
        help=rule.help,
        metavar=rule.metavar,
        shell_complete=completes(rule.known, files=rule.files) if rule.known else None,
    )


def completes(known: Callable[[], Iterable[str]], *, files: bool = False) -> Callable[..., Any]:
    """What completes a value in a shell, for click: the last part of a comma list.

    Args:
        known: the values that there are.
        files: whether files are shown where no value fits.
    """

    def complete(_context: object, _parameter: object, incomplete: str) -> list[Any]:
        from click.shell_completion import CompletionItem

        begin, comma, last = incomplete.rpartition(",")
        given = begin.split(",")
        fitting = [one for one in known() if one.startswith(last) and one not in given]
        if files and not fitting:
            return [CompletionItem(incomplete, type="file")]
        return [CompletionItem(f"{begin}{comma}{one}") for one in fitting]

    return complete


def _click_type(kind: type, rule: Rule) -> click.ParamType[Any]:
    import click

    if rule.choices:
        return click.Choice(list(rule.choices))
    if kind is int and rule.least is not None:
        return click.IntRange(min=rule.least)
    plain = {str: click.STRING, int: click.INT, float: click.FLOAT}
    return plain[kind] if kind in plain else click.Path(path_type=Path)

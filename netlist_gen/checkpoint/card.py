"""What a file holds, and the semantics card: what its numbers mean, stated instead of assumed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from netlist_gen.checkpoint.layout import Parts
from netlist_gen.checkpoint.limits import MOST_TEXT
from netlist_gen.checkpoint.modules import Stack
from netlist_gen.errors import NetworkError
from netlist_gen.network import TernaryNetwork

METADATA_KEY = "netlist_gen"  # where a file's metadata hold what is said of the network
_FROM = "from strict U > threshold: theta = floor(threshold) + 1"
THRESHOLD_RULE = f"fires when n >= theta ({_FROM})"
LASTING_RULE = f"fires when the sum of n over steps, less what pulses take off, >= theta ({_FROM})"
STATED_RULE = THRESHOLD_RULE.replace(_FROM, "stated by the file")
STATED_LASTING_RULE = LASTING_RULE.replace(_FROM, "stated by the file")
LEAKING_RULE = (
    "m = beta m + n from step to step, less what pulses take off; fires when m > theta - 1/2, with "
    "reset 'subtract' when m > theta - 1"
)
_DEEPEST = 64  # levels of JSON; a card has four


@dataclass(frozen=True)
class SemanticsCard:
    """How a checkpoint was read, in the terms that decide whether hardware and software agree.

    Attributes:
        source_format: "snntorch-pt", "npz", "safetensors", "nir" or "onnx".
        threshold_rule: the rule of the file and how it became ``n >= theta``.
        reset: reset rule of the file: "none" for memoryless neurons.
        beta: membrane decay per step of the file; 0 is memoryless, 1 lasts, less than 1 leaks.
        max_steps: None when any number of steps gives the integer model's result; 1 when the
            file's neurons carry state, so that only the first step agrees.
        population: output neurons per class.
        tie_rule: what decides between classes with equally many votes.
        steps: steps for which the network was trained, if the file says so; where membranes last,
            the most that it has room for.
        notes: what was changed on reading (scales, folded biases, ternarisation), in words.
        extra: what the file itself says: configuration, seed, metrics. JSON types only.
    """

    source_format: str
    threshold_rule: str = THRESHOLD_RULE
    reset: str = "none"
    beta: float = 0.0
    max_steps: int | None = None
    population: int = 1
    tie_rule: str = "lowest class"
    steps: int | None = None
    notes: tuple[str, ...] = ()
    extra: Mapping[str, object] = field(default_factory=dict)

    def as_dict(self) -> dict[str, object]:
        """The card in JSON types, in a fixed order."""
        return {**asdict(self), "notes": list(self.notes)}


@dataclass(frozen=True)
class StoredNetwork:
    """What a file holds: a network, ternary already or as modules, and what is said of it.

    Attributes:
        network: in the file's own numbers; parts where the file does not say how they stand.
        extra: what the file says, in JSON types.
        population: as the file states it, not yet checked, or None.
        digest: of the network, as the file states it, not yet checked, or None.
        notes: what was changed on reading already.
    """

    network: TernaryNetwork | Stack | Parts
    extra: Mapping[str, object]
    population: object
    digest: object = None
    notes: tuple[str, ...] = ()


def json_object(text: str, place: str, longest: int = MOST_TEXT) -> dict[str, object] | None:
    """The JSON object that a text is; None where it is JSON of another kind.

    Raises:
        NetworkError: no JSON, too long, nested too deeply, or an object with a name twice.
    """
    if len(text) > longest:
        raise NetworkError(f"{place} has {len(text)} characters; at most {longest} are read")
    try:
        found = json.loads(text, object_pairs_hook=_object_of_names)
    except RecursionError:
        raise NetworkError(f"{place} is nested more than {_DEEPEST} levels deep") from None
    except ValueError as error:  # JSONDecodeError, or a number of more digits than Python reads
        raise NetworkError(f"{place} is not JSON: {error}") from None
    except _TwiceError as error:
        raise NetworkError(f"{place} has the name '{error}' twice in an object") from None
    return json_mapping(found, place) if isinstance(found, dict) else None


def json_mapping(found: Mapping[Any, object], place: str) -> dict[str, object]:
    """The same in JSON types, tuples as lists.

    Raises:
        NetworkError: another type, too many values, or nested too deeply.
    """
    made: dict[str, object] = _in_json_types(found, place, [0], 0)
    return made


def metadata_object(text: str) -> dict[str, object]:
    """What the metadata of a file say; nothing where they are no object."""
    return json_object(text, f"metadata '{METADATA_KEY}'") or {}


class _TwiceError(Exception):
    """A name that an object has twice."""


def _object_of_names(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise _TwiceError(next(name for name in found if names.count(name) > 1))
    return found


def _in_json_types(value: Any, place: str, count: list[int], depth: int) -> Any:
    count[0] += 1
    if depth > _DEEPEST:
        raise NetworkError(f"{place} is nested more than {_DEEPEST} levels deep")
    if count[0] > MOST_TEXT:  # a pickle may hold one list in many places
        raise NetworkError(f"{place} holds more than {MOST_TEXT} values")
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, list | tuple):
        return [_in_json_types(item, place, count, depth + 1) for item in value]
    if isinstance(value, Mapping) and all(type(key) is str for key in value):
        return {k: _in_json_types(v, place, count, depth + 1) for k, v in value.items()}
    raise NetworkError(f"{place} holds a {type(value).__name__}; only what JSON has is allowed")

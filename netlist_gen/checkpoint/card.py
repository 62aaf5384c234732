"""What a file holds, and the semantics card: what its numbers mean, stated instead of assumed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from netlist_gen.checkpoint.real import RealNetwork
from netlist_gen.errors import NetworkError
from netlist_gen.network import TernaryNetwork

METADATA_KEY = "netlist_gen"  # where a file's metadata hold what is said of the network
THRESHOLD_RULE = "fires when n >= theta (from strict U > threshold: theta = floor(threshold) + 1)"


@dataclass(frozen=True)
class SemanticsCard:
    """How a checkpoint was read, in the terms that decide whether hardware and software agree.

    Attributes:
        source_format: "snntorch-pt", "npz", "safetensors" or "nir".
        threshold_rule: the rule of the file and how it became ``n >= theta``.
        reset: reset rule of the file: "none" for memoryless neurons.
        beta: membrane decay per step of the file; 0 is memoryless.
        max_steps: None when any number of steps gives the integer model's result; 1 when the
            file's neurons carry state, so that only the first step agrees.
        population: output neurons per class.
        tie_rule: what decides between classes with equally many votes.
        steps: steps for which the network was trained, if the file says so.
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
    """What a file holds: a network, ternary already or in real numbers, and what is said of it.

    ``extra`` is in JSON types; ``population`` is as the file states it, not yet checked, or None.
    """

    network: TernaryNetwork | RealNetwork
    extra: Mapping[str, object]
    population: object


def json_object(text: str, place: str) -> dict[str, object] | None:
    """The JSON object that a text is; None where it is JSON of another kind."""
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        raise NetworkError(f"{place} is not JSON: {error}") from None
    return found if isinstance(found, dict) else None


def metadata_object(text: str) -> dict[str, object]:
    """What the metadata of a file say; nothing where they are no object."""
    return json_object(text, f"metadata '{METADATA_KEY}'") or {}

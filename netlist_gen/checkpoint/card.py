"""The semantics card: what a checkpoint's numbers mean, stated instead of assumed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

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
    extra: Mapping[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON types, in a fixed order."""
        result = asdict(self)
        result["notes"] = list(self.notes)
        result["extra"] = dict(self.extra)
        return result

    def to_json(self) -> str:
        return json.dumps(self.as_dict(), indent=2, sort_keys=False) + "\n"

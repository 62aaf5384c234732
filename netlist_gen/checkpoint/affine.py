"""A layer of threshold neurons in the real numbers of its file."""

from __future__ import annotations

from dataclasses import dataclass

from netlist_gen.checkpoint.modules import Reals
from netlist_gen.memory import Reset


@dataclass(frozen=True)
class AffineLayer:
    """A fully connected layer and its firing rule, still in real numbers.

    It fires where ``gain * (weights @ x / divisor + bias) + shift > threshold``; ``normed`` says
    that gain and shift are those of a batch norm, ``divisor`` is the number of lines that mean
    pooling took together, ``lasts`` is the reset of membranes that last from step to step, None
    where none does, ``beta`` what is left of such after a step. All vectors have shape (outputs,).
    """

    name: str
    weights: Reals
    bias: Reals
    threshold: Reals
    gain: Reals
    shift: Reals
    normed: bool = False
    divisor: int = 1
    lasts: Reset | None = None
    beta: float = 1.0

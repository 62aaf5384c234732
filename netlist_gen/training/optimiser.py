"""Adam, one compiled pass a parameter, or by what another device has for it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from netlist_gen.training.fused import loop, piece

Part = tuple[Tensor, Tensor, Tensor, Tensor]
"""A parameter, its gradient and its moments, of one shape."""
Constants = tuple[np.float32, ...]
"""Of a step: both decays, its size, the root of the second moment's share, epsilon."""


def adam(parts: Sequence[Part], constants: Constants) -> None:
    """Move parameters and their moments in place, one compiled pass each."""
    for value, gradient, m, v in parts:
        _adam(
            value.view(-1).numpy(), gradient.contiguous().view(-1).numpy(), m.view(-1).numpy(),
            v.view(-1).numpy(), *constants,
        )  # fmt: skip


class Adam:
    """Adam (Kingma and Ba, arXiv 1412.6980) with its usual constants.

    ``move`` changes parameters and moments in place.

    Attributes:
        learning_rate: to be set by a schedule.
    """

    _DECAY = 0.9, 0.999
    _EPSILON = 1e-8

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        learning_rate: float,
        move: Callable[[Sequence[Part], Constants], None] = adam,
    ) -> None:
        self.parameters, self.learning_rate, self.steps = list(parameters), learning_rate, 0
        self._move = move
        self._first = [torch.zeros_like(p) for p in self.parameters]
        self._second = [torch.zeros_like(p) for p in self.parameters]

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for parameter in self.parameters:
            parameter.grad = None

    def step(self) -> None:
        """Move the parameters that have a gradient."""
        own = zip(self.parameters, self._first, self._second, strict=True)
        parts = [(p.detach(), p.grad, m, v) for p, m, v in own if p.grad is not None]
        self._move(parts, self.next_step())

    def move(self, parameter: nn.Parameter, gradient: Tensor, constants: Constants) -> None:
        """Move one parameter by its gradient in the step that has these constants."""
        value, m, v = self.of(parameter)
        self._move([(value, gradient, m, v)], constants)

    def next_step(self) -> Constants:
        """Begin a step."""
        self.steps += 1
        first, second = self._DECAY
        size = self.learning_rate / (1 - first**self.steps)
        root = math.sqrt(1 - second**self.steps)
        return tuple(map(np.float32, (first, second, size, root, self._EPSILON)))

    def of(self, parameter: nn.Parameter) -> tuple[Tensor, Tensor, Tensor]:
        """A parameter and its moments, to be changed in place."""
        index = next(i for i, own in enumerate(self.parameters) if own is parameter)
        return parameter.detach(), self._first[index], self._second[index]

    def state_dict(self) -> dict[str, Any]:
        """What ``load_state_dict`` takes, its tensors on the processor."""
        first, second = ([part.cpu() for part in own] for own in (self._first, self._second))
        return {"steps": self.steps, "first": first, "second": second}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a state."""
        self.steps = state["steps"]
        self._first, self._second = (
            [part.to(p.device) for part, p in zip(state[name], self.parameters, strict=True)]
            for name in ("first", "second")
        )


@piece
def moved(p, m, v, g, first, second, size, root, epsilon):  # type: ignore[no-untyped-def]
    """A parameter and its moments after a step."""
    one, nothing, tiny = np.float32(1.0), np.float32(0.0), np.float32(1e-30)
    mean = m + (one - first) * (g - m)
    # Where a gradient stays away it would fade into subnormal numbers, a hundred times slower.
    mean = mean if abs(mean) > tiny else nothing
    square = second * v + (one - second) * g * g
    square = square if square > tiny else nothing
    return p - size * mean / (np.float32(math.sqrt(square)) / root + epsilon), mean, square


@loop
def _adam(p, g, m, v, first, second, size, root, epsilon):  # type: ignore[no-untyped-def]
    for i in range(p.size):
        p[i], m[i], v[i] = moved(p[i], m[i], v[i], g[i], first, second, size, root, epsilon)

"""Adam, one compiled pass a parameter."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from netlist_gen.training.fused import loop, piece


class Adam:
    """Adam (Kingma and Ba, arXiv 1412.6980) with its usual constants, one pass a parameter.

    Attributes:
        learning_rate: to be set by a schedule.
    """

    _DECAY = 0.9, 0.999
    _EPSILON = 1e-8

    def __init__(self, parameters: Iterable[nn.Parameter], learning_rate: float) -> None:
        self.parameters, self.learning_rate, self.steps = list(parameters), learning_rate, 0
        self._first = [torch.zeros_like(p) for p in self.parameters]
        self._second = [torch.zeros_like(p) for p in self.parameters]

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for parameter in self.parameters:
            parameter.grad = None

    def step(self) -> None:
        """Move the parameters that have a gradient."""
        constants = self.next_step()
        for parameter in self.parameters:
            if parameter.grad is not None:
                self.move(parameter, parameter.grad.contiguous().view(-1).numpy(), constants)

    def next_step(self) -> tuple[np.float32, ...]:
        """Begin a step: both decays, its size, the root of the second moment's share, epsilon."""
        self.steps += 1
        first, second = self._DECAY
        size = self.learning_rate / (1 - first**self.steps)
        root = math.sqrt(1 - second**self.steps)
        return tuple(map(np.float32, (first, second, size, root, self._EPSILON)))

    def of(self, parameter: nn.Parameter) -> tuple[Tensor, Tensor, Tensor]:
        """A parameter and its moments, to be changed in place."""
        index = next(i for i, own in enumerate(self.parameters) if own is parameter)
        return parameter.detach(), self._first[index], self._second[index]

    def move(
        self,
        parameter: nn.Parameter,
        gradient: NDArray[np.float32],
        constants: tuple[np.float32, ...],
    ) -> None:
        """Move a parameter by its gradient (flat) in the step that has these constants."""
        value, m, v = (part.view(-1).numpy() for part in self.of(parameter))
        _adam(value, gradient, m, v, *constants)

    def state_dict(self) -> dict[str, Any]:
        """What ``load_state_dict`` takes."""
        return {"steps": self.steps, "first": self._first, "second": self._second}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a state."""
        self.steps, self._first, self._second = state["steps"], state["first"], state["second"]


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

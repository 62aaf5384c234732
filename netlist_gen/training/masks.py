"""Which synapses exist at each moment of a run: caps per neuron, then global budgets."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from netlist_gen.training.config import TrainingConfig
from netlist_gen.training.cost import CostModel, HardwareCost, LayerLoad, remove_dead
from netlist_gen.training.model import OrPool, TernarySpikingNet
from netlist_gen.training.noise import FluxPerSynapse, needed

_SETTLE_TRIES = 6  # final masks that are tried until the whole circuit keeps its budget
_RESERVE = 1.003  # for what a smaller circuit has less of than in proportion


class MaskPlan:
    """Chooses the masks of all layers for a share of the run.

    The choice is made on the network's own device, which sorts magnitudes many times as fast as
    they are copied; masks go to the host where a circuit is priced.
    """

    def __init__(
        self,
        net: TernarySpikingNet,
        config: TrainingConfig,
        cost_model: CostModel | None,
        flux_per_synapse: FluxPerSynapse | None = None,
    ) -> None:
        self.net, self.config = net, config
        priced = config.max_junctions is not None or config.max_power_w is not None
        self.cost_model = cost_model if priced else None
        self.overhead = 1.0  # the whole circuit over the quick price, once it is known
        self.flux_per_synapse = needed(flux_per_synapse) if net.flux_counts else None
        # Neurons that share one kernel: each kept weight of a convolution is built so often.
        self.copies = [
            math.prod(shape[1:])
            for layer, shape in zip(net.layers, net.shapes[1:], strict=True)
            if not isinstance(layer, OrPool)
        ]
        wanted = zip(net.trained, self.copies, strict=True)
        self.start_synapses = sum(x.cap * len(x.weight) * copies for x, copies in wanted)

    def settle(self) -> None:
        """Set the final masks: a budget of junctions or power is kept by the whole circuit."""
        for _ in range(_SETTLE_TRIES):
            self.update(1.0)
            if self.cost_model is None:
                return
            network = remove_dead(self.net.export())
            exact, quick = self.cost_model.exact(network), self.cost_model.cost(network.layers)
            if self._fits(exact, 1.0):
                return
            self.overhead = _RESERVE * max(
                exact.junctions / quick.junctions, exact.static_power_w / quick.static_power_w
            )

    def update(self, share: float) -> None:
        """Set the masks for ``share`` (0..1) of the run."""
        progress, limit = share / self.config.prune_end, self.config.max_count
        masks = []
        for layer in self.net.trained:
            # Half dense to begin with where weights are ternary: dense rows would all be +-1.
            width = layer.weight[0].numel()
            first = width if self.config.slide_to else width / 2
            cap = round(cubic(progress, max(first, layer.cap), layer.cap))
            most = None if limit is None else round(cubic(progress, max(first, limit), limit))
            masks.append(cap_rows(layer.weight, cap, most))
        for index, wanted in enumerate(self.config.layer_synapses):
            layer, each = self.net.trained[index], wanted / self.copies[index]
            budget = round(cubic(progress, max(layer.weight.numel(), each), each))
            masks[index] = largest(layer.weight, masks[index], budget)
        if self.cost_model is not None or self.config.max_synapses is not None:
            masks = self._within_budget(masks, progress)
        for layer, mask in zip(self.net.trained, masks, strict=True):
            layer.mask.copy_(mask)
        self.update_flux()

    def update_flux(self) -> None:
        """Where noise is in flux, tell each neuron how much of it one synapse has now.

        Neurons that share a kernel share the flux of the whole kernel, the least of them.
        """
        if self.flux_per_synapse is None:
            return
        for layer in self.net.trained:
            up, down = (side.cpu().numpy() for side in layer.sides())
            theta = layer.integer_theta().cpu().numpy().astype(np.int64)
            layer.flux.copy_(torch.from_numpy(self.flux_per_synapse(up, down, theta)))

    def _within_budget(self, masks: list[Tensor], progress: float) -> list[Tensor]:
        most, prices = self.config.max_synapses, self.cost_model
        scores = []
        for layer, mask, copies in zip(self.net.trained, masks, self.copies, strict=True):
            magnitude = layer.weight.detach().abs()
            typical = magnitude[mask].mean() if bool(mask.any()) else magnitude.new_ones(())
            scores.append(magnitude / typical / copies**0.5)
        if most is not None:
            budget = cubic(progress, max(self.start_synapses, most), most)
            masks = prune_to_budget(scores, masks, lambda m: self._synapses(m) <= budget)
        if prices is not None:
            # The budget closes in from what the caps alone would cost.
            relief = cubic(progress, 4.0, 1.0) / self.overhead
            masks = prune_to_budget(
                scores, masks, lambda m: self._fits(prices.cost(self._loads(m)), relief)
            )
        return masks

    def _synapses(self, masks: Sequence[Tensor]) -> float:
        alive = zip(self._alive(masks), self.copies, strict=True)
        return float(sum(int(mask.count_nonzero()) * copies for mask, copies in alive))

    def _alive(self, masks: Sequence[Tensor]) -> list[Tensor]:
        """Masks without neurons that feed nothing: they are not built and cost nothing."""
        result = list(masks)
        for index in range(len(result) - 2, -1, -1):
            after = result[index + 1]
            if result[index].ndim == 2 and after.ndim == 2:
                result[index] = result[index] & after.any(dim=0)[:, None]
        return result

    def _fits(self, cost: HardwareCost, relief: float) -> bool:
        junctions, power = self.config.max_junctions, self.config.max_power_w
        fits = junctions is None or cost.junctions <= junctions * relief
        return fits and (power is None or cost.static_power_w <= power * relief)

    def _loads(self, masks: Sequence[Tensor]) -> list[LayerLoad]:
        """What the circuit would carry with these masks, pooling layers included."""
        return [
            LayerLoad(
                np.count_nonzero(w, axis=1).astype(np.int64),
                np.count_nonzero(w, axis=0).astype(np.int64),
            )
            for w in self.net.unrolled(mask.cpu().numpy() for mask in self._alive(masks))
        ]


def cap_rows(weight: Tensor, cap: int, max_count: int | None = None) -> Tensor:
    """Mask (bool) of the ``cap`` largest magnitudes of each row of (outputs, ...), exactly.

    Of them at most ``max_count`` are positive, and as many negative.
    """
    magnitude = weight.detach().abs().flatten(1)
    if max_count is not None and max_count < magnitude.shape[1]:
        allowed = torch.zeros_like(magnitude, dtype=torch.bool)
        negative = torch.signbit(weight.detach().flatten(1))
        for side in (~negative, negative):
            allowed |= _top(torch.where(side, magnitude, -1.0), max_count) & side
        magnitude = torch.where(allowed, magnitude, -1.0)
    mask = _top(magnitude, cap)
    return (mask & (magnitude >= 0)).reshape(weight.shape)


def largest(weight: Tensor, mask: Tensor, budget: int) -> Tensor:
    """Of a mask (bool) the ``budget`` entries with the largest magnitudes, exactly."""
    if int(mask.count_nonzero()) <= budget:
        return mask
    magnitude = weight.detach().abs().masked_fill_(~mask, -1.0)
    return _top(magnitude.reshape(1, -1), budget).reshape(mask.shape)


def _top(values: Tensor, count: int) -> Tensor:
    """Mask (bool) of the ``count`` largest of each row of (rows, columns), the first of equals."""
    if not count:
        return torch.zeros_like(values, dtype=torch.bool)
    if count >= values.shape[1]:
        return torch.ones_like(values, dtype=torch.bool)
    last = _last_of(values, count)
    kept = values >= last
    # Most often nothing is equal to the last; a GPU would have to be waited for to say so.
    if values.device.type == "cpu" and int(kept.count_nonzero()) == count * len(values):
        return kept
    equal, larger = values == last, values > last
    short = count - larger.count_nonzero(dim=1)
    return larger | (equal & (equal.cumsum(dim=1) <= short[:, None]))


def _last_of(values: Tensor, count: int) -> Tensor:
    """The ``count``-th largest of each row, as a column.

    NumPy's selection is 10 to 100 times as fast as torch's on a processor with AVX-512.
    """
    if values.device.type != "cpu":
        return values.topk(count, dim=1).values[:, -1:]
    at = values.shape[1] - count
    return torch.from_numpy(np.partition(values.numpy(), at, axis=1)[:, at : at + 1])


def prune_to_budget(
    scores: Sequence[Tensor],
    masks: Sequence[Tensor],
    fits: Callable[[Sequence[Tensor]], bool],
) -> list[Tensor]:
    """Drop the lowest scores of all layers together until ``fits(masks)``, by bisection.

    Args:
        scores: one tensor per layer, comparable across layers (magnitude per unit of cost).
        masks: bool, same shapes: what the caps allow.
        fits: says whether a set of masks is within the budget; must hold for empty masks and
            be monotonic (fewer synapses never cost more).
    """
    if fits(masks):
        return list(masks)
    ordered = torch.cat([s[m] for s, m in zip(scores, masks, strict=True)]).sort().values
    low, high = 0, ordered.numel()  # dropping `low` does not fit, dropping `high` does
    while high - low > 1:
        middle = (low + high) // 2
        if fits(_above(scores, masks, ordered[middle - 1])):
            high = middle
        else:
            low = middle
    return _above(scores, masks, ordered[high - 1])


def cubic(progress: float, start: float, end: float) -> float:
    """Gradual pruning schedule of Zhu and Gupta, arXiv 1710.01878: fast first, then gently."""
    share = min(max(progress, 0.0), 1.0)
    return end + (start - end) * (1.0 - share) ** 3


def _above(scores: Sequence[Tensor], masks: Sequence[Tensor], edge: Tensor) -> list[Tensor]:
    return [m & (s > edge) for s, m in zip(scores, masks, strict=True)]

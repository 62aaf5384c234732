"""Which synapses exist at each moment of a run: caps per neuron, then global budgets."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from netlist_gen.training.config import TrainingConfig
from netlist_gen.training.cost import CostModel, HardwareCost, LayerLoad, loads, remove_dead
from netlist_gen.training.model import (
    OrPool,
    TernarySpikingNet,
    TernaryThresholdLayer,
    unroll_convolution,
    unroll_pool,
)
from netlist_gen.training.noise import FluxPerSynapse, needed
from netlist_gen.training.quantise import cap_rows, cubic, prune_to_budget

_SETTLE_TRIES = 6  # final masks that are tried until the whole circuit keeps its budget
_RESERVE = 1.003  # for what a smaller circuit has less of than in proportion


class MaskPlan:
    """Chooses the masks of all layers for a share of the run."""

    def __init__(
        self,
        net: TernarySpikingNet,
        config: TrainingConfig,
        cost_model: CostModel | None,
        flux_per_synapse: FluxPerSynapse | None = None,
    ) -> None:
        self.net, self.config, self.cost_model = net, config, cost_model
        self.overhead = 1.0  # the whole circuit over the quick price, once it is known
        self.flux_per_synapse = needed(flux_per_synapse) if net.flux_counts else None
        # Neurons that share one kernel: each kept weight of a convolution is built so often.
        self.copies = [
            _positions(layer, shape)
            for layer, shape in zip(net.stack, net.input_shapes, strict=True)
            if isinstance(layer, TernaryThresholdLayer)
        ]
        self.start_synapses = float(
            sum(
                min(layer.cap, layer.weight[0].numel()) * layer.weight.shape[0] * copies
                for layer, copies in zip(net.trained, self.copies, strict=True)
            )
        )

    def settle(self) -> None:
        """Set the final masks: a budget of junctions or power is kept by the whole circuit."""
        for _ in range(_SETTLE_TRIES):
            self.update(1.0)
            if self.cost_model is None or not self._is_priced():
                return
            network = remove_dead(self.net.export())
            exact, quick = self.cost_model.exact(network), self.cost_model.cost(loads(network))
            if self._fits(exact, 1.0):
                return
            self.overhead = _RESERVE * max(
                exact.junctions / quick.junctions, exact.static_power_w / quick.static_power_w
            )

    def update(self, share: float) -> None:
        """Set the masks for ``share`` (0..1) of the run."""
        progress = share / self.config.prune_end
        layers = self.net.trained
        masks = []
        for layer in layers:
            width = layer.weight[0].numel()
            # Half dense to begin with: dense ternary rows would all be +-1.
            cap = round(cubic(progress, max(width / 2, layer.cap), layer.cap))
            masks.append(cap_rows(layer.weight, cap, self._max_count(progress, width)))
        if self._has_budget():
            masks = self._within_budget(masks, progress)
        for layer, mask in zip(layers, masks, strict=True):
            layer.set_mask(mask)
        self.update_flux()

    def update_flux(self) -> None:
        """Where noise is in flux, tell each neuron how much of it one synapse has now.

        Neurons that share a kernel share the flux of the whole kernel, the least of them.
        """
        if self.flux_per_synapse is None:
            return
        for layer in self.net.trained:
            up, down = (side.numpy() for side in layer.sides())
            theta = layer.integer_theta().numpy().astype(np.int64)
            layer.flux.copy_(torch.from_numpy(self.flux_per_synapse(up, down, theta)))

    def _max_count(self, progress: float, width: int) -> int | None:
        limit = self.config.max_count
        return None if limit is None else round(cubic(progress, max(width / 2, limit), limit))

    def _has_budget(self) -> bool:
        config = self.config
        return any((config.max_synapses, config.max_junctions, config.max_power_w))

    def _within_budget(self, masks: list[Tensor], progress: float) -> list[Tensor]:
        config = self.config
        scores = []
        for layer, mask, copies in zip(self.net.trained, masks, self.copies, strict=True):
            magnitude = layer.weight.detach().abs()
            typical = magnitude[mask].mean() if bool(mask.any()) else torch.ones(())
            scores.append(magnitude / typical / copies**0.5)
        if config.max_synapses is not None:
            budget = cubic(
                progress, max(self.start_synapses, config.max_synapses), config.max_synapses
            )
            masks = prune_to_budget(scores, masks, lambda m: self._synapses(m) <= budget)
        if self.cost_model is not None and self._is_priced():
            # The budget closes in from what the caps alone would cost.
            relief = cubic(progress, 4.0, 1.0)
            masks = prune_to_budget(scores, masks, lambda m: self._affordable(m, relief))
        return masks

    def _synapses(self, masks: Sequence[Tensor]) -> float:
        alive = self._alive(masks)
        return float(
            sum(int(m.sum()) * copies for m, copies in zip(alive, self.copies, strict=True))
        )

    def _alive(self, masks: Sequence[Tensor]) -> list[Tensor]:
        """Masks without neurons that feed nothing: they are not built and cost nothing."""
        result = list(masks)
        for index in range(len(result) - 2, -1, -1):
            after = result[index + 1]
            if result[index].ndim == 2 and after.ndim == 2:
                result[index] = result[index] & after.any(dim=0)[:, None]
        return result

    def _affordable(self, masks: Sequence[Tensor], relief: float) -> bool:
        if self.cost_model is None:
            return True
        cost = self.cost_model.cost(self._loads(self._alive(masks)))
        return self._fits(cost, relief / self.overhead)

    def _is_priced(self) -> bool:
        return self.config.max_junctions is not None or self.config.max_power_w is not None

    def _fits(self, cost: HardwareCost, relief: float) -> bool:
        junctions, power = self.config.max_junctions, self.config.max_power_w
        fits = junctions is None or cost.junctions <= junctions * relief
        return fits and (power is None or cost.static_power_w <= power * relief)

    def _loads(self, masks: Sequence[Tensor]) -> list[LayerLoad]:
        """What the circuit would carry with these masks, pooling layers included."""
        remaining = iter(masks)
        result = []
        for layer, shape in zip(self.net.stack, self.net.input_shapes, strict=True):
            if isinstance(layer, OrPool):
                w = unroll_pool(shape, layer.window)[0]
            elif isinstance(layer, TernaryThresholdLayer):
                w = next(remaining).numpy()
                if layer.stride:
                    w = unroll_convolution(w, np.zeros(len(w)), shape, layer.stride)[0]
            result.append(
                LayerLoad(
                    np.count_nonzero(w, axis=1).astype(np.int64),
                    np.count_nonzero(w, axis=0).astype(np.int64),
                )
            )
        return result


def _positions(layer: TernaryThresholdLayer, shape: tuple[int, ...]) -> int:
    if not layer.stride:
        return 1
    kernel = layer.weight.shape[-1]
    positions = 1
    for side in shape[1:]:
        positions *= (side + 2 * (kernel // 2) - kernel) // layer.stride + 1
    return positions

"""The network being trained: ternary layers, snnTorch neurons, learned integer thresholds.

A latent real weight becomes sign(w) where its mask is set and 0 elsewhere; the backward pass
treats this as the identity (straight-through estimator, Bengio et al., arXiv 1308.3432), so
that a masked weight keeps learning and can come back until masks are frozen.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import partial
from typing import Any, cast

import numpy as np
import snntorch as snn
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from netlist_gen.checkpoint.modules import Pool
from netlist_gen.checkpoint.unroll import pool_matrix, unroll_kernel
from netlist_gen.grid import Grid, Grids
from netlist_gen.memory import Memory, Reset
from netlist_gen.network import TernaryNetwork
from netlist_gen.training.config import HiddenSpec, TrainingConfig
from netlist_gen.training.fused import Statistics, ternary
from netlist_gen.training.membranes import integrate, running_sums
from netlist_gen.training.places import COMPILED, PROCESSOR, Operations, Place
from netlist_gen.training.tensors import atan_spike, moments, toward

# A threshold further than this from the mean count, in spreads, makes a neuron that never
# fires and never learns again.
MAX_SHIFT = 2.0
STATISTICS_MOMENTUM = 0.05
_NOISE_EDGES = 1024  # draws of a noisy edge: the tails end at a probability of 1/2048


class NormalDraws:
    """Normal draws for noise, out of a store that is drawn once and read from anywhere in it.

    Drawing each anew would take as long as the rest of a small network's step.
    """

    _LEAST, _TIMES = 1 << 20, 4

    def __init__(self) -> None:
        self._store = torch.empty(0)

    def renew(self) -> None:
        """Draw the store anew when it is next needed."""
        self._store = torch.empty(0)

    def __call__(self, shape: torch.Size, device: torch.device) -> Tensor:
        """Draws of a shape on a device, float32."""
        count = shape.numel()
        if len(self._store) < self._TIMES * count:
            self._store = torch.randn(max(self._LEAST, self._TIMES * count), device=device)
        first = int(torch.randint(len(self._store) - count, (), device="cpu"))
        return self._store[first : first + count].view(shape)


class TernaryThresholdLayer(nn.Module):
    """Ternary synapses into snn.Leaky neurons with a trainable threshold: beta 0, no reset.

    The neuron fires when n > edge, edge = mean - shift * spread of its own counts n, shift
    learned, never below 1/2. At first mean and spread are the batch's, as in batch norm. Once
    ``frozen`` they are running values and the edge is rounded to the middle between two
    counts in the forward pass (straight-through), so that training sees the neuron that is
    exported; once ``held`` the running values stay as they are. The gradient of the
    weights stays centred throughout: a change that moves all counts of a neuron alike is the
    threshold's business (without that, training breaks up where thresholds are frozen).
    The membrane is (n - edge) / spread, and fires on the strict U > 0.

    With a ``reset`` it lasts over a sample's steps (beta 1): mean and spread are those of the
    counts added up from step to step, as if no pulse took anything off, and the edge is held
    against the membrane that pulses reset (``netlist_gen.training.membranes``). With a ``beta``
    below 1 it leaks: sums and membrane keep that share from step to step, and of reset "subtract"
    edges are whole, as the integer model has them.
    Weights have the shape (outputs, inputs), or that of a kernel of a convolution ``conv``.
    """

    mask: Tensor
    mean: Tensor
    spread: Tensor
    flux: Tensor
    frozen: Tensor
    held: Tensor
    fresh: Tensor

    def __init__(
        self,
        shape: tuple[int, ...],
        cap: int,
        *,
        conv: HiddenSpec | None = None,
        reset: Reset | None = None,
        beta: float = 1.0,
        operations: Operations = COMPILED,
    ) -> None:
        super().__init__()
        self.operations = operations
        self.conv = conv  # None: fully connected
        self.reset = reset  # None: no memory
        self.beta = float(np.float32(beta))
        # A leaking membrane that its own threshold is taken off fires above a whole number. No
        # threshold is 0: what is left of a membrane would go on firing.
        whole = reset == "subtract" and self.beta < 1.0
        self.over, self.least = (0.0, 1.0) if whole else (0.5, 0.5)
        width = math.prod(shape[1:])
        self.cap = min(cap, width)
        self.weight = nn.Parameter(torch.empty(shape).uniform_(-1, 1) / math.sqrt(width))
        self.shift = nn.Parameter(torch.full((shape[0],), -0.2))
        self.register_buffer("mask", torch.ones(shape, dtype=torch.bool))
        self.register_buffer("mean", torch.zeros(shape[0]))
        self.register_buffer("spread", torch.ones(shape[0]))
        # Flux of a synapse where noise is in flux; 1 where it is in synapses.
        self.register_buffer("flux", torch.ones(shape[0]))
        self.register_buffer("frozen", torch.zeros((), dtype=torch.bool))
        self.register_buffer("held", torch.zeros((), dtype=torch.bool))
        self.register_buffer("fresh", torch.ones((), dtype=torch.bool))
        self.neuron = snn.Leaky(
            beta=0.0, threshold=0.0, reset_mechanism="none", spike_grad=atan_spike
        )
        # (n - edge) / spread of each decision, of the last forward pass.
        self.membrane = torch.zeros(())
        # Mean distance, in spreads, by which thresholds want to lie below 1; for the loss.
        self.excess = torch.zeros(())
        # For the schedule to set: how real the weights are (None: ternary, and weights that are
        # masked learn too), and the noise on the membrane, in spreads.
        self.real: float | None = None
        self.noise = 0.0
        self.draws = NormalDraws()

    def integer_theta(self) -> Tensor:
        """Threshold of the exported neuron: n >= theta, at least 1 (a silent input is silent)."""
        edge = self._edge(self.mean, self.spread).detach().clamp(min=self.least)
        return torch.floor(edge) + 1

    def sides(self) -> tuple[Tensor, Tensor]:
        """Excitatory and inhibitory synapses of each neuron, (outputs,) each."""
        mask, negative = self.mask.flatten(1), torch.signbit(self.weight.detach().flatten(1))
        return (mask & ~negative).sum(dim=1), (mask & negative).sum(dim=1)

    def _edge(self, mean: Tensor, spread: Tensor) -> Tensor:
        return mean - self.shift.clamp(-MAX_SHIFT, MAX_SHIFT) * spread

    def forward(self, x: Tensor, edges: Tensor | None = None, steps: int = 1) -> Tensor:
        """Spikes (0 or 1 in x's type).

        Args:
            x: (rows, inputs) or (rows, channels, height, width), the steps of a sample in a row.
            edges: equally likely edges of the noisy neuron, times ``flux`` in their unit; each
                decision draws one. None: no noise.
            steps: of a sample.
        """
        if bool(self.fresh):
            self._face_inputs(x)
        real = self.real
        if real is None:
            w = self.operations.ternary(self.weight, self.mask, x.dtype)
        else:
            w = self.operations.sliding(self.weight, self.mask, real, x.dtype)
        n = self._counts(x, w)
        if self.reset is None:
            return self._memoryless(n, edges)
        view, axes = ((1, -1, 1, 1), (0, 2, 3)) if self.conv else ((1, -1), (0,))
        mean, spread = self._statistics(running_sums(n, steps, self.beta), axes)
        push = self._push(n, spread.detach().view(view), edges)
        at = self._settled(self._edge(mean, spread)).view(view)
        noise = None if push is None else push * spread.detach().view(view)
        n = integrate(n, steps, self.reset, at, noise, self.beta)
        mean, spread = (
            value.detach() + own - own.detach()
            for value, own in zip((mean, spread), moments(n, axes), strict=True)
        )
        edge = self._edge(mean, spread)
        scale = 1 / spread
        self.excess = functional.relu((self.least - edge) / spread.detach()).mean()
        # No threshold below 1, from the start: freezing must not change the network.
        # In this order the sum is the settled edge to the bit: membranes that leak may lie on it.
        edge = toward(self._settled(edge), edge)
        u = (n - edge.view(view).to(n.dtype)) * scale.view(view).to(n.dtype)
        if push is not None:
            u = u + push
        spikes, self.membrane = self.neuron(u, u.new_zeros(()).expand_as(u))
        return spikes

    def _memoryless(self, n: Tensor, edges: Tensor | None) -> Tensor:
        """Spikes of neurons that decide on the counts n of a step alone; the shape of n."""
        flat = n.permute(0, 2, 3, 1).reshape(-1, n.shape[1]) if self.conv else n
        momentum = 0.0 if bool(self.held) else STATISTICS_MOMENTUM
        running = Statistics(self.mean, self.spread, momentum, bool(self.frozen))
        push = None
        if edges is not None or self.noise:
            spread = self.spread
            if edges is not None and not bool(self.frozen):
                spread = moments(flat.detach(), (0,))[1]
            push = self._push(flat, spread.view(1, -1), edges)
        found = self.operations.decide(flat, self.shift, running, push, MAX_SHIFT)
        spikes, self.membrane, self.excess = found
        if self.conv:
            shape = n.shape[0], *n.shape[2:], n.shape[1]
            spikes = spikes.view(shape).permute(0, 3, 1, 2)
        return spikes

    def _settled(self, edge: Tensor) -> Tensor:
        """Where the neuron decides, by the edge that is learned; without a gradient."""
        edge = edge.detach()
        if bool(self.frozen):
            edge = torch.floor(edge) + self.over
        return edge.clamp(min=self.least)

    def _push(self, n: Tensor, spread: Tensor, edges: Tensor | None) -> Tensor | None:
        """Noise of each decision, in spreads, of the shape of the counts; None without any."""
        push = None
        if edges is not None:
            drawn = edges[torch.randint(len(edges), n.shape, device=n.device)]
            push = -drawn * (1 / spread / self.flux.view(spread.shape)).to(n.dtype)
        if self.noise:
            own = self.noise * self.draws(n.shape, n.device)
            push = own if push is None else push + own
        return push

    def _counts(self, x: Tensor, w: Tensor) -> Tensor:
        if self.conv is None:
            return functional.linear(x, w)
        w = w.contiguous(memory_format=torch.channels_last)
        how = self.conv
        return functional.conv2d(x, w, None, how.stride, how.pads, how.dilation, how.groups)

    def _face_inputs(self, x: Tensor) -> None:
        """Negate the neurons whose mean count is negative: with theta >= 1 they start silent."""
        with torch.no_grad():
            dense = torch.ones_like(self.mask)
            n = self._counts(x, self.operations.ternary(self.weight, dense, x.dtype)).float()
            mean = n.mean(dim=(0, 2, 3) if self.conv else 0)
            negative = (mean < 0).view(-1, *[1] * (self.weight.ndim - 1))
            self.weight.copy_(torch.where(negative, -self.weight, self.weight))
        self.fresh.fill_(False)

    def _statistics(self, n: Tensor, axes: tuple[int, ...]) -> tuple[Tensor, Tensor]:
        """Mean and spread of the counts, (outputs,), with their gradient."""
        mean, spread = moments(n, axes)
        if not bool(self.held):
            with torch.no_grad():
                self.mean.lerp_(mean, STATISTICS_MOMENTUM)
                self.spread.lerp_(spread, STATISTICS_MOMENTUM)
        if not bool(self.frozen):
            return mean, spread
        return toward(self.mean, mean), toward(self.spread, spread)


class OrPool(nn.Module):
    """OR over windows: a threshold neuron with +1 weights and theta 1, nothing to learn."""

    def __init__(self, spec: HiddenSpec) -> None:
        super().__init__()
        self.spec = spec

    def forward(self, x: Tensor) -> Tensor:
        """Spikes (rows, channels, height, width), a neuron for each window."""
        return functional.max_pool2d(x, self.spec.kernel, self.spec.stride)

    def integer_theta(self) -> Tensor:
        """Threshold of the exported neurons, all alike."""
        return torch.ones(1)


class TernarySpikingNet(nn.Module):
    """A stack of ternary layers and the population readout with a learned scale.

    Attributes:
        layers: in order, pooling included.
        trained: those that learn.
        shapes: of the input and of what each layer gives: (channels, height, width) or (neurons,).
    """

    def __init__(
        self,
        config: TrainingConfig,
        shape: tuple[int, ...],
        classes: int,
        place: Place = PROCESSOR,
    ) -> None:
        """Make a net with random weights, drawn on the processor for every place alike."""
        super().__init__()
        self.operations = place.operations
        self.classes, self.population, self.steps = classes, config.population, config.steps
        self.flux_counts = config.curve is not None and config.curve.unit == "Phi0"
        self._edges = None
        if config.curve is not None:
            self._edges = torch.from_numpy(config.curve.edges(_NOISE_EDGES))
        caps, reset = iter(config.caps), cast("Reset | None", config.reset)
        layer = partial(
            TernaryThresholdLayer, reset=reset, beta=config.beta, operations=place.operations
        )
        self.layers: list[TernaryThresholdLayer | OrPool] = []
        # Data of one axis have height 1.
        self.shapes: list[tuple[int, ...]] = [
            (shape[0], 1, shape[1]) if len(shape) == 2 else tuple(shape)
        ]
        for spec in (*config.layers, HiddenSpec("full", classes * config.population)):
            before = self.shapes[-1]
            self.shapes.append(spec.after(before))
            if spec.kind == "pool":
                self.layers.append(OrPool(spec))
            elif spec.kind == "full":
                size: tuple[int, ...] = (spec.size, math.prod(before))
                self.layers.append(layer(size, next(caps)))
            else:
                size = (spec.size, before[0] // spec.groups, *spec.kernel)
                self.layers.append(layer(size, next(caps), conv=spec))
        self.stack = nn.ModuleList(self.layers)
        self.trained = [x for x in self.layers if isinstance(x, TernaryThresholdLayer)]
        self.log_scale = nn.Parameter(torch.tensor(math.log(8.0)))
        self._move_to(place.device)

    def _move_to(self, device: torch.device) -> None:
        flags = [(layer, layer.frozen, layer.held, layer.fresh) for layer in self.trained]
        self.to(device)
        for layer, *own in flags:  # they are read on the host, in every step, and stay there
            layer.frozen, layer.held, layer.fresh = own
        if self._edges is not None:
            self._edges = self._edges.to(device)

    @property
    def noisy(self) -> bool:
        """Whether decisions are drawn from a firing curve."""
        return self._edges is not None

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Class scores (samples, classes), hard and soft, from spikes (samples, [steps,] pixels).

        The hard scores are the votes, which are what counts; they come in few values. The soft
        ones take a sigmoid of the output membranes instead of the spikes: a smoother guide.
        """
        steps = x.shape[1] if x.ndim == 3 else 1
        rows = x.reshape(-1, x.shape[-1])
        if len(self.shapes[1]) == 3:
            rows = rows.reshape(-1, *self.shapes[0])
            rows = rows.contiguous(memory_format=torch.channels_last)
        noise = None if self._edges is None else self._edges.to(x.dtype)
        for layer in self.layers:
            if isinstance(layer, OrPool):
                rows = layer(rows)
            else:
                rows = layer(rows if layer.conv else rows.flatten(1), noise, steps)
        membrane = self.trained[-1].membrane.float()
        return self.operations.readout(rows, membrane, self.log_scale, self.classes, steps)

    def unrolled(self, weights: Iterable[NDArray[Any]]) -> list[NDArray[Any]]:
        """Fully connected weights (outputs, inputs) of all layers, from those that are trained."""
        given = iter(weights)
        result = []
        for layer, shape in zip(self.layers, self.shapes[:-1], strict=True):
            if isinstance(layer, OrPool):
                pool = Pool("pooling", "max", layer.spec.kernel, layer.spec.stride)
                result.append(pool_matrix(pool, shape).astype(np.int8))
            elif layer.conv is not None:
                how = layer.conv
                sizes = how.stride, how.pads, how.dilation, how.groups
                result.append(unroll_kernel(str(how), next(given), shape, *sizes))
            else:
                result.append(next(given))
        return result

    def export(self) -> TernaryNetwork:
        """The integer network that the hardware gets, convolutions unrolled."""
        weights = self.unrolled(
            ternary(layer.weight.detach().cpu(), layer.mask.cpu()).to(torch.int8).numpy()
            for layer in self.trained
        )
        thetas, memories = [], []
        for layer, w in zip(self.layers, weights, strict=True):
            theta = layer.integer_theta().cpu().numpy()
            theta = np.repeat(theta, len(w) // len(theta))  # neurons share a kernel's
            thetas.append(theta)
            memories.append(_memory(layer, theta))
        grids: Grids = ()
        if len(self.shapes[1]) == 3:
            grids = tuple(Grid(shape) if len(shape) == 3 else None for shape in self.shapes)
        return TernaryNetwork.from_arrays(
            weights, thetas, self.population, grids, memories, self.steps
        )


def _memory(layer: TernaryThresholdLayer | OrPool, theta: NDArray[Any]) -> Memory | None:
    """Of an exported layer; pooling has none. "subtract" takes snnTorch's threshold, theta - 1."""
    if isinstance(layer, OrPool) or layer.reset is None:
        return None
    amounts = theta - 1 if layer.reset == "subtract" else None
    return Memory.of(layer.reset, len(theta), amounts, layer.beta)

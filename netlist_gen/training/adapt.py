"""A user's own network made legal: ternary, capped in fan-in, taught by itself.

Its membranes are the circuit's: without memory, or such as last (``netlist_gen.memory``).

The structure is the checkpoint's, layer by layer: its weights are what training starts from, and
the network as its owner runs it (any beta, any reset, real weights, its own steps and values) is
the teacher. What is trained has the circuit's neurons and sees the circuit's spikes.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from netlist_gen.checkpoint.modules import (
    WEIGHTED,
    Convolution,
    Dense,
    Neuron,
    Norm,
    Pool,
    Reals,
    Size,
    Stack,
)
from netlist_gen.checkpoint.real import FormError, by_magnitude
from netlist_gen.checkpoint.unroll import unroll
from netlist_gen.errors import ConfigurationError, NetworkError
from netlist_gen.records import Record
from netlist_gen.training.adapt_options import AdaptOptions
from netlist_gen.training.config import OWN, HiddenSpec, TrainingConfig
from netlist_gen.training.cost import CostModel
from netlist_gen.training.datasets import EncodedData
from netlist_gen.training.model import TernarySpikingNet
from netlist_gen.training.own_data import OwnData
from netlist_gen.training.own_network import TUTORIAL_STEPS, OwnNetwork
from netlist_gen.training.places import PROCESSOR, Place
from netlist_gen.training.trainer import EpochReport, TrainedNetwork, train

_SPREAD_OF_COPIES = 0.5
"""Of the output neurons of a class, in mean magnitudes of a weight: they start as one network."""

_SHARPNESS = np.geomspace(0.25, 64.0, 25)
"""Scales of the teacher's rates that are tried for its soft labels."""


@dataclass(frozen=True)
class Stage(Record):
    """What is left of the accuracy (0..1) after a step on the way from a network to a circuit."""

    what: str
    accuracy: float

    @property
    def line(self) -> str:
        """For a table of them."""
        return f"{self.accuracy:8.2%}  {self.what}"


@dataclass(frozen=True)
class Adapted:
    """An adapted network, and its accuracy on held-out samples step by step.

    ``taught`` says who taught it, in words.
    """

    trained: TrainedNetwork
    stages: tuple[Stage, ...]
    taught: str


@dataclass(frozen=True)
class Adaptation:
    """A run, ready to begin.

    Attributes:
        stack: the checkpoint's modules.
        population: its output neurons per class.
        own: the user's data.
        data: the same, encoded and split.
        options: see there.
        own_steps: for which the network itself runs.
    """

    stack: Stack
    population: int
    own: OwnData
    data: EncodedData
    options: AdaptOptions
    own_steps: int

    @property
    def config(self) -> TrainingConfig:
        """The training that it is."""
        chosen = self.options
        return TrainingConfig(
            dataset=OWN,
            own=self.own.name(self.data.encoding),
            hidden=tuple(map(str, hidden_layers(self.stack))),
            population=chosen.population,
            fan_in=chosen.fan_in,
            steps=self.data.encoding.steps,
            reset=chosen.reset,
            grey_levels=(),
            epochs=chosen.epochs,
            batch=min(chosen.batch, len(self.data.train_labels)),
            learning_rate=chosen.learning_rate,
            seed=chosen.seed,
            split_seed=self.data.encoding.seed,
            validation=chosen.validation,
            distill=chosen.teach if self.stack.runs else 0.0,
            temperature=1.0,
            max_synapses=chosen.max_synapses,
            freeze_at=0.8,
            precision=chosen.precision,
        )

    @property
    def classes(self) -> int:
        """That the network tells apart."""
        return self._outputs // self.population

    @property
    def _outputs(self) -> int:
        return len(self.stack.weighted[-1].bias)


def prepare(
    stack: Stack, population: int, own: OwnData, data: EncodedData, options: AdaptOptions,
    stated_steps: int | None,
) -> Adaptation:  # fmt: skip
    """Check that a network and data go together.

    Args:
        stack: the checkpoint's modules.
        population: its output neurons per class.
        own: the user's data.
        data: the same, encoded and split.
        options: see there.
        stated_steps: for which the checkpoint says that it was trained.

    Raises:
        ConfigurationError: classes or steps that do not go together.
        NetworkError: a structure that can't be trained.
    """
    steps = options.own_steps or stated_steps
    if own.timed:
        have = own.train.shape[1]
        if options.own_steps not in (None, have):
            raise ConfigurationError(
                f"--own-steps is {options.own_steps}; the samples of {own.place} have {have} steps"
            )
        steps = have
    if steps is None:
        lasts = stack.runs and not OwnNetwork(stack).memoryless
        steps = TUTORIAL_STEPS if lasts else 1
    found = Adaptation(stack, population, own, data, options, steps)
    if data.classes > found.classes:
        raise ConfigurationError(
            f"{own.place}: labels from 0 to {data.classes - 1}; the network tells {found.classes} "
            "classes apart"
        )
    hidden_layers(stack)
    return found


def hidden_layers(stack: Stack) -> list[HiddenSpec]:
    """The layers of the network that is trained, but the last.

    Mean and sum pooling become the circuit's OR.

    Raises:
        NetworkError: the last layer is not fully connected, or pooling follows it.
    """
    found: list[HiddenSpec] = []
    for module in stack.modules:
        if isinstance(module, Dense):
            found.append(HiddenSpec("full", len(module.weights)))
        elif isinstance(module, Convolution):
            kernel = _two(module.weights.shape[2:], 1)
            found.append(
                HiddenSpec(
                    "conv",
                    len(module.weights),
                    kernel,
                    _two(module.stride, 1),
                    _two(module.padding, 0),
                    _two(module.dilation, 1),
                    module.groups,
                )
            )
        elif isinstance(module, Pool):
            found.append(HiddenSpec("pool", 0, _two(module.window, 1), _two(module.stride, 1)))
    if not found or found[-1].kind != "full":
        raise NetworkError("the last layer is not fully connected; its outputs vote for classes")
    return found[:-1]


def adapt(
    run: Adaptation,
    progress: Callable[[EpochReport], None] = lambda _: None,
    *,
    cost_model: CostModel | None = None,
    state_file: Path | None = None,
    resume: bool = False,
    place: Place = PROCESSOR,
) -> Adapted:
    """Fine-tune a network to what the circuit is, and measure it on the way.

    Args:
        run: from ``prepare``.
        progress: called after each epoch.
        cost_model: prices networks.
        state_file: as ``trainer.train`` has it.
        resume: likewise.
        place: likewise; the network itself runs on the processor.
    """
    stages = list(rough_stages(run))
    scores, taught = _soft_labels(run)
    trained = train(
        run.config,
        progress,
        cost_model=cost_model,
        state_file=state_file,
        resume=resume,
        data=replace(run.data, least_classes=run.classes),
        scores=scores,
        start=lambda net: start_from(net, run.stack, run.population),
        place=place,
    )
    stages.append(Stage("ternary, fine-tuned", trained.evaluation.lowest))
    return Adapted(trained, tuple(stages), taught)


def start_from(net: TernarySpikingNet, stack: Stack, population: int) -> None:
    """Give a new network the weights of a stack, in its own scale.

    Output neurons of a class start as copies of the stack's, each a little off.
    """
    gains = _gains(stack)
    with torch.no_grad():
        for index, (layer, module) in enumerate(zip(net.trained, stack.weighted, strict=True)):
            weights = module.weights * gains[index].reshape(-1, *[1] * (module.weights.ndim - 1))
            if index == len(net.trained) - 1:
                weights = _copies(weights, population, net.population)
            typical = np.abs(weights).mean() or 1.0
            scale = 0.5 / (np.sqrt(weights[0].size) * typical)  # as a new layer has them
            made = torch.tensor(weights * scale, dtype=torch.float32).reshape(layer.weight.shape)
            if index == len(net.trained) - 1:
                made = made + torch.randn(made.shape) * (_SPREAD_OF_COPIES * made.abs().mean())
            layer.weight.copy_(made)
            layer.fresh.fill_(False)  # a sign that is turned would turn what follows


def _copies(weights: Reals, have: int, wanted: int) -> Reals:
    """Rows (classes * have, inputs) as (classes * wanted, inputs)."""
    classes = weights.reshape(-1, have, weights.shape[1])
    chosen = np.arange(wanted) % have
    return np.asarray(classes[:, chosen].reshape(-1, weights.shape[1]))


def _gains(stack: Stack) -> list[Reals]:
    """Of each layer with weights, the sign and size that norms behind it give to each output."""
    found: list[Reals] = []
    for module in stack.modules:
        if isinstance(module, WEIGHTED):
            found.append(np.ones(len(module.weights)))
        elif isinstance(module, Norm) and found:
            found[-1] = found[-1] * module.gain
    return found


def _two(size: Size, alone: int) -> tuple[int, int]:
    """Sizes of one axis as those of a second one behind it."""
    return (alone, size[0]) if len(size) == 1 else (size[0], size[1])


def rough_stages(run: Adaptation) -> tuple[Stage, ...]:
    """Accuracy of the network itself, and of what takes one property away after another.

    Empty where the network can't be run here.
    """
    if not run.stack.runs:
        return ()
    own, data, steps = run.own, run.data, run.own_steps
    x, y = data.test_images, data.test_labels
    network = OwnNetwork(run.stack)
    counted = f"{steps} step{'s' if steps > 1 else ''}"

    def measured(net: OwnNetwork, values: NDArray[Any], steps: int, timed: bool) -> float:
        return net.accuracy(values, y, run.population, steps, timed=timed)

    stages = [Stage(f"as it is, {counted}", measured(network, x, steps, own.timed))]
    spikes = data.encoding(x)
    seen = spikes if spikes.ndim == 3 else spikes[:, None]
    few = seen.shape[1]
    words = f"as it is, fed the circuit's spikes ({data.encoding.words})"
    stages.append(Stage(words, measured(network, seen, few, True)))
    reset = run.options.reset
    still = with_membranes(run.stack, reset)
    words = "without memory" if reset is None else f"beta 1 and reset {reset}"
    stages.append(Stage(words, measured(OwnNetwork(still), seen, few, True)))
    if still.neurons[-1].foreign:  # there is no threshold to fire at
        return tuple(stages)
    most = min(run.options.fan_in)
    with suppress(FormError):  # a network that has no such form has no such stage
        rough, _ = unroll(still.ternarized(by_magnitude(most))).ternary(run.population)
        words = f"ternary by magnitude, fan-in up to {most}"
        stages.append(Stage(words, rough.accuracy(spikes, y)))
    return tuple(stages)


def with_membranes(stack: Stack, reset: str | None) -> Stack:
    """The same with beta 1 and this reset; None: beta 0 and no reset."""
    beta = np.zeros(()) if reset is None else np.ones(())

    def changed(module: Any) -> Any:
        if isinstance(module, Neuron) and not module.foreign:
            return replace(module, beta=beta, reset=reset or "none")
        return module

    return replace(stack, modules=tuple(changed(module) for module in stack.modules))


def _soft_labels(run: Adaptation) -> tuple[NDArray[np.float16] | None, str]:
    """Scores (samples, classes) of the network on the training samples, and who teaches."""
    if not run.options.teach:
        return None, "the data's labels alone"
    if not run.stack.runs:
        neuron = next(n for n in run.stack.neurons if n.foreign)
        return None, f"the data's labels alone, since NET can't be run here ({neuron.foreign})"
    network = OwnNetwork(run.stack)
    data = run.data
    counts, membranes = network.outputs(data.train_images, run.own_steps, timed=run.own.timed)
    rates = counts / run.own_steps
    # Spikes of one step come in two values.
    found = membranes if network.reads_sums or run.own_steps == 1 else rates
    votes = found.reshape(len(found), -1, run.population).mean(axis=2)
    scale = _sharpest(votes, data.train_labels)
    return (votes * scale).astype(np.float16), f"NET itself, running for {run.own_steps} steps"


def _sharpest(votes: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    """The scale at which the votes, as scores, have the least cross entropy with the labels."""

    def loss(scale: float) -> float:
        scores = scale * (votes - votes.max(axis=1, keepdims=True))
        normal = np.log(np.exp(scores).sum(axis=1))
        return float((normal - scores[np.arange(len(labels)), labels]).mean())

    return float(min(_SHARPNESS, key=loss))

"""What a training run is: every choice in one value object that the checkpoint stores."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from netlist_gen.errors import ConfigurationError
from netlist_gen.training.noise import FiringCurve, Unit, as_curve, normal_curve

DATASETS = ("digits", "mnist")
PRECISIONS = ("float32", "bfloat16")
_HIDDEN = re.compile(
    r"(?P<wide>[1-9]\d*)|c(?P<channels>[1-9]\d*)k(?P<kernel>[1-9]\d*)s(?P<stride>[1-9]\d*)|p(?P<pool>[2-9])"
)


@dataclass(frozen=True)
class HiddenSpec:
    """One hidden layer: fully connected, convolution (unrolled on export), or OR-pooling."""

    kind: str  # "full", "conv" or "pool"
    size: int  # neurons, channels, or window
    kernel: int = 0
    stride: int = 0


@dataclass(frozen=True)
class TrainingConfig:
    """All that decides a training run, in JSON types.

    Attributes:
        dataset: "digits" (scikit-learn's bundled 8x8) or "mnist" (IDX files in ``data_dir``).
        data_dir: folder of the four MNIST IDX files.
        hidden: layers before the output: "256" is 256 neurons, "c16k5s2" a convolution of 16
            channels, kernel 5, stride 2, "p2" OR-pooling over 2x2.
        population: output neurons per class.
        fan_in: most synapses per neuron; one number, or one per trained layer, output last.
        steps: time steps; step t sees the pixels above ``grey_levels[t]``.
        grey_levels: one grey level (one-bit input: pixel > level) per step.
        epochs, batch, learning_rate: Adam with a cosine schedule after a short warm-up.
        seed: of weights, order, augmentation and split.
        split_seed: of the digits split, where it differs from ``seed``.
        validation: share (digits) or number (mnist) of training images held out for choices.
        threshold_penalty: weight of the pull on neurons whose threshold would lie below 1.
        copies: augmented copies of the training set in the pool; 0 trains on the originals.
        plain_share: share of each epoch drawn from the undistorted originals, 0 to 1; None draws
            from the whole pool alike. A small network has no room for distortions.
        distill: weight of the teacher's soft labels in the loss, 0 to 1; 0 trains no teacher.
        teacher_epochs: epochs of the convolutional teacher.
        temperature: softens the teacher's labels.
        soft_loss: share of the loss taken on the output membranes instead of the votes.
        max_synapses: global target reached by magnitude pruning, or None.
        max_junctions, max_power_w: the same through the cost model, or None.
        max_count: most excitatory and most inhibitory synapses per neuron each (bounds the
            signed range of n), or None.
        noise_sigma: spread of every neuron's firing edge during training, in synapses; 0 for none.
        noise_phi0: the same in flux (grey zone); a neuron's own flux per synapse makes synapses
            of it.
        firing_curve: measured firing curve to train with instead: pairs (margin, probability).
        firing_curve_unit: "synapses" or "Phi0".
        prune_end, settle_at, freeze_at: share of the run at which the caps are reached, at which
            the choice of synapses is final (the rest of the run fine-tunes signs and
            thresholds), and at which thresholds leave the batch statistics and become learned
            integers.
        refine_rounds: rounds of exact search on the integer network after training (refine.py);
            for one fully connected hidden layer.
        refine_gain: loss (nats over all images of a round, 60,000 at most) that a change of the
            search must save.
        precision: "bfloat16" is several times faster where the processor has it.
    """

    dataset: str = "digits"
    data_dir: str | None = None
    hidden: tuple[str, ...] = ("40",)
    population: int = 2
    fan_in: tuple[int, ...] = (16,)
    steps: int = 1
    grey_levels: tuple[int, ...] = (7,)
    epochs: int = 200
    batch: int = 128
    learning_rate: float = 3e-3
    seed: int = 0
    split_seed: int | None = None
    validation: int = 0
    copies: int = 0
    plain_share: float | None = None
    distill: float = 0.0
    teacher_epochs: int = 8
    temperature: float = 2.0
    soft_loss: float = 0.5
    threshold_penalty: float = 0.3
    max_synapses: int | None = None
    max_junctions: int | None = None
    max_power_w: float | None = None
    max_count: int | None = None
    noise_sigma: float = 0.0
    noise_phi0: float = 0.0
    firing_curve: tuple[tuple[float, float], ...] | None = None
    firing_curve_unit: Unit = "synapses"
    prune_end: float = 0.45
    settle_at: float = 0.85
    freeze_at: float = 0.6
    refine_rounds: int = 0
    refine_gain: float = 2.0
    precision: str = "float32"

    def __post_init__(self) -> None:
        for name in ("hidden", "fan_in", "grey_levels"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if self.firing_curve is not None:
            points = tuple((float(p[0]), float(p[1])) for p in self.firing_curve)
            object.__setattr__(self, "firing_curve", points)
        if self.dataset not in DATASETS:
            raise _wrong("dataset", self.dataset, f"one of {', '.join(DATASETS)}")
        if self.precision not in PRECISIONS:
            raise _wrong("precision", self.precision, f"one of {', '.join(PRECISIONS)}")
        for name in ("population", "steps", "epochs", "batch"):
            if getattr(self, name) < 1:
                raise _wrong(name, getattr(self, name), "at least 1")
        for name in (
            "copies",
            "validation",
            "noise_sigma",
            "noise_phi0",
            "teacher_epochs",
            "refine_rounds",
        ):
            if getattr(self, name) < 0:
                raise _wrong(name, getattr(self, name), "0 or more")
        if not self.learning_rate > 0:
            raise _wrong("learning_rate", self.learning_rate, "above 0")
        if not self.temperature > 0:
            raise _wrong("temperature", self.temperature, "above 0")
        for name in ("distill", "plain_share"):
            if not 0 <= (getattr(self, name) or 0) <= 1:
                raise _wrong(name, getattr(self, name), "from 0 to 1")
        for name in ("settle_at", "freeze_at"):
            if not 0 < self.prune_end <= getattr(self, name) < 1:
                raise ConfigurationError(
                    f"prune_end is {self.prune_end} and {name} {getattr(self, name)}; "
                    f"0 < prune_end <= {name} < 1 is needed"
                )
        for name in ("max_synapses", "max_junctions", "max_power_w", "max_count"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise _wrong(name, value, "above 0")
        if len(self.grey_levels) != self.steps:
            raise ConfigurationError(
                f"{len(self.grey_levels)} grey levels for {self.steps} steps; one level for each "
                "step is needed"
            )
        noises = (self.noise_sigma, self.noise_phi0, self.firing_curve)
        if sum(map(bool, noises)) > 1:
            raise ConfigurationError(
                "noise_sigma, noise_phi0 and firing_curve exclude each other; one noise is allowed"
            )
        if self.refine_rounds:
            self._check_search()
        _ = self.curve  # a wrong curve is refused here
        trained = sum(spec.kind != "pool" for spec in self.layers) + 1
        if len(self.fan_in) not in (1, trained) or min(self.fan_in) < 1:
            raise _wrong("fan_in", self.fan_in, f"one number of at least 1, or {trained} of them")

    def _check_search(self) -> None:
        """What the exact search can't keep is refused, not lost."""
        if [spec.kind for spec in self.layers] != ["full"]:
            raise ConfigurationError(
                f"refine_rounds is {self.refine_rounds} with hidden layers "
                f"{' '.join(self.hidden)}; the search takes one fully connected hidden layer"
            )
        for name in ("max_junctions", "max_power_w", "max_count"):
            if getattr(self, name) is not None:
                raise ConfigurationError(
                    f"refine_rounds and {name} exclude each other: the search keeps synapses "
                    "and fan-in only"
                )
        if not self.refine_gain > 0:
            raise _wrong("refine_gain", self.refine_gain, "above 0")

    @property
    def layers(self) -> tuple[HiddenSpec, ...]:
        """The hidden layers, parsed."""
        return tuple(parse_hidden(text) for text in self.hidden)

    @property
    def curve(self) -> FiringCurve | None:
        """The firing curve of the neurons, or None without noise."""
        if self.firing_curve is not None:
            return as_curve(self.firing_curve, self.firing_curve_unit)
        if self.noise_phi0:
            return normal_curve(self.noise_phi0, "Phi0")
        return normal_curve(self.noise_sigma) if self.noise_sigma else None

    @property
    def caps(self) -> tuple[int, ...]:
        """Fan-in cap of each trained layer, output last."""
        trained = sum(spec.kind != "pool" for spec in self.layers) + 1
        return self.fan_in if len(self.fan_in) == trained else self.fan_in * trained

    def as_dict(self) -> dict[str, Any]:
        """JSON types; ``from_dict`` takes it back."""
        return json.loads(json.dumps(dataclasses.asdict(self)))

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> TrainingConfig:
        known = {f.name for f in dataclasses.fields(cls)}
        for name in values:
            if name not in known:
                raise ConfigurationError(
                    f"'{name}' is not a training option; known are {', '.join(sorted(known))}"
                )
        return cls(**values)


def parse_hidden(text: str) -> HiddenSpec:
    """A hidden layer from its short form: "256", "c16k5s2" or "p2"."""
    match = _HIDDEN.fullmatch(str(text))
    if match is None:
        raise ConfigurationError(
            f"hidden layer '{text}' is not understood; write a number of neurons (256), a "
            "convolution (c16k5s2: channels, kernel, stride) or OR-pooling (p2)"
        )
    if match["wide"]:
        return HiddenSpec("full", int(match["wide"]))
    if match["pool"]:
        return HiddenSpec("pool", int(match["pool"]))
    return HiddenSpec("conv", int(match["channels"]), int(match["kernel"]), int(match["stride"]))


def _wrong(name: str, value: object, allowed: str) -> ConfigurationError:
    return ConfigurationError(f"training option {name} is {value!r}; {allowed} is allowed")

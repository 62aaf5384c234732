"""What a training run is: every choice in one value object that the checkpoint stores."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from netlist_gen.errors import ConfigurationError
from netlist_gen.memory import RESETS, rounded_beta
from netlist_gen.options import Options, option
from netlist_gen.training.noise import FiringCurve, Unit, normal_curve

DATASETS = ("digits", "mnist")
OWN = "own"
"""The data set of a user's own data, which come as values and not by a name."""

PRECISIONS = ("float32", "bfloat16")
DEVICES = ("cpu", "cuda")
"""Where a run can be trained; it is told beside a configuration, which says what is trained."""
_N = r"([1-9]\d{0,4})(?:x([1-9]\d{0,4}))?"
_N0 = r"(\d{1,4})(?:x(\d{1,4}))?"
_CONV = re.compile(rf"c([1-9]\d*)k{_N}s{_N}(?:p{_N0})?(?:d{_N})?(?:g([1-9]\d*))?")
_POOL = re.compile(rf"p{_N}(?:s{_N})?")
_WIDE = re.compile(r"[1-9]\d*")
Size = tuple[int, int]
# What is allowed, of which options, and whether a value is; None is no value.
_LIMITS: tuple[tuple[str, str, Callable[[float], bool]], ...] = (
    ("at least 1", "population steps pixel_lines epochs batch", lambda v: v >= 1),
    (
        "0 or more",
        "copies validation noise_sigma noise_phi0 membrane_noise teacher_epochs refine_rounds",
        lambda v: v >= 0,
    ),
    (
        "above 0",
        "learning_rate temperature distortion max_synapses max_junctions max_power_w max_count",
        lambda v: v > 0,
    ),
    ("from 0 to 1", "distill plain_share", lambda v: 0 <= v <= 1),
)


@dataclass(frozen=True)
class HiddenSpec:
    """One layer: fully connected, convolution (unrolled on export), or OR-pooling.

    Sizes are (height, width); data of one axis have height 1.

    Attributes:
        kind: "full", "conv" or "pool".
        size: neurons or channels; 0 for pooling.
        kernel: of a convolution, or the window of pooling.
        stride: of either.
        padding: of a convolution; None is half the kernel.
        dilation: of a convolution.
        groups: of its channels.
    """

    kind: str
    size: int = 0
    kernel: Size = (0, 0)
    stride: Size = (1, 1)
    padding: Size | None = None
    dilation: Size = (1, 1)
    groups: int = 1

    def __str__(self) -> str:
        if self.kind == "full":
            return str(self.size)
        if self.kind == "pool":
            same = self.stride == self.kernel
            return f"p{_text(self.kernel)}" + ("" if same else f"s{_text(self.stride)}")
        words = f"c{self.size}k{_text(self.kernel)}s{_text(self.stride)}"
        words += "" if self.padding is None else f"p{_text(self.padding)}"
        words += "" if self.dilation == (1, 1) else f"d{_text(self.dilation)}"
        return words + ("" if self.groups == 1 else f"g{self.groups}")

    @property
    def pads(self) -> Size:
        """The padding, half the kernel where none is given."""
        if self.padding is not None:
            return self.padding
        return self.kernel[0] // 2, self.kernel[1] // 2

    def after(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of what the layer gives.

        Raises:
            ConfigurationError: it can't follow, or leaves nothing.
        """
        if self.kind == "full":
            return (self.size,)
        if len(shape) != 3:
            raise ConfigurationError(
                "a convolution or pooling can't follow a fully connected layer"
            )
        pads = self.pads if self.kind == "conv" else (0, 0)
        each = zip(shape[1:], self.kernel, self.stride, pads, self.dilation, strict=True)
        height, width = ((n + 2 * p - d * (k - 1) - 1) // s + 1 for n, k, s, p, d in each)
        if min(height, width) < 1 and self.kind == "pool":
            raise ConfigurationError(
                f"pooling {self} of {shape[1]} x {shape[2]} leaves nothing; at most "
                f"p{min(shape[1:])} fits"
            )
        if min(height, width) < 1 or shape[0] % self.groups or self.size % self.groups:
            raise ConfigurationError(f"convolution {self} of {shape} leaves nothing")
        return (self.size or shape[0], height, width)


def _text(size: Size) -> str:
    return str(size[0]) if size[0] == size[1] else f"{size[0]}x{size[1]}"


@dataclass(frozen=True)
class TrainingConfig(Options):
    """All that decides a training run, in JSON types; each option's help says what it is.

    Attributes:
        dataset: "digits" (scikit-learn's bundled 8x8), "mnist" (IDX files in ``data_dir``) or
            "own".
        own: what the user's own data are: their digest and how they become spikes.
        fan_in: one number, or one per trained layer, output last.
        learning_rate: of Adam, with a cosine schedule after a short warm-up.
        seed: of weights, order, augmentation and split.
        split_seed: of the digits split, where it differs from ``seed``.
        plain_share: None draws from the whole pool alike. A small network has no room for
            distortions.
        threshold_penalty: weight of the pull on neurons whose threshold would lie below 1.
        max_count: bounds the signed range of n.
        noise_phi0: a neuron's own flux per synapse makes synapses of it.
        firing_curve: measured firing curve to train with: pairs (margin, probability).
        slide_to: while weights are real, masked ones do not learn.
        prune_end: share of the run at which the caps are reached.
        settle_at: the rest of the run fine-tunes signs and thresholds.
        reset: of "zero", "subtract" and "none" (``netlist_gen.memory``); None: no memory.
        beta: what is left of a membrane after a step.
        freeze_at: thresholds leave the batch statistics and become learned integers.
        refine_gain: in nats over all images of a round, 120,000 at most.
        precision: "bfloat16" is several times faster where the processor has it.
    """

    dataset: str = "digits"
    data_dir: str | None = None
    own: str = ""
    hidden: tuple[str, ...] = option(
        ("40",),
        "A hidden layer: neurons (256), convolution (c16k5s2), OR-pooling (p2). "
        "Several numbers may follow one --hidden.",
        multiple=True,
        metavar="N",
    )
    population: int = option(2, "Output neurons per class.")
    fan_in: tuple[int, ...] = option(
        (16,),
        "Most synapses per neuron; once for all layers, or once per layer.",
        multiple=True,
    )
    steps: int = option(1, "Time steps; each sees the pixels above its grey level.")
    grey_levels: tuple[int, ...] = option(
        (7,),
        "Pixels above it are 1; once per step and line of a pixel.",
        flag="--grey-level",
        multiple=True,
    )
    pixel_lines: int = option(
        1, "Input lines of a pixel, each with its own grey level in each step."
    )
    reset: str | None = option(
        None,
        "Membranes last over a sample's steps (beta 1), and a pulse does this to them "
        "[default: no memory].",
        choices=RESETS,
    )
    beta: float = option(
        1.0,
        "With --reset: what is left of a membrane after a step; below 1 it leaks, and no circuit "
        "is made of the network.",
    )
    epochs: int = option(200, "")
    batch: int = option(128, "")
    learning_rate: float = option(3e-3, "")
    seed: int = option(0, "")
    split_seed: int | None = None
    validation: int = option(0, "Training images held out for choices.")
    copies: int = option(0, "Augmented copies of the training set.")
    distortion: float = option(
        1.0, "Strength of the copies' distortions; 1: rotations up to 10 degrees (digits: 8)."
    )
    plain_share: float | None = option(None, "Share of undistorted images in each epoch, 0 to 1.")
    distill: float = option(0.0, "Weight of a convolutional teacher's labels, 0 to 1.")
    temperature: float = option(2.0, "Softens the teacher's labels.")
    teacher_epochs: int = option(8, "")
    soft_loss: float = option(0.5, "Share of the loss taken on the output membranes.")
    threshold_penalty: float = 0.3
    max_synapses: int | None = option(None, "Prune to so many synapses.")
    layer_synapses: tuple[int, ...] = option(
        (), "Prune each layer to so many synapses; once per layer, output last.", multiple=True
    )
    max_junctions: int | None = option(None, "Prune to so many Josephson junctions.")
    max_power_w: float | None = option(
        None, "Prune to so much static power (W).", flag="--max-power"
    )
    max_count: int | None = option(
        None, "Most excitatory and most inhibitory synapses per neuron each."
    )
    noise_sigma: float = option(
        0.0, "Train with noise: spread of the thresholds, in synapses.", flag="--noise"
    )
    noise_phi0: float = option(
        0.0,
        "Train with noise: spread of the decision's edge in Phi0, as thermal noise has.",
        flag="--noise-flux",
    )
    membrane_noise: float = option(
        0.0, "Train with noise on the membranes, in spreads of their counts, falling to 0."
    )
    slide_from: float = option(0.3, "Share of the run at which real weights begin to turn ternary.")
    slide_to: float = option(
        0.0, "Share of the run at which they are ternary; 0: they are from the start."
    )
    firing_curve: tuple[tuple[float, float], ...] | None = None
    firing_curve_unit: Unit = "synapses"
    prune_end: float = 0.45
    settle_at: float = option(0.85, "Share of the run after which the choice of synapses is final.")
    freeze_at: float = option(0.6, "Share of the run after which thresholds are integers.")
    refine_rounds: int = option(
        0, "Rounds of exact search after training (one hidden layer).", flag="--refine"
    )
    refine_gain: float = option(2.0, "Loss, over all images, that a change of it must save.")
    precision: str = option("float32", "", choices=PRECISIONS)

    def __post_init__(self) -> None:
        # Not as Options does it: a list may hold a number twice, and limits have their own words.
        for name in ("hidden", "fan_in", "grey_levels", "layer_synapses"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if self.firing_curve is not None:
            points = tuple((float(p[0]), float(p[1])) for p in self.firing_curve)
            object.__setattr__(self, "firing_curve", points)
        for name, known in (("dataset", DATASETS), ("precision", PRECISIONS)):
            if getattr(self, name) not in known and (name, self.dataset) != ("dataset", OWN):
                raise _wrong(name, getattr(self, name), f"one of {', '.join(known)}")
        if self.dataset == OWN and (self.copies or self.grey_levels or self.pixel_lines != 1):
            raise ConfigurationError(
                "copies, grey_levels and pixel_lines are of grey images; own data have an encoding"
            )
        for allowed, names, holds in _LIMITS:
            for name in names.split():
                value = getattr(self, name)
                if value is not None and not holds(value):
                    raise _wrong(name, value, allowed)
        for name in ("settle_at", "freeze_at"):
            if not 0 < self.prune_end <= getattr(self, name) < 1:
                raise ConfigurationError(
                    f"prune_end is {self.prune_end} and {name} {getattr(self, name)}; "
                    f"0 < prune_end <= {name} < 1 is needed"
                )
        if self.dataset != OWN and len(self.grey_levels) != self.steps * self.pixel_lines:
            raise ConfigurationError(
                f"{len(self.grey_levels)} grey levels for {self.steps} steps and "
                f"{self.pixel_lines} lines of a pixel; one level for each step and line is needed"
            )
        if self.reset is not None:
            self._check_memory()
        elif self.beta != 1.0:
            raise ConfigurationError(
                f"beta is {self.beta:g} without a reset; it is of membranes that last, which a "
                "reset makes"
            )
        noises = (self.noise_sigma, self.noise_phi0, self.firing_curve)
        if sum(map(bool, noises)) > 1:
            raise ConfigurationError(
                "noise_sigma, noise_phi0 and firing_curve exclude each other; one noise is allowed"
            )
        if self.refine_rounds:
            self._check_search()
        if self.slide_to and not 0 <= self.slide_from < self.slide_to <= self.freeze_at:
            raise ConfigurationError(
                f"slide_from is {self.slide_from}, slide_to {self.slide_to} and freeze_at "
                f"{self.freeze_at}; 0 <= slide_from < slide_to <= freeze_at is needed, or a "
                "slide_to of 0"
            )
        if self.layer_synapses:
            self._check_budgets()
        _ = self.curve, self.caps  # wrong ones are refused here

    def _check_budgets(self) -> None:
        """A budget of each layer stands alone, and none is empty."""
        if len(self.layer_synapses) != len(self.caps) or min(self.layer_synapses) < 1:
            raise _wrong(
                "layer_synapses", self.layer_synapses, f"{len(self.caps)} numbers of at least 1"
            )
        for name in ("max_synapses", "max_junctions", "max_power_w"):
            if getattr(self, name) is not None:
                raise ConfigurationError(
                    f"layer_synapses and {name} exclude each other; one budget is allowed"
                )

    def _check_memory(self) -> None:
        """What has no meaning or no figures yet for membranes that last is refused."""
        if self.reset not in RESETS:
            raise _wrong("reset", self.reset, f"one of {', '.join(RESETS)}")
        if self.steps < 2:
            raise ConfigurationError(
                f"steps is {self.steps} with reset {self.reset}; membranes that last need at "
                "least 2 steps"
            )
        rounded_beta(self.beta)
        if self.refine_rounds:
            raise ConfigurationError(
                "refine_rounds and reset exclude each other: the search takes each step's counts "
                "for themselves"
            )
        for name in ("max_junctions", "max_power_w"):
            if getattr(self, name) is not None:
                raise ConfigurationError(
                    f"{name} and reset exclude each other: a budget is kept by the prices of "
                    "neurons without memory"
                )
        if self.noise_phi0 or (self.firing_curve and self.firing_curve_unit == "Phi0"):
            raise ConfigurationError(
                "noise in Phi0 and reset exclude each other: the flux of a synapse is known for "
                "neurons without memory only; noise_sigma, membrane_noise and a firing curve in "
                "synapses are allowed"
            )

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
            margin, probability = (tuple(p[i] for p in self.firing_curve) for i in (0, 1))
            return FiringCurve(margin, probability, self.firing_curve_unit)
        if self.noise_phi0:
            return normal_curve(self.noise_phi0, "Phi0")
        return normal_curve(self.noise_sigma) if self.noise_sigma else None

    @property
    def caps(self) -> tuple[int, ...]:
        """Fan-in cap of each trained layer, output last."""
        trained = sum(spec.kind != "pool" for spec in self.layers) + 1
        if len(self.fan_in) not in (1, trained) or min(self.fan_in) < 1:
            raise _wrong("fan_in", self.fan_in, f"one number of at least 1, or {trained} of them")
        return self.fan_in if len(self.fan_in) == trained else self.fan_in * trained

    def as_dict(self) -> dict[str, object]:
        """JSON types; ``from_dict`` takes it back."""
        facts: dict[str, object] = json.loads(json.dumps(dataclasses.asdict(self)))
        return facts

    @classmethod
    def from_dict(cls, values: object) -> TrainingConfig:
        """The configuration that a card or a state file holds."""
        if not isinstance(values, Mapping):
            raise ConfigurationError(f"training options are {values!r}; a table is needed")
        known = {f.name for f in dataclasses.fields(cls)}
        for name in values:
            if name not in known:
                raise ConfigurationError(
                    f"'{name}' is not a training option; known are {', '.join(sorted(known))}"
                )
        return cls(**values)


def parse_hidden(text: str) -> HiddenSpec:
    """A hidden layer from its short form: "256", "c16k5s2" or "p2"."""
    if _WIDE.fullmatch(text):
        return HiddenSpec("full", int(text))
    if match := _POOL.fullmatch(text):
        window = _pair(*match.group(1, 2))
        return HiddenSpec("pool", 0, window, _pair(*match.group(3, 4)) if match[3] else window)
    if match := _CONV.fullmatch(text):
        return HiddenSpec(
            "conv",
            int(match[1]),
            _pair(*match.group(2, 3)),
            _pair(*match.group(4, 5)),
            _pair(*match.group(6, 7)) if match[6] else None,
            _pair(*match.group(8, 9)) if match[8] else (1, 1),
            int(match[10] or 1),
        )
    raise ConfigurationError(
        f"hidden layer '{text}' is not understood; write a number of neurons (256), a convolution "
        "(c16k5s2: channels, kernel, stride; p1 padding, d2 dilation, g4 groups may follow) or "
        "OR-pooling (p2)"
    )


def _pair(first: str, second: str | None) -> Size:
    return int(first), int(second or first)


def _wrong(name: str, value: object, allowed: str) -> ConfigurationError:
    return ConfigurationError(f"training option {name} is {value!r}; {allowed} is allowed")

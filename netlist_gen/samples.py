"""Samples and labels: from files or arrays, checked against a network, drawn by a seed."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from netlist_gen.checkpoint.npy import NpyError, PickledError, parse_npy
from netlist_gen.errors import ConfigurationError, NetworkError
from netlist_gen.files import printable, read_bytes
from netlist_gen.layer_arrays import as_array
from netlist_gen.network import TernaryNetwork
from netlist_gen.votes import check_labels

Source = str | os.PathLike[str] | ArrayLike
"""A ``.npy`` file, or the array itself."""

_MOST_BYTES = 4 << 30  # 1.4 million images of MNIST as int32


@dataclass(frozen=True, eq=False)
class Samples:
    """Samples of a network.

    Attributes:
        inputs: bool, shape (samples, inputs) or (samples, steps, inputs).
        labels: shape (samples,), or None.
        rows: of the samples among those they were drawn from; None is all of them in order.
    """

    inputs: NDArray[np.bool_]
    labels: NDArray[np.int64] | None
    rows: tuple[int, ...] | None = None

    def draw(self, count: int | None, seed: int) -> Samples:
        """So many of them, drawn without repetition, in their order; all where None is asked for.

        Raises:
            ConfigurationError: more than there are.
        """
        if count is None:
            return self
        have = self.inputs.shape[0]
        if count > have:
            raise ConfigurationError(f"--samples is {count}; there are {have} samples")
        chosen = np.sort(np.random.default_rng(seed).choice(have, count, replace=False))
        labels = None if self.labels is None else self.labels[chosen]
        return Samples(self.inputs[chosen], labels, tuple(chosen.tolist()))

    def first(self, count: int) -> Samples:
        """The first so many of them."""
        labels = None if self.labels is None else self.labels[:count]
        return Samples(self.inputs[:count], labels, self.rows)

    @property
    def steps(self) -> int:
        """Of each sample."""
        return 1 if self.inputs.ndim == 2 else self.inputs.shape[1]


def read_samples(
    network: TernaryNetwork,
    inputs: Source,
    labels: Source | None = None,
    *,
    steps: int | None = None,
    time_first: bool = False,
) -> Samples:
    """Inputs and labels of samples, checked against the network.

    Args:
        network: whose they are.
        inputs: (samples, inputs) or (samples, steps, inputs), or its file.
        labels: (samples,), or its file.
        steps: for which the network was made, if that is known.
        time_first: whether steps are the first axis, as snnTorch has them.

    Raises:
        NetworkError: inputs of a wrong width or value.
        ConfigurationError: a file that can't be read, no samples, labels that do not fit, steps
            that are not the network's, or more than its membranes have room for.
    """
    place = f"{inputs}: " if isinstance(inputs, str | os.PathLike) else ""
    given = _array(inputs, "inputs")
    if time_first:
        if given.ndim != 3:
            raise ConfigurationError(
                f"{place}inputs have shape {given.shape}; --time-first needs (steps, samples, "
                "inputs)"
            )
        given = np.moveaxis(given, 0, 1)
    try:
        x = network.check_inputs(given)
    except NetworkError as error:
        raise NetworkError(f"{place}{error}") from None
    _check_steps(place, x, steps, labelled=labels is not None, time_first=time_first)
    _check_room(place, x, network.steps)
    if not x.size:
        raise ConfigurationError(f"{place}there is no sample in it; give at least one")
    if labels is None:
        return Samples(x, None)
    place = f"{labels}: " if isinstance(labels, str | os.PathLike) else ""
    try:
        y = check_labels(_array(labels, "labels"), samples=x.shape[0], classes=network.classes)
    except NetworkError as error:
        raise ConfigurationError(f"{place}{error}") from None
    return Samples(x, y)


def _check_steps(
    place: str, x: NDArray[np.bool_], steps: int | None, *, labelled: bool, time_first: bool
) -> None:
    """Refuse samples of other steps than the network was made for; windows alone may be single."""
    have = 1 if x.ndim == 2 else x.shape[1]
    if steps is None or have == steps or (x.ndim == 2 and not labelled):
        return
    hint = ""
    if x.shape[0] == steps and not time_first:
        hint = "; where steps come first, say --time-first"
    counted = "1 step" if have == 1 else f"{have} steps"
    raise ConfigurationError(
        f"{place}inputs have shape {x.shape}, so {counted} for each sample; the network was made "
        f"for {steps}{hint}"
    )


def _check_room(place: str, x: NDArray[np.bool_], room: int | None) -> None:
    """Refuse samples that would overflow the loops in which membranes last, or have no steps."""
    have = 1 if x.ndim == 2 else x.shape[1]
    if room is not None and room > 1 and x.ndim == 2:
        raise ConfigurationError(
            f"{place}inputs have shape {x.shape}; the network's membranes last for the steps of a "
            f"sample, up to {room}: (samples, steps, inputs) is needed"
        )
    if room is not None and have > room:
        raise ConfigurationError(
            f"{place}inputs have shape {x.shape}, so {have} steps for each sample; the network's "
            f"membranes last, and its storage loops have room for at most {room}"
        )


def no_samples(
    network: TernaryNetwork, labels: Source | None = None, steps: int | None = None
) -> Samples:
    """None, of a network's width and of so many steps.

    Raises:
        ConfigurationError: there are labels.
    """
    if labels is not None:
        raise ConfigurationError("there are labels, but no samples; give both or neither")
    shape = (0, network.inputs) if steps is None else (0, steps, network.inputs)
    return Samples(np.zeros(shape, dtype=bool), None)


def _array(source: Source, what: str) -> NDArray[Any]:
    if isinstance(source, str | os.PathLike):
        return read_array(Path(source), what)
    return as_array(source, what)


def read_array(path: Path, what: str) -> NDArray[Any]:
    """An array from a ``.npy`` file.

    Raises:
        ConfigurationError: missing, no ordinary file, truncated, pickled or not ``.npy``.
    """

    def refused(reason: str) -> ConfigurationError:
        return ConfigurationError(printable(f"{path}: the {what} can't be read ({reason})"))

    data = read_bytes(path, _MOST_BYTES, refused)
    if data.startswith(b"PK"):
        raise ConfigurationError(f"{path}: the {what} must be one array (.npy), not an archive")
    if data and not data.startswith(b"\x93NUMPY"):
        raise ConfigurationError(
            f"{path}: the {what} are not numbers in a .npy file; write them with numpy.save"
        )
    try:
        return parse_npy(data)
    except PickledError:
        raise ConfigurationError(
            f"{path}: the {what} are not numbers in a .npy file; write them with numpy.save"
        ) from None
    except NpyError as error:
        words = printable(str(error))
        raise ConfigurationError(
            f"{path}: the {what} are not a whole .npy file ({words})"
        ) from None

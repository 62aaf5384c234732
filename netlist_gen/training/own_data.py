"""A user's own data: an ``.npz`` archive or a folder of ``.npy``, of values or of spikes.

Arrays are named ``x_train``, ``y_train``, ``x_test`` and ``y_test``, or ``x`` and ``y``, of which a
part is held out. An x is (samples, ...) of values, in row order the lines of the network, or has an
axis of steps behind that of the samples; snnTorch's own arrays have it first (``--time-first``).
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netlist_gen.checkpoint.archive import read_members
from netlist_gen.checkpoint.npy import NpyError, parse_npy
from netlist_gen.encoding import Encoding, Values, choose_encoding, is_spikes
from netlist_gen.errors import ConfigurationError, NetworkError
from netlist_gen.files import printable, read_bytes
from netlist_gen.options import Options, option
from netlist_gen.samples import read_array
from netlist_gen.training.datasets import EncodedData, hold_out

Labels = NDArray[np.int64]

HELD_OUT = 0.2
"""Share of samples that is held out where the file names no test set."""

_MOST_BYTES = 2 << 30
_MOST_UNPACKED = 8 << 30  # event arrays are nearly all zeros, and shrink a hundredfold
_PAIRS = (("x_train", "y_train"), ("x_test", "y_test"), ("x", "y"))
_SPIKES_OF_TIME = 3  # axes from which 0 and 1 are taken to have one of steps


@dataclass(frozen=True)
class EncodeOptions(Options):
    """How values become spikes, and how their axes stand.

    Attributes:
        encode: one of ``netlist_gen.encoding.KINDS``; None: as the data are.
        level: of "threshold".
        timed: whether values have an axis of steps behind that of the samples.
        time_first: whether it stands before that of the samples.
        data_seed: of the draws of "rate", and of what is held out.
    """

    encode: str | None = option(
        None,
        "Values to spikes: threshold, levels, rate, latency [default: levels; 0 and 1 are spikes].",
        choices=("threshold", "levels", "rate", "latency"),
    )
    level: float | None = option(None, "Of --encode threshold: values above are 1.")
    timed: bool = option(False, "Values have steps as their second axis.")
    time_first: bool = option(False, "Steps are the first axis, as snnTorch has them.")
    data_seed: int = option(0, "Of --encode rate, and of what is held out of own data.", least=0)


@dataclass(frozen=True, eq=False)
class OwnData:
    """Values and labels, split once.

    Attributes:
        train: values (samples, [steps,] ...), shape of a sample kept.
        train_labels: (samples,).
        test: values held out.
        test_labels: (samples,).
        timed: whether there is an axis of steps.
        place: of the file, for messages.
        split: how the test set came about, in words; "x_test" where the file has it.
        digest: SHA-256 of all arrays before they were split, its first 16 digits.
    """

    train: Values
    train_labels: Labels
    test: Values
    test_labels: Labels
    timed: bool
    place: str
    split: str
    digest: str

    @property
    def shape(self) -> tuple[int, ...]:
        """Of what one step sees."""
        return tuple(self.train.shape[2 if self.timed else 1 :])

    def name(self, encoding: Encoding) -> str:
        """What a run on these data is known by."""
        return f"{self.digest}, {encoding.words}"

    def encoded(
        self, encoding: Encoding, validation: int = 0, shape: tuple[int, ...] | None = None
    ) -> EncodedData:
        """What a run trains on and is measured on.

        Args:
            encoding: of the values.
            validation: so many of the training samples, drawn by the seed, are held out.
            shape: of the network's inputs; None: that of the data.
        """
        draw = np.random.default_rng(encoding.seed).permutation(len(self.train))
        order = draw if validation else np.arange(len(self.train))
        parts = hold_out(self.train[order], self.train_labels[order], validation)
        shape = self.shape if shape is None else shape
        return EncodedData(*parts, self.test, self.test_labels, encoding, shape)

    def encoding(self, options: EncodeOptions, steps: int | None = None) -> Encoding:
        """What the options make of the training values."""
        return choose_encoding(
            self.train,
            self.place,
            kind=options.encode,
            steps=steps,
            timed=self.timed,
            level=options.level,
            seed=options.data_seed,
        )


def read_own_data(path: Path, options: EncodeOptions, lines: int | None = None) -> OwnData:
    """Read and split a user's data.

    Args:
        path: an ``.npz`` file or a folder of ``.npy`` files.
        options: see there.
        lines: of the network, where there is one; None: as the data have.

    Raises:
        ConfigurationError: a file that can't be read, arrays that are missing or do not fit each
            other or the network.
    """
    arrays = _folder(path) if path.is_dir() else _archive(path)
    pairs = {}
    for names in _PAIRS:
        if all(name in arrays for name in names):
            pairs[names[0]] = _pair(path, names, arrays, options, lines)
    if "x_train" in pairs and "x_test" in pairs:
        (train, y_train, timed), (test, y_test, _) = pairs["x_train"], pairs["x_test"]
        if train.shape[1:] != test.shape[1:]:
            raise ConfigurationError(
                f"{path}: samples of x_train have shape {train.shape[1:]}, those of x_test "
                f"{test.shape[1:]}; they must be equal"
            )
        digest = _digest(train, y_train, test, y_test)
        return OwnData(train, y_train, test, y_test, timed, str(path), "x_test", digest)
    if "x" not in pairs:
        raise ConfigurationError(
            printable(
                f"{path} holds {', '.join(sorted(arrays)) or 'no array'}; x_train, y_train, x_test "
                "and y_test, or x and y, are needed"
            )
        )
    x, y, timed = pairs["x"]
    held_out = max(1, round(HELD_OUT * len(y)))
    if len(y) - held_out < 1:
        raise ConfigurationError(f"{path}: {len(y)} samples; at least 2 are needed")
    order = np.random.default_rng(options.data_seed).permutation(len(y))
    test_rows, rest = np.sort(order[:held_out]), np.sort(order[held_out:])
    words = f"{held_out} of {len(y)} samples, drawn with seed {options.data_seed}"
    parts = x[rest], y[rest], x[test_rows], y[test_rows]
    return OwnData(*parts, timed, str(path), words, _digest(x, y))


def whole(data: OwnData) -> OwnData:
    """The same with all samples held out, for a network that was trained on others."""
    x = np.concatenate([data.train, data.test])
    y = np.concatenate([data.train_labels, data.test_labels])
    return replace(data, test=x, test_labels=y, split="all samples")


def _digest(*arrays: NDArray[Any]) -> str:
    total = hashlib.sha256()
    for array in arrays:
        total.update(f"{array.dtype} {array.shape}".encode())
        total.update(np.ascontiguousarray(array).tobytes())
    return total.hexdigest()[:16]


def _pair(
    path: Path,
    names: tuple[str, str],
    arrays: Mapping[str, NDArray[Any]],
    options: EncodeOptions,
    lines: int | None,
) -> tuple[Values, Labels, bool]:
    """Values with the samples first, their labels, and whether steps come second."""
    (x_name, y_name), (x, y) = names, (arrays[name] for name in names)
    if x.dtype.kind not in "biuf" or x.ndim < 2 or not x.size:
        raise ConfigurationError(
            f"{path}: {x_name} has shape {x.shape} and type {x.dtype}; numbers of shape (samples, "
            "...) are needed"
        )
    if options.time_first:
        if x.ndim < _SPIKES_OF_TIME:
            raise ConfigurationError(
                f"{path}: {x_name} has shape {x.shape}, so no axis of steps for --time-first; "
                "(steps, samples, inputs) is needed"
            )
        x = np.ascontiguousarray(np.moveaxis(x, 0, 1))
    if y.shape != x.shape[:1]:
        hint = ""
        if not options.time_first and x.ndim >= _SPIKES_OF_TIME and y.shape == x.shape[1:2]:
            hint = "; where steps come first, say --time-first"
        raise ConfigurationError(
            f"{path}: {y_name} has shape {y.shape} for {len(x)} samples of {x_name}; "
            f"({len(x)},) is needed{hint}"
        )
    return x, _labels(path, y_name, y), _timed(path, x_name, x, options, lines)


def _labels(path: Path, name: str, y: NDArray[Any]) -> Labels:
    whole_numbers = y.dtype.kind in "iu" or (y.dtype.kind == "f" and bool((y == np.rint(y)).all()))
    if not whole_numbers or (y < 0).any() or (y >= 1 << 20).any():
        raise ConfigurationError(
            f"{path}: {name} has type {y.dtype} and values from {y.min()} to {y.max()}; classes "
            "counted from 0 are needed"
        )
    return y.astype(np.int64)


def _timed(path: Path, name: str, x: Values, options: EncodeOptions, lines: int | None) -> bool:
    """Whether the second axis is of steps."""
    plain, timed = math.prod(x.shape[1:]), math.prod(x.shape[2:])
    asked = options.timed or options.time_first
    if asked and x.ndim < _SPIKES_OF_TIME:
        raise ConfigurationError(
            f"{path}: {name} has shape {x.shape}, so no axis of steps for --timed; (samples, "
            "steps, inputs) is needed"
        )
    if lines is None:
        return asked or (x.ndim >= _SPIKES_OF_TIME and is_spikes(x))
    if x.ndim >= _SPIKES_OF_TIME and timed == lines and (asked or plain != lines):
        return True
    if plain == lines and not asked:
        return False
    seen = f"{timed} values for each step" if asked else f"{plain} values"
    raise ConfigurationError(
        f"{path}: {name} has shape {x.shape}, so {seen} of a sample; the network has {lines} inputs"
    )


def _archive(path: Path) -> dict[str, NDArray[Any]]:
    def refused(reason: str) -> ConfigurationError:
        return ConfigurationError(printable(f"{path}: the data can't be read ({reason})"))

    data = read_bytes(path, _MOST_BYTES, refused)
    try:
        members = read_members(data, f"{path} is not a whole .npz archive", _MOST_UNPACKED)
    except NetworkError as error:
        words = str(error)
        raise ConfigurationError(
            printable(words if words.startswith(str(path)) else f"{path}: {words}")
        ) from None
    found = {}
    for member, content in members.items():
        try:
            found[member.removesuffix(".npy")] = parse_npy(content)
        except NpyError as error:
            raise ConfigurationError(printable(f"{path}: '{member}': {error}")) from None
    return found


def _folder(path: Path) -> dict[str, NDArray[Any]]:
    names = {name for pair in _PAIRS for name in pair}
    files = {file.stem: file for file in path.glob("*.npy") if file.stem in names}
    return {name: read_array(file, name) for name, file in files.items()}

"""Data sets: scikit-learn's bundled 8x8 digits and MNIST's IDX files."""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from netlist_gen.encoding import Encoding, Values
from netlist_gen.errors import ConfigurationError

Grey = NDArray[np.uint8]
Labels = NDArray[np.int64]
MNIST_FILES = {
    "train_images": "train-images-idx3-ubyte",
    "train_labels": "train-labels-idx1-ubyte",
    "test_images": "t10k-images-idx3-ubyte",
    "test_labels": "t10k-labels-idx1-ubyte",
}
DIGITS_TEST = 360  # a fifth of the 1,797 images


@dataclass(frozen=True)
class GreyData:
    """Grey images (samples, side, side) and labels (samples,), split once.

    ``brightest`` is the grey level of white: 16 for digits, 255 for MNIST.
    """

    train_images: Grey
    train_labels: Labels
    validation_images: Grey
    validation_labels: Labels
    test_images: Grey
    test_labels: Labels
    brightest: int

    @property
    def shape(self) -> tuple[int, ...]:
        """Of an image: channels, height, width."""
        return (1, *self.train_images.shape[1:])

    def spikes(self, images: Grey, levels: Sequence[int], lines: int = 1) -> NDArray[np.bool_]:
        """One-bit inputs of images; see ``binarise``."""
        return binarise(images, levels, lines)

    @property
    def side(self) -> int:
        """Pixels of an image's side."""
        return int(self.train_images.shape[1])

    @property
    def classes(self) -> int:
        """How many there are."""
        return int(self.train_labels.max()) + 1


@dataclass(frozen=True, eq=False)
class EncodedData:
    """A user's own values and labels, split once, and how they become spikes.

    Named as those of ``GreyData``; ``shape`` is that of one step's values.
    """

    train_images: Values
    train_labels: Labels
    validation_images: Values
    validation_labels: Labels
    test_images: Values
    test_labels: Labels
    encoding: Encoding
    shape: tuple[int, ...]
    least_classes: int = 0

    @property
    def classes(self) -> int:
        """How many there are; ``least_classes`` where no sample has the last of them."""
        return max(
            int(max(self.train_labels.max(), self.test_labels.max())) + 1, self.least_classes
        )

    def spikes(self, values: Values, _levels: Sequence[int], _lines: int = 1) -> NDArray[np.bool_]:
        """One-bit inputs of values, by the encoding."""
        return self.encoding(values)


def hold_out(
    images: Values, labels: Labels, validation: int
) -> tuple[Values, Labels, Values, Labels]:
    """Training samples, and the last so many for validation.

    Raises:
        ConfigurationError: no sample is left.
    """
    if not 0 <= validation < len(labels):
        raise ConfigurationError(
            f"validation is {validation}; 0 to {len(labels) - 1} training images can be held out"
        )
    kept = len(labels) - validation
    return images[:kept], labels[:kept], images[kept:], labels[kept:]


def load_data(
    dataset: str, data_dir: str | None = None, *, seed: int = 0, validation: int = 0
) -> GreyData:
    """Load and split a data set.

    Args:
        dataset: "digits" or "mnist".
        data_dir: folder of the IDX files, for "mnist".
        seed: of the split of digits, which come in one piece; MNIST's test set is its own and
            its validation images are the last of the training set.
        validation: training images held out for choices.
    """
    if dataset == "digits":
        images, labels = _digits()
        order = np.random.default_rng(seed).permutation(len(labels))
        held_out, rest = order[:DIGITS_TEST], order[DIGITS_TEST:]
        test = images[held_out], labels[held_out]
        images, labels, brightest = images[rest], labels[rest], 16
    elif data_dir is None:
        raise ConfigurationError(
            "MNIST needs --data-dir, the folder of its four IDX files, gzipped or not"
        )
    else:
        images, labels = _mnist_pair(Path(data_dir), "train")
        test = _mnist_pair(Path(data_dir), "test")
        brightest = 255
    return GreyData(*hold_out(images, labels, validation), *test, brightest)


def binarise(images: Grey, levels: Sequence[int], lines: int = 1) -> NDArray[np.bool_]:
    """One-bit inputs: pixel > level, pixels in row order.

    Args:
        images: (samples, side, side).
        levels: of each step, the first step's first; of a step as many as ``lines``.
        lines: of a pixel; a step has all pixels at its first level, then all at its second.

    Returns:
        Shape (samples, lines * pixels) for one step, (samples, steps, lines * pixels) for several.
    """
    flat = images.reshape(len(images), -1)
    seen = np.stack([flat > level for level in levels], axis=1)
    steps = len(levels) // lines
    return seen.reshape((len(flat), steps, -1) if steps > 1 else (len(flat), -1))


def read_idx(file: Path) -> NDArray[np.uint8]:
    """Array of an IDX file of bytes, gzipped or not (told by its first bytes, not by its name).

    The format: yann.lecun.com/exdb/mnist, "THE IDX FILE FORMAT".
    """
    try:
        raw = file.read_bytes()
        if raw[:2] == b"\x1f\x8b":
            raw = gzip.decompress(raw)
    except (OSError, EOFError, zlib.error) as error:
        raise ConfigurationError(f"{file} can't be read: {error}") from None
    if len(raw) < 4 or raw[:3] != b"\0\0\x08" or raw[3] < 1:
        raise ConfigurationError(
            f"{file} is not an IDX file of bytes: it begins with {raw[:4].hex()}"
        )
    axes = raw[3]
    start = 4 + 4 * axes
    if len(raw) < start:
        raise ConfigurationError(f"{file} ends inside its header of {start} bytes")
    shape = struct.unpack(f">{axes}I", raw[4:start])
    wanted = math.prod(shape)
    if len(raw) - start != wanted:
        raise ConfigurationError(
            f"{file} holds {len(raw) - start} bytes of data; its header {shape} asks for {wanted}"
        )
    return np.frombuffer(raw, dtype=np.uint8, offset=start).reshape(shape).copy()


def _mnist_pair(folder: Path, part: str) -> tuple[Grey, Labels]:
    images = read_idx(_find(folder, MNIST_FILES[f"{part}_images"]))
    labels = read_idx(_find(folder, MNIST_FILES[f"{part}_labels"]))
    if images.ndim != 3:
        raise ConfigurationError(
            f"{folder}: the {part} images have shape {images.shape}; (samples, rows, columns) is "
            "needed"
        )
    if labels.shape != images.shape[:1]:
        raise ConfigurationError(
            f"{folder}: {part} labels of shape {labels.shape} for {images.shape[0]} images"
        )
    return images, labels.astype(np.int64)


def _find(folder: Path, name: str) -> Path:
    for candidate in (folder / name, folder / f"{name}.gz", folder / name.replace("-idx", ".idx")):
        if candidate.is_file():
            return candidate
    raise ConfigurationError(f"{folder} holds neither {name} nor {name}.gz")


def _digits() -> tuple[Grey, Labels]:
    from sklearn.datasets import load_digits

    bunch = load_digits()
    return bunch.images.astype(np.uint8), bunch.target.astype(np.int64)

"""Data sets: scikit-learn's bundled 8x8 digits and MNIST's IDX files."""

from __future__ import annotations

import gzip
import os
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

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
# Type codes of the IDX format (yann.lecun.com/exdb/mnist, "THE IDX FILE FORMAT").
_IDX_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


@dataclass(frozen=True)
class GreyData:
    """Grey images and labels, split once.

    Attributes:
        train_images, validation_images, test_images: uint8, shape (samples, side, side).
        train_labels, validation_labels, test_labels: int64, shape (samples,).
        brightest: the grey level of white: 16 for digits, 255 for MNIST.
    """

    train_images: Grey
    train_labels: Labels
    validation_images: Grey
    validation_labels: Labels
    test_images: Grey
    test_labels: Labels
    brightest: int

    @property
    def side(self) -> int:
        return int(self.train_images.shape[1])

    @property
    def classes(self) -> int:
        return int(self.train_labels.max()) + 1


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
        test, rest = order[:DIGITS_TEST], order[DIGITS_TEST:]
        test_images, test_labels = images[test], labels[test]
        images, labels, brightest = images[rest], labels[rest], 16
    elif dataset == "mnist":
        if data_dir is None:
            raise ConfigurationError(
                "MNIST needs --data-dir, the folder of its four IDX files, gzipped or not"
            )
        images, labels = _mnist_pair(Path(data_dir), "train")
        test_images, test_labels = _mnist_pair(Path(data_dir), "test")
        brightest = 255
    else:
        raise ConfigurationError(f"data set '{dataset}' is unknown; digits and mnist are known")
    if not 0 <= validation < len(labels):
        raise ConfigurationError(
            f"validation is {validation}; 0 to {len(labels) - 1} training images can be held out"
        )
    kept = len(labels) - validation
    return GreyData(
        images[:kept],
        labels[:kept],
        images[kept:],
        labels[kept:],
        test_images,
        test_labels,
        brightest,
    )


def binarise(images: Grey, levels: Sequence[int]) -> NDArray[np.bool_]:
    """One-bit inputs: pixel > level, pixels in row order.

    Returns shape (samples, pixels) for one level, (samples, steps, pixels) for several.
    """
    flat = images.reshape(len(images), -1)
    if len(levels) == 1:
        return np.asarray(flat > levels[0])
    return np.stack([flat > level for level in levels], axis=1)


def read_idx(path: str | os.PathLike[str]) -> NDArray[Any]:
    """Array of an IDX file, gzipped or not (told by its first bytes, not by its name).

    Raises:
        ConfigurationError: missing, truncated or not IDX.
    """
    file = Path(path)
    try:
        raw = file.read_bytes()
        if raw[:2] == b"\x1f\x8b":
            raw = gzip.decompress(raw)
    except (OSError, EOFError, zlib.error) as error:
        raise ConfigurationError(f"{file} can't be read: {error}") from None
    if len(raw) < 4 or raw[:2] != b"\0\0" or raw[2] not in _IDX_TYPES or raw[3] < 1:
        raise ConfigurationError(f"{file} is not an IDX file: it begins with {raw[:4].hex()}")
    axes = raw[3]
    start = 4 + 4 * axes
    if len(raw) < start:
        raise ConfigurationError(f"{file} ends inside its header of {start} bytes")
    shape = struct.unpack(f">{axes}I", raw[4:start])
    kind = np.dtype(_IDX_TYPES[raw[2]])
    wanted = int(np.prod(shape, dtype=object)) * kind.itemsize
    if len(raw) - start != wanted:
        raise ConfigurationError(
            f"{file} holds {len(raw) - start} bytes of data; its header {shape} asks for {wanted}"
        )
    array = np.frombuffer(raw, dtype=kind, offset=start).reshape(shape)
    return array.astype(kind.newbyteorder("="))


def _mnist_pair(folder: Path, part: str) -> tuple[Grey, Labels]:
    images = read_idx(_find(folder, MNIST_FILES[f"{part}_images"]))
    labels = read_idx(_find(folder, MNIST_FILES[f"{part}_labels"]))
    if images.ndim != 3 or images.dtype != np.uint8:
        raise ConfigurationError(
            f"{folder}: the {part} images have shape {images.shape} and type {images.dtype}; "
            "(samples, rows, columns) of bytes is needed"
        )
    if labels.shape != images.shape[:1] or labels.dtype != np.uint8:
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

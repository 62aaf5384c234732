"""IDX files, splits and one-bit inputs."""

from __future__ import annotations

import gzip
import re
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from netlist_gen.errors import ConfigurationError
from netlist_gen.training.datasets import MNIST_FILES, binarise, load_data, read_idx


def idx(array: np.ndarray) -> bytes:
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, 0x08, array.ndim, *array.shape)
    return header + array.tobytes()


@given(
    array=hnp.arrays("u1", hnp.array_shapes(max_dims=3, max_side=4)),
    packed=st.booleans(),
)
def test_idx_round_trip(
    tmp_path_factory: pytest.TempPathFactory, array: np.ndarray, packed: bool
) -> None:
    path = tmp_path_factory.mktemp("idx") / "file"
    path.write_bytes(gzip.compress(idx(array)) if packed else idx(array))
    read = read_idx(path)
    assert read.dtype == array.dtype
    assert np.array_equal(read, array)


def test_idx_that_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "file"
    whole = idx(np.zeros((2, 3), np.uint8))
    for data, message in [
        (whole[:-1], "holds 5 bytes of data; its header (2, 3) asks for 6"),
        (whole + b"x", "holds 7 bytes of data; its header (2, 3) asks for 6"),
        (whole[:9], "ends inside its header of 12 bytes"),
        (b"\x89PNG", "is not an IDX file of bytes: it begins with 89504e47"),
        (b"\0\0\x0d\1", "is not an IDX file of bytes: it begins with 00000d01"),
    ]:
        path.write_bytes(data)
        with pytest.raises(ConfigurationError, match=f"^{re.escape(f'{path} {message}')}$"):
            read_idx(path)
    path.write_bytes(gzip.compress(whole)[:-9])
    with pytest.raises(ConfigurationError, match=r"file can't be read: "):
        read_idx(path)


def write_mnist(folder: Path, count: int = 12) -> None:
    rng = np.random.default_rng(0)
    for part in ("train", "test"):
        images = rng.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        labels = (np.arange(count) % 10).astype(np.uint8)
        (folder / MNIST_FILES[f"{part}_images"]).write_bytes(idx(images))
        (folder / (MNIST_FILES[f"{part}_labels"] + ".gz")).write_bytes(gzip.compress(idx(labels)))


def test_mnist_files_gzipped_or_not(tmp_path: Path) -> None:
    write_mnist(tmp_path)
    data = load_data("mnist", str(tmp_path), validation=4)
    assert data.train_images.shape == (8, 28, 28)
    assert data.validation_labels.tolist() == [8, 9, 0, 1]
    assert len(data.test_labels) == 12
    (tmp_path / MNIST_FILES["test_images"]).unlink()
    name = MNIST_FILES["test_images"]
    with pytest.raises(ConfigurationError, match=rf"holds neither {name} nor {name}\.gz$"):
        load_data("mnist", str(tmp_path))
    with pytest.raises(ConfigurationError, match=r"^MNIST needs --data-dir, the folder of its"):
        load_data("mnist")


def test_digits_split_is_seeded_and_disjoint() -> None:
    a, b, c = (load_data("digits", seed=s, validation=100) for s in (1, 1, 2))
    assert (len(a.train_labels), len(a.validation_labels), len(a.test_labels)) == (1337, 100, 360)
    assert np.array_equal(a.test_images, b.test_images)
    assert not np.array_equal(a.test_images, c.test_images)
    seen = {image.tobytes() for image in a.train_images}
    # The set itself may hold an image twice; a split that leaks would share far more.
    assert sum(image.tobytes() in seen for image in a.test_images) < 5


def test_binarise() -> None:
    images = np.array([[[0, 5], [6, 16]]], dtype=np.uint8)
    assert binarise(images, [5]).tolist() == [[False, False, True, True]]
    assert binarise(images, [15, 4]).shape == (1, 2, 4)
    assert binarise(images, [15, 4])[0].tolist() == [
        [False, False, False, True],
        [False, True, True, True],
    ]


def test_binarise_by_several_lines_of_a_pixel() -> None:
    images = np.array([[[0, 5], [6, 16]], [[9, 0], [0, 0]]], dtype=np.uint8)
    one_step = binarise(images, [4, 8], lines=2)
    assert one_step.astype(int).tolist() == [[0, 1, 1, 1, 0, 0, 0, 1], [1, 0, 0, 0, 1, 0, 0, 0]]
    two_steps = binarise(images, [4, 8, 15, 5], lines=2)
    assert two_steps.shape == (2, 2, 8)
    assert np.array_equal(two_steps[:, 0], one_step)
    assert two_steps[0, 1].astype(int).tolist() == [0, 0, 0, 1, 0, 0, 1, 1]

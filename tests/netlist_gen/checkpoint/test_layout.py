"""``--input-shape`` and ``--layers``: what they say, what they can't, what is proposed."""

from __future__ import annotations

import re

import numpy as np
import pytest

from netlist_gen.checkpoint.layout import (
    Item,
    Parts,
    WeightPart,
    fitting,
    parse_layers,
    parse_shape,
    stack_of,
)
from netlist_gen.checkpoint.modules import Neuron, describe
from netlist_gen.errors import ConfigurationError


def parts(*shapes: tuple[int, ...], names: str = "") -> Parts:
    one, zero = np.ones(()), np.zeros(())
    weights, neurons = [], []
    for index, shape in enumerate(shapes):
        first, second = (names or "abcdefgh")[2 * index : 2 * index + 2]
        weights.append(WeightPart(first, np.ones(shape), np.zeros(shape[0])))
        neurons.append(Neuron(second, one, zero, "none"))
    return Parts(tuple(weights), tuple(neurons), {})


TUTORIAL = parts((12, 1, 5, 5), (64, 12, 5, 5), (10, 1024), names="023578")


def test_a_text_names_modules_and_their_sizes() -> None:
    text = "conv stride 2x1 padding 1 dilation 2, max 3x1 stride 2, leaky, flatten, linear , leaky"
    items = parse_layers(text)
    assert items[0] == Item("conv", stride=(2, 1), padding=(1,), dilation=(2,))
    assert items[1] == Item("max", window=(3, 1), stride=(2,))
    assert ", ".join(map(str, items)) == (
        "conv stride 2x1 padding 1 dilation 2, max 3x1 stride 2, leaky, flatten, linear, leaky"
    )
    assert parse_shape("1, 28,28") == (1, 28, 28)


def test_modules_take_the_files_next_one_and_layers_behind_axes_are_flattened() -> None:
    stack = stack_of(
        TUTORIAL,
        (1, 28, 28),
        parse_layers("conv, max 2, leaky, conv, avg 2, leaky, linear, leaky"),
    )
    assert describe(stack) == (
        "'0' convolution 5 x 5, stride 1 x 1, padding 0 x 0 -> 12 x 24 x 24",
        "pooling, max of 2 x 2 -> 12 x 12 x 12",
        "'2' Leaky, beta 0, reset none -> 12 x 12 x 12",
        "'3' convolution 5 x 5, stride 1 x 1, padding 0 x 0 -> 64 x 8 x 8",
        "pooling, avg of 2 x 2 -> 64 x 4 x 4",
        "'5' Leaky, beta 0, reset none -> 64 x 4 x 4",
        "flattened -> 1024",
        "'7' fully connected -> 10",
        "'8' Leaky, beta 0, reset none -> 10",
    )


@pytest.mark.parametrize(
    ("given", "shape", "proposed", "layers"),
    [
        (TUTORIAL, None, (1, 28, 28), "conv, max 2, leaky, conv, max 2, leaky, linear, leaky"),
        (TUTORIAL, (1, 28, 28), (1, 28, 28),
         "conv, max 2, leaky, conv, max 2, leaky, linear, leaky"),
        (parts((8, 3, 3, 3), (10, 8 * 32 * 32), names="0123"), None, (3, 32, 32),
         "conv padding 1, leaky, linear, leaky"),
        (parts((4, 2, 5), (3, 4 * 7)), (2, 100), None, None),
    ],
)  # fmt: skip
def test_what_fits_is_proposed(given, shape, proposed, layers) -> None:
    found = fitting(given, shape)
    if proposed is None:
        assert found is None
        return
    assert found is not None
    assert found[0] == proposed
    assert ", ".join(map(str, found[1])) == layers


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("conv, relu", "--layers has 'relu'; known are conv, linear, norm, leaky, max, avg, sum, "
         "flatten"),
        ("max", "--layers has '' as a size in 'max'; a number (2) or one for each axis (3x1) is "
         "needed"),
        ("max 0", "--layers has '0' as a size in 'max 0'; a number (2) or one for each axis (3x1) "
         "is needed"),
        ("linear stride 2", "--layers has 'stride' in 'linear stride 2'; nothing can follow"),
        ("conv pad 2", "--layers has 'pad' in 'conv pad 2'; stride, padding, dilation can follow"),
        ("linear, leaky", "--layers has a linear where the file has '0' with weights of shape "
         "(12, 1, 5, 5)"),
        ("conv, conv, conv", "--layers has a conv where the file has '7' with weights of shape "
         "(10, 1024)"),
        ("conv, norm", "--layers has a norm as module 2; the file has no more of them"),
        ("conv, leaky", "--layers leaves out the layer '3' of the file"),
        ("conv stride 1x2x3", "--layers has '1x2x3' as a size in 'conv stride 1x2x3'; a number "
         "(2) or one for each axis (3x1) is needed"),
    ],
)  # fmt: skip
def test_texts_that_are_refused(text: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}$"):
        stack_of(TUTORIAL, (1, 28, 28), parse_layers(text))


@pytest.mark.parametrize("text", ["", "1,28,28,28", "0,3", "a", "1;28"])
def test_shapes_that_are_refused(text: str) -> None:
    message = (
        f"--input-shape is {text!r}; write the lines (784), channels and length (2,100) or "
        "channels, height and width (1,28,28)"
    )
    with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}$"):
        parse_shape(text)

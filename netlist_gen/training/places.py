"""Where a network is trained: on the processor with its compiled loops, or on a GPU.

A place is a device of PyTorch's and the table of operations that its tensors take. It is chosen
once, before a run; network, optimiser and batches look nothing else up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from netlist_gen.errors import ConfigurationError
from netlist_gen.training import fused, optimiser, packed, tensors
from netlist_gen.training.config import DEVICES
from netlist_gen.training.optimiser import Constants, Part


@dataclass(frozen=True)
class Operations:
    """What a step of training is made of.

    Attributes:
        ternary: weights; ``fused`` says of this and the next three what is computed.
        sliding: weights between real and ternary.
        decide: pulses of neurons without memory.
        readout: scores of classes.
        adam: moves parameters (``optimiser``).
        unpack: makes a batch (``packed``).
        compiled: whether they are loops for the processor, among which are the steps over kept
            synapses (``sparse``).
    """

    ternary: Callable[[Tensor, Tensor, torch.dtype], Tensor]
    sliding: Callable[[Tensor, Tensor, float, torch.dtype], Tensor]
    decide: Callable[
        [Tensor, Tensor, fused.Statistics, Tensor | None, float], tuple[Tensor, Tensor, Tensor]
    ]
    readout: Callable[[Tensor, Tensor, Tensor, int, int], tuple[Tensor, Tensor]]
    adam: Callable[[Sequence[Part], Constants], None]
    unpack: Callable[[packed.PackedSpikes, NDArray[np.int64], torch.dtype, torch.device], Tensor]
    compiled: bool


COMPILED = Operations(
    fused.ternary,
    fused.sliding,
    fused.decide,
    fused.readout,
    optimiser.adam,
    packed.unpack,
    compiled=True,
)
"""Numba's loops, of tensors of the processor."""
TENSORS = Operations(
    tensors.ternary,
    tensors.sliding,
    tensors.decide,
    tensors.readout,
    tensors.adam,
    tensors.unpack,
    compiled=False,
)
"""PyTorch's operations, of tensors of any device."""


@dataclass(frozen=True)
class Place:
    """Where a run is trained, and by what."""

    device: torch.device
    operations: Operations

    @contextmanager
    def enough_memory(self, batch: int) -> Iterator[None]:
        """A GPU whose memory is too small for a run is a ConfigurationError."""
        try:
            yield
        except torch.cuda.OutOfMemoryError as error:
            raise ConfigurationError(
                f"--device {self.device}: the GPU's memory is too small for this network with "
                f"--batch {batch}; a smaller --batch takes less"
            ) from error


PROCESSOR = Place(torch.device("cpu"), COMPILED)


def place_of(device: str) -> Place:
    """The place that ``--device`` names.

    Raises:
        ConfigurationError: there is no such device, or no GPU that PyTorch can use.
    """
    if device not in DEVICES:
        raise ConfigurationError(f"--device is {device!r}; allowed are {', '.join(DEVICES)}")
    if device == "cpu":
        return PROCESSOR
    gpu = torch.device(device)
    if not torch.cuda.is_available():
        if torch.version.cuda is None and torch.version.hip is None:
            raise ConfigurationError(
                "--device cuda: PyTorch finds no GPU here (it is built for the processor alone); "
                "leave the option out, or install a PyTorch with CUDA"
            )
        raise ConfigurationError(
            f"--device cuda: PyTorch finds no GPU here (it is built with "
            f"{_toolkit()}); leave the option out, or look for the GPU's driver"
        )
    try:
        torch.ones(1, device=gpu).sum().item()  # a kernel that runs, and not a driver alone
    except RuntimeError as error:
        why = str(error).strip().splitlines()[0].rstrip(".")
        raise ConfigurationError(
            f"--device cuda: PyTorch finds a GPU and can't use it ({why}); leave the option out, "
            "or install a PyTorch that is built for this GPU"
        ) from error
    return Place(gpu, TENSORS)


def has_bfloat16(place: Place) -> bool:
    """Whether its products of bfloat16 are faster than float32's.

    A processor without instructions for it (AVX-512) does them a number at a time: 160 times as
    slow, measured on an AMD EPYC with AVX2.
    """
    if place.device.type != "cpu":
        return True
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def has_matrices_of_bfloat16(place: Place) -> bool:
    """Whether it is a processor that multiplies matrices of bfloat16 (Intel's AMX)."""
    if place.device.type != "cpu" or not has_bfloat16(place):
        return False
    # PyTorch before 2.6 can't say; steps are as right, and slower, if it has AMX all the same.
    return bool(getattr(torch.cpu, "_is_amx_tile_supported", lambda: False)())


def _toolkit() -> str:
    """With which toolkit for GPUs PyTorch is built."""
    cuda = torch.version.cuda
    return f"CUDA {cuda}" if cuda is not None else f"ROCm {torch.version.hip}"

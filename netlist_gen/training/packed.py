"""Spikes of a whole training set, a bit each, from which batches are made in one pass."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from netlist_gen.encoding import Values
from netlist_gen.training.fused import loop

_AT_ONCE = 8192  # samples whose spikes are made at once


class PackedSpikes:
    """Spikes of many samples, a bit each; ``unpack`` makes tensors of 0 and 1 of them.

    Attributes:
        shape: of a sample: ([steps,] lines).
        bits: of all samples, (samples, bytes), each byte's first line highest.
    """

    def __init__(self, parts: Iterable[NDArray[np.bool_]]) -> None:
        """Pack spikes (samples, [steps,] lines), given in parts of as many samples as one likes."""
        packed = []
        for part in parts:
            self.shape = part.shape[1:]
            packed.append(np.packbits(part.reshape(len(part), -1), axis=1))
        self.bits = np.concatenate(packed)

    @classmethod
    def of(cls, values: Values, encode: Callable[[Values], NDArray[np.bool_]]) -> PackedSpikes:
        """Of what ``encode`` makes of values, a part of them at a time."""
        parts = range(0, len(values), _AT_ONCE)
        return cls(encode(np.asarray(values[at : at + _AT_ONCE])) for at in parts)

    def into(
        self, rows: NDArray[np.int64], lines: NDArray[np.int64], out: NDArray[np.uint8]
    ) -> None:
        """Write spikes of these samples, of these lines alone, to (lines, steps * samples)."""
        _unpack_lines(self.bits, rows, lines, math.prod(self.shape[:-1]), out)


def unpack(
    packed: PackedSpikes, rows: NDArray[np.int64], dtype: torch.dtype, _device: torch.device
) -> Tensor:
    """Spikes of samples, (rows, [steps,] lines), float32 or bfloat16, on the processor."""
    out = torch.empty((len(rows), math.prod(packed.shape)), dtype=dtype)
    if dtype == torch.bfloat16:
        _unpack(packed.bits, rows, np.uint16(0x3F80), out.view(torch.uint16).numpy())
    else:
        _unpack(packed.bits, rows, np.uint32(0x3F800000), out.numpy().view(np.uint32))
    return out.view(len(rows), *packed.shape)


@loop
def _unpack(packed, rows, one, out):  # type: ignore[no-untyped-def]
    """Bits of 0 or 1, of packed rows."""
    wide = out.shape[1]
    for i in range(rows.size):
        line = packed[rows[i]]
        for k in range(wide // 8):
            for b in range(8):
                out[i, 8 * k + b] = ((line[k] >> (7 - b)) & 1) * one
        for j in range(wide // 8 * 8, wide):
            out[i, j] = ((line[j // 8] >> (7 - j % 8)) & 1) * one


@loop
def _unpack_lines(packed, rows, lines, steps, out):  # type: ignore[no-untyped-def]
    wide = packed.shape[1]
    turned = np.empty((wide, rows.size), np.uint8)  # bytes of all samples side by side
    for i in range(rows.size):
        for k in range(wide):
            turned[k, i] = packed[rows[i], k]
    for step in range(steps):
        for line in lines:
            bit = step * out.shape[0] + line
            shift, source, target = np.uint8(7 - bit % 8), turned[bit // 8], out[line]
            for i in range(rows.size):
                target[step * rows.size + i] = (source[i] >> shift) & np.uint8(1)

"""Augmented copies of grey images: small rotations, scalings, shears, shifts, elastic bends."""

from __future__ import annotations

import math
from dataclasses import astuple, dataclass

import numpy as np
import torch
from torch.nn import functional

from netlist_gen.training.datasets import Grey

_CHUNK = 4096


@dataclass(frozen=True)
class Distortion:
    """Largest distortions; each image draws its own, uniform in +-.

    Attributes:
        degrees: rotation.
        scale: relative zoom, for each axis.
        shear: horizontal.
        shift: share of the image's side.
        elastic: strength of a smooth displacement field, share of the side (Simard et al.,
            ICDAR 2003: distorted copies for MNIST).
    """

    degrees: float = 10.0
    scale: float = 0.10
    shear: float = 0.15
    shift: float = 0.07
    elastic: float = 0.04

    def times(self, strength: float) -> Distortion:
        """All of them so many times as large."""
        return Distortion(*(strength * value for value in astuple(self)))


# Eight pixels leave less room: a shift of one pixel is an eighth of the side already.
SMALL = Distortion(degrees=8.0, scale=0.06, shear=0.08, shift=0.06, elastic=0.0)


def distort(images: Grey, seed: int, strength: Distortion, brightest: int) -> Grey:
    """One distorted copy of images (samples, side, side), same shape and type."""
    generator = torch.Generator().manual_seed(seed)
    out = np.empty_like(images)
    for start in range(0, len(images), _CHUNK):
        part = torch.from_numpy(images[start : start + _CHUNK]).float().unsqueeze(1)
        moved = functional.grid_sample(
            part,
            _grid(len(part), images.shape[1], strength, generator),
            mode="bilinear",
            padding_mode="zeros",
            align_corners=False,
        )
        grey = moved.squeeze(1).round_().clamp_(0, brightest)
        out[start : start + _CHUNK] = grey.to(torch.uint8).numpy()
    return out


def _grid(count: int, side: int, strength: Distortion, generator: torch.Generator) -> torch.Tensor:
    def uniform(limit: float) -> torch.Tensor:
        return (torch.rand(count, generator=generator) * 2 - 1) * limit

    angle = uniform(math.radians(strength.degrees))
    sx, sy = 1 + uniform(strength.scale), 1 + uniform(strength.scale)
    shear = uniform(strength.shear)
    dx, dy = uniform(2 * strength.shift), uniform(2 * strength.shift)
    cos, sin = torch.cos(angle), torch.sin(angle)
    matrix = torch.stack(
        [
            torch.stack([cos * sx, (shear * cos - sin) * sy, dx], dim=1),
            torch.stack([sin * sx, (shear * sin + cos) * sy, dy], dim=1),
        ],
        dim=1,
    )
    grid = functional.affine_grid(matrix, [count, 1, side, side], align_corners=False)
    if strength.elastic:
        # A coarse random field, smoothly enlarged, is as good as a blurred fine one.
        coarse = torch.randn(count, 2, 5, 5, generator=generator) * (2 * strength.elastic)
        field = functional.interpolate(
            coarse, size=(side, side), mode="bicubic", align_corners=True
        )
        grid = grid + field.permute(0, 2, 3, 1)
    return grid

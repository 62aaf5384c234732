"""The teacher: a small convolutional network on grey images, and its soft labels."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

Grey = NDArray[np.uint8]
_BATCH = 256


def make_teacher(side: int, classes: int) -> nn.Module:
    """Convolutional network for (rows, 1, side, side) grey images in 0..1."""
    if side < 16:
        channels, wide = (32, 64), 128
        first = [nn.Conv2d(1, channels[0], 3, padding=1), nn.BatchNorm2d(channels[0]), nn.ReLU()]
    else:
        channels, wide = (32, 64), 256
        first = [
            nn.Conv2d(1, channels[0], 5, stride=2, padding=2),
            nn.BatchNorm2d(channels[0]),
            nn.ReLU(),
        ]
    shape = side if side < 16 else (side + 1) // 2
    return nn.Sequential(
        *first,
        nn.Conv2d(channels[0], channels[1], 3, padding=1),
        nn.BatchNorm2d(channels[1]),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(channels[1], 2 * channels[1], 3, padding=1),
        nn.BatchNorm2d(2 * channels[1]),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Dropout(0.3),
        nn.Linear(2 * channels[1] * (shape // 4) ** 2, wide),
        nn.ReLU(),
        nn.Dropout(0.3),
        nn.Linear(wide, classes),
    )


def train_teacher(
    images: Grey,
    labels: NDArray[np.int64],
    *,
    originals: int,
    epochs: int,
    brightest: int,
    seed: int,
    precision: torch.dtype,
    report: Callable[[str], None],
) -> nn.Module:
    """Train on a pool of images (rows, side, side) with labels (rows,).

    An epoch is ``originals`` images drawn from the pool.
    """
    torch.manual_seed(seed)
    net = make_teacher(images.shape[1], int(labels.max()) + 1)
    optimiser = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=1e-3, fused=True)
    batches = max(originals // _BATCH, 1)
    total = epochs * batches
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser,
        lambda step: min(1.0, (step + 1) / 100) * (1 + math.cos(math.pi * step / total)) / 2,
    )
    targets = torch.from_numpy(labels)
    draw = np.random.default_rng(seed)
    net.train()
    for epoch in range(epochs):
        running = 0.0
        rows = np.sort(draw.integers(len(images), size=(batches, min(_BATCH, originals))), axis=1)
        for chosen in rows:
            x = as_grey(images[chosen], brightest).to(memory_format=torch.channels_last)
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == torch.bfloat16):
                scores = net(x)
            loss = functional.cross_entropy(scores.float(), targets[chosen], label_smoothing=0.05)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            schedule.step()
            running += float(loss.detach())
        report(f"teacher: epoch {epoch + 1} of {epochs}, loss {running / batches:.4f}")
    net.eval()
    return net


def soft_labels(
    net: nn.Module, images: Grey, brightest: int, precision: torch.dtype
) -> NDArray[np.float16]:
    """Scores (rows, classes) of the teacher for grey images (rows, side, side)."""
    parts = []
    with torch.no_grad():
        for start in range(0, len(images), 2048):
            x = as_grey(images[start : start + 2048], brightest)
            x = x.to(memory_format=torch.channels_last)
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == torch.bfloat16):
                parts.append(net(x).float().half().numpy())
    return np.concatenate(parts)


def as_grey(images: Grey, brightest: int) -> Tensor:
    """(rows, 1, side, side) float32 in 0..1."""
    return torch.from_numpy(images).unsqueeze(1).float() / brightest

"""The teacher: a small convolutional network on grey images, and its soft labels."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from netlist_gen.training.config import TrainingConfig
from netlist_gen.training.datasets import Grey, GreyData, Labels
from netlist_gen.training.tensors import moved_to

_SEED = 12345  # the teacher is shared by students of every seed
_BATCH = 256


class Teacher:
    """A convolutional network for grey images (rows, side, side) like those of ``data``."""

    def __init__(self, data: GreyData, half: bool, device: torch.device) -> None:
        self.brightest, self.half, self.device = data.brightest, half, device
        side = data.side
        if side < 16:
            first, wide, pooled = nn.Conv2d(1, 32, 3, padding=1), 128, side // 4
        else:
            first, wide = nn.Conv2d(1, 32, 5, stride=2, padding=2), 256
            pooled = (side + 1) // 2 // 4
        self.net = nn.Sequential(
            first,
            nn.BatchNorm2d(32),
            nn.ReLU(),
            *_stage(32, 64),
            *_stage(64, 128),
            nn.Flatten(),
            nn.Dropout(0.3),
            nn.Linear(128 * pooled**2, wide),
            nn.ReLU(),
            nn.Dropout(0.3),
            nn.Linear(wide, data.classes),
        ).to(device)

    def scores(self, images: Grey) -> Tensor:
        """Scores (rows, classes), float32, on the teacher's device."""
        x = moved_to(self.device, images).unsqueeze(1).float() / self.brightest
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.half):
            found: Tensor = self.net(x.to(memory_format=torch.channels_last))
        return found.float()

    def soft_labels(self, images: Grey) -> NDArray[np.float16]:
        """Scores (rows, classes) to be learned from."""
        with torch.no_grad():
            parts = [self.scores(images[at : at + 2048]) for at in range(0, len(images), 2048)]
        return torch.cat(parts).half().cpu().numpy()


def _stage(before: int, after: int) -> tuple[nn.Module, ...]:
    """A convolution from so many channels to so many, and half the side."""
    convolution = nn.Conv2d(before, after, 3, padding=1)
    return convolution, nn.BatchNorm2d(after), nn.ReLU(), nn.MaxPool2d(2)


def train_teacher(
    images: Grey,
    labels: Labels,
    data: GreyData,
    config: TrainingConfig,
    report: Callable[[str], None],
    device: torch.device,
) -> Teacher:
    """Train on a pool of images (rows, side, side) with labels (rows,), on a device.

    An epoch is as many images drawn from the pool as the training set of ``data`` holds.
    """
    torch.manual_seed(_SEED)
    teacher = Teacher(data, config.precision == "bfloat16", device)
    net, originals, epochs = teacher.net, len(data.train_labels), config.teacher_epochs
    optimiser = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=1e-3, fused=True)
    batches = max(originals // _BATCH, 1)
    total = epochs * batches
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser,
        lambda step: min(1.0, (step + 1) / 100) * (1 + math.cos(math.pi * step / total)) / 2,
    )
    draw = np.random.default_rng(_SEED)
    net.train()
    for epoch in range(epochs):
        losses = []
        rows = np.sort(draw.integers(len(images), size=(batches, min(_BATCH, originals))), axis=1)
        for chosen in rows:
            scores = teacher.scores(images[chosen])
            loss = functional.cross_entropy(
                scores, moved_to(device, labels[chosen]), label_smoothing=0.05
            )
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            schedule.step()
            losses.append(loss.detach())
        mean = sum(map(float, losses)) / batches
        report(f"teacher: epoch {epoch + 1} of {epochs}, loss {mean:.4f}")
    net.eval()
    return teacher

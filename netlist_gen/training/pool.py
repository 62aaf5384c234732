"""The pool that training draws from: originals and distorted copies, with the teacher's labels.

Making the pool costs more than many a training run, so it can be kept in a folder, keyed by
all that decides its content.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from netlist_gen.encoding import Values
from netlist_gen.files import atomic_path
from netlist_gen.training.augment import SMALL, Distortion, distort
from netlist_gen.training.config import TrainingConfig
from netlist_gen.training.datasets import EncodedData, GreyData, Labels
from netlist_gen.training.places import PROCESSOR
from netlist_gen.training.teacher import train_teacher


@dataclass(frozen=True)
class Pool:
    """Images (rows, side, side) or own values (rows, ...), labels (rows,), soft scores or None.

    The first ``originals`` rows are not distorted. The teacher's accuracy is measured on the
    validation images where there are any.
    """

    images: Values
    labels: Labels
    scores: NDArray[np.float16] | None
    originals: int
    teacher_accuracy: float | None


def make_pool(
    data: GreyData | EncodedData,
    config: TrainingConfig,
    cache_dir: Path | None,
    report: Callable[[str], None],
    device: torch.device = PROCESSOR.device,
) -> Pool:
    """Pool of ``copies`` distorted training sets and the originals, labelled by the teacher.

    The teacher is trained on ``device``; images are the processor's, the same for every device.
    """
    if isinstance(data, EncodedData):
        return Pool(data.train_images, data.train_labels, None, len(data.train_labels), None)
    strength = (SMALL if data.side < 16 else Distortion()).times(config.distortion)
    originals = len(data.train_labels)
    stored = None if cache_dir is None else cache_dir / f"pool-{_key(data, config, strength)}"
    if stored is not None and (stored / "done.json").is_file():
        facts = json.loads((stored / "done.json").read_text())
        return Pool(
            np.load(stored / "images.npy", mmap_mode="r"),
            np.load(stored / "labels.npy"),
            np.load(stored / "scores.npy") if config.distill else None,
            originals,
            facts["teacher_accuracy"],
        )
    images = [data.train_images]
    for copy in range(config.copies):
        images.append(distort(data.train_images, copy + 1, strength, data.brightest))
        report(f"distorted copy {copy + 1} of {config.copies}")
    pool = Pool(
        np.concatenate(images), np.tile(data.train_labels, len(images)), None, originals, None
    )
    if config.distill:
        pool = _labelled(pool, data, config, report, device)
    if stored is not None:
        stored.mkdir(parents=True, exist_ok=True)
        for name in ("images", "labels", "scores"):
            array = getattr(pool, name)
            if array is not None:
                with atomic_path(stored / f"{name}.npy") as part, part.open("wb") as stream:
                    np.save(stream, array)
        with atomic_path(stored / "done.json") as temporary:  # last: marks the folder whole
            temporary.write_text(json.dumps({"teacher_accuracy": pool.teacher_accuracy}))
    return pool


def _labelled(
    pool: Pool,
    data: GreyData,
    config: TrainingConfig,
    report: Callable[[str], None],
    device: torch.device,
) -> Pool:
    """The pool with the scores of a teacher that is trained on it."""
    teacher = train_teacher(pool.images, pool.labels, data, config, report, device)
    accuracy = None
    if len(data.validation_labels):
        guess = teacher.soft_labels(data.validation_images).argmax(axis=1)
        accuracy = float(np.mean(guess == data.validation_labels))
        report(f"teacher: {accuracy:.2%} of the validation images")
    scores = teacher.soft_labels(pool.images)
    report(f"teacher: labelled {len(scores)} images")
    return dataclasses.replace(pool, scores=scores, teacher_accuracy=accuracy)


def _key(data: GreyData, config: TrainingConfig, strength: Distortion) -> str:
    parts: dict[str, object] = {
        "copies": config.copies,
        "distill": bool(config.distill),
        "teacher_epochs": config.teacher_epochs if config.distill else 0,
        "precision": config.precision,
        "strength": dataclasses.asdict(strength),
        "images": hashlib.sha256(np.ascontiguousarray(data.train_images).tobytes()).hexdigest(),
        "validation": len(data.validation_labels),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]

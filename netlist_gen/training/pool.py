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
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netlist_gen.files import atomic_path
from netlist_gen.training.augment import SMALL, Distortion, distort
from netlist_gen.training.config import TrainingConfig
from netlist_gen.training.datasets import GreyData

_TEACHER_SEED = 12345  # the teacher is shared by students of every seed


@dataclass(frozen=True)
class Pool:
    """Images (rows, side, side), labels (rows,) and soft scores (rows, classes) or None."""

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    scores: NDArray[np.float16] | None
    originals: int
    teacher_accuracy: float | None


def make_pool(
    data: GreyData,
    config: TrainingConfig,
    cache_dir: Path | None,
    report: Callable[[str], None],
) -> Pool:
    """Pool of ``copies`` distorted training sets (or the originals), labelled by the teacher.

    The teacher's accuracy is measured on the validation images where there are any.
    """
    strength = SMALL if data.side < 16 else Distortion()
    key = _key(data, config, strength)
    stored = None if cache_dir is None else cache_dir / f"pool-{key}"
    if stored is not None and (stored / "done.json").is_file():
        facts = json.loads((stored / "done.json").read_text())
        return Pool(
            np.load(stored / "images.npy", mmap_mode="r"),
            np.load(stored / "labels.npy"),
            np.load(stored / "scores.npy") if config.distill else None,
            len(data.train_labels),
            facts["teacher_accuracy"],
        )
    images = [data.train_images]
    for copy in range(config.copies):
        images.append(distort(data.train_images, copy + 1, strength, data.brightest))
        report(f"distorted copy {copy + 1} of {config.copies}")
    pooled = np.concatenate(images)
    labels = np.tile(data.train_labels, len(images))
    scores, accuracy = None, None
    if config.distill:
        scores, accuracy = _label(data, config, pooled, labels, report)
    if stored is not None:
        stored.mkdir(parents=True, exist_ok=True)
        _save(stored / "images.npy", pooled)
        _save(stored / "labels.npy", labels)
        if scores is not None:
            _save(stored / "scores.npy", scores)
        with atomic_path(stored / "done.json") as temporary:  # last: marks the folder whole
            temporary.write_text(json.dumps({"teacher_accuracy": accuracy}))
    return Pool(pooled, labels, scores, len(data.train_labels), accuracy)


def _label(
    data: GreyData,
    config: TrainingConfig,
    pooled: NDArray[np.uint8],
    labels: NDArray[np.int64],
    report: Callable[[str], None],
) -> tuple[NDArray[np.float16], float | None]:
    import torch

    from netlist_gen.training.teacher import soft_labels, train_teacher

    precision = torch.bfloat16 if config.precision == "bfloat16" else torch.float32
    net = train_teacher(
        pooled,
        labels,
        originals=len(data.train_labels),
        epochs=config.teacher_epochs,
        brightest=data.brightest,
        seed=_TEACHER_SEED,
        precision=precision,
        report=report,
    )
    accuracy = None
    if len(data.validation_labels):
        guess = soft_labels(net, data.validation_images, data.brightest, precision).argmax(axis=1)
        accuracy = float(np.mean(guess == data.validation_labels))
        report(f"teacher: {accuracy:.2%} of the validation images")
    scores = soft_labels(net, pooled, data.brightest, precision)
    report(f"teacher: labelled {len(scores)} images")
    return scores, accuracy


def _key(data: GreyData, config: TrainingConfig, strength: Distortion) -> str:
    parts: dict[str, Any] = {
        "copies": config.copies,
        "distill": bool(config.distill),
        "teacher_epochs": config.teacher_epochs if config.distill else 0,
        "precision": config.precision,
        "strength": dataclasses.asdict(strength),
        "images": hashlib.sha256(np.ascontiguousarray(data.train_images).tobytes()).hexdigest(),
        "validation": len(data.validation_labels),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def _save(path: Path, array: NDArray[Any]) -> None:
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        np.save(stream, array)

"""The training loop: schedules, pruning, thresholds, resumable checkpoints."""

from __future__ import annotations

import math
import os
import pickle
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from netlist_gen.errors import ConfigurationError
from netlist_gen.files import atomic_path
from netlist_gen.network import TernaryNetwork
from netlist_gen.training.config import TrainingConfig
from netlist_gen.training.cost import CostModel, remove_dead
from netlist_gen.training.datasets import GreyData, binarise, load_data
from netlist_gen.training.evaluate import Evaluation, evaluate, evaluate_with_noise
from netlist_gen.training.masks import MaskPlan
from netlist_gen.training.model import TernarySpikingNet
from netlist_gen.training.noise import FluxPerSynapse
from netlist_gen.training.pool import Pool, make_pool

_WARM_UP = 0.02  # share of the run with a rising learning rate
_SEARCH_IMAGES = 60_000  # most images of a round of exact search; fewer are fitted too closely
_MASK_EVERY = 20  # steps between two choices of masks
_HOLD_AT = 0.95  # share of the run after which the running mean and spread of counts stay


@dataclass(frozen=True)
class Progress:
    """One line of progress: after each epoch, or a note while data is prepared.

    Attributes:
        epoch, epochs: 0 while data is prepared.
        loss: mean of the epoch, NaN while data is prepared.
        validation: integer accuracy on the validation images, or None without any.
        synapses: of the network as it would be exported now.
        note: words, where there is no epoch to report.
    """

    epoch: int
    epochs: int
    loss: float
    validation: float | None
    synapses: int
    seconds: float
    note: str = ""


@dataclass(frozen=True)
class TrainedNetwork:
    """What a run gives: the integer network, how it was made, what it does on held-out images.

    ``noisy`` is the accuracy on the test images with the configuration's noise, if it has any.
    """

    network: TernaryNetwork
    config: TrainingConfig
    evaluation: Evaluation
    validation: Evaluation | None
    noisy: Evaluation | None
    teacher_accuracy: float | None
    seconds: float
    history: tuple[Progress, ...]


ProgressCallback = Callable[[Progress], None]


def train(
    config: TrainingConfig,
    progress: ProgressCallback | None = None,
    *,
    cost_model: CostModel | None = None,
    flux_per_synapse: FluxPerSynapse | None = None,
    state_file: Path | None = None,
    resume: bool = False,
    cache_dir: Path | None = None,
) -> TrainedNetwork:
    """Train a network that is exactly what the circuit computes.

    Args:
        config: all choices; the same config and thread count give the same network.
        progress: called after each epoch.
        cost_model: prices networks; needed for max_junctions and max_power_w.
        flux_per_synapse: needed for noise in Phi0.
        state_file: written whole after every epoch, so that an interrupted run can go on.
        resume: go on from ``state_file``, to the same result as an unbroken run.
        cache_dir: keeps the pool of augmented images and the teacher's labels.

    Raises:
        ConfigurationError: wrong options, data that can't be read, a state file of another run.
    """
    say = progress or (lambda _: None)
    if cost_model is None and (config.max_junctions or config.max_power_w):
        raise ConfigurationError("max_junctions and max_power_w need a cost model")
    started = time.monotonic()
    data = load_data(
        config.dataset,
        config.data_dir,
        seed=config.seed if config.split_seed is None else config.split_seed,
        validation=config.validation,
    )

    def note(text: str) -> None:
        seconds = time.monotonic() - started
        say(Progress(0, config.epochs, math.nan, None, 0, seconds, text))

    run = _Run(config, data, make_pool(data, config, cache_dir, note), cost_model, flux_per_synapse)
    if resume:
        run.restore(_required(state_file))
    while run.epoch < config.epochs:
        loss = run.train_epoch()
        seconds = run.seconds_before + time.monotonic() - started
        validation, synapses = run.quick_look()
        line = Progress(run.epoch, config.epochs, loss, validation, synapses, seconds)
        run.history.append(line)
        if state_file is not None:
            run.save(state_file, seconds)
        say(line)
    network = run.searched or remove_dead(run.net.export())
    while run.round < config.refine_rounds:
        network = run.search_round(network, note)
        if state_file is not None:
            run.save(state_file, run.seconds_before + time.monotonic() - started)
    seconds = run.seconds_before + time.monotonic() - started
    test = binarise(data.test_images, config.grey_levels)
    noisy = None
    if config.curve is not None:
        (noisy,) = evaluate_with_noise(
            network,
            test,
            data.test_labels,
            config.curve,
            seed=config.seed,
            flux_per_synapse=flux_per_synapse,
        )
    return TrainedNetwork(
        network=network,
        config=config,
        evaluation=evaluate(network, test, data.test_labels),
        validation=evaluate(
            network, binarise(data.validation_images, config.grey_levels), data.validation_labels
        )
        if config.validation
        else None,
        noisy=noisy,
        teacher_accuracy=run.pool.teacher_accuracy,
        seconds=seconds,
        history=tuple(run.history),
    )


class _Run:
    """The state of a run between epochs."""

    def __init__(
        self,
        config: TrainingConfig,
        data: GreyData,
        pool: Pool,
        cost_model: CostModel | None,
        flux_per_synapse: FluxPerSynapse | None,
    ) -> None:
        self.config, self.data, self.pool = config, data, pool
        torch.manual_seed(config.seed)
        self.net = TernarySpikingNet(config, data.side, data.classes)
        self.plan = MaskPlan(self.net, config, cost_model, flux_per_synapse)
        self.batches = max(pool.originals // config.batch, 1)
        self.total = self.batches * config.epochs
        self.optimiser = torch.optim.Adam(
            self.net.parameters(), lr=config.learning_rate, fused=True
        )
        self.epoch = 0
        self.round = 0  # of the exact search
        self.searched: TernaryNetwork | None = None
        self.seconds_before = 0.0
        self.history: list[Progress] = []
        self.dtype = torch.bfloat16 if config.precision == "bfloat16" else torch.float32

    def train_epoch(self) -> float:
        """One pass over as many images as the training set holds; returns the mean loss."""
        config = self.config
        # Seeded by the epoch: a resumed run draws what an unbroken one would have drawn.
        torch.manual_seed(config.seed * 100_003 + self.epoch)
        draw = np.random.default_rng([config.seed, self.epoch])
        rows = self._rows(draw).reshape(self.batches, -1)
        last_masks = int(config.settle_at * self.total)
        self.net.train()
        running = 0.0
        for index, chosen in enumerate(rows):
            step = self.epoch * self.batches + index
            share = step / self.total
            self._schedule(share)
            if step == last_masks:
                self.plan.settle()  # however short the run, caps and budgets are reached
            elif step % _MASK_EVERY == 0 and step < last_masks:
                self.plan.update(share)
            elif step % _MASK_EVERY == 0:
                self.plan.update_flux()
            if share >= config.freeze_at and not bool(self.net.trained[0].frozen):
                self.net.freeze_thresholds()
            if share >= _HOLD_AT and not bool(self.net.trained[0].held):
                self.net.hold_thresholds()
            loss = self._loss(np.sort(chosen))
            self.optimiser.zero_grad(set_to_none=True)
            loss.backward()
            self.optimiser.step()
            running += float(loss.detach())
        self.epoch += 1
        return running / self.batches

    def _rows(self, draw: np.random.Generator) -> NDArray[np.int64]:
        """Rows of the pool for one epoch, in the order of the batches."""
        wanted, originals = self.batches * self.config.batch, self.pool.originals
        if self.config.plain_share is None:
            return draw.permutation(len(self.pool.images))[:wanted]
        plain = round(self.config.plain_share * wanted)
        if len(self.pool.images) == originals:
            plain = wanted
        copies = draw.permutation(len(self.pool.images) - originals)[: wanted - plain] + originals
        return draw.permutation(np.concatenate([draw.permutation(originals)[:plain], copies]))

    def quick_look(self) -> tuple[float | None, int]:
        """Validation accuracy and synapses of the network as it stands."""
        synapses = sum(int(layer.mask.sum()) for layer in self.net.trained)
        if not self.config.validation:
            return None, synapses
        self.net.eval()
        spikes = binarise(self.data.validation_images, self.config.grey_levels)
        right = 0
        with torch.no_grad():
            for start in range(0, len(spikes), 1024):
                part = slice(start, start + 1024)
                scores, _ = self.net(torch.from_numpy(spikes[part]).to(self.dtype))
                guess = scores.argmax(dim=1).numpy()
                right += int((guess == self.data.validation_labels[part]).sum())
        return right / len(spikes), synapses

    def search_round(self, network: TernaryNetwork, note: Callable[[str], None]) -> TernaryNetwork:
        """One round of exact search, on images drawn anew."""
        from netlist_gen.training.refine import refine

        config = self.config
        plain = config.plain_share == 1.0
        draw = np.random.default_rng([config.seed, self.round])
        images = self.pool.originals if plain else len(self.pool.images)
        chosen = np.sort(draw.permutation(images)[:_SEARCH_IMAGES])
        found = refine(
            network,
            binarise(np.asarray(self.pool.images[chosen]), config.grey_levels),
            self.pool.labels[chosen],
            rounds=1,
            fan_in=config.caps,
            least_gain=config.refine_gain,
            max_synapses=config.max_synapses,
            seed=int(draw.integers(2**31)),
        )
        self.round += 1
        self.searched = remove_dead(found.network)
        note(
            f"search: round {self.round} of {config.refine_rounds}, {found.changes[0]} changes, "
            f"loss {found.losses[0]:.4f} to {found.losses[1]:.4f}"
        )
        return self.searched

    def save(self, path: Path, seconds: float) -> None:
        """Write everything the run needs to go on; whole or not at all."""
        state = {
            "config": self.config.as_dict(),
            "epoch": self.epoch,
            "seconds": seconds,
            "net": self.net.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "history": [vars(line) for line in self.history],
            "round": self.round,
            "searched": None
            if self.searched is None
            else [
                (torch.from_numpy(layer.weights.copy()), torch.from_numpy(layer.theta.copy()))
                for layer in self.searched
            ],
        }
        with atomic_path(path) as temporary:
            torch.save(state, temporary)

    def restore(self, path: Path) -> None:
        """Take up a saved run; the configuration must be the same."""
        try:
            state: dict[str, Any] = torch.load(path, weights_only=True)
            config = TrainingConfig.from_dict(state["config"])
        except (OSError, RuntimeError, EOFError, KeyError, pickle.UnpicklingError) as error:
            raise ConfigurationError(f"{path} holds no training state: {error}") from None
        if config != self.config:
            mine, theirs = self.config.as_dict(), config.as_dict()
            name = next(key for key in mine if mine[key] != theirs[key])
            raise ConfigurationError(
                f"{path} belongs to a run with {name} = {theirs[name]!r}, not {mine[name]!r}"
            )
        self.net.load_state_dict(state["net"])
        for layer in self.net.trained:
            layer.set_mask(layer.mask.clone())
        self.optimiser.load_state_dict(state["optimiser"])
        self.epoch, self.seconds_before = int(state["epoch"]), float(state["seconds"])
        self.history = [Progress(**line) for line in state["history"]]
        self.round = int(state.get("round", 0))
        if state.get("searched") is not None:
            weights, thetas = zip(*state["searched"], strict=True)
            self.searched = TernaryNetwork.from_arrays(
                [w.numpy() for w in weights], [t.numpy() for t in thetas], self.config.population
            )

    def _schedule(self, share: float) -> None:
        warm = min(1.0, (share + 1e-6) / _WARM_UP)
        rate = self.config.learning_rate * warm * (1 + math.cos(math.pi * share)) / 2
        for group in self.optimiser.param_groups:
            group["lr"] = rate

    def _loss(self, chosen: NDArray[np.int64]) -> torch.Tensor:
        config = self.config
        spikes = binarise(self.pool.images[chosen], config.grey_levels)
        hard, soft = self.net(torch.from_numpy(spikes).to(self.dtype))
        labels = torch.from_numpy(self.pool.labels[chosen])
        target = None
        if self.pool.scores is not None:
            scores = torch.from_numpy(self.pool.scores[chosen].astype(np.float32))
            target = functional.softmax(scores / config.temperature, dim=1)
        guide = config.soft_loss
        loss = (1 - guide) * self._criterion(hard, labels, target)
        loss = loss + guide * self._criterion(soft, labels, target)
        for layer in self.net.trained:
            if layer.excess is not None:
                loss = loss + config.threshold_penalty * layer.excess
        return loss

    def _criterion(
        self, scores: torch.Tensor, labels: torch.Tensor, target: torch.Tensor | None
    ) -> torch.Tensor:
        """Cross entropy with the labels and, if there is a teacher, with its soft labels."""
        loss = functional.cross_entropy(scores, labels)
        if target is None:
            return loss
        temperature, weight = self.config.temperature, self.config.distill
        distilled = functional.cross_entropy(scores / temperature, target) * temperature**2
        return (1 - weight) * loss + weight * distilled


def _required(state_file: Path | None) -> Path:
    if state_file is None or not os.path.isfile(state_file):
        raise ConfigurationError(f"{state_file} is not there: no interrupted run to go on with")
    return state_file

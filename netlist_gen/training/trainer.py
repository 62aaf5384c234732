"""The training loop: schedules, pruning, thresholds, resumable checkpoints."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from netlist_gen.encoding import Encoding
from netlist_gen.errors import ConfigurationError
from netlist_gen.network import TernaryNetwork
from netlist_gen.training.config import TrainingConfig
from netlist_gen.training.cost import CostModel, remove_dead
from netlist_gen.training.datasets import EncodedData, GreyData, load_data
from netlist_gen.training.evaluate import Evaluation, evaluate, evaluate_with_noise
from netlist_gen.training.masks import MaskPlan
from netlist_gen.training.model import TernarySpikingNet
from netlist_gen.training.noise import FluxPerSynapse
from netlist_gen.training.optimiser import Adam
from netlist_gen.training.packed import PackedSpikes
from netlist_gen.training.places import PROCESSOR, Place, has_matrices_of_bfloat16
from netlist_gen.training.pool import Pool, make_pool
from netlist_gen.training.sparse import DENSEST, DENSEST_BESIDE_MATRICES, Aims, SparseSteps
from netlist_gen.training.state_file import read_state, write_state
from netlist_gen.training.tensors import moved_to

_WARM_UP = 0.02  # share of the run with a rising learning rate
_SEARCH_IMAGES = 120_000  # most images of a round of exact search; fewer are fitted too closely
_MASK_EVERY = 20  # steps between two choices of masks
_HOLD_AT = 0.95  # share of the run after which the running mean and spread of counts stay


@dataclass(frozen=True)
class EpochReport:
    """What is told after each epoch; or, with epoch 0, a note in words.

    Attributes:
        loss: mean of the epoch.
        validation: integer accuracy on the validation images, or None without any.
        synapses: of all masks; dead parts go at the end.
        seconds: since the run began.
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

    ``noisy`` is the accuracy on the test images with the configuration's noise, if it has any;
    ``encoding`` says how a user's own values become spikes.
    """

    network: TernaryNetwork
    config: TrainingConfig
    evaluation: Evaluation
    validation: Evaluation | None
    noisy: Evaluation | None
    teacher_accuracy: float | None
    seconds: float
    history: tuple[EpochReport, ...]
    encoding: Encoding | None = None


def train(
    config: TrainingConfig,
    progress: Callable[[EpochReport], None] = lambda _: None,
    *,
    cost_model: CostModel | None = None,
    flux_per_synapse: FluxPerSynapse | None = None,
    state_file: Path | None = None,
    resume: bool = False,
    cache_dir: Path | None = None,
    data: GreyData | EncodedData | None = None,
    scores: NDArray[np.float16] | None = None,
    start: Callable[[TernarySpikingNet], None] = lambda _: None,
    place: Place = PROCESSOR,
) -> TrainedNetwork:
    """Train a network that is exactly what the circuit computes.

    Args:
        config: all choices; on the processor the same config and thread count give the same
            network.
        progress: called after each epoch.
        cost_model: prices networks; needed for max_junctions and max_power_w.
        flux_per_synapse: needed for noise in Phi0.
        state_file: written whole after every epoch, so that an interrupted run can go on.
        resume: go on from ``state_file``, to the same result as an unbroken run.
        cache_dir: keeps the pool of augmented images and the teacher's labels.
        data: a user's own; None: the data set that the configuration names.
        scores: soft labels (samples, classes) of the own data's training samples, from a teacher.
        start: gives a new network the weights with which the run begins.
        place: where network and teacher are trained; all else is the processor's.

    Raises:
        ConfigurationError: wrong options, data that can't be read, a state file of another run
            or device.
    """
    if cost_model is None and (config.max_junctions or config.max_power_w):
        raise ConfigurationError("max_junctions and max_power_w need a cost model")
    started = time.monotonic()
    if data is None:
        data = load_data(
            config.dataset,
            config.data_dir,
            seed=config.seed if config.split_seed is None else config.split_seed,
            validation=config.validation,
        )

    def note(text: str) -> None:
        seconds = time.monotonic() - started
        progress(EpochReport(0, config.epochs, math.nan, None, 0, seconds, text))

    with place.enough_memory(config.batch):
        pool = make_pool(data, config, cache_dir, note, place.device)
        if scores is not None:
            pool = replace(pool, scores=scores)
        run = _TrainingRun(config, data, pool, cost_model, flux_per_synapse, place)
        run.started = started
        start(run.net)
        if resume:
            run.restore(state_file)
        while run.epoch < config.epochs:
            report = run.train_epoch()
            if state_file is not None:
                run.save(state_file)
            progress(report)
        while run.round < config.refine_rounds:
            note(run.search_round())
            if state_file is not None:
                run.save(state_file)
    return run.result()


class _TrainingRun:
    """The state of a run between epochs."""

    def __init__(
        self,
        config: TrainingConfig,
        data: GreyData | EncodedData,
        pool: Pool,
        cost_model: CostModel | None,
        flux_per_synapse: FluxPerSynapse | None,
        place: Place = PROCESSOR,
    ) -> None:
        self.config, self.data, self.pool, self.place = config, data, pool, place
        self.flux_per_synapse = flux_per_synapse
        torch.manual_seed(config.seed)
        channels, *size = data.shape
        shape = channels * config.pixel_lines, *size
        self.net = TernarySpikingNet(config, shape, data.classes, place)
        self.plan = MaskPlan(self.net, config, cost_model, flux_per_synapse)
        self.batches = max(pool.originals // config.batch, 1)
        self.total = self.batches * config.epochs
        self.optimiser = Adam(self.net.parameters(), config.learning_rate, place.operations.adam)
        self.epoch = 0
        self.round = 0  # of the exact search
        self.searched: TernaryNetwork | None = None
        self.started = time.monotonic()
        self.seconds_before = 0.0
        self.history: list[EpochReport] = []
        # Own values may be encoded by draws, which are made anew for each batch.
        drawn = isinstance(data, EncodedData)
        self.lines = None if drawn else PackedSpikes.of(pool.images, self.spikes)
        self.sparse: SparseSteps | None = None
        self.aims = Aims(
            config.soft_loss, config.threshold_penalty, None, config.distill, config.temperature
        )
        self.dtype = torch.bfloat16 if config.precision == "bfloat16" else torch.float32
        matrices = self.dtype == torch.bfloat16 and has_matrices_of_bfloat16(place)
        self.densest = DENSEST_BESIDE_MATRICES if matrices else DENSEST

    @property
    def seconds(self) -> float:
        """Since the run began, without the time between an interrupt and going on."""
        return self.seconds_before + time.monotonic() - self.started

    @property
    def network(self) -> TernaryNetwork:
        """The integer network as it stands."""
        return self.searched or remove_dead(self.net.export())

    def spikes(self, images: NDArray[Any]) -> NDArray[np.bool_]:
        """One-bit inputs of images or own values, shape (samples, [steps,] lines)."""
        return self.data.spikes(images, self.config.grey_levels, self.config.pixel_lines)

    def train_epoch(self) -> EpochReport:
        """One pass over as many images as the training set holds.

        Raises:
            ConfigurationError: the loss is no number any more.
        """
        config = self.config
        # Seeded by the epoch: a resumed run draws what an unbroken one would have drawn.
        torch.manual_seed(config.seed * 100_003 + self.epoch)
        draw = np.random.default_rng([config.seed, self.epoch])
        losses = []
        for layer in self.net.trained:
            layer.draws.renew()
        for index, chosen in enumerate(self._rows(draw).reshape(self.batches, -1)):
            self._prepare(self.epoch * self.batches + index)
            losses.append(self._step(np.sort(chosen)))
        loss_mean = sum(map(float, losses)) / self.batches
        if not math.isfinite(loss_mean):
            raise ConfigurationError(
                f"training has diverged: the loss of epoch {self.epoch + 1} is {loss_mean}; the "
                f"learning rate is {config.learning_rate:g}, a lower one may do"
            )
        self._to_dense()
        self.epoch += 1
        validation = None
        if config.validation:
            spikes = self.spikes(self.data.validation_images)
            validation = self.net.export().accuracy(spikes, self.data.validation_labels)
        synapses = sum(int(layer.mask.count_nonzero()) for layer in self.net.trained)
        self.history.append(
            EpochReport(self.epoch, config.epochs, loss_mean, validation, synapses, self.seconds)
        )
        return self.history[-1]

    def _step(self, rows: NDArray[np.int64]) -> float | torch.Tensor:
        """Learn from rows of the pool; returns the loss, for which nothing has waited yet."""
        dense = self.lines is not None and self.sparse is None
        if dense and SparseSteps.pays(self.net, self.densest):
            self.sparse = SparseSteps(self.net, self.optimiser)
        if self.lines is not None and self.sparse is not None:
            target = self._soft_labels(rows)
            aims = replace(self.aims, target=None if target is None else target.numpy())
            return self.sparse.step(self.lines, rows, self.pool.labels[rows], aims)
        loss = self._loss(rows)
        self.optimiser.zero_grad()
        loss.backward()
        self.optimiser.step()
        return loss.detach()

    def _to_dense(self) -> None:
        """Leave the steps over kept synapses, for masks to move or the network to be read."""
        if self.sparse is not None:
            self.sparse.put_back()
            self.sparse = None

    def _prepare(self, step: int) -> None:
        """Learning rate, masks and thresholds for a step of the run."""
        config, share = self.config, step / self.total
        warm = min(1.0, (share + 1e-6) / _WARM_UP)
        self.optimiser.learning_rate = (
            config.learning_rate * warm * (1 + math.cos(math.pi * share)) / 2
        )
        last_masks = int(config.settle_at * self.total)
        if step == last_masks:
            self._to_dense()
            self.plan.settle()  # however short the run, caps and budgets are reached
        elif step % _MASK_EVERY == 0 and step < last_masks:
            self._to_dense()
            self.plan.update(share)
        elif step % _MASK_EVERY == 0:
            self.plan.update_flux()
        real = None
        if config.slide_to:
            slid = (share - config.slide_from) / (config.slide_to - config.slide_from)
            real = 1.0 - min(max(slid, 0.0), 1.0)
        for layer in self.net.trained:
            layer.real, layer.noise = real, config.membrane_noise * (1.0 - share)
            layer.frozen.fill_(share >= config.freeze_at)
            layer.held.fill_(share >= _HOLD_AT)

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

    def search_round(self) -> str:
        """One round of exact search, on images drawn anew; says what it did."""
        from netlist_gen.training.refine import refine

        config = self.config
        draw = np.random.default_rng([config.seed, self.round])
        # From the whole pool: originals that are seen in every round are fitted too closely.
        images = self.pool.originals if config.plain_share == 1.0 else len(self.pool.images)
        chosen = np.sort(draw.permutation(images)[:_SEARCH_IMAGES])
        found = refine(
            self.network,
            self.spikes(np.asarray(self.pool.images[chosen])),
            self.pool.labels[chosen],
            fan_in=config.caps,
            least_gain=config.refine_gain,
            max_synapses=config.max_synapses,
            seed=int(draw.integers(2**31)),
        )
        self.round += 1
        self.searched = remove_dead(found.network)
        return (
            f"search: round {self.round} of {config.refine_rounds}, {found.changes} changes, "
            f"loss {found.before:.4f} to {found.after:.4f}"
        )

    def result(self) -> TrainedNetwork:
        """The network, measured on images that were held out."""
        config, data, network = self.config, self.data, self.network
        test = self.spikes(data.test_images)
        validation, noisy = None, None
        if config.validation:
            spikes = self.spikes(data.validation_images)
            validation = evaluate(network, spikes, data.validation_labels)
        if config.curve is not None:
            (noisy,) = evaluate_with_noise(
                network,
                test,
                data.test_labels,
                config.curve,
                seed=config.seed,
                flux_per_synapse=self.flux_per_synapse,
            )
        return TrainedNetwork(
            network=network,
            config=config,
            evaluation=evaluate(network, test, data.test_labels),
            validation=validation,
            noisy=noisy,
            teacher_accuracy=self.pool.teacher_accuracy,
            seconds=self.seconds,
            history=tuple(self.history),
            encoding=data.encoding if isinstance(data, EncodedData) else None,
        )

    def save(self, path: Path) -> None:
        """Write everything the run needs to go on; whole or not at all."""
        state = {
            "epoch": self.epoch,
            "seconds": self.seconds,
            "net": {name: part.cpu() for name, part in self.net.state_dict().items()},
            "optimiser": self.optimiser.state_dict(),
            "history": [vars(line) for line in self.history],
            "round": self.round,
            "searched": [
                torch.from_numpy(array.copy())
                for layer in self.searched or ()
                for array in (layer.weights, layer.theta)
            ],
        }
        write_state(path, self.config, self.place.device, state)

    def restore(self, path: Path | None) -> None:
        """Take up a saved run; configuration and kind of device must be the same."""
        state = read_state(path, self.config, self.place.device)
        self.net.load_state_dict(state["net"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.epoch, self.seconds_before = int(state["epoch"]), float(state["seconds"])
        self.history = [EpochReport(**line) for line in state["history"]]
        self.round = int(state["round"])
        if found := [tensor.numpy() for tensor in state["searched"] or ()]:
            population = self.config.population
            self.searched = TernaryNetwork.from_arrays(found[::2], found[1::2], population)

    def _loss(self, chosen: NDArray[np.int64]) -> torch.Tensor:
        config, device = self.config, self.place.device
        if self.lines is None:
            spikes = moved_to(device, self.spikes(self.pool.images[chosen])).to(self.dtype)
        else:
            spikes = self.place.operations.unpack(self.lines, chosen, self.dtype, device)
        hard, soft = self.net(spikes)
        labels = moved_to(device, self.pool.labels[chosen])
        target = self._soft_labels(chosen)
        guide = config.soft_loss
        loss = (1 - guide) * self._criterion(hard, labels, target)
        loss = loss + guide * self._criterion(soft, labels, target)
        for layer in self.net.trained:
            loss = loss + config.threshold_penalty * layer.excess
        return loss

    def _soft_labels(self, rows: NDArray[np.int64]) -> torch.Tensor | None:
        """Of the teacher, (samples, classes), if there is one."""
        if self.pool.scores is None:
            return None
        scores = moved_to(self.place.device, self.pool.scores[rows]).float()
        return functional.softmax(scores / self.config.temperature, dim=1)

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

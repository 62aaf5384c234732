"""Training on a GPU, as far as it can be tested without one.

What a GPU runs is run here on the processor's tensors, and on those of PyTorch's device "meta",
which have shapes and no numbers: a step that copies anything to the host, or mixes devices, fails.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from netlist_gen.checkpoint import read_checkpoint
from netlist_gen.errors import ConfigurationError
from netlist_gen.training.config import TrainingConfig
from netlist_gen.training.datasets import EncodedData, GreyData, load_data
from netlist_gen.training.own_data import EncodeOptions, read_own_data
from netlist_gen.training.places import COMPILED, PROCESSOR, TENSORS, Place, place_of
from netlist_gen.training.pool import Pool
from netlist_gen.training.sparse import DENSEST, DENSEST_BESIDE_MATRICES, SparseSteps
from netlist_gen.training.teacher import train_teacher
from netlist_gen.training.trainer import EpochReport, TrainedNetwork, _TrainingRun, train

HERE = Place(torch.device("cpu"), TENSORS)
"""What a GPU runs, on the processor."""
NOWHERE = Place(torch.device("meta"), TENSORS)
SMALL = TrainingConfig(hidden=("24",), grey_levels=(5,), epochs=6, batch=64)
MEMORY = {"steps": 3, "grey_levels": (12, 8, 4), "reset": "zero"}
KINDS: list[dict] = [
    {},
    {"precision": "bfloat16", "hidden": ("c4k3s2", "p2", "10")},
    {"layer_synapses": (200, 100), "slide_to": 0.6, "membrane_noise": 0.5, "freeze_at": 0.8},
    {**MEMORY, "membrane_noise": 0.3},
    {**MEMORY, "reset": "subtract", "beta": 0.9, "noise_sigma": 0.2},
    {"noise_phi0": 0.02, "max_count": 12},
    {"firing_curve": ((-1.0, 0.0), (1.0, 1.0))},
    {"distill": 0.4, "temperature": 1.5},
]


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def flux(up: np.ndarray, _down: np.ndarray, _theta: np.ndarray) -> np.ndarray:
    return np.full(len(up), 0.02)


def a_run(config: TrainingConfig, place: Place, own: EncodedData | None = None) -> _TrainingRun:
    data: GreyData | EncodedData = load_data("digits", seed=0) if own is None else own
    scores = None
    if config.distill:
        rng = np.random.default_rng(1)
        scores = rng.normal(size=(len(data.train_labels), 10)).astype(np.float16)
    pool = Pool(data.train_images, data.train_labels, scores, len(data.train_labels), None)
    return _TrainingRun(config, data, pool, None, flux, place)


def own_values(tmp_path: Path) -> tuple[TrainingConfig, EncodedData]:
    """Digits as a user's own values, of which every batch draws spikes anew."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    np.savez(tmp_path / "d.npz", x=bunch.data[:600] / 16, y=bunch.target[:600])
    encode = EncodeOptions(encode="rate")
    own = read_own_data(tmp_path / "d.npz", encode)
    encoding = own.encoding(encode, 3)
    config = replace(SMALL, dataset="own", own=own.name(encoding), grey_levels=(), steps=3)
    return config, own.encoded(encoding, 0)


# What can't be had.


def test_a_gpu_that_is_not_there(cli, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.version, "cuda", None)
    monkeypatch.setattr(torch.version, "hip", None)
    alone = (
        "--device cuda: PyTorch finds no GPU here (it is built for the processor alone); leave "
        "the option out, or install a PyTorch with CUDA"
    )
    with pytest.raises(ConfigurationError, match=f"^{re.escape(alone)}$"):
        place_of("cuda")
    out = tmp_path / "net.pt"
    for words in (
        ["train", "digits", "-o", out],
        ["search", "digits", "--vary", "seed=0,1", "-o", tmp_path / "s"],
        ["adapt", tmp_path / "own.pt", "--data", tmp_path / "d.npz", "-o", out],
    ):
        told = cli(*words, "--device", "cuda")
        assert told.status == 2
        assert told.sentence == alone
        assert "training on" not in told.err
    assert not list(tmp_path.iterdir())
    for name, words in (("cuda", "CUDA 12.8"), ("hip", "ROCm 12.8")):
        with monkeypatch.context() as patch:
            patch.setattr(torch.version, name, "12.8")
            message = (
                f"--device cuda: PyTorch finds no GPU here (it is built with {words}); leave the "
                "option out, or look for the GPU's driver"
            )
            with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}$"):
                place_of("cuda")


def test_a_gpu_that_can_not_be_used(monkeypatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("CUDA error: no kernel image is available for execution.\nMore")

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch, "ones", broken)
    message = (
        "--device cuda: PyTorch finds a GPU and can't use it (CUDA error: no kernel image is "
        "available for execution); leave the option out, or install a PyTorch that is built for "
        "this GPU"
    )
    with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}$"):
        place_of("cuda")


def test_a_device_that_there_is_not() -> None:
    assert place_of("cpu") is PROCESSOR
    with pytest.raises(ConfigurationError, match=r"^--device is 'tpu'; allowed are cpu, cuda$"):
        place_of("tpu")


def test_a_gpu_that_is_too_small() -> None:
    def full(_: EpochReport) -> None:
        raise torch.cuda.OutOfMemoryError("CUDA out of memory")

    message = (
        "--device cpu: the GPU's memory is too small for this network with --batch 64; a smaller "
        "--batch takes less"
    )
    with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}$"):
        train(SMALL, full, place=HERE)


# A step waits for nothing.


class Watched(TorchDispatchMode):
    """Notes operations, and those that make more than single numbers on the processor."""

    def __init__(self) -> None:
        super().__init__()
        self.all: list[str] = []
        self.of_processor: list[str] = []

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        self.all.append(str(operation))
        made = operation(*args, **(kwargs or {}))
        for each in made if isinstance(made, tuple | list) else [made]:
            if isinstance(each, torch.Tensor) and each.device.type == "cpu" and each.numel() > 1:
                self.of_processor.append(str(operation))
        return made


@pytest.mark.parametrize("options", KINDS)
def test_a_step_copies_nothing_back(options: dict) -> None:
    config = replace(SMALL, **options)
    run = a_run(config, NOWHERE)
    for share in (0.0, 0.9):  # before thresholds are frozen, and after
        step = int(share * run.total) // 20 * 20 + 1  # at which masks stay as they are
        run._prepare(step)
        with Watched() as found:
            loss = run._step(np.arange(50, 114))
        # The batch alone, as it comes from NumPy: bits, labels and a teacher's scores.
        assert found.of_processor == ["aten.lift_fresh.default"] * (3 if config.distill else 2)
        assert isinstance(loss, torch.Tensor)
        assert loss.device.type == "meta"
    assert all(p.device.type == "meta" for p in run.net.parameters())


def test_masks_are_chosen_where_the_weights_are() -> None:
    run = a_run(replace(SMALL, max_count=12), NOWHERE)
    run.plan.update(0.3)
    assert {layer.mask.device.type for layer in run.net.trained} == {"meta"}


@pytest.mark.parametrize("options", [*KINDS, {"max_synapses": 300}])
def test_all_tensors_are_made_where_the_weights_are(options: dict) -> None:
    run = a_run(replace(SMALL, **options), HERE)
    with torch.device("meta"):  # what names no device of its own gets this one, and fails
        run.plan.settle()
        run._prepare(1)
        loss = run._step(np.arange(64))
        run._prepare(run.total - 1)
        run._step(np.arange(64))
    assert np.isfinite(float(loss))
    if budget := options.get("max_synapses"):
        assert budget - 1 <= sum(int(layer.mask.sum()) for layer in run.net.trained) <= budget


def test_own_values_go_to_the_device_too(tmp_path: Path) -> None:
    config, data = own_values(tmp_path)
    run = a_run(config, NOWHERE, data)
    assert run.lines is None
    assert run._step(np.arange(64)).device.type == "meta"  # type: ignore[union-attr]


def test_what_the_processor_runs_could_not_do_that() -> None:
    with pytest.raises((RuntimeError, NotImplementedError, TypeError)):
        a_run(SMALL, Place(torch.device("meta"), COMPILED))._step(np.arange(64))


def test_the_teacher_is_read_at_the_end_of_an_epoch() -> None:
    data = load_data("digits")
    config = replace(SMALL, teacher_epochs=1, precision="bfloat16")
    pool = data.train_images[:600], data.train_labels[:600]
    with Watched() as found:
        train_teacher(*pool, data, config, lambda _: None, HERE.device)
    names = found.all
    steps = [k for k, name in enumerate(names) if "fused_adam" in name]
    reads = [k for k, name in enumerate(names) if name == "aten._local_scalar_dense.default"]
    assert len(steps) == len(reads) == len(data.train_labels) // 256
    assert min(reads) > max(steps)


def test_the_teacher_is_on_the_device() -> None:
    config = replace(SMALL, distill=0.5, teacher_epochs=1)
    with pytest.raises(RuntimeError, match="unsupported autocast device_type 'meta'"):
        train(config, place=NOWHERE)


# Whole runs.


@pytest.mark.parametrize("options", KINDS)
def test_the_first_step_is_that_of_the_processor(options: dict) -> None:
    runs = [a_run(replace(SMALL, **options), place) for place in (PROCESSOR, HERE)]
    losses = []
    for run in runs:
        torch.manual_seed(1)
        run._prepare(0)
        losses.append(float(run._step(np.arange(50, 114))))
    assert losses[0] == pytest.approx(losses[1], rel=1e-2 if "precision" in options else 1e-4)
    moved = 0.0
    for ours, theirs in zip(*(run.net.trained for run in runs), strict=True):
        assert torch.equal(ours.mask, theirs.mask)
        moved = max(moved, float((ours.mean - theirs.mean).abs().max()))
    assert moved < 1e-4


def test_a_run_by_tensors_is_as_good() -> None:
    config = TrainingConfig(
        hidden=("80",), population=3, fan_in=(16,), grey_levels=(5,), epochs=20, batch=32,
        learning_rate=1e-2, freeze_at=0.8, split_seed=0,
    )  # fmt: skip
    shares = [
        np.mean([train(replace(config, seed=s), place=at).evaluation.split for s in range(2)])
        for at in (PROCESSOR, HERE)
    ]
    assert min(shares) > 0.88  # ten classes by chance are 0.1
    assert abs(shares[0] - shares[1]) < 0.02


@pytest.mark.parametrize("options", KINDS)
def test_what_is_trained_is_what_is_exported(options: dict) -> None:
    run = a_run(replace(SMALL, **options), HERE)
    while run.epoch < run.config.epochs:
        run.train_epoch()
    exported, net = run.net.export(), run.net
    assert exported.max_fan_in <= 16
    assert run.sparse is None
    assert not SparseSteps.pays(net)
    for layer in net.trained:
        layer.noise = 0.0
    net._edges = None
    captured: list[np.ndarray] = []
    for module in net.stack:
        module.register_forward_hook(
            lambda _m, _i, out: captured.append(out.float().flatten(1).numpy().astype(bool))
        )
    x = run.spikes(run.data.test_images)
    with torch.no_grad():  # held statistics: training sees the thresholds that are exported
        net(torch.from_numpy(x).to(run.dtype))
    for ours, theirs in zip(exported.forward(x), captured, strict=True):
        assert np.array_equal(ours.reshape(theirs.shape), theirs)


@pytest.mark.parametrize("options", [{"max_synapses": 300}, *KINDS[2:5]])
def test_an_interrupted_run_ends_like_an_unbroken_one(tmp_path: Path, options: dict) -> None:
    config = replace(SMALL, **options)
    whole, resumed = train(config, place=HERE), interrupted(config, HERE, tmp_path / "run.state")
    assert resumed.network == whole.network
    assert [line.loss for line in resumed.history] == [line.loss for line in whole.history]


def interrupted(config: TrainingConfig, place: Place, state: Path) -> TrainedNetwork:
    def stop(line: EpochReport) -> None:
        if line.epoch == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(config, stop, state_file=state, place=place)
    return train(config, state_file=state, resume=True, place=place)


def test_a_run_goes_on_where_it_began(tmp_path: Path) -> None:
    state = tmp_path / "run.state"
    interrupted(SMALL, HERE, state)
    kept = torch.load(state, weights_only=True)
    assert kept["device"] == "cpu"
    torch.save({**kept, "device": "cuda"}, state)
    message = (
        f"{state} belongs to a run with --device cuda, not cpu; a run goes on where it began, "
        "since devices round differently"
    )
    with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}$"):
        train(SMALL, state_file=state, resume=True)
    del kept["device"]  # as earlier versions wrote it
    torch.save(kept, state)
    assert train(SMALL, state_file=state, resume=True).history[-1].epoch == 6


def test_a_state_holds_the_processors_tensors(tmp_path: Path) -> None:
    run = a_run(SMALL, HERE)
    run.train_epoch()
    run.save(tmp_path / "run.state")
    kept = torch.load(tmp_path / "run.state", weights_only=True)
    again = a_run(SMALL, HERE)
    again.restore(tmp_path / "run.state")
    for own in (kept["net"].values(), kept["optimiser"]["first"], kept["optimiser"]["second"]):
        assert {tensor.device.type for tensor in own} == {"cpu"}
    for ours, theirs in zip(again.net.trained, run.net.trained, strict=True):
        assert torch.equal(ours.weight, theirs.weight)
        assert torch.equal(ours.mask, theirs.mask)


def test_a_card_is_the_same_and_its_command_says_the_device(cli, tmp_path, monkeypatch) -> None:
    from netlist_gen.training import places

    words = ["train", "digits", "--hidden", 12, "--epochs", 2]
    ran = cli(*words, "-o", tmp_path / "a.pt")
    assert ran.status == 0, ran.err
    with monkeypatch.context() as patch:  # the GPU's operations in the place of a GPU
        patch.setattr(places, "place_of", lambda _: HERE)
        ran = cli(*words, "-o", tmp_path / "b.pt", "--device", "cuda")
    assert ran.status == 0, ran.err
    cards = [read_checkpoint(tmp_path / name).card.extra for name in ("a.pt", "b.pt")]
    assert cards[0]["config"] == cards[1]["config"]
    assert "device" not in cards[0]["config"]
    assert cards[0].keys() == cards[1].keys()
    assert cards[0]["command"] == "netlist-gen train digits --hidden 12 --epochs 2 -o a.pt"
    assert cards[1]["command"] == (
        "netlist-gen train digits --hidden 12 --epochs 2 -o b.pt --device cuda"
    )


def test_bfloat16_is_float32_where_the_processor_has_it_not(cli, tmp_path, monkeypatch) -> None:
    """PyTorch has products of bfloat16 there too, a hundred times as slow as float32's."""
    words = ["train", "digits", "--hidden", 12, "--epochs", 1, "-o", tmp_path / "a.pt"]
    for has, precision, told in (
        (True, "bfloat16", ""),
        (
            False,
            "float32",
            "note: this processor has no instructions for bfloat16, PyTorch would take a hundred "
            "times as long: training in float32\n",
        ),
    ):
        monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda has=has: has)
        ran = cli(*words, "--precision", "bfloat16")
        assert ran.status == 0, ran.err
        assert ran.err.startswith(told + "training on digits: 12, fan-in (16,)\n")
        config = read_checkpoint(tmp_path / "a.pt").card.extra["config"]
        assert config["precision"] == precision


@pytest.mark.parametrize(
    ("precision", "tiles", "products", "densest"),
    [
        ("bfloat16", True, True, DENSEST_BESIDE_MATRICES),
        ("bfloat16", False, True, DENSEST),
        ("bfloat16", True, False, DENSEST),
        ("float32", True, True, DENSEST),
    ],
)
def test_dense_steps_last_longer_where_the_processor_multiplies_matrices(
    monkeypatch, precision, tiles, products, densest
) -> None:
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: tiles, raising=False)
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: products)
    assert a_run(replace(SMALL, precision=precision), PROCESSOR).densest == densest


def test_train_search_and_adapt_train_there(cli, tmp_path, monkeypatch) -> None:
    import snntorch as snn
    from sklearn.datasets import load_digits
    from torch import nn

    from netlist_gen.training import places

    decided: list[torch.Size] = []

    def counted(n: torch.Tensor, *rest: Any) -> Any:
        decided.append(n.shape)
        return TENSORS.decide(n, *rest)

    place = Place(torch.device("cpu"), replace(TENSORS, decide=counted))
    monkeypatch.setattr(places, "place_of", lambda name: {"cuda": place}[name])
    bunch = load_digits(n_class=4)
    np.savez(tmp_path / "d.npz", x=bunch.data[:300] / 16, y=bunch.target[:300])
    net = nn.Sequential(
        nn.Linear(64, 20, bias=False), snn.Leaky(beta=0.95), nn.Linear(20, 4, bias=False),
        snn.Leaky(beta=0.95),
    )  # fmt: skip
    torch.save(net.state_dict(), tmp_path / "own.pt")
    for words, width in (
        (["train", "digits", "--hidden", "13", "-o", tmp_path / "t.pt"], 13),
        (["search", "digits", "--vary", "seed=0", "--hidden", "14", "-o", tmp_path / "s"], 14),
        (["adapt", tmp_path / "own.pt", "--data", tmp_path / "d.npz", "-o", tmp_path / "n.pt"], 20),
    ):
        decided.clear()
        ran = cli(*words, "--epochs", 1, "--device", "cuda")
        assert ran.status == 0, ran.err
        assert width in {shape[1] for shape in decided}


def test_a_teacher_and_own_data_by_tensors(tmp_path: Path) -> None:
    config = replace(SMALL, copies=1, distill=0.5, teacher_epochs=1, epochs=2)
    notes: list[str] = []
    first = train(config, lambda p: notes.append(p.note), cache_dir=tmp_path / "c", place=HERE)
    assert any(note.startswith("teacher: ") for note in notes)
    # One pool serves all devices: its key is of what it holds.
    again: list[str] = []
    train(config, lambda p: again.append(p.note), cache_dir=tmp_path / "c", place=PROCESSOR)
    assert [note for note in again if note] == []
    assert first.network.max_fan_in <= 16
    config, data = own_values(tmp_path)
    trained = train(replace(config, epochs=15, learning_rate=1e-2), data=data, place=HERE)
    assert trained.evaluation.lowest > 0.5

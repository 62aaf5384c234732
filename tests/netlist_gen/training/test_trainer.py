"""Whole small runs: determinism, interruption, noise, the files that a run leaves."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from netlist_gen.assembly.cost import CircuitCost
from netlist_gen.assembly.network_circuit import network_bench
from netlist_gen.checkpoint import read_checkpoint
from netlist_gen.commands import train as train_module
from netlist_gen.commands.train import command_line, spread_levels
from netlist_gen.commands.train import train as train_command
from netlist_gen.errors import ConfigurationError
from netlist_gen.library.cells import CellLibrary
from netlist_gen.network import TernaryNetwork
from netlist_gen.training.config import TrainingConfig
from netlist_gen.training.cost import HardwareCost
from netlist_gen.training.datasets import binarise, load_data
from netlist_gen.training.evaluate import evaluate, evaluate_with_noise
from netlist_gen.training.noise import FiringCurve, normal_curve
from netlist_gen.training.pool import Pool
from netlist_gen.training.save import plot_history, save
from netlist_gen.training.trainer import EpochReport, _TrainingRun, train

SMALL = TrainingConfig(hidden=("24",), grey_levels=(5,), epochs=6, validation=100)


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


class StopError(Exception):
    """Stands for any interruption."""


def test_learns_and_reports_the_integer_model(tmp_path: Path) -> None:
    config = replace(SMALL, epochs=25, batch=32, learning_rate=1e-2)
    trained = train(config)
    data = load_data("digits", seed=0, validation=100)
    x = binarise(data.test_images, config.grey_levels)
    assert trained.evaluation == evaluate(trained.network, x, data.test_labels)
    assert trained.evaluation.lowest > 0.7  # ten classes by chance are 0.1
    assert trained.network.max_fan_in <= 16
    assert trained.network.theta_range[0] >= 1
    save(trained, [tmp_path / "a.pt", tmp_path / "a.npz"], "the command", HardwareCost(7.0, 1e-3))
    facts = json.loads((tmp_path / "a.card.json").read_text())
    for suffix in ("pt", "npz"):
        checkpoint = read_checkpoint(tmp_path / f"a.{suffix}")
        assert checkpoint.network == trained.network
        assert checkpoint.card.extra["accuracy"]["lowest"] == trained.evaluation.lowest
        assert TrainingConfig.from_dict(checkpoint.card.extra["config"]) == config
        assert {**checkpoint.card.extra, "population": 2} == facts
    plot_history(trained.history, tmp_path / "plot.svg")
    assert "<svg" in (tmp_path / "plot.svg").read_text()


@pytest.mark.parametrize(
    "options",
    [
        {"max_synapses": 300, "noise_sigma": 0.3},
        # Over the kept synapses from the third epoch on, with noise from the store of draws.
        {"layer_synapses": (200, 100), "slide_to": 0.6, "membrane_noise": 0.5, "freeze_at": 0.8},
    ],
)
def test_an_interrupted_run_ends_like_an_unbroken_one(tmp_path: Path, options: dict) -> None:
    config = replace(SMALL, **options)
    whole = train(config)
    state = tmp_path / "run.state"

    def stop(line: EpochReport) -> None:
        if line.epoch == 4:
            raise StopError

    with pytest.raises(StopError):
        train(config, stop, state_file=state)
    seen: list[int] = []
    resumed = train(config, lambda p: seen.append(p.epoch), state_file=state, resume=True)
    assert seen == [5, 6]
    assert resumed.network == whole.network
    assert [p.loss for p in resumed.history] == [p.loss for p in whole.history]
    with pytest.raises(ConfigurationError, match=r"belongs to a run with seed = 0, not 3$"):
        train(replace(config, seed=3), state_file=state, resume=True)
    kept = torch.load(state, weights_only=True)
    torch.save({**kept, "optimiser": {"state": {}, "param_groups": []}}, tmp_path / "old.state")
    with pytest.raises(
        ConfigurationError,
        match=r"old\.state is of an earlier version of the training; the run must begin anew$",
    ):
        train(config, state_file=tmp_path / "old.state", resume=True)
    del kept["optimiser"]
    for other, reason in (
        (kept, "'optimiser'"),
        ([1], "list indices must be integers or slices, not str"),
    ):
        torch.save(other, tmp_path / "other.state")
        message = f"{tmp_path / 'other.state'} holds no training state: {reason}"
        with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}$"):
            train(config, state_file=tmp_path / "other.state", resume=True)
    state.write_bytes(state.read_bytes()[:100])
    with pytest.raises(ConfigurationError, match=r"run\.state holds no training state: "):
        train(config, state_file=state, resume=True)


@pytest.mark.parametrize("batch", [1337, 600])
def test_caps_and_budgets_hold_however_short_the_run(batch: int) -> None:
    trained = train(replace(SMALL, epochs=1, batch=batch, fan_in=(7,), max_synapses=200))
    assert trained.network.max_fan_in <= 7
    assert trained.network.synapses <= 200


def test_distillation_from_cached_pool(tmp_path: Path) -> None:
    config = replace(SMALL, copies=1, distill=0.5, teacher_epochs=1, epochs=2)
    notes: list[str] = []
    first = train(config, lambda p: notes.append(p.note), cache_dir=tmp_path)
    assert any(note.startswith("teacher: ") for note in notes)
    again: list[str] = []
    second = train(config, lambda p: again.append(p.note), cache_dir=tmp_path)
    assert [note for note in again if note] == []
    assert first.network == second.network == train(config).network


def test_an_epoch_holds_the_share_of_originals_that_was_asked_for() -> None:
    data = load_data("digits", seed=0)
    images = np.concatenate([data.train_images] * 3)
    pool = Pool(images, np.tile(data.train_labels, 3), None, len(data.train_labels), None)
    for share, wanted in [(None, 1 / 3), (0.0, 0.0), (0.5, 0.5), (1.0, 1.0)]:
        config = replace(SMALL, validation=0, copies=2, plain_share=share)
        run_state = _TrainingRun(config, data, pool, None, None)
        rows = run_state._rows(np.random.default_rng(0))
        assert len(set(rows.tolist())) == len(rows) == run_state.batches * config.batch
        assert np.mean(rows < pool.originals) == pytest.approx(wanted, abs=0.03)


def test_budgets_need_prices() -> None:
    with pytest.raises(ConfigurationError, match=r"^max_junctions and max_power_w need a cost mo"):
        train(replace(SMALL, max_junctions=100))


def wide(seed: int = 0) -> tuple[TernaryNetwork, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    weights = [rng.integers(-1, 2, (12, 10)), rng.integers(-1, 2, (6, 12))]
    net = TernaryNetwork.from_arrays(weights, [rng.integers(1, 3, len(w)) for w in weights], 2)
    x = rng.random((400, 10)) < 0.5
    return net, x, net.predict(x)


STEP = FiringCurve((-1e-9, 1e-9), (0.0, 1.0))


def test_noise_free_curve_is_the_integer_model() -> None:
    net, x, labels = wide()
    (noisy,) = evaluate_with_noise(net, x, labels, STEP, seed=1)
    assert noisy == evaluate(net, x, labels)
    assert noisy.lowest == 1.0


def test_noise_costs_accuracy_and_is_seeded() -> None:
    net, x, labels = wide()
    found = [
        evaluate_with_noise(net, x, labels, normal_curve(s), seed=1)[0].lowest
        for s in (0.05, 0.3, 1.0)
    ]
    assert found[0] == 1.0 > found[1] > found[2]
    curve = normal_curve(0.3)
    a, b = (evaluate_with_noise(net, x, labels, curve, seed=4, repeats=2) for _ in range(2))
    assert a == b
    assert a[0] != a[1]


def test_single_neuron_fires_as_often_as_the_curve_says() -> None:
    net = TernaryNetwork.from_arrays([[[1, 1]]], [[2]])
    x = np.ones((20000, 2), dtype=bool)
    curve = normal_curve(0.5)
    (result,) = evaluate_with_noise(net, x, np.zeros(20000, int), curve, seed=0)
    assert result.samples == 20000
    votes_with_pulse = np.mean(
        np.random.default_rng(0).random((20000, 1)) < curve(np.full((20000, 1), 0.5))
    )
    assert votes_with_pulse == pytest.approx(0.8413, abs=0.01)  # Phi(0.5 / 0.5)


def test_training_with_noise_makes_decisions_surer() -> None:
    config = replace(SMALL, epochs=20, batch=32, learning_rate=1e-2)
    noise = {"noise_sigma": 0.8}
    plain, noisy = train(config), train(replace(config, **noise))
    assert plain.noisy is None
    assert noisy.noisy is not None
    assert noisy.evaluation.samples == noisy.noisy.samples
    data = load_data("digits", seed=0, validation=100)
    x = binarise(data.test_images, config.grey_levels)
    rates = [
        np.mean(
            [
                e.lowest
                for e in evaluate_with_noise(
                    t.network, x, data.test_labels, normal_curve(0.8), seed=1, repeats=5
                )
            ]
        )
        for t in (plain, noisy)
    ]
    assert rates[1] > rates[0]


def test_noise_in_flux_needs_the_flux_of_the_neurons() -> None:
    config = replace(SMALL, noise_phi0=0.02, epochs=1)
    with pytest.raises(ConfigurationError, match=r"^noise in Phi0 needs the flux per synapse of"):
        train(config)
    asked: list[int] = []

    def flux(up: np.ndarray, down: np.ndarray, theta: np.ndarray) -> np.ndarray:
        asked.append(int((up + down).max()))
        return np.full(len(theta), 0.02)  # one synapse of noise, whatever the neuron

    in_flux = train(config, flux_per_synapse=flux)
    assert max(asked) > 16  # dense at first
    assert in_flux.network == train(replace(config, noise_phi0=0.0, noise_sigma=1.0)).network


def test_pruning_meets_a_budget_of_the_real_circuit() -> None:
    config = replace(SMALL, hidden=("40",), max_junctions=6000)
    trained = train(config, cost_model=CircuitCost(config.population))
    junctions = network_bench(trained.network, CellLibrary("sfq5ee")).circuit.totals().junctions
    assert 0.9 * 6000 < junctions <= 6000


def test_command_writes_the_checkpoint(tmp_path: Path) -> None:
    out = tmp_path / "net.pt"
    arguments = [
        "digits",
        "--hidden",
        "16",
        "12",
        "--population",
        "1",
        "--fan-in",
        "8",
        "--epochs",
        "2",
        "--seed",
        "5",
        "-o",
        str(out),
        "--plot",
        str(tmp_path / "p.png"),
    ]
    result = CliRunner().invoke(train_command, arguments)
    assert result.exit_code == 0, result.output
    assert re.search(r"net\.pt: \d+\.\d\d% of 360 held-out images \(ties split", result.output)
    checkpoint = read_checkpoint(out)
    assert [layer.outputs for layer in checkpoint.network.layers][-1] == 10
    assert len(checkpoint.network.layers) == 3
    assert checkpoint.network.max_fan_in <= 8
    assert not (tmp_path / "net.pt.state").exists()


def test_the_command_of_a_card_names_no_place() -> None:
    given = [
        *["mnist", "--data-dir", "/a/b", "--cache-dir=/c", "--seed", "3", "--resume"],
        *["-o", "/d/net.pt", "--also=x/net.npz", "--plot", "p.png", "--threads", "2"],
    ]
    assert command_line(["train", *given]) == (
        "netlist-gen train mnist --data-dir DIR --seed 3 -o net.pt --also net.npz"
    )


def test_an_interrupt_says_how_to_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "net.pt"
    arguments = ["digits", "--hidden", "12", "--epochs", "3", "-o", str(out)]
    shown = train_module.show_epoch

    def interrupt(line: EpochReport) -> None:
        shown(line)
        if line.epoch == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(train_module, "show_epoch", interrupt)
        result = CliRunner().invoke(train_command, arguments)
    assert result.exit_code == 130
    assert f"interrupted; go on with --resume from {out}.state" in result.output
    assert not out.exists()
    result = CliRunner().invoke(train_command, [*arguments, "--resume"])
    assert result.exit_code == 0, result.output
    assert "epoch    3 of 3" in result.output
    assert "epoch    2 of 3" not in result.output
    assert read_checkpoint(out).card.extra["config"]["epochs"] == 3


def test_command_writes_other_formats_too_and_trains_with_a_measured_curve(
    tmp_path: Path,
) -> None:
    (tmp_path / "curve.csv").write_text(
        "margin_Phi0,probability\n-0.02,0\n0,0.5\n0.02,1\n", encoding="utf-8"
    )
    arguments = ["digits", "--hidden", "12", "--epochs", "2", "-o", str(tmp_path / "net.pt")]
    arguments += ["--also", str(tmp_path / "net.npz"), "--also", str(tmp_path / "net.nir")]
    arguments += ["--firing-curve", str(tmp_path / "curve.csv")]
    result = CliRunner().invoke(train_command, arguments)
    assert result.exit_code == 0, result.output
    assert "with noise: " in result.output
    networks = [read_checkpoint(tmp_path / f"net.{s}") for s in ("pt", "npz", "nir")]
    assert networks[0].network == networks[1].network == networks[2].network
    facts = networks[1].card.extra
    assert facts["config"]["firing_curve"] == [[-0.02, 0], [0, 0.5], [0.02, 1]]
    assert facts["accuracy_with_noise"]["samples"] == 360
    library = CellLibrary("sfq5ee")
    built = network_bench(networks[0].network, library).circuit.totals()
    # A card tells the quick price, without the stages that closing the timing adds.
    assert 0.85 * built.junctions < facts["junctions"] <= built.junctions


def test_command_refuses_before_training(tmp_path: Path) -> None:
    result = CliRunner().invoke(
        train_command, ["digits", "-o", str(tmp_path / "missing" / "net.pt")]
    )
    assert isinstance(result.exception, ConfigurationError)
    assert re.search(r"missing is not a directory; .*net\.pt can't", str(result.exception))


def test_grey_levels_for_steps() -> None:
    assert spread_levels(4, 255) == (204, 153, 102, 51)


def test_a_run_that_diverges_ends_with_a_sentence(cli, tmp_path) -> None:
    words = ("--learning-rate", 1e38, "--slide-to", 0.5, "--hidden", 12, "--max-synapses", 200)
    ran = cli("train", "digits", *words, "--epochs", 3, "-o", tmp_path / "a.pt")
    assert ran.status == 2
    assert ran.err == (
        "training on digits: 12, fan-in (16,)\n"
        "netlist-gen: training has diverged: the loss of epoch 1 is nan; the learning rate is "
        "1e+38, a lower one may do\n"
    )
    assert not [*tmp_path.iterdir()]

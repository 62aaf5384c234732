"""Round trips of each format, the plain .npz contract, ternarisation."""

from __future__ import annotations

import json
import re
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import nir
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from netlist_gen.checkpoint import read_checkpoint, read_network, registry, write_network
from netlist_gen.checkpoint.real import by_magnitude
from netlist_gen.errors import ConfigurationError, NetworkError
from netlist_gen.memory import RESETS, Memory
from netlist_gen.network import TernaryNetwork
from netlist_gen.training.own_network import OwnNetwork

FORMATS = [
    suffix
    for suffix in registry.FORMATS
    if suffix != ".pth" and (suffix != ".onnx" or find_spec("onnx"))
]


def make(seed: int) -> TernaryNetwork:
    rng = np.random.default_rng(seed)
    widths = rng.integers(1, 13, size=rng.integers(2, 14))
    population = int(rng.integers(1, 4))
    widths[-1] *= population
    weights = [rng.integers(-1, 2, (b, a)) for a, b in pairwise(widths)]
    thetas = [rng.integers(-20, 21, len(w)) for w in weights]
    return TernaryNetwork.from_arrays(weights, thetas, population)


@pytest.mark.parametrize("suffix", FORMATS)
@given(seed=st.integers(0, 10**6))
@settings(max_examples=15, deadline=None)
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, suffix: str, seed: int) -> None:
    net = make(seed)
    path = tmp_path_factory.mktemp("net") / f"net{suffix}"
    write_network(net, path, {"seed": seed, "grey_levels": [100]})
    checkpoint = read_checkpoint(path)
    assert checkpoint.network == net
    assert checkpoint.card.population == net.population
    assert checkpoint.card.extra["seed"] == seed
    assert json.loads(json.dumps(checkpoint.card.as_dict()))["extra"]["grey_levels"] == [100]
    assert [p.name for p in path.parent.iterdir()] == [path.name]  # no temporary file is left


def lasting(seed: int, resets: tuple[str, ...] = RESETS) -> TernaryNetwork:
    """A network some of whose membranes last, and whose amounts snnTorch's Leaky has."""
    net, rng = make(seed), np.random.default_rng(seed)
    memories: list[Memory | None] = []
    for layer in net.layers:
        reset = rng.choice([*resets, ""])
        if reset == "subtract" and layer.theta.min() < 1:
            reset = "zero"
        amounts = layer.theta - 1 if reset == "subtract" else None
        memories.append(Memory.of(str(reset), layer.outputs, amounts) if reset else None)
    return TernaryNetwork.from_arrays(
        [layer.weights for layer in net.layers],
        [layer.theta for layer in net.layers],
        net.population,
        memories=memories,
        steps=int(rng.integers(2, 9)) if rng.random() < 0.7 else None,
    )


@pytest.mark.parametrize("suffix", [s for s in FORMATS if s != ".onnx"])
@given(seed=st.integers(0, 10**6))
@settings(max_examples=15, deadline=None)
def test_round_trip_of_membranes_that_last(
    tmp_path_factory: pytest.TempPathFactory, suffix: str, seed: int
) -> None:
    net = lasting(seed, ("zero",) if suffix == ".nir" else RESETS)
    path = tmp_path_factory.mktemp("net") / f"net{suffix}"
    write_network(net, path, {"seed": seed})
    found = read_checkpoint(path)
    assert found.network == net
    assert found.network.steps == net.steps == found.card.steps
    assert found.card.max_steps is None
    assert found.card.beta == (1.0 if net.has_memory else 0.0)
    # Another number of steps, or a single one, in which nothing lasts.
    assert read_checkpoint(path, steps=99).network == net.with_steps(99)
    single = read_checkpoint(path, steps=1)
    assert not single.network.has_memory
    assert single.card.max_steps == (1 if net.has_memory else None)
    x = np.random.default_rng(seed).random((4, 1, net.inputs)) < 0.5
    for one, other in zip(single.network.forward(x), net.forward(x), strict=True):
        assert np.array_equal(one, other)


@pytest.mark.parametrize(("steps", "shown"), [(0, "0"), (True, "True"), ("9", "'9'"), (2.0, "2.0")])
def test_steps_that_are_none(tmp_path: Path, steps: object, shown: str) -> None:
    card = json.dumps({"steps": steps})
    np.savez(tmp_path / "net.npz", **arrays(reset0="zero", card=card))
    message = (
        f"{tmp_path / 'net.npz'}: its 'steps' is {shown}, of membranes that last; a whole number "
        "from 1 on is needed"
    )
    with pytest.raises(NetworkError, match=f"^{re.escape(message)}$"):
        read_network(tmp_path / "net.npz")
    np.savez(tmp_path / "net.npz", **arrays(card=card))
    assert read_network(tmp_path / "net.npz").steps is None


def test_the_networks_own_steps_are_written(tmp_path: Path) -> None:
    net = TernaryNetwork.from_arrays([[[1]]], [[2]], memories=[Memory.of("none", 1)])
    for steps in (None, 3):
        write_network(net.with_steps(steps), tmp_path / "net.npz", {"steps": 8})
        assert read_checkpoint(tmp_path / "net.npz").card.steps == steps
    write_network(make(3), tmp_path / "net.npz", {"steps": 8})
    assert read_checkpoint(tmp_path / "net.npz").card.steps == 8


@pytest.mark.parametrize("suffix", FORMATS)
def test_same_bytes_each_time(tmp_path: Path, suffix: str) -> None:
    if suffix == ".nir":
        pytest.skip("HDF5 stores times of its own")
    for name in "ab":
        write_network(make(5), tmp_path / f"{name}{suffix}", {"k": 1})
    assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()


@pytest.mark.parametrize("suffix", FORMATS)
def test_truncated(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"net{suffix}"
    write_network(make(1), path)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(NetworkError, match=rf"net\{suffix} is not a whole "):
        read_network(path)


def arrays(**changes: object) -> dict[str, np.ndarray]:
    base: dict = {
        "w0": np.array([[1, 0], [0, -1]], dtype=np.int8),
        "theta0": np.array([1, 2], dtype=np.int32),
    }
    base.update(changes)
    return {k: np.asarray(v) for k, v in base.items() if v is not None}


def test_contract_without_population(tmp_path: Path) -> None:
    np.savez(tmp_path / "net.npz", **arrays())
    assert read_network(tmp_path / "net.npz").population == 1
    assert read_checkpoint(tmp_path / "net.npz", population=2).network.classes == 1


REFUSED = [
    ({"theta0": None}, "array 'theta0' is missing; each layer needs both w and theta"),
    (
        {"w1": np.ones((1, 2), np.int8)},
        "array 'theta1' is missing; each layer needs both w and theta",
    ),
    (
        {"w2": np.ones((1, 2), np.int8), "theta2": np.ones(1, np.int32)},
        "array 'theta2' has no layer before it; layers are numbered from 0 without gaps",
    ),
    (
        {"bias0": np.zeros(2)},
        "array 'bias0' is not known; allowed are w0, theta0, w1, theta1, ..., of lasting membranes "
        "reset0, subtract0, beta0, ..., population and card",
    ),
    ({"w0": np.array([[1.0, 0], [0, -1]])}, "array 'w0' has type float64; int8 is needed"),
    (
        {"w0": np.array([[1, 0], [0, np.nan]])},
        "array 'w0' [1, 1] is nan (type float64); finite integers are needed",
    ),
    ({"theta0": np.array([1.0, 2.0])}, "array 'theta0' has type float64; int32 is needed"),
    ({"w0": np.ones(2, np.int8)}, "array 'w0' has shape (2,); (outputs, inputs) is needed"),
    (
        {"w0": np.array([[1, 2], [0, 1]], np.int8)},
        "layer 0: weight [0, 1] is 2; only -1, 0 and 1 are allowed",
    ),
    (
        {"population": np.array([1, 2])},
        "array 'population' has shape (2,) and type int64; an integer scalar is needed",
    ),
    (
        {"population": np.array(3)},
        "population is 3; it must be at least 1 and divide the 2 outputs of the last layer",
    ),
    (
        {"w0": None, "theta0": None, "population": np.array(1)},
        "there is no array 'w0': the file holds no layer",
    ),
    ({"reset0": "half"}, "array 'reset0' is 'half'; allowed are zero, subtract, none"),
    ({"reset0": 1}, "array 'reset0' has shape () and type int64; one text is needed"),
    ({"reset0": ["zero"]}, "array 'reset0' has shape (1,) and type <U4; one text is needed"),
    (
        {"reset1": "zero"},
        "array 'reset1' has no layer before it; layers are numbered from 0 without gaps",
    ),
    (
        {"subtract0": [1, 2]},
        "array 'subtract0' has no array 'reset0' beside it, which says that membranes last",
    ),
    (
        {"beta0": 0.5},
        "array 'beta0' has no array 'reset0' beside it, which says that membranes last",
    ),
    (
        {"reset0": "zero", "beta0": [0.5, 0.5]},
        "array 'beta0' has shape (2,) and type float64; one float is needed",
    ),
    (
        {"reset0": "zero", "beta0": 1},
        "array 'beta0' has shape () and type int64; one float is needed",
    ),
    (
        {"reset0": "zero", "beta0": 1.5},
        "layer 0: beta, what is left of a membrane after a step, is 1.5; above 0 and at most 1 is "
        "allowed, in float32",
    ),
    (
        {"reset0": "subtract"},
        "array 'subtract0' is missing, but array 'reset0' is 'subtract'; it belongs to 'subtract'",
    ),
    (
        {"reset0": "none", "subtract0": [0, 0]},
        "array 'subtract0' is there, but array 'reset0' is 'none'; it belongs to 'subtract'",
    ),
    (
        {"reset0": "subtract", "subtract0": [1]},
        "array 'subtract0' has shape (1,) and type int64; int32 of shape (2,) is needed",
    ),
    (
        {"reset0": "subtract", "subtract0": [1.0, 2.0]},
        "array 'subtract0' has shape (2,) and type float64; int32 of shape (2,) is needed",
    ),
    (
        {"reset0": "subtract", "subtract0": [1, -2]},
        "layer 0: a pulse of neuron 1 subtracts -2; a whole number from 0 on is needed",
    ),
]


@pytest.mark.parametrize(("changes", "message"), REFUSED)
def test_npz_that_is_refused(tmp_path: Path, changes: dict, message: str) -> None:
    path = tmp_path / "net.npz"
    np.savez(path, **arrays(**changes))
    with pytest.raises(NetworkError, match=f"^{re.escape(f'{path}: {message}')}$"):
        read_network(path)


def test_npz_with_pickled_objects(tmp_path: Path) -> None:
    np.savez(tmp_path / "net.npz", w0=np.array([[None]], dtype=object))
    with pytest.raises(NetworkError, match=r"holds pickled Python objects; only plain arrays"):
        read_network(tmp_path / "net.npz")


def test_unknown_extension_and_places_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"net\.h5 has the extension '\.h5'; a net"):
        read_network(tmp_path / "net.h5")
    for suffix in FORMATS:
        with pytest.raises(ConfigurationError, match=r"can't be written: No such file or dir"):
            write_network(make(1), tmp_path / "missing" / f"net{suffix}")


def test_safetensors_with_the_arrays_of_the_contract(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    save_file(arrays(), tmp_path / "net.safetensors")
    assert read_network(tmp_path / "net.safetensors").layers[0].theta.tolist() == [1, 2]


def lif_graph(tau: float, r: float) -> nir.NIRGraph:
    lif = nir.LIF(
        tau=np.full(2, tau), r=np.full(2, r), v_leak=np.zeros(2), v_threshold=np.full(2, 1.0)
    )
    linear = nir.Affine(np.array([[1.0, 1.0, -1.0], [0.0, 1.0, 1.0]]), np.array([0.0, 0.5]))
    return nir.NIRGraph.from_list(linear, lif)


def test_nir_lif_as_snntorch_writes_beta_zero(tmp_path: Path) -> None:
    nir.write(tmp_path / "net.nir", lif_graph(1e-4, 1.0))
    checkpoint = read_checkpoint(tmp_path / "net.nir")
    assert checkpoint.network.layers[0].theta.tolist() == [2, 1]
    assert checkpoint.card.max_steps is None
    assert checkpoint.card.notes == ("layer 0: bias folded into theta",)  # and no batch norm


def test_nir_lif_with_memory_needs_one_step(tmp_path: Path) -> None:
    nir.write(tmp_path / "net.nir", lif_graph(1e-3, 10.0))  # beta = 0.9, gain 1
    with pytest.raises(NetworkError, match=r"neurons 'lif': beta 0\.9 with reset 'zero' lets the"):
        read_network(tmp_path / "net.nir")
    assert read_checkpoint(tmp_path / "net.nir", steps=1).network.layers[0].theta.tolist() == [2, 1]


def test_nir_values_that_are_no_numbers(tmp_path: Path) -> None:
    graph = lif_graph(1e-4, 1.0)
    graph.nodes["lif"].v_threshold = np.array([1.0, np.nan])
    nir.write(tmp_path / "net.nir", graph)
    message = r"net\.nir: 'lif\.v_threshold' \[1\] is nan; a finite number is needed$"
    with pytest.raises(NetworkError, match=message):
        read_network(tmp_path / "net.nir")


def test_nir_nodes_that_cannot_be_built(tmp_path: Path) -> None:
    graph = nir.NIRGraph.from_list(
        nir.Linear(np.ones((2, 3))),
        nir.CubaLIF(
            tau_syn=np.ones(2),
            tau_mem=np.ones(2),
            r=np.ones(2),
            v_leak=np.zeros(2),
            v_threshold=np.ones(2),
        ),
    )
    nir.write(tmp_path / "net.nir", graph)
    with pytest.raises(NetworkError, match=r"neurons 'cubalif': CubaLIF has a synaptic current"):
        read_network(tmp_path / "net.nir")


def test_ternarize_keeps_the_cap_and_states_its_cost(tmp_path: Path) -> None:
    import snntorch as snn

    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(20, 6), snn.Leaky(beta=0.9, threshold=0.2))
    torch.save(net.state_dict(), tmp_path / "net.pt")
    with pytest.raises(NetworkError, match=r"layer 0 \('0'\): weight \[0, \d+\] is .* --ternarize"):
        read_checkpoint(tmp_path / "net.pt", steps=1)
    rule = by_magnitude(fan_in=5)
    checkpoint = read_checkpoint(tmp_path / "net.pt", steps=1, ternarize=rule)
    made = checkpoint.network
    assert made.max_fan_in == 5
    rng = np.random.default_rng(0)
    x = rng.random((300, 20)) < 0.5
    with torch.no_grad():
        u = net[0](torch.tensor(x, dtype=torch.float32))
        own = (u > 0.2).numpy()
    labels = own.argmax(axis=1)
    assert checkpoint.stack is not None
    assert OwnNetwork(checkpoint.stack).accuracy(x, labels, 1, 1, timed=False) == 1.0
    assert made.accuracy(x, labels) < 1.0

"""Membranes that last, as they are read: against snnTorch's own forward, and what is refused."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import snntorch as snn
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from netlist_gen.checkpoint import read_checkpoint, write_network
from netlist_gen.checkpoint.card import LEAKING_RULE
from netlist_gen.checkpoint.modules import integer_stack
from netlist_gen.checkpoint.obstacles import ADAPT, STATE
from netlist_gen.checkpoint.real import by_magnitude
from netlist_gen.checkpoint.registry import survey_checkpoint
from netlist_gen.errors import NetworkError
from netlist_gen.memory import RESETS, Memory
from netlist_gen.network import TernaryNetwork
from netlist_gen.training.own_network import OwnNetwork

NOTE = (
    "layer 0: a pulse resets the membrane before the next step's sum, as with snnTorch's default "
    "reset_delay=True; a state_dict does not hold it, and with False the spikes would be others"
)


def leaky(reset: str, threshold: object, beta: float = 1.0, **options: object) -> snn.Leaky:
    level = torch.as_tensor(threshold, dtype=torch.float32)
    return snn.Leaky(beta=beta, threshold=level, reset_mechanism=reset, **options)


def dense(weights: object, bias: object = None) -> nn.Linear:
    w = torch.tensor(np.asarray(weights), dtype=torch.float32)
    line = nn.Linear(w.shape[1], w.shape[0], bias=bias is not None)
    line.weight.data = w
    if bias is not None:
        line.bias.data = torch.tensor(bias, dtype=torch.float32)
    return line


def saved(path: Path, *modules: nn.Module) -> Path:
    torch.save(nn.Sequential(*modules).state_dict(), path / "net.pt")
    return path / "net.pt"


def run(modules: list[nn.Module], x: np.ndarray) -> list[np.ndarray]:
    """Spikes of every layer of neurons, (samples, steps, ...), by snnTorch."""
    state: dict[int, torch.Tensor] = {}
    steps = []
    with torch.no_grad():
        for t in range(x.shape[1]):
            flow = torch.tensor(x[:, t], dtype=torch.float32)
            row = []
            for index, module in enumerate(modules):
                if isinstance(module, snn.Leaky):
                    flow, state[index] = module(flow, state.get(index, torch.zeros_like(flow)))
                    row.append(flow.numpy().astype(bool))
                else:
                    flow = module(flow)
            steps.append(row)
    return [np.stack(layer, axis=1) for layer in zip(*steps, strict=True)]


def network_of(
    rng: np.random.Generator, resets: tuple[str, ...], scale: float, **options: object
) -> list[nn.Module]:
    """A layer for each reset, "" being memoryless; thresholds at counts as often as not."""
    widths = rng.integers(2, 8, len(resets) + 1)
    modules: list[nn.Module] = []
    for reset, (a, b) in zip(resets, pairwise(widths), strict=True):
        modules.append(dense(rng.integers(-1, 2, (b, a)) * scale))
        whole, half = rng.integers(0, 6, b), rng.integers(-4, 9, b) / 2
        threshold = scale * (whole if reset == "subtract" else half)
        modules.append(leaky(reset or "zero", threshold, float(bool(reset)), **options))
    return modules


@given(
    seed=st.integers(0, 10**6),
    resets=st.tuples(*[st.sampled_from([*RESETS, ""])] * 3),
    scale=st.sampled_from([1.0, 0.5, 0.25, 2.0]),  # binary fractions: float32 sums are exact
)
@settings(max_examples=60, deadline=None)
def test_every_neuron_and_step_agrees_with_snntorch(
    tmp_path_factory: pytest.TempPathFactory, seed: int, resets: tuple[str, ...], scale: float
) -> None:
    rng = np.random.default_rng(seed)
    modules = network_of(rng, resets, scale)
    checkpoint = read_checkpoint(saved(tmp_path_factory.mktemp("pt"), *modules))
    network = checkpoint.network
    assert [layer.memory.reset if layer.memory else "" for layer in network.layers] == list(resets)
    assert (network.steps, checkpoint.card.max_steps) == (None, None)
    x = rng.random((5, 7, network.inputs)) < 0.6
    for ours, theirs in zip(network.forward(x), run(modules, x), strict=True):
        assert np.array_equal(ours, theirs)


@given(
    seed=st.integers(0, 10**6),
    reset=st.sampled_from(RESETS),
    beta=st.sampled_from([0.95, 0.5, 0.3]),
    scale=st.sampled_from([1.0, 0.5, 4.0]),
)
@settings(max_examples=40, deadline=None)
def test_membranes_that_leak_agree_with_snntorch(
    tmp_path_factory: pytest.TempPathFactory, seed: int, reset: str, beta: float, scale: float
) -> None:
    """Read as the integer model, spikes the same, ties included; each format gives it again."""
    rng = np.random.default_rng(seed)
    folder = tmp_path_factory.mktemp("pt")
    modules: list[nn.Module] = []
    for a, b in pairwise((5, 6, 4)):
        whole = rng.integers(scale != 1.0, 6, b)
        threshold = scale * (whole if reset == "subtract" else whole - 0.5)
        modules += [dense(rng.integers(-1, 2, (b, a)) * scale), leaky(reset, threshold, beta)]
        modules[-1].beta = torch.tensor(beta)  # type: ignore[assignment]
        scale = 1.0
    checkpoint = read_checkpoint(saved(folder, *modules))
    network = checkpoint.network
    assert [layer.memory and layer.memory.beta for layer in network] == [
        float(np.float32(beta))
    ] * 2
    assert (checkpoint.card.max_steps, checkpoint.card.threshold_rule) == (None, LEAKING_RULE)
    x = rng.random((6, 9, 5)) < 0.6
    for ours, theirs in zip(network.forward(x), run(modules, x), strict=True):
        assert np.array_equal(ours, theirs)
    for suffix in (".pt", ".npz", ".safetensors"):
        write_network(network.with_steps(9), folder / f"again{suffix}")
        again = read_checkpoint(folder / f"again{suffix}")
        assert again.network == network.with_steps(9)
        assert again.card.threshold_rule == LEAKING_RULE


def test_a_leak_stands_in_the_way_of_a_circuit_alone(tmp_path: Path) -> None:
    path = saved(tmp_path, dense([[1, -1], [1, 1]]), leaky("zero", 1.5, 0.9))
    found = survey_checkpoint(path)
    assert found.network is not None
    assert [each.kind for each in found.obstacles] == ["leak"]
    assert found.obstacles[0].sentence == (
        "layer 0: beta 0.9 with reset 'zero' lets the membrane decay from step to step, for which "
        "storage loops would need resistors (L/R); beta 0 with reset 'none' or 'zero' and beta 1, "
        f"membranes that last, are allowed: no circuit is made of it; {STATE}"
    )
    assert survey_checkpoint(path, steps=1).obstacles == ()
    assert found.card.notes == (
        "layer 0: membranes leak; sums are float32, in the order of snnTorch's default "
        "reset_delay=True, and no circuit is made of them",
    )


@pytest.mark.parametrize(
    ("modules", "words"),
    [
        (
            [dense([[0.3, 0.3]]), leaky("zero", 0.45, 0.5)],
            "membranes leak (beta 0.5), and neuron 0 has synapses of 0.3 and the threshold 0.45; "
            "equal powers of two, and a whole number and a half of them is allowed",
        ),
        (  # within float32 rounding of each other, which is enough where nothing is added up
            [dense([[1, 1, 1.0000005]]), leaky("subtract", 2.0, 0.5)],
            "membranes leak (beta 0.5), and neuron 0 has synapses of 1 and the threshold 2; equal "
            "powers of two, and a whole number of them is allowed",
        ),
        (  # beta^k times this unit underflows earlier than beta^k
            [dense([[0.25, 0.25]]), leaky("subtract", 0.0, 0.5)],
            "membranes leak (beta 0.5), and neuron 0 has synapses of 0.25 and the threshold 0; "
            "equal powers of two, and a whole number of them is allowed",
        ),
        (
            [dense([[1, 1], [1, 0]]), leaky("zero", [1.5, 1.0], 0.5)],
            "membranes leak (beta 0.5), and neuron 1 has synapses of 1 and the threshold 1; equal "
            "powers of two, and a whole number and a half of them is allowed",
        ),
        (
            [dense([[1, 1]]), leaky("subtract", 1.5, 0.5)],
            "membranes leak (beta 0.5), and neuron 0 has synapses of 1 and the threshold 1.5; "
            "equal powers of two, and a whole number of them is allowed",
        ),
        (
            [dense([[1, 1]], [0.5]), leaky("none", 1.5, 0.5)],
            "a bias adds 0.5 to the membrane of neuron 0 in every step, pulses or not, and "
            "membranes last; 0 is allowed",
        ),
        (
            [dense([[1, 1]]), leaky("subtract", -1.0, 0.5)],
            "the threshold of neuron 0 is -1 with reset 'subtract', which then adds to the "
            "membrane; 0 or more is allowed",
        ),
    ],
)
def test_leaks_that_would_be_rounded(tmp_path: Path, modules: list[nn.Module], words: str) -> None:
    found = survey_checkpoint(saved(tmp_path, *modules))
    assert found.network is None
    assert [each.kind for each in found.obstacles] == ["leak", "form"]
    assert found.obstacles[1].sentence == f"layer 0 ('0'): {words}; {STATE}"
    assert found.card.max_steps == 1


@given(
    seed=st.integers(0, 10**6),
    reset=st.sampled_from(RESETS),
    scale=st.sampled_from([1.0, 0.3]),
    gains=st.booleans(),
)
@settings(max_examples=30, deadline=None)
def test_scales_and_gains_agree_with_snntorch(
    tmp_path_factory: pytest.TempPathFactory, seed: int, reset: str, scale: float, gains: bool
) -> None:
    """Batch norms of mean and shift 0, of gains below 0 too; whole amounts but for rounding."""
    rng = np.random.default_rng(seed)
    unit = np.full(6, scale)
    norm = nn.BatchNorm1d(6, eps=1e-5)
    if gains:
        gain = rng.choice([-0.5, 0.7, 2.0], 6)
        norm.weight.data = torch.tensor(gain, dtype=torch.float32)
        unit = abs(norm.weight.data.numpy() / np.sqrt(1 + 1e-5)) * scale
    # Between the counts nothing is decided by rounding.
    threshold = unit * (rng.integers(1, 4, 6) if reset == "subtract" else rng.integers(0, 6, 6))
    modules = [dense(rng.integers(-1, 2, (6, 5)) * scale), norm.eval(), leaky(reset, threshold)]
    if not gains:
        del modules[1]
    network = read_checkpoint(saved(tmp_path_factory.mktemp("pt"), *modules)).network
    x = rng.random((5, 6, 5)) < 0.6
    memory = network.layers[0].memory
    assert memory is not None
    membrane, _ = memory.integrate(network.layers[0].counts(x), network.layers[0].theta)
    # Where a membrane comes to lie at its threshold, rounding decides in snnTorch.
    tie = np.abs(membrane - threshold / unit) < 0.5 if (scale, gains) != (1.0, False) else False
    free = ~np.logical_or.accumulate(np.broadcast_to(tie, membrane.shape), axis=1)
    assert np.array_equal(network.forward(x)[0] & free, run(modules, x)[0] & free)


@given(seed=st.integers(0, 10**6), reset=st.sampled_from(RESETS))
@settings(max_examples=60, deadline=None)
def test_a_note_stands_where_a_reset_without_delay_differs(
    tmp_path_factory: pytest.TempPathFactory, seed: int, reset: str
) -> None:
    """Without a note snnTorch gives the same spikes whatever its reset_delay."""
    rng = np.random.default_rng(seed)
    modules = network_of(rng, (reset,), 1.0, reset_delay=False)
    checkpoint = read_checkpoint(saved(tmp_path_factory.mktemp("pt"), *modules))
    x = rng.random((20, 7, checkpoint.network.inputs)) < 0.6
    same = np.array_equal(checkpoint.network.forward(x)[0], run(modules, x)[0])
    assert same or checkpoint.card.notes == (NOTE,)


@pytest.mark.parametrize(
    ("reset", "threshold", "noted"),
    [("subtract", 1.0, True), ("subtract", 2.0, False), ("zero", 0.0, False), ("zero", -0.5, True),
     ("none", -0.5, False)],
)  # fmt: skip
def test_spikes_without_the_delay(
    tmp_path: Path, reset: str, threshold: float, noted: bool
) -> None:
    """Two excitatory lines and an inhibitory one, all inputs of three steps."""
    modules = [dense([[1, 1, -1]]), leaky(reset, threshold, reset_delay=False)]
    checkpoint = read_checkpoint(saved(tmp_path, *modules))
    x = (np.arange(8**3)[:, None] >> np.arange(9) & 1).reshape(-1, 3, 3).astype(bool)
    same = np.array_equal(checkpoint.network.forward(x)[0], run(modules, x)[0])
    assert (checkpoint.card.notes, same) == (((NOTE,), False) if noted else ((), True))


REFUSED = [
    (
        [dense([[1, -1], [1, 1]], [0.0, 0.5]), leaky("zero", 1.0)],
        "layer 0 ('0'): a bias adds 0.5 to the membrane of neuron 1 in every step, pulses or not, "
        f"and membranes last; 0 is allowed; {STATE}",
    ),
    (
        [dense([[1, -1], [1, 1]]), leaky("subtract", [2.0, 2.5])],
        "layer 0 ('0'): a pulse of neuron 1 subtracts its threshold 2.5, which is 2.5 times what "
        "an input pulse adds (1); a whole number of times is allowed, such as 2 or 3; "
        f"{STATE}",
    ),
    (
        [dense([[0.5, -0.5], [0.5, 0.5]]), leaky("subtract", 0.125)],
        "layer 0 ('0'): a pulse of neuron 0 subtracts its threshold 0.125, which is 0.25 times "
        "what an input pulse adds (0.5); a whole number of times is allowed, such as 0 or 1; "
        f"{STATE}",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("modules", "message"), REFUSED)
def test_what_has_no_whole_counts(tmp_path: Path, modules: list[nn.Module], message: str) -> None:
    path = saved(tmp_path, *modules)
    with pytest.raises(NetworkError, match=f"^{re.escape(f'{path}: {message}')}$"):
        read_checkpoint(path)
    checkpoint = read_checkpoint(path, steps=1)
    assert not checkpoint.network.has_memory
    assert (checkpoint.card.max_steps, checkpoint.card.beta) == (1, 1.0)
    x = np.random.default_rng(0).random((9, 1, 2)) < 0.5
    assert np.array_equal(checkpoint.network.forward(x)[0], run(modules, x)[0])


def test_a_shift_of_a_batch_norm_is_named(tmp_path: Path) -> None:
    norm = nn.BatchNorm1d(1)
    norm.bias.data[0] = -0.25
    path = saved(tmp_path, dense([[1, -1]]), norm, leaky("none", 1.0))
    message = (
        f"{path}: layer 0 ('0'): a batch norm adds -0.25 to the membrane of neuron 0 in every "
        f"step, pulses or not, and membranes last; 0 is allowed; {STATE}"
    )
    with pytest.raises(NetworkError, match=f"^{re.escape(message)}$"):
        read_checkpoint(path)


def test_all_obstacles_are_listed_at_once(tmp_path: Path) -> None:
    path = saved(
        tmp_path,
        *(dense([[1, -1], [1, 0.3]], [0.0, 1.0]), leaky("zero", 1.0)),
        *(dense([[1, -1]], [2.0]), leaky("subtract", 0.5)),
        *(dense([[1]]), leaky("zero", 0.5, 0.9)),
    )
    found = survey_checkpoint(path)
    assert [(each.kind, each.place) for each in found.obstacles] == [
        ("weights", "layer 0 ('0')"),
        ("leak", "layer 2, neurons '5'"),
        ("bias", "layer 0 ('0')"),
        ("bias", "layer 1 ('2')"),
        ("reset", "layer 1 ('2')"),
    ]
    assert found.card.max_steps == 1
    assert [each.kind for each in survey_checkpoint(path, steps=1).obstacles] == ["weights"]


def test_pooling_of_the_largest_stands_behind_neurons_alone(tmp_path: Path) -> None:
    conv = nn.Conv2d(1, 2, 3, bias=False)
    conv.weight.data = torch.sign(conv.weight.data)
    rest = [nn.Flatten(), dense(np.ones((1, 8))), leaky("none", 2.5)]
    before = [conv, nn.MaxPool2d(2), leaky("zero", 1.5), *rest]
    after = [conv, leaky("zero", 1.5), nn.MaxPool2d(2), *rest]
    path = saved(tmp_path, *before)
    message = (
        f"{path}: largest-value pooling 'max 1' stands before the neurons '2', whose membranes "
        "last: the largest of each step adds up, which no OR of neurons does; it is built behind "
        f"neurons; {ADAPT}"
    )
    words = "conv, max 2, leaky, linear, leaky"
    with pytest.raises(NetworkError, match=f"^{re.escape(message)}$"):
        read_checkpoint(path, input_shape="1,6,6", layers=words)
    assert read_checkpoint(path, input_shape="1,6,6", layers=words, steps=1).network.outputs == 1
    found = read_checkpoint(
        saved(tmp_path, *after), input_shape="1,6,6", layers="conv, leaky, max 2, linear, leaky"
    )
    assert [bool(layer.memory) for layer in found.network.layers] == [True, False, True]
    x = np.random.default_rng(0).random((8, 5, 36)) < 0.5
    first, _, last = found.network.forward(x)
    theirs = run(after, x.reshape(8, 5, 1, 6, 6))
    assert np.array_equal(first, theirs[0].reshape(8, 5, -1))
    assert np.array_equal(last, theirs[1])


def test_mean_pooling_adds_up(tmp_path: Path) -> None:
    conv = nn.Conv2d(1, 2, 2, stride=2, bias=False)
    conv.weight.data = torch.sign(conv.weight.data)
    modules = [conv, nn.AvgPool2d(2), leaky("subtract", [[[0.5]], [[1.0]]])]
    found = read_checkpoint(
        saved(tmp_path, *modules), input_shape="1,4,4", layers="conv stride 2, avg 2, leaky"
    )
    memory = found.network.layers[0].memory
    assert memory is not None
    assert memory.subtract.tolist() == [2, 4]
    x = np.random.default_rng(0).random((8, 5, 16)) < 0.5
    theirs = run(modules, x.reshape(8, 5, 1, 4, 4))[0]
    assert np.array_equal(found.network.forward(x)[0], theirs.reshape(8, 5, -1))


def test_weights_made_ternary_keep_membranes(tmp_path: Path) -> None:
    torch.manual_seed(1)
    line = nn.Linear(12, 3, bias=False)
    found = read_checkpoint(
        saved(tmp_path, line, leaky("zero", 0.5)), ternarize=by_magnitude(), steps=6
    )
    assert found.network.layers[0].memory == Memory.of("zero", 3)
    assert found.network.steps == 6
    with pytest.raises(NetworkError, match=r"a pulse of neuron 0 subtracts its threshold 0\.5, "):
        read_checkpoint(saved(tmp_path, line, leaky("subtract", 0.5)), ternarize=by_magnitude())


def test_neurons_that_never_fire_may_subtract_anything(tmp_path: Path) -> None:
    path = saved(tmp_path, dense([[0, -1], [1, 1]]), leaky("subtract", [2.5, 3.0]))
    network = read_checkpoint(path).network
    assert network.layers[0].memory == Memory.of("subtract", 2, [2, 3])
    assert network.layers[0].theta.tolist() == [3, 4]


LASTING = [
    (
        Memory.of("subtract", 1, 2),
        ".nir",
        "last with reset 'subtract': NIR's IF has the reset 'zero' alone",
    ),
    (Memory.of("none", 1), ".nir", "last with reset 'none': NIR's IF has the reset 'zero' alone"),
    (
        Memory.of("zero", 1),
        ".onnx",
        "last with reset 'zero': ONNX compares the sums of a single step",
    ),
    (Memory.of("zero", 1, beta=0.5), ".nir", "leak (beta 0.5)"),
    (Memory.of("zero", 1, beta=0.5), ".onnx", "leak (beta 0.5)"),
]


@pytest.mark.parametrize(("memory", "suffix", "words"), LASTING)
def test_formats_that_lack_membranes(
    tmp_path: Path, memory: Memory, suffix: str, words: str
) -> None:
    network = TernaryNetwork.from_arrays([[[1, 1]]], [[3]], memories=[memory])
    path = tmp_path / f"net{suffix}"
    message = (
        f"{path} can't hold layer 0, whose membranes {words}; .npz, .pt and .safetensors hold it"
    )
    with pytest.raises(NetworkError, match=f"^{re.escape(message)}$"):
        write_network(network, path)
    assert not path.exists()


def test_means_of_windows_that_round_are_no_leaking_counts(tmp_path: Path) -> None:
    """25 / 25 is 1, but the mean of k ones of 25 is rounded; of 16 it is not."""
    conv = nn.Conv2d(1, 1, 1, bias=False)
    for side, weight, reads in ((5, 25.0, False), (4, 16.0, True)):
        conv.weight.data.fill_(weight)
        path = saved(tmp_path, conv, leaky("subtract", 15.0, 0.5))
        found = survey_checkpoint(
            path, input_shape=f"1,{2 * side},{2 * side}", layers=f"avg {side}, conv, leaky"
        )
        assert (found.network is not None) == reads
        assert [each.kind for each in found.obstacles] == ["leak", *([] if reads else ["form"])]


def test_a_neuron_without_synapses_may_have_any_threshold(tmp_path: Path) -> None:
    path = saved(tmp_path, dense([[0, 0], [1, 1]]), leaky("zero", [0.3, 1.5], 0.5))
    assert read_checkpoint(path).network.layers[0].theta.tolist() == [1, 2]


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_thresholds_that_float32_lacks(tmp_path: Path, suffix: str) -> None:
    network = TernaryNetwork.from_arrays([[[1, 1]]], [[2**24 + 2]], memories=[Memory.of("zero", 1)])
    message = (
        "layer 0: the threshold of neuron 0, 16777217.5, is none in float32, which a state_dict "
        "has; .npz holds it"
    )
    with pytest.raises(NetworkError, match=f"^{re.escape(message)}$"):
        write_network(network, tmp_path / f"net{suffix}")
    write_network(network, tmp_path / "net.npz")
    assert read_checkpoint(tmp_path / "net.npz").network == network


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_amounts_that_snntorch_lacks(tmp_path: Path, suffix: str) -> None:
    memory = Memory.of("subtract", 2, [2, 3])
    network = TernaryNetwork.from_arrays([[[1, 1], [1, -1]]], [[3, 3]], memories=[memory])
    message = (
        "layer 0: a pulse of neuron 1 subtracts 3 and it fires from 3 on; snnTorch's Leaky "
        "subtracts its threshold, one less than where it begins to fire; .npz holds it"
    )
    with pytest.raises(NetworkError, match=f"^{re.escape(message)}$"):
        write_network(network, tmp_path / f"net{suffix}")
    write_network(network, tmp_path / "net.npz")
    found = survey_checkpoint(tmp_path / "net.npz")
    assert found.network == network
    assert found.stack is not None
    assert not found.stack.runs


@given(seed=st.integers(0, 10**6), resets=st.tuples(*[st.sampled_from([*RESETS, ""])] * 2))
@settings(max_examples=30, deadline=None)
def test_modules_of_an_integer_network_fire_as_it_does(seed: int, resets: tuple[str, ...]) -> None:
    """As ``adapt`` runs them; what ``.pt`` files hold is the same."""
    rng = np.random.default_rng(seed)
    thetas = [rng.integers(1, 6, n) for n in (5, 3)]
    memories = [
        Memory.of(reset, len(theta), theta - 1 if reset == "subtract" else None) if reset else None
        for reset, theta in zip(resets, thetas, strict=True)
    ]
    weights = [rng.integers(-1, 2, (5, 4)), rng.integers(-1, 2, (3, 5))]
    network = TernaryNetwork.from_arrays(weights, thetas, memories=memories)
    x = rng.random((6, 7, 4)) < 0.6
    steps = list(OwnNetwork(integer_stack(network)).spikes(x))
    for index, ours in enumerate(network.forward(x)):
        assert np.array_equal(ours, np.stack([step[index] for step in steps], axis=1))

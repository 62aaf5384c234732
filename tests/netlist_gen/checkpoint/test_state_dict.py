"""snnTorch's own forward pass against the integer model read from its state_dict."""

from __future__ import annotations

import dataclasses
import re
from collections import OrderedDict
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import snntorch as snn
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from netlist_gen.checkpoint import read_checkpoint, read_network, write_network
from netlist_gen.checkpoint.affine import AffineLayer
from netlist_gen.checkpoint.obstacles import STATE, TERNARIZE
from netlist_gen.checkpoint.real import (
    NeuronRule,
    RealNetwork,
    ternary_and_scale,
)
from netlist_gen.checkpoint.state_dict import natural_key
from netlist_gen.errors import NetworkError
from netlist_gen.network import TernaryNetwork


def leaky(threshold: object, **rule: object) -> snn.Leaky:
    options = {"beta": 0.0, "reset_mechanism": "none", **rule}
    return snn.Leaky(threshold=torch.as_tensor(threshold, dtype=torch.float32), **options)


def foreign_net(
    seed: int, scale: float, bias: bool, reset: str
) -> list[tuple[nn.Linear, snn.Leaky]]:
    """Layers as other people's scripts have them; thresholds often exactly at a count."""
    rng = np.random.default_rng(seed)
    widths = rng.integers(2, 9, size=4)
    result = []
    for a, b in pairwise(widths):
        linear = nn.Linear(int(a), int(b), bias=bias)
        w = rng.integers(-1, 2, (b, a)) * scale
        linear.weight.data = torch.tensor(w, dtype=torch.float32)
        shift = np.zeros(b)
        if bias:
            shift = rng.integers(-4, 5, b) * scale / 2
            linear.bias.data = torch.tensor(shift, dtype=torch.float32)
        # Whole and half counts: the whole ones are ties, where strict > decides.
        threshold = rng.integers(-4, 9, b) * scale / 2 + shift
        result.append((linear, leaky(threshold, reset_mechanism=reset)))
    return result


def snntorch_spikes(layers: list[tuple[nn.Linear, snn.Leaky]], x: np.ndarray) -> list[np.ndarray]:
    """Every layer's spikes (samples, steps, outputs) from snnTorch, step by step."""
    memory: list[torch.Tensor | None] = [None] * len(layers)
    steps: list[list[np.ndarray]] = []
    with torch.no_grad():
        for t in range(x.shape[1]):
            flow = torch.tensor(x[:, t], dtype=torch.float32)
            row = []
            for index, (linear, neuron) in enumerate(layers):
                current = linear(flow)
                before = memory[index]
                flow, memory[index] = neuron(
                    current, torch.zeros_like(current) if before is None else before
                )
                row.append(flow.numpy().astype(bool))
            steps.append(row)
    return [np.stack([row[i] for row in steps], axis=1) for i in range(len(layers))]


@given(
    seed=st.integers(0, 10**6),
    scale=st.sampled_from([1.0, 0.5, 0.25, 2.0]),  # binary fractions: float32 sums are exact
    bias=st.booleans(),
    reset=st.sampled_from(["none", "zero"]),
)
@settings(max_examples=60, deadline=None)
def test_every_neuron_and_step_agrees_with_snntorch(
    tmp_path_factory: pytest.TempPathFactory, seed: int, scale: float, bias: bool, reset: str
) -> None:
    layers = foreign_net(seed, scale, bias, reset)
    path = tmp_path_factory.mktemp("pt") / "net.pt"
    torch.save(nn.Sequential(*[m for pair in layers for m in pair]).state_dict(), path)
    network = read_checkpoint(path).network
    x = np.random.default_rng(seed).random((5, 4, network.inputs)) < 0.5
    for ours, theirs in zip(network.forward(x), snntorch_spikes(layers, x), strict=True):
        assert np.array_equal(ours, theirs)


def test_ties_at_the_threshold_do_not_fire() -> None:
    linear = nn.Linear(3, 1, bias=False)
    linear.weight.data = torch.tensor([[1.0, 1.0, 1.0]])
    layers = [(linear, leaky(2.0))]
    x = np.array([[[1, 1, 0]], [[1, 1, 1]]], dtype=bool)
    assert snntorch_spikes(layers, x)[0].ravel().tolist() == [False, True]


def layer_of(weights: object, threshold: object, **changes: object) -> AffineLayer:
    w = np.array(weights, dtype=float)
    values = {"bias": 0.0, "threshold": threshold, "gain": 1.0, "shift": 0.0} | changes
    return AffineLayer(
        "fc", w, **{k: np.resize(v, len(w)).astype(float) for k, v in values.items()}
    )


@pytest.mark.parametrize(
    ("changes", "theta", "sign"),
    [
        ({"threshold": 2.0}, 3, 1),  # U = 2 does not fire
        ({"threshold": 1.5}, 2, 1),
        ({"threshold": 1.0, "bias": -1.0}, 3, 1),
        ({"threshold": 5.0, "gain": 2.0, "shift": 1.0}, 3, 1),
        ({"threshold": -2.0, "gain": -1.0}, -1, -1),  # -n > -2 where -n >= -1
        ({"threshold": -1.0, "gain": -2.0, "bias": 1.0, "shift": 5.0}, -1, -1),
        ({"threshold": 0.0, "gain": 0.0}, 1, 0),  # never: 0 is not above 0
        ({"threshold": 0.0, "gain": 0.0, "shift": 1e-9}, 0, 0),
        ({"threshold": -1.0}, 0, 1),
        ({"threshold": 1e300}, 2**31 - 1, 1),
        ({"threshold": -1e300}, -(2**31), 1),
        ({"threshold": 1e300, "gain": 0.5}, 2**31 - 1, 1),
        ({"threshold": -1e300, "gain": 0.5}, -(2**31), 1),
    ],
)
def test_ties_at_the_threshold_of_a_real_layer(changes: dict, theta: int, sign: int) -> None:
    network, _ = RealNetwork([layer_of([[1, 1, 1]], **changes)], NeuronRule()).ternary(1)
    assert network.layers[0].theta.tolist() == [theta]
    assert network.layers[0].weights.tolist() == [[sign] * 3]


@pytest.mark.parametrize(
    ("threshold", "close"), [(2 + 1e-7, 1), (2 - 1e-7, 1), (2.0, 0), (2.1, 0), (2 + 1e-5, 0)]
)
@pytest.mark.parametrize("gain", [1.0, 0.5])
def test_thresholds_that_rounding_may_move_are_noted(
    threshold: float, close: int, gain: float
) -> None:
    layer = layer_of([[1, 1, 1], [1, 1, 0]], [0.5 * gain, threshold * gain], gain=gain)
    network, notes = RealNetwork([layer], NeuronRule()).ternary(1)
    assert network.layers[0].theta.tolist() == [1, 2 if threshold < 2 else 3]
    noted = (
        "layer 0: thresholds of 1 neurons (first: 1) lie within float32 rounding of a whole count; "
        "the software's own sum may round either way there"
    )
    assert notes == [noted] * close


@pytest.mark.parametrize(
    ("scale", "threshold", "changes", "close"),
    [
        (0.1, 0.2, {}, 1),  # float32(0.1) added and taken away is not what it was
        (0.25, 0.5, {}, 0),
        (1.0, 9.0, {"divisor": 9}, 1),  # a mean of nine is rounded
        (0.5, 1.25, {"bias": 0.25}, 0),
        (3.0, 6.0, {}, 0),
        (1.0, 2.0, {"gain": 0.1, "threshold": 0.2}, 1),
    ],
)
def test_a_tie_is_noted_where_float32_would_not_add_to_it_exactly(
    scale: float, threshold: float, changes: dict, close: int
) -> None:
    rounded = {k: float(np.float32(v)) for k, v in {"threshold": threshold, **changes}.items()}
    divisor = int(rounded.pop("divisor", 1))
    layer = layer_of(float(np.float32(scale)) * np.array([[1, 1, -1]]), **rounded)
    layer = dataclasses.replace(layer, divisor=divisor, threshold=layer.threshold / divisor)
    _, notes = RealNetwork([layer], NeuronRule()).ternary(1)
    assert sum("float32 rounding" in note for note in notes) == close


def test_weights_far_below_the_others_are_no_more_ternary_for_that() -> None:
    with pytest.raises(NetworkError, match=r"^weight \[1, 1\] is -5e-07; the weights of a neuron"):
        ternary_and_scale(np.array([[1, 1, -1], [1e-7, -5e-7, 3e-7]]))
    signs, scale = ternary_and_scale(np.array([[1, 1, -1], [1e-7, -1e-7, 0]]))
    assert signs.tolist() == [[1, 1, -1], [1, -1, 0]]
    assert scale.tolist() == [1.0, 1e-7]


def fires(size: int = 4) -> snn.Leaky:
    return leaky(torch.full((size,), 0.5))


@pytest.mark.parametrize(
    ("modules", "message"),
    [
        ([nn.BatchNorm1d(4), nn.Linear(4, 4), fires()], "'0' is a batch norm before all layers"),
        (
            [nn.Linear(4, 4), fires(), nn.BatchNorm1d(4), nn.Linear(4, 4), fires()],
            "'2' is a batch norm behind a neuron",
        ),
        ([fires(), nn.Linear(4, 4), fires(), nn.Linear(4, 4)], "'0' is a neuron before all layers"),
        ([nn.Linear(4, 4), nn.Linear(4, 4), fires(), fires()], "'1' is a layer behind a layer"),
    ],
)
def test_numbered_modules_out_of_the_usual_order_are_refused(
    tmp_path: Path, modules: list, message: str
) -> None:
    path = tmp_path / "n.pt"
    torch.save(nn.Sequential(*modules).state_dict(), path)
    whole = f"{path}: {message}; netlist-gen convert --layers says the order of the modules"
    with pytest.raises(NetworkError, match=f"^{re.escape(whole)}$"):
        read_network(path)


def test_modules_of_several_lists_are_told_by_how_many_there_are(tmp_path: Path) -> None:
    class Lists(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = nn.ModuleList([nn.Linear(4, 4), nn.Linear(4, 4)])
            self.lifs = nn.ModuleList([fires(), fires()])

    nested = nn.Sequential(
        nn.Sequential(nn.Linear(4, 4), fires()), nn.Sequential(nn.Linear(4, 4), fires())
    )
    lists = Lists()
    for module in (lists, nested):
        for one, layer in enumerate(m for m in module.modules() if isinstance(m, nn.Linear)):
            torch.nn.init.constant_(layer.bias, 0.25)
            layer.weight.data = torch.eye(4).roll(one + 1, 0)
        torch.save(module.state_dict(), tmp_path / "n.pt")
        found = read_network(tmp_path / "n.pt")
        assert [layer.weights.tolist() for layer in found] == [
            np.roll(np.eye(4), one, 0).tolist() for one in (1, 2)
        ]


@pytest.mark.parametrize(
    ("sizes", "noted"), [((4, 4, 4, 4), True), ((4, 5, 6, 3), False), ((4, 4, 3, 3), False)]
)
def test_an_order_that_only_names_tell_is_noted(tmp_path: Path, sizes: tuple, noted: bool) -> None:
    from safetensors.torch import save_file

    names = ["fc_a", "fc_b", "fc_c"]
    tensors = {}
    for name, (before, after) in zip(names, pairwise(sizes), strict=True):
        tensors[f"{name}.weight"] = torch.eye(after, before)
        tensors |= {f"lif_{name}.{k}": v for k, v in fires(after).state_dict().items()}
    path = tmp_path / "n.safetensors"
    save_file(tensors, path)
    notes = [note for note in read_checkpoint(path).card.notes if "order of their names" in note]
    said = (
        "layers are taken in the order of their names (fc_a, fc_b, fc_c): a .safetensors file "
        "keeps no other, and their sizes allow one; a .pt keeps it"
    )
    assert notes == [said] * noted


@given(seed=st.integers(0, 10**6))
@settings(max_examples=20, deadline=None)
def test_written_files_run_in_snntorch(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    rng = np.random.default_rng(seed)
    weights = [rng.integers(-1, 2, (7, 6)), rng.integers(-1, 2, (4, 7))]
    net = TernaryNetwork.from_arrays(weights, [rng.integers(-3, 5, len(w)) for w in weights], 2)
    path = tmp_path_factory.mktemp("pt") / "net.pt"
    write_network(net, path)
    layers = [
        (nn.Linear(6, 7, bias=False), leaky(torch.zeros(7))),
        (nn.Linear(7, 4, bias=False), leaky(torch.zeros(4))),
    ]
    sequential = nn.Sequential(*[m for pair in layers for m in pair])
    sequential.load_state_dict(torch.load(path, weights_only=True))
    x = rng.random((5, 3, 6)) < 0.5
    for ours, theirs in zip(net.forward(x), snntorch_spikes(layers, x), strict=True):
        assert np.array_equal(ours, theirs)


class Named(nn.Module):
    """The usual tutorial module: all layers first, then all neurons."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1 = nn.Linear(4, 3)
        self.fc2 = nn.Linear(3, 2)
        self.lif1 = leaky(0.5)
        self.lif2 = leaky(1.0, learn_threshold=True)


def test_module_with_names_and_a_wrapper(tmp_path: Path) -> None:
    module = Named()
    for fc in (module.fc1, module.fc2):
        fc.weight.data = torch.sign(fc.weight.data) * 0.3
        fc.bias.data.zero_()
    torch.save({"state_dict": module.state_dict(), "epoch": 3}, tmp_path / "net.pth")
    checkpoint = read_checkpoint(tmp_path / "net.pth")
    assert checkpoint.network.layers[0].theta.tolist() == [2, 2, 2]  # floor(0.5 / 0.3) + 1
    assert checkpoint.network.layers[1].theta.tolist() == [4, 4]  # floor(1 / 0.3) + 1
    assert any("scale" in note for note in checkpoint.card.notes)


def test_batch_norm_with_a_negative_gain_flips_signs(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    linear, norm, neuron = nn.Linear(8, 6, bias=False), nn.BatchNorm1d(6), leaky(0.1)
    linear.weight.data = torch.tensor(rng.integers(-1, 2, (6, 8)), dtype=torch.float32)
    norm.weight.data = torch.tensor([1.0, -1.0, 0.5, -0.7, 0.0, 2.0])
    norm.bias.data = torch.tensor(rng.normal(size=6), dtype=torch.float32)
    norm.running_mean = torch.tensor(rng.normal(size=6), dtype=torch.float32)
    norm.running_var = torch.tensor(rng.random(6) + 0.5, dtype=torch.float32)
    torch.save(nn.Sequential(linear, norm, neuron).state_dict(), tmp_path / "net.pt")
    network = read_checkpoint(tmp_path / "net.pt").network
    x = rng.random((200, 8)) < 0.5
    with torch.no_grad():
        u = norm.eval()(linear(torch.tensor(x, dtype=torch.float32)))
        spikes, _ = neuron(u, torch.zeros_like(u))
    assert np.array_equal(network.forward(x)[0], spikes.numpy().astype(bool))


def state(**changes: object) -> dict[str, torch.Tensor]:
    base = nn.Sequential(nn.Linear(3, 2, bias=False), leaky([1.0, 1.0])).state_dict()
    base["0.weight"] = torch.tensor([[1.0, 0.0, -1.0], [1.0, 1.0, 0.0]])
    result: dict[str, torch.Tensor] = OrderedDict(base)
    for key, value in changes.items():
        name = key.replace("__", ".").lstrip("_")
        if value is None:
            del result[name]
        else:
            result[name] = torch.as_tensor(value)
    return result


REFUSED = [
    (
        {"_0__weight": [[1.0, 0.0, 2.0], [1.0, 1.0, 0.0]]},
        "layer 0 ('0'): weight [0, 2] is 2; the weights of a neuron must be ternary, -a, 0 or a "
        f"with an a of its own; {TERNARIZE}",
    ),
    (
        {"_0__weight": [[1.0, 0.0, float("nan")], [1.0, 1.0, 0.0]]},
        "layer 0 ('0'): weight [0, 2] is nan; a finite number is needed",
    ),
    ({"_1__threshold": [1.0, float("inf")]}, "'1.threshold' [1] is inf; a finite number is needed"),
    (
        {"_1__threshold": [1.0, 1.0, 1.0]},
        "'1.threshold' has shape (3,); a scalar or (2,) is needed",
    ),
    (
        {"_1__graded_spikes_factor": 2.0},
        "layer 0, neurons '1': graded spikes (factor 2), where an SFQ pulse has one size: 1 is "
        "allowed; adapt trains the circuit's neurons in its place",
    ),
    (
        {"_1__alpha": 0.5},
        "layer 0, neurons '1': snn.Synaptic or snn.Alpha: it would need a second state, the "
        "synaptic current; adapt trains the circuit's neurons in its place",
    ),
    (
        {"_1__V": 0.5},
        "layer 0, neurons '1': snn.RLeaky: it would need lines from its outputs back to the next "
        "window; adapt trains the circuit's neurons in its place",
    ),
    (
        {"_1__beta": None},
        "layer 0, neurons '1': a neuron without 'beta': its decay is open; adapt trains the "
        "circuit's neurons in its place",
    ),
    (
        {"_1__reset_mechanism_val": None},
        "layer 0, neurons '1': a neuron without 'reset_mechanism_val': its reset is open; adapt "
        "trains the circuit's neurons in its place",
    ),
    ({"_1__reset_mechanism_val": 5}, "'1.reset_mechanism_val' is 5; 0, 1 and 2 are known"),
    (
        {"_2__weight": torch.ones(1, 1, 3, 3, 3)},
        "layer '2' is a convolution over 3 axes (weight of shape (1, 1, 3, 3, 3)); one or two can "
        "be unrolled",
    ),
    (
        {"_2__weight": torch.ones(1, 2)},
        "layer 1, neurons '2': no neuron follows it: its sums are real numbers, and a circuit's "
        "output is pulses; adapt trains the circuit's neurons in its place",
    ),
    ({"_0__weight": torch.ones(0, 3)}, "'0.weight' has shape (0, 3): the layer is empty"),
    (
        {"_1__beta": 0.9, "_1__reset_mechanism_val": 0, "_1__threshold": [1.25, 0.5]},
        "layer 0 ('0'): membranes leak (beta 0.9), and neuron 0 has synapses of 1 and the "
        "threshold 1.25; equal powers of two, and a whole number of them is allowed; "
        f"{STATE} (inspect lists 1 more)",
    ),
    (
        {"_1__beta": 0.0, "_1__reset_mechanism_val": 0},
        "layer 0, neurons '1': beta 0 with reset 'subtract' carries the reset from step to step, "
        "which the circuit's neuron does not (it has beta 0 with reset 'none' or 'zero', or beta "
        f"1): any number of steps can't be built; {STATE}",
    ),
    (
        {"_1__beta": [0.0, 1.0], "_1__reset_mechanism_val": 1},
        "layer 0, neurons '1': beta is 0 for some neurons of the layer and 1 for others; one for "
        f"all of a layer is allowed: any number of steps can't be built; {STATE}",
    ),
    (
        {"_1__beta": [0.5, 1.0], "_1__reset_mechanism_val": 1},
        "layer 0, neurons '1': beta is 0.5 for some neurons of the layer and 1 for others; one for "
        f"all of a layer is allowed: any number of steps can't be built; {STATE}",
    ),
    (
        {"_1__beta": 1.0, "_1__reset_mechanism_val": 0, "_1__threshold": [1.0, -0.5]},
        "layer 0 ('0'): a pulse of neuron 1 subtracts its threshold -0.5, which is -0.5 times what "
        "an input pulse adds (1); a whole number of times is allowed, such as 0 or 1; "
        f"{STATE}",
    ),
]


@pytest.mark.parametrize(("changes", "message"), REFUSED)
def test_what_is_refused(tmp_path: Path, changes: dict, message: str) -> None:
    path = tmp_path / "net.pt"
    torch.save(state(**changes), path)
    with pytest.raises(NetworkError, match=f"^{re.escape(f'{path}: {message}')}$"):
        read_checkpoint(path)


@pytest.mark.parametrize("reset", ["subtract", "zero", "none"])
def test_a_rule_with_memory_is_read_for_one_step(tmp_path: Path, reset: str) -> None:
    layers = foreign_net(4, 1.0, True, "none")
    layers = [(fc, leaky(n.threshold.abs(), beta=0.9, reset_mechanism=reset)) for fc, n in layers]
    path = tmp_path / "net.pt"
    torch.save(nn.Sequential(*[m for pair in layers for m in pair]).state_dict(), path)
    checkpoint = read_checkpoint(path, steps=1)
    assert checkpoint.card.max_steps == 1
    assert (checkpoint.card.reset, checkpoint.card.beta) == (reset, pytest.approx(0.9))
    x = np.random.default_rng(0).random((20, 1, checkpoint.network.inputs)) < 0.5
    for ours, theirs in zip(checkpoint.network.forward(x), snntorch_spikes(layers, x), strict=True):
        assert np.array_equal(ours, theirs)
    with pytest.raises(NetworkError, match=r"; convert --steps 1 takes the"):
        read_checkpoint(path, steps=2)


def test_subtract_below_zero_acts_in_the_first_step(tmp_path: Path) -> None:
    changes = {"_1__reset_mechanism_val": 0, "_1__threshold": [1.0, -0.5]}
    torch.save(state(**changes), tmp_path / "net.pt")
    with pytest.raises(
        NetworkError, match=r"layer 0, neurons '1': threshold \[1\] is -0\.5 with reset 'subtract'"
    ):
        read_checkpoint(tmp_path / "net.pt", steps=1)


class Evil:
    def __reduce__(self) -> tuple:
        return (print, ("code from a file has run",))


def test_pickled_code_is_refused_and_not_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.save({"x": Evil()}, tmp_path / "evil.pt")
    with pytest.raises(NetworkError, match=r"evil\.pt holds pickled Python objects besides"):
        read_checkpoint(tmp_path / "evil.pt")
    assert capsys.readouterr().out == ""


def test_truncated_and_foreign_files(tmp_path: Path) -> None:
    whole = tmp_path / "net.pt"
    torch.save(state(), whole)
    data = whole.read_bytes()
    for length in (0, 10, len(data) // 2, len(data) - 30):
        cut = tmp_path / "cut.pt"
        cut.write_bytes(data[:length])
        with pytest.raises(NetworkError, match=r"cut\.pt is not a whole PyTorch checkpoint"):
            read_checkpoint(cut)
    torch.save([1, 2], tmp_path / "list.pt")
    with pytest.raises(NetworkError, match=r"list\.pt holds a list; a state_dict is needed$"):
        read_checkpoint(tmp_path / "list.pt")
    with pytest.raises(NetworkError, match=r"none\.pt: no such file$"):
        read_checkpoint(tmp_path / "none.pt")


def test_natural_order() -> None:
    assert sorted(["10.w", "2.w", "fc1", "fc10", "fc2"], key=natural_key) == [
        "2.w",
        "10.w",
        "fc1",
        "fc2",
        "fc10",
    ]


def test_scale_may_differ_by_neuron() -> None:
    w, scale = ternary_and_scale(np.array([[0.5, -0.5, 0.0], [2.0, 0.0, 2.0], [0.0, 0.0, 0.0]]))
    assert w.tolist() == [[1, -1, 0], [1, 0, 1], [0, 0, 0]]
    assert scale[:2].tolist() == [0.5, 2.0]

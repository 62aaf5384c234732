"""The front door: a network to a verdict in six lines, and how light and short it is."""

from __future__ import annotations

import dataclasses
import inspect
import re
import subprocess
import sys

import numpy as np
import pytest
from support import tiny_network

import netlist_gen as ng
from netlist_gen.checkpoint.registry import write_network

X = np.array([[1, 0, 1], [0, 1, 1], [1, 1, 0]], dtype=bool)
Y = np.array([0, 1, 1])


@pytest.fixture
def net(tmp_path):
    write_network(tiny_network(), tmp_path / "digits.pt")
    return tmp_path / "digits.pt"


def test_a_network_to_a_verdict(net, tmp_path):
    x, labels, decks = X, Y, tmp_path / "decks"
    net = ng.read(str(net))
    run = ng.verify(net, x, labels, simulator="embedded")
    assert run.agreed
    assert run.counter_example is None
    assert run.energy.wall_plug_J > 0
    assert len(run.windows.to_pandas()) == 15
    assert ng.generate(net, x, decks, dialects=["josim", "wrspice"]) == 10
    assert ng.performance(net, x).clock_ghz > 8.92

    assert run.directory is None
    assert run.accuracy is not None
    assert run.accuracy.simulated == run.accuracy.reference == net.accuracy(x, labels)
    frame = run.windows.to_pandas()
    assert frame["agreed"].all()
    assert (frame["expected"] == frame["measured"]).all()
    assert list(frame.columns) == [
        "scope", "simulator", "layer", "neuron", "window", "sample", "expected", "measured",
        "delay_ps", "agreed",
    ]  # fmt: skip
    waves = ng.simulate(decks / "L0N0.josim.cir", simulator="embedded")
    assert waves.to_pandas().shape == (waves.time_s.size, len(waves.names))
    assert len(waves.plot().axes) > 1


def test_files_are_as_good_as_values(net, tmp_path):
    np.save(tmp_path / "x.npy", X)
    np.save(tmp_path / "y.npy", Y)
    out = tmp_path / "run"
    x, labels = str(tmp_path / "x.npy"), tmp_path / "y.npy"
    run = ng.verify(net, x, labels, str(out), simulator="embedded")
    assert run.directory == out
    assert (out / "report.html").exists()
    assert run.verdict.network.source == str(net)
    figure = ng.plot(_csv(tmp_path, net), signals=["P(B1*"], out=tmp_path / "w.svg")
    assert len(figure.axes) >= 1
    assert (tmp_path / "w.svg").read_text().startswith("<?xml")


def _csv(tmp_path, net):
    ng.generate(net, X, tmp_path / "d")
    done = ng.simulate(tmp_path / "d" / "L0N0.cir", tmp_path / "w.csv", simulator="embedded")
    assert done.waveforms is None
    assert done.samples > 100
    return tmp_path / "w.csv"


def test_a_disagreement_is_a_result(net, monkeypatch):
    from netlist_gen.circuit import bench

    built = bench.site_cell

    def wrong(library, site, startup=None):
        other = site.theta + (site.name == "L1N0")
        return built(library, dataclasses.replace(site, theta=other), startup)

    monkeypatch.setattr(bench, "site_cell", wrong)
    every = np.array(list(np.ndindex(2, 2, 2)), dtype=bool)
    run = ng.verify(net, every, simulator="embedded", jobs=1)
    assert not run.agreed
    assert run.counter_example is not None
    assert (run.counter_example.layer, run.counter_example.neuron) == (1, 0)
    assert [name.partition("_")[0] for name in run.decks] == ["L1N0"]
    assert re.match(r"<Verification: DISAGREED, 40 neuron windows, \d+ mismatches, ", repr(run))
    wrong_rows = run.windows.to_pandas().query("not agreed")
    assert set(wrong_rows["layer"]) == {1}


def test_characterize():
    found = ng.characterize("jtl")
    assert found.cell == "jtl"
    assert [(a.input, a.output) for a in found.arcs] == [("a", "q")]
    assert re.fullmatch(
        rf"<Characterization: jtl, 1 junction, a to q 1\.\d{{3}} ps, embedded {ng.__version__}>",
        repr(found),
    )
    page = found._repr_html_()
    assert page.startswith("<table><caption>Characterization: jtl, 1 junction, a to q 1.")
    assert page.endswith("</table>")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda net: ng.verify(net, X, samples=0), "--samples is 0; it must be at least 1"),
        (lambda net: ng.generate(net, X, "d", scopes="chip"),
         "the scopes are chip; allowed are neurons and network, each once"),
        (lambda net: ng.verify(net, X, neurons=1),
         "--neurons counts with --exhaustive alone; give that too"),
        (lambda net: ng.verify(net, X, near=2),
         "--near counts with --exhaustive alone; give that too"),
        (lambda net: ng.verify(net, X, checks=3),
         "--checks counts with --exhaustive alone; give that too"),
        (lambda net: ng.verify(net, X, tolerance_ps=0.1),
         "--timing-tolerance counts with --timing alone; give that too"),
        (lambda net: ng.verify(net, X, resume=True),
         "--resume is of files in a run's directory; give one (out)"),
        (lambda net: ng.verify(net, X, waves="csv"),
         "--waves is of files in a run's directory; give one (out)"),
        (lambda net: ng.verify(net, X, windows_per_deck=1),
         "windows_per_deck is 1; it must be 2 at least"),
        (lambda net: ng.verify(net, X, windows_per_deck=2.5),
         "windows_per_deck is 2.5; it must be 2 at least"),
        (lambda net: ng.verify(net, X, rows=5),
         "rows is 5; a tuple of whole numbers is needed"),
        (lambda net: ng.verify(net, X, rows=("a",)),
         "rows is ('a',); a tuple of whole numbers is needed"),
        (lambda net: ng.verify(net, X, command=5), "command is 5; a text is needed"),
        (lambda _: ng.verify(None, X), "net is None; a network or a path is needed"),
        (lambda net: ng.verify(net, [[1, 0], [1]]), "inputs can't be made an array ("),
        (lambda net: ng.generate(net, X, None), "out is None; a path is needed"),
        (lambda net: ng.verify(net, X, out=5), "out is 5; a path is needed"),
        (lambda _: ng.read(5), "path is 5; a path is needed"),
        (lambda _: ng.simulate(None), "deck is None; a path is needed"),
        (lambda _: ng.plot(None), "waves is None; waveforms or a path is needed"),
        (lambda _: ng.compare(5, 5), "a is 5; waveforms or a path is needed"),
        (lambda _: ng.characterize(None), "cell is None; a path is needed"),
        (lambda _: ng.characterize("jtl", spreads=["L=0.1", "L=0.2"], monte_carlo=2),
         "--spread has L 2 times; give it once"),
        (lambda _: ng.characterize("jtl", correlations=["L,C=0.1", "C,L=0.2"], monte_carlo=2),
         "--correlation has L,C 2 times; give it once"),
        (lambda net: ng.performance(net, X, cooling=-1),
         "--cooling is -1; it must be positive and finite"),
    ],
)  # fmt: skip
def test_wrong_options(net, call, message):
    with pytest.raises(ng.NetlistGenError, match=f"^{re.escape(message)}"):
        call(net)


def test_a_name_that_is_no_option(net):
    message = "no option 'simulater'; there are process, splitters, bias, clock_ghz, "
    with pytest.raises(ng.NetlistGenError, match=f"^{re.escape(message)}"):
        ng.verify(net, X, simulater="embedded")


def test_one_signal_may_be_a_text(net, tmp_path):
    figure = ng.plot(_csv(tmp_path, net), "P(B1|XO)")
    assert len(figure.axes) == 1


def test_short_reprs(net):
    network = ng.read(net)
    assert repr(network) == "<TernaryNetwork: 3 -> 3 -> 2, 12 synapses, 2 classes>"
    assert repr(network.layers[0]) == (
        "<TernaryLayer: 3 -> 3, 7 synapses, fan-in 2 to 3, theta 0 to 2>"
    )
    run = ng.verify(network, X, simulator="embedded")
    version = ng.__version__
    assert repr(run) == (
        f"<Verification: AGREED, 15 neuron windows, 0 mismatches, embedded {version}>"
    )
    assert repr(run.windows) == "<15 neuron windows, 0 wrong; .to_pandas() lists them>"
    for value in (network, run, ng.performance(network, X)):
        page = value._repr_html_()
        assert page.startswith(f"<table><caption>{type(value).__name__}: ")
        assert page.endswith("</table>")


def test_everything_has_a_type_and_a_docstring():
    assert {
        "read",
        "generate",
        "verify",
        "performance",
        "characterize",
        "simulate",
        "plot",
        "compare",
    } <= set(dir(ng))
    for name in ng.__all__:
        value = getattr(ng, name)
        if callable(value) and not isinstance(value, type):
            assert inspect.signature(value).return_annotation is not inspect.Signature.empty
            assert value.__doc__
    with pytest.raises(AttributeError, match=r"^module 'netlist_gen' has no attribute 'verifi'$"):
        ng.verifi  # noqa: B018


def test_an_import_brings_nothing_heavy():
    """No NumPy, no click, no verification: those come with what is called."""
    code = "import sys, netlist_gen; print(*sorted(m.split('.')[0] for m in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"numpy", "click", "jinja2", "torch", "verification"} & set(done.stdout.split())

"""State machines found by trying, and the models made of them, in Icarus Verilog too."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import defaultdict

import pytest

from netlist_gen.errors import ConfigurationError
from verification.characterize.files.models import dot, sdf, verilog, write_models
from verification.characterize.measure.machine import LoopFinder, find_machine
from verification.characterize.options import CharacterizeOptions
from verification.characterize.run import characterize

NO_ICARUS = pytest.mark.skipif(shutil.which("iverilog") is None, reason="iverilog is not on PATH")


@pytest.fixture(scope="module")
def results(cut):
    """Characterizations without extras, by cell."""
    return {
        name: characterize(cut(name).bench.subject, cut(name).runner, CharacterizeOptions())
        for name in ("splitter", "merger", "dff")
    }


def test_lines_and_splitters_have_one_state(cut):
    machine = find_machine(cut("splitter"))
    assert machine.states == ((),)
    (only,) = machine.transitions
    assert (only.state, only.next, only.outputs) == (0, 0, ("q0", "q1"))


def test_flip_flop_remembers(cut):
    machine = find_machine(cut("dff"))
    by = {(t.state, t.input): t for t in machine.transitions}
    assert machine.complete
    assert (by[0, "clk"].next, by[0, "clk"].outputs) == (0, ())
    assert (by[0, "a"].next, by[0, "a"].outputs) == (1, ())
    assert (by[1, "clk"].next, by[1, "clk"].outputs) == (0, ("q",))
    assert len(set(machine.states)) == len(machine.states)


def test_storage_branch_has_a_full_and_an_empty_loop(cut):
    machine = find_machine(cut("branch"))
    by = {(t.state, t.input): t.next for t in machine.transitions}
    assert by[0, "r"] == 0
    assert by[0, "d"] == 1
    assert by[1, "r"] == 0


def test_loops_count_fluxons(cut):
    finder = LoopFinder(cut("jtl").bench)
    advances = dict.fromkeys((name for _, _, name in finder.edges), 2)
    assert set(finder.fluxons(advances).values()) == {0}
    advances["B1__XC"] = 3
    assert set(finder.fluxons(advances).values()) - {0}


def test_a_neurons_states_are_not_looked_for(cut):
    assert find_machine(cut("neuron2")) is None


def test_dot_draws_every_transition(results):
    result = results["dff"]
    text = dot(result, result.machine)
    assert text.count("->") == len(result.machine.transitions)
    assert re.search(r's1 -> s0 \[label="clk / q \d\.\d\d"\]', text)


def test_sdf_triples_rise_and_hold_the_measured_delay(results):
    result = results["splitter"]
    text = sdf(result, result.machine)
    triples = re.findall(r"IOPATH t y \(([\d.]+):([\d.]+):([\d.]+)\)", text)
    assert len(triples) == 2
    for triple in triples:
        least, typical, most = map(float, triple)
        assert least < typical < most
        assert typical == pytest.approx(result.arcs[0].mean_s * 1e12, abs=1e-3)
    assert text.count("(") == text.count(")")


def test_names_that_verilog_refuses_are_refused(results):
    import dataclasses

    result = dataclasses.replace(results["splitter"], cell="2way")
    with pytest.raises(ConfigurationError, match=r"^'2way' of cell 2way is no name in Verilog$"):
        verilog(result, result.machine)


def bench_verilog(cell, case, name) -> str:
    """A test bench that plays the arrivals of a case and prints every output's changes."""
    response = cell.nominal[case.name]
    subject = cell.bench.subject
    events = defaultdict(list)
    for port in subject.inputs:
        for time in response.times_s[cell.bench.target_label(port)]:
            events[round(float(time) * 1e15)].append(port)
    lines, now = [], 0
    for time in sorted(events):
        lines.append(f"#{(time - now) / 1000:.3f}")
        lines += [f"{port} = ~{port};" for port in events[time]]
        now = time
    ports = [f".{p}({p})" for p in (*subject.inputs, *subject.outputs)]
    watch = [f'always @({o}) if ($realtime > 0) $display("{o} %0.4f", $realtime);'
             for o in subject.outputs]  # fmt: skip
    return "\n".join(
        [
            "`timescale 1ps/1fs",
            "module tb;",
            *(f"reg {p} = 0;" for p in subject.inputs),
            *(f"wire {o};" for o in subject.outputs),
            f"{name} u({', '.join(ports)});",
            *watch,
            f'initial begin $sdf_annotate("{name}.sdf", u);',
            *lines,
            '#100 $display("violations %0d", u.violations); $finish; end',
            "endmodule",
        ]
    )


@NO_ICARUS
@pytest.mark.parametrize("name", ["splitter", "merger", "dff"])
def test_icarus_gives_our_pulse_times(cut, results, name, tmp_path):
    cell = cut(name)
    (case,) = cell.cases
    write_models(results[name], tmp_path)
    (tmp_path / "tb.v").write_text(bench_verilog(cell, case, name))
    compiled = subprocess.run(
        ["iverilog", "-g2012", "-gspecify", "-o", "tb.vvp", "tb.v", f"{name}.v"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert compiled.returncode == 0, compiled.stderr
    run = subprocess.run(
        ["vvp", "tb.vvp"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert "SDF" not in run.stdout + run.stderr
    assert "violations 0" in run.stdout
    response = cell.nominal[case.name]
    for output in cell.bench.subject.outputs:
        found = [float(t) for t in re.findall(rf"^{output} ([\d.]+)$", run.stdout, re.M)]
        expected = response.times_s[cell.bench.target_label(output)] * 1e12
        assert found == pytest.approx(expected, abs=0.01)


@NO_ICARUS
def test_icarus_reports_pulses_too_close(results, tmp_path):
    write_models(results["merger"], tmp_path)
    (tmp_path / "tb.v").write_text(
        "`timescale 1ps/1fs\nmodule tb; reg a = 0, b = 0; wire q; merger u(a, b, q);\n"
        "initial begin #50 a = ~a; #1 b = ~b; #50 $finish; end\nendmodule\n"
    )
    subprocess.run(
        ["iverilog", "-g2012", "-gspecify", "-o", "tb.vvp", "tb.v", "merger.v"],
        cwd=tmp_path, check=True, capture_output=True,
    )  # fmt: skip
    run = subprocess.run(
        ["vvp", "tb.vvp"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert re.search(
        r"separation: b at 51\.000 ps comes 1\.000 ps after a; the least is", run.stdout
    )

"""The measured flux design: the library's numbers come out again, and what differs is named."""

from __future__ import annotations

import dataclasses

import pytest

from netlist_gen.library.cells import CellLibrary
from netlist_gen.library.design import load_rules
from netlist_gen.library.process import load_process
from netlist_gen.library.toml_file import read_toml
from verification.characterize.measure import design
from verification.characterize.measure.design import (
    FluxDesign,
    cells_digest,
    design_is_stale,
    measure_design,
    write_design,
)

RULES = load_rules()
PROCESS = load_process()
STORED = FluxDesign(RULES.edges, RULES.full, RULES.neighbours, 0.5, 0.2)


def test_a_small_stage_measured_coarsely_gives_the_librarys_numbers(monkeypatch):
    """Of four loops in coarser steps (netlist-gen characterize --design measures all finely)."""
    for name, value in {
        "BIASES": (1.0,),
        "LIMIT_STEP": 0.05,
    }.items():
        monkeypatch.setattr(design, name, value)
    found = measure_design("sfq5ee", [4])
    assert [d for d in found.differences(RULES) if not d.startswith("full")] == []
    assert [edge.loops for edge in found.edges] == [4]
    assert found.full == pytest.approx(RULES.full, rel=5e-3), "the library's is the mean of four"
    assert 0.1 <= found.rests_to <= 0.3


def test_what_differs_is_named():
    assert STORED.differences(RULES) == []
    first = RULES.edges[0]
    moved = dataclasses.replace(
        first,
        offset=first.offset + 1e-3,
        screening=first.screening - 1e-3,
        sigma=1.5 * first.sigma,
        crosstalk=first.crosstalk + 2e-3,
    )
    neighbours = RULES.neighbours
    assert neighbours is not None
    turned = dataclasses.replace(neighbours, alike=neighbours.other, both=neighbours.both + 6e-5)
    other = FluxDesign((moved,), RULES.full * 1.01, turned, 0.2, 0.1)
    assert other.differences(RULES) == [
        f"offset of 4 loops: {first.offset:.4f} Phi0 is now {moved.offset:.4f}",
        f"screening of 4 loops: {first.screening:.4f} Phi0 is now {moved.screening:.4f}",
        f"crosstalk of 4 loops: {first.crosstalk:.4f} Phi0 is now {moved.crosstalk:.4f}",
        f"sigma of 4 loops: {first.sigma:.5f} Phi0 is now {moved.sigma:.5f}",
        f"full: {RULES.full * 1e6:.2f} uA is now {RULES.full * 1.01 * 1e6:.2f}",
        f"alike: {neighbours.alike:.4f} of a synapse is now {neighbours.other:.4f}",
        f"both: {neighbours.both:.5f} Phi0 is now {turned.both:.5f}",
        "reach: 0.24 Phi0, shown to work is 0.20",
        "rest: 0.11 Phi0, shown to work is 0.10",
    ]


def test_the_librarys_limits_are_within_what_was_shown():
    measured = read_toml(design.design_path(PROCESS))["flux"]
    assert measured["decided_to"]["value"] >= RULES.reach
    assert measured["rests_to"]["value"] >= RULES.rest


def test_a_changed_cell_makes_the_design_stale(monkeypatch):
    assert design_is_stale(PROCESS) is None
    assert cells_digest(CellLibrary()) != cells_digest(CellLibrary(load_process("stp2")))
    library = CellLibrary()
    description = library.description("branch")
    changed = {**description.parameters, "ic_set": description.parameters["ic_set"] * 1.001}
    library.descriptions["branch"] = dataclasses.replace(description, parameters=changed)
    assert cells_digest(library) != cells_digest(CellLibrary())
    monkeypatch.setattr(design, "cells_digest", lambda _: "another")
    assert design_is_stale(PROCESS) == (
        f"{design.design_path(PROCESS)}: the branch, the decision stage or the process has "
        "changed since it was measured; `netlist-gen characterize --design --tables --process "
        "sfq5ee` measures it again"
    )


def test_what_is_written_is_what_neurons_are_designed_by(tmp_path):
    write_design(STORED, tmp_path / "flux.toml", PROCESS)
    written = read_toml(tmp_path / "flux.toml")
    stored = read_toml(design.design_path(PROCESS))
    for edge in RULES.edges:
        assert written[f"stage{edge.loops}"] == stored[f"stage{edge.loops}"]
    assert written["branch"] == stored["branch"]
    assert written["crosstalk"] == stored["crosstalk"]
    assert written["measured"] == stored["measured"]

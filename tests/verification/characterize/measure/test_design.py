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
STORED = FluxDesign(RULES.offset, RULES.screening, RULES.full, 0.5, 0.2)


def test_a_small_neuron_of_another_process_gives_the_librarys_numbers(monkeypatch):
    """Fan-in 8 and coarser steps; the library's are of fan-in 16 (netlist-gen characterize)."""
    for name, value in {
        "FAN_IN": 8,
        "COUNTS": (-2, 0, 2),
        "ROUNDS": 5,
        "BIASES": (1.0,),
        "LIMIT_STEP": 0.05,
    }.items():
        monkeypatch.setattr(design, name, value)
    found = measure_design("stp2")
    assert found.differences(RULES) == []
    assert found.offset == pytest.approx(RULES.offset, abs=3e-4)
    assert found.full == pytest.approx(RULES.full, rel=1e-3)
    assert 0.15 <= found.rests_to <= 0.3


def test_what_differs_is_named():
    assert STORED.differences(RULES) == []
    other = FluxDesign(RULES.offset + 1e-3, RULES.screening - 1e-3, RULES.full * 1.01, 0.4, 0.1)
    assert other.differences(RULES) == [
        "offset: 0.0773 Phi0 is now 0.0783",
        "screening: 0.0754 Phi0 is now 0.0744",
        "full: 117.50 uA is now 118.67",
        "reach: 0.42 Phi0, shown to work is 0.40",
        "rest: 0.16 Phi0, shown to work is 0.10",
    ]


def test_the_librarys_limits_are_within_what_was_shown():
    measured = read_toml(design.design_path())["flux"]
    assert measured["decided_to"]["value"] >= RULES.reach
    assert measured["rests_to"]["value"] >= RULES.rest


def test_a_changed_cell_makes_the_design_stale(monkeypatch):
    assert design_is_stale() is None
    assert cells_digest(CellLibrary()) != cells_digest(CellLibrary(load_process("stp2")))
    library = CellLibrary()
    description = library.description("branch")
    changed = {**description.parameters, "ic_set": description.parameters["ic_set"] * 1.001}
    library.descriptions["branch"] = dataclasses.replace(description, parameters=changed)
    assert cells_digest(library) != cells_digest(CellLibrary())
    monkeypatch.setattr(design, "cells_digest", lambda _: "another")
    assert design_is_stale() == (
        f"{design.design_path()}: the branch, the decision stage or the process has changed since "
        "it was measured; `netlist-gen characterize --design --tables` measures it again"
    )


def test_what_is_written_is_what_neurons_are_designed_by(tmp_path):
    write_design(STORED, tmp_path / "flux.toml")
    assert (
        read_toml(tmp_path / "flux.toml")["branch"] == (read_toml(design.design_path())["branch"])
    )
    assert read_toml(tmp_path / "flux.toml")["flux"]["offset"]["value"] == pytest.approx(
        RULES.offset, abs=1e-4
    )

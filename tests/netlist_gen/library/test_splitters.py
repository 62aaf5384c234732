"""Of which cells splitter trees are made, and what these meet."""

from __future__ import annotations

import pytest

from netlist_gen.errors import ConfigurationError
from netlist_gen.library.cells import CellLibrary
from netlist_gen.library.process import load_process
from netlist_gen.library.splitters import (
    BY_LOAD,
    CLOCKS,
    DATA,
    JTL_CELLS,
    LARGE,
    LIBRARY,
    RESETS,
    SMALL_CELLS,
    SPLITTER_CELLS,
    neighbours,
    stage_cells,
    tree_cells,
)


def test_trees_are_of_the_librarys_cells_where_nothing_else_is_asked_for():
    assert {tree_cells(LIBRARY, drives) for drives in (CLOCKS, DATA, RESETS)} == {LARGE}
    assert load_process().splitters == LIBRARY
    assert stage_cells(LIBRARY) == ("jtl", "splitter", "merger")


def test_trees_by_load_are_of_cells_of_one_size():
    found = [tree_cells(BY_LOAD, drives) for drives in (CLOCKS, DATA, RESETS)]
    assert found[0] == LARGE
    assert [cells.splitter for cells in found] == list(SPLITTER_CELLS)
    assert [cells.stage for cells in found] == list(JTL_CELLS)
    assert [found[1].root(leaves) for leaves in (1, 2)] == ["data_jtl", "data_splitter"]
    assert set(SMALL_CELLS) == {*SPLITTER_CELLS, *JTL_CELLS} - {"splitter", "jtl"}


def test_small_splitters_take_less_bias_and_less_area():
    library = CellLibrary()
    whole = library.description("splitter").parameters
    for name in ("data_splitter", "reset_splitter"):
        small = library.description(name).parameters
        assert all(small[key] < whole[key] for key in ("ic_in", "ib_in", "ic_out", "ib_out"))


def test_what_cells_are_measured_with():
    assert neighbours("jtl", LIBRARY) == (("jtl", "splitter", "merger"),) * 2
    loads, drivers = neighbours("jtl", BY_LOAD)
    assert set(SMALL_CELLS) < set(loads)
    assert drivers == ("jtl", "splitter", "merger")
    own = ("jtl", "data_splitter", "data_jtl", "data_port")
    assert neighbours("data_jtl", BY_LOAD) == (own, own[:2])


def test_splitters_change_neither_a_process_nor_its_name():
    process = load_process(splitters=BY_LOAD)
    assert process.digest() == load_process().digest()
    assert process != load_process()
    message = "^no splitters 'small'; there are library, by-load$"
    with pytest.raises(ConfigurationError, match=message):
        load_process(splitters="small")

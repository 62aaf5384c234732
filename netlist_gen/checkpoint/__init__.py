"""Checkpoints in and out: one reader and writer per format, chosen by the file's extension."""

from __future__ import annotations

from netlist_gen.checkpoint.card import SemanticsCard
from netlist_gen.checkpoint.registry import read_checkpoint, read_network, write_network
from netlist_gen.checkpoint.survey import Checkpoint

__all__ = ["Checkpoint", "SemanticsCard", "read_checkpoint", "read_network", "write_network"]

"""The file that a run leaves after each epoch, and from which it goes on."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import torch

from netlist_gen.errors import ConfigurationError
from netlist_gen.files import atomic_path
from netlist_gen.training.config import TrainingConfig
from netlist_gen.training.places import PROCESSOR


def write_state(
    path: Path, config: TrainingConfig, device: torch.device, state: dict[str, Any]
) -> None:
    """Write all that a run needs to go on; whole or not at all.

    Args:
        path: of the file.
        config: of the run.
        device: on which it trains.
        state: its tensors on the processor.
    """
    with atomic_path(path) as temporary:
        torch.save({"config": config.as_dict(), "device": device.type, **state}, temporary)


def read_state(path: Path | None, config: TrainingConfig, device: torch.device) -> dict[str, Any]:
    """A saved run's state, its tensors on the processor.

    Raises:
        ConfigurationError: there is none, or it is of another configuration, kind of device or
            version.
    """
    if path is None or not path.is_file():
        raise ConfigurationError(f"{path} is not there: no interrupted run to go on with")
    try:
        state: dict[str, Any] = torch.load(path, weights_only=True)
        begun = TrainingConfig.from_dict(state["config"])
        optimiser = state["optimiser"]
    except (OSError, RuntimeError, EOFError, KeyError, TypeError, pickle.UnpicklingError) as error:
        raise ConfigurationError(f"{path} holds no training state: {error}") from None
    if begun != config:
        mine, theirs = config.as_dict(), begun.as_dict()
        name = next(key for key in mine if mine[key] != theirs[key])
        raise ConfigurationError(
            f"{path} belongs to a run with {name} = {theirs[name]!r}, not {mine[name]!r}"
        )
    kind = state.get("device", PROCESSOR.device.type)  # files of earlier versions are of this one
    if kind != device.type:
        raise ConfigurationError(
            f"{path} belongs to a run with --device {kind}, not {device.type}; a run goes on where "
            "it began, since devices round differently"
        )
    if "steps" not in optimiser:
        raise ConfigurationError(
            f"{path} is of an earlier version of the training; the run must begin anew"
        )
    return state

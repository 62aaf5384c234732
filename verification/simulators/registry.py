"""Simulators by name."""

from __future__ import annotations

import shutil
from importlib import import_module
from typing import TYPE_CHECKING

from netlist_gen.errors import ConfigurationError, SimulatorError

if TYPE_CHECKING:  # options name the simulators: a help needs no NumPy
    from verification.simulators.base import Simulator

_HOMES = {
    "embedded": ("embedded", "EmbeddedSimulator"),
    "josim": ("josim", "JosimSimulator"),
    "wrspice": ("wrspice", "WrspiceSimulator"),
    "ngspice": ("ngspice", "NgspiceSimulator"),
}
"""Module and class of each simulator; the embedded engine is not loaded before it is asked for."""

NAMES = tuple(_HOMES)

DEVICES = ("cpu", "cuda")
"""Where the embedded engine's lanes may run: the processor, one of NVIDIA's GPUs."""


def automatic() -> str:
    """What ``auto`` means here: ``josim`` where josim-cli is on PATH, else ``embedded``."""
    return "josim" if shutil.which("josim-cli") else "embedded"


def get_simulator(name: str = "auto") -> Simulator:
    """The simulator of that name, one of ``NAMES`` or ``auto`` (``automatic``).

    It may be absent: ask ``available()`` (running it raises SimulatorError).

    Raises:
        ConfigurationError: an unknown name.
    """
    name = automatic() if name == "auto" else name
    if name not in _HOMES:
        raise ConfigurationError(
            f"there is no simulator {name!r}; allowed are auto, {', '.join(NAMES)}"
        )
    module, kind = _HOMES[name]
    made: Simulator = getattr(import_module(f"verification.simulators.{module}"), kind)()
    return made


def get_simulators(names: str) -> list[Simulator]:
    """The simulators of a comma list, in its order; ``installed`` stands for all that are here.

    What ``auto`` and ``installed`` stand for is left out where the list has it already.

    Raises:
        ConfigurationError: an empty list, an unknown name, or one that is there twice.
    """
    asked = [part.strip() for part in names.split(",")]
    for at, name in enumerate(asked):
        if name in asked[:at]:
            raise ConfigurationError(f"the simulator {name} is twice in {names!r}; once is enough")
    found: dict[str, Simulator] = {}
    for name in asked:
        every = [get_simulator(one) for one in (NAMES if name == "installed" else (name,))]
        for simulator in every:
            if name != "installed" or simulator.available():
                found.setdefault(simulator.name, simulator)
    return list(found.values())


def chosen_simulators(names: str, device: str = "cpu") -> list[Simulator]:
    """The simulators of a comma list that are to run here, each of which is there.

    Args:
        names: as in ``get_simulators``; ``auto`` is the embedded engine on another device.
        device: where the embedded engine's lanes run, one of ``DEVICES``.

    Raises:
        ConfigurationError: as ``get_simulators``; a device that is not there, or with simulators
            that have none.
        SimulatorError: one that is not installed.
    """
    chosen = get_simulators("embedded" if names == "auto" and device != "cpu" else names)
    if device != "cpu":
        others = [one.name for one in chosen if one.name != "embedded"]
        if others:
            raise ConfigurationError(
                f"device {device} is of the embedded engine, {others[0]} has none; allowed is "
                "--simulator embedded"
            )
        from verification.simulators.embedded import EmbeddedSimulator

        chosen = [EmbeddedSimulator(device)]
    for one in chosen:
        if not one.available():
            raise SimulatorError(
                f"the simulator {one.name} is not here; netlist-gen doctor says how to get it"
            )
    return chosen

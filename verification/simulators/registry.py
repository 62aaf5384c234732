"""Simulators by name."""

from __future__ import annotations

import shutil
from pathlib import Path

from netlist_gen.errors import ConfigurationError, SimulatorError
from verification.simulators.base import Simulator

NAMES = ("embedded", "josim", "wrspice", "ngspice")


def automatic() -> str:
    """What ``auto`` means here: ``josim`` where josim-cli is on PATH, else ``embedded``."""
    return "josim" if shutil.which("josim-cli") else "embedded"


def get_simulators(names: str, *, keep_runs: Path | None = None) -> list[Simulator]:
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
        if name == "installed":
            every = (get_simulator(known, keep_runs=keep_runs) for known in NAMES)
            here = [simulator for simulator in every if simulator.available()]
        else:
            here = [get_simulator(name, keep_runs=keep_runs)]
        for simulator in here:
            found.setdefault(simulator.name, simulator)
    return list(found.values())


def chosen_simulators(names: str) -> list[Simulator]:
    """The simulators of a comma list that are to run here, each of which is there.

    Raises:
        ConfigurationError: as ``get_simulators``.
        SimulatorError: one that is not installed.
    """
    chosen = get_simulators(names)
    for one in chosen:
        if not one.available():
            raise SimulatorError(
                f"the simulator {one.name} is not here; netlist-gen doctor says how to get it"
            )
    return chosen


def get_simulator(name: str = "auto", *, keep_runs: Path | None = None) -> Simulator:
    """The simulator of that name; ``auto`` is JoSIM where josim-cli is on PATH, else embedded.

    Args:
        name: one of ``auto``, ``embedded``, ``josim``, ``wrspice``, ``ngspice``.
        keep_runs: directory in which simulators that are programs keep every run's files.

    The simulator may be absent: ask ``available()`` (running it raises SimulatorError).

    Raises:
        ConfigurationError: an unknown name.
    """
    if name == "auto":
        name = automatic()
    if name == "embedded":
        from verification.simulators.embedded import EmbeddedSimulator

        return EmbeddedSimulator()
    if name == "josim":
        from verification.simulators.josim import JosimSimulator

        return JosimSimulator(keep_runs=keep_runs)
    if name == "wrspice":
        from verification.simulators.wrspice import WrspiceSimulator

        return WrspiceSimulator(keep_runs=keep_runs)
    if name == "ngspice":
        from verification.simulators.ngspice import NgspiceSimulator

        return NgspiceSimulator(keep_runs=keep_runs)
    raise ConfigurationError(
        f"there is no simulator {name!r}; allowed are auto, {', '.join(NAMES)}"
    )

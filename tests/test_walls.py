"""The walls between the rooms (docs/architecture.md): which module may import which.

Each wall is a function from the arrows between modules to the arrows that break it. That a wall
holds is one test; that it would be noticed if it did not is another, with an arrow added.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("netlist_gen", "verification")


@dataclass(frozen=True)
class Arrow:
    """An import; ``runs`` is false for one that is there for the type checker alone."""

    source: str
    target: str
    runs: bool = True


def _modules() -> dict[str, Path]:
    found = {}
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = _modules()


def _arrows(node: ast.AST, source: str, runs: bool = True) -> Iterator[Arrow]:
    """All imports in a module, those inside functions too."""
    for child in ast.iter_child_nodes(node):
        checked = isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)
        if isinstance(child, ast.ImportFrom) and child.module:
            for name in child.names:
                inner = f"{child.module}.{name.name}"
                yield Arrow(source, inner if inner in MODULES else child.module, runs)
        elif isinstance(child, ast.Import):
            for name in child.names:
                yield Arrow(source, name.name, runs)
        yield from _arrows(child, source, runs and not checked)


ARROWS = {
    arrow
    for module, path in MODULES.items()
    for arrow in _arrows(ast.parse(path.read_text(encoding="utf-8")), module)
}


def inside(module: str, *rooms: str) -> bool:
    return any(module == room or module.startswith(f"{room}.") for room in rooms)


Wall = Callable[[set[Arrow]], list[Arrow]]
WALLS: dict[str, tuple[Wall, Arrow]] = {}


def wall(broken_by: Arrow) -> Callable[[Wall], Wall]:
    def keep(rule: Wall) -> Wall:
        WALLS[rule.__name__] = rule, broken_by
        return rule

    return keep


def between(arrows: set[Arrow], sources: tuple[str, ...], targets: tuple[str, ...]) -> list[Arrow]:
    return [a for a in arrows if inside(a.source, *sources) and inside(a.target, *targets)]


def rooms(*names: str) -> tuple[str, ...]:
    """Rooms of ``verification``."""
    return tuple(f"verification.{name}" for name in names)


CIRCUITS = ("netlist_gen.circuit", "netlist_gen.assembly", "netlist_gen.deck.decks")
NETWORKS = ("netlist_gen.network", "netlist_gen.checkpoint", "netlist_gen.spikes")
TEMPLATES = ("netlist_gen.resources", "netlist_gen.deck.emit", "jinja2")

OPEN_TO_VERIFICATION = {
    "netlist_gen.assembly.arrivals",
    "netlist_gen.assembly.budget",
    "netlist_gen.assembly.close_timing",
    "netlist_gen.assembly.delays",
    "netlist_gen.assembly.network_circuit",
    "netlist_gen.assembly.plan",
    "netlist_gen.assembly.stages",
    "netlist_gen.assembly.timing_values",
    "netlist_gen.assembly.unevenness",
    "netlist_gen.checkpoint.digest",
    "netlist_gen.circuit.bench",
    "netlist_gen.circuit.bias",
    "netlist_gen.circuit.clock_line",
    "netlist_gen.circuit.elements",
    "netlist_gen.circuit.lasting_neuron",
    "netlist_gen.circuit.loops",
    "netlist_gen.circuit.model",
    "netlist_gen.circuit.neuron",
    "netlist_gen.circuit.probe",
    "netlist_gen.circuit.pulse_train",
    "netlist_gen.circuit.sites",
    "netlist_gen.circuit.table_neuron",
    "netlist_gen.circuit.trees",
    "netlist_gen.circuit.view",
    "netlist_gen.constants",
    "netlist_gen.deck.annotation",
    "netlist_gen.deck.decks",
    "netlist_gen.deck.dialects",
    "netlist_gen.deck.emit",
    "netlist_gen.deck.lines",
    "netlist_gen.deck.lint",
    "netlist_gen.deck.manifest",
    "netlist_gen.deck.options",
    "netlist_gen.deck.origin",
    "netlist_gen.deck.parameters",
    "netlist_gen.deck.plan",
    "netlist_gen.deck.windows",
    "netlist_gen.errors",
    "netlist_gen.figures",
    "netlist_gen.files",
    "netlist_gen.library.annotations",
    "netlist_gen.library.bias",
    "netlist_gen.library.cells",
    "netlist_gen.library.chip",
    "netlist_gen.library.design",
    "netlist_gen.library.options",
    "netlist_gen.library.process",
    "netlist_gen.library.spread",
    "netlist_gen.library.splitters",
    "netlist_gen.library.tables",
    "netlist_gen.library.toml_file",
    "netlist_gen.memory",
    "netlist_gen.network",
    "netlist_gen.notebook",
    "netlist_gen.options",
    "netlist_gen.parallel",
    "netlist_gen.records",
    "netlist_gen.resources",
    "netlist_gen.spikes",
    "netlist_gen.suggest",
    "netlist_gen.version",
    "netlist_gen.votes",
}
"""What ``verification`` builds on. A module that is not named here is ``netlist_gen``'s own."""


@wall(broken_by=Arrow("netlist_gen.deck.decks", "verification.verdict.neuron"))
def only_the_front_door_knows_verification(arrows: set[Arrow]) -> list[Arrow]:
    doors = ("netlist_gen.api", "netlist_gen.cli", "netlist_gen.commands")
    return [
        a for a in between(arrows, ("netlist_gen",), ("verification",))
        if not inside(a.source, *doors)
    ]  # fmt: skip


@wall(broken_by=Arrow("verification.campaign.run", "netlist_gen.training.trainer"))
def verification_builds_on_a_named_list(arrows: set[Arrow]) -> list[Arrow]:
    found = between(arrows, ("verification",), ("netlist_gen",))
    return [a for a in found if a.target not in OPEN_TO_VERIFICATION]


@wall(broken_by=Arrow("verification.engine.run", "netlist_gen.circuit.model"))
def the_engine_knows_text_alone(arrows: set[Arrow]) -> list[Arrow]:
    others = rooms("campaign", "characterize", "reference", "report", "simulators", "verdict")
    apart = (*CIRCUITS, *NETWORKS, *TEMPLATES, "netlist_gen.library", *others)
    return between(arrows, ("verification.engine",), apart)


@wall(broken_by=Arrow("verification.engine.lanes.tiles", "verification.engine.cuda.layout"))
def the_processor_s_lanes_know_no_gpu(arrows: set[Arrow]) -> list[Arrow]:
    """A GPU takes what they have; what imports Numba's CUDA is loaded where one is asked for."""
    rest = rooms("engine.text", "engine.equations", "engine.lanes", "engine.kernels")
    named = between(arrows, PACKAGES, ("verification.engine.cuda.gpu",))
    return [
        *between(arrows, rest, ("verification.engine.cuda",)),
        *(a for a in named if a.source != "verification.engine.cuda.devices"),
    ]


@wall(broken_by=Arrow("verification.simulators.josim", "netlist_gen.spikes"))
def simulators_know_no_network(arrows: set[Arrow]) -> list[Arrow]:
    others = rooms("campaign", "characterize", "reference", "report", "verdict")
    return between(arrows, ("verification.simulators",), (*CIRCUITS, *NETWORKS, *others))


@wall(broken_by=Arrow("netlist_gen.training.masks", "netlist_gen.assembly.cost"))
def training_knows_no_circuit(arrows: set[Arrow]) -> list[Arrow]:
    apart = (*CIRCUITS, "netlist_gen.deck", "netlist_gen.library", "verification")
    return between(arrows, ("netlist_gen.training",), apart)


@wall(broken_by=Arrow("netlist_gen.circuit.bench", "netlist_gen.deck.emit"))
def circuits_know_no_text(arrows: set[Arrow]) -> list[Arrow]:
    apart = ("netlist_gen.deck", "netlist_gen.assembly", *TEMPLATES)
    return between(arrows, ("netlist_gen.circuit",), apart)


@wall(broken_by=Arrow("netlist_gen.assembly.plan", "netlist_gen.deck.windows"))
def an_assembly_knows_no_deck(arrows: set[Arrow]) -> list[Arrow]:
    return between(arrows, ("netlist_gen.assembly",), ("netlist_gen.deck", *TEMPLATES))


@wall(broken_by=Arrow("netlist_gen.library.cells", "netlist_gen.deck.dialects"))
def the_library_knows_no_network_and_no_dialect(arrows: set[Arrow]) -> list[Arrow]:
    apart = (*NETWORKS, "netlist_gen.deck", "netlist_gen.assembly")
    return between(arrows, ("netlist_gen.library",), apart)


@wall(broken_by=Arrow("netlist_gen.network", "torch"))
def a_network_knows_no_file_and_no_torch(arrows: set[Arrow]) -> list[Arrow]:
    apart = ("torch", "netlist_gen.files", "netlist_gen.checkpoint", "netlist_gen.training")
    return between(arrows, ("netlist_gen.network", "netlist_gen.spikes"), apart)


@wall(broken_by=Arrow("netlist_gen.checkpoint.registry", "netlist_gen.circuit.sites"))
def checkpoints_know_no_circuit(arrows: set[Arrow]) -> list[Arrow]:
    return between(arrows, ("netlist_gen.checkpoint",), (*CIRCUITS, "netlist_gen.library"))


@wall(broken_by=Arrow("verification.report.html", "verification.campaign.run"))
def a_report_computes_nothing(arrows: set[Arrow]) -> list[Arrow]:
    measuring = rooms("campaign", "engine", "reference", "simulators")
    ran = between(arrows, ("verification.report",), (*CIRCUITS, *NETWORKS, *measuring))
    # Of what was characterized a report takes the values, not the functions that measure.
    values = between(arrows, ("verification.report",), ("verification.characterize",))
    return [*ran, *(a for a in values if a.runs)]


@wall(broken_by=Arrow("verification.verdict.judge", "verification.simulators.josim"))
def a_verdict_knows_no_simulator(arrows: set[Arrow]) -> list[Arrow]:
    apart = ("verification.simulators", "verification.engine", "verification.campaign")
    return between(arrows, ("verification.verdict",), apart)


@wall(broken_by=Arrow("verification.certificate.made", "verification.campaign.plan"))
def a_certificate_knows_no_simulator_and_no_verdict(arrows: set[Arrow]) -> list[Arrow]:
    others = rooms("campaign", "characterize", "engine", "reference", "simulators", "verdict")
    return between(arrows, ("verification.certificate",), (*others, *TEMPLATES))


@wall(broken_by=Arrow("verification.waves.pulses", "netlist_gen.network"))
def waves_know_no_network(arrows: set[Arrow]) -> list[Arrow]:
    apart = (*CIRCUITS, *NETWORKS, "netlist_gen.library", "verification.verdict")
    return between(arrows, ("verification.waves",), apart)


@wall(broken_by=Arrow("netlist_gen.spikes", "netlist_gen.circuit.sites"))
def expected_spikes_have_seen_no_circuit(arrows: set[Arrow]) -> list[Arrow]:
    """``spikes`` and what it imports, all the way down."""
    reached, waiting = set(), ["netlist_gen.spikes"]
    while waiting:
        module = waiting.pop()
        if module not in reached:
            reached.add(module)
            waiting += [a.target for a in arrows if a.source == module and a.runs]
    names = ("spikes", "network", "layer_arrays", "memory", "votes", "grid", "errors", "notebook")
    allowed = {f"netlist_gen.{name}" for name in names}
    return [a for a in arrows if a.source in reached and a.target in MODULES.keys() - allowed]


@wall(broken_by=Arrow("netlist_gen.errors", "netlist_gen.network"))
def no_import_goes_in_a_circle(arrows: set[Arrow]) -> list[Arrow]:
    """Those for the type checker count: a circle of types is one of ideas."""
    targets: dict[str, set[str]] = {module: set() for module in MODULES}
    for a in arrows:
        if a.target in MODULES and a.source != a.target:
            targets[a.source].add(a.target)
    while (
        True
    ):  # what imports nothing of what is left, or is imported by none of it, is in no circle
        left = set(targets)
        ends = {m for m, to in targets.items() if not to & left}
        ends |= left - {t for m in left for t in targets[m]}
        if not ends:
            return [Arrow(m, t) for m in sorted(left) for t in sorted(targets[m] & left)]
        for module in ends:
            del targets[module]


@pytest.mark.parametrize("name", WALLS)
def test_the_wall_holds(name):
    rule, _ = WALLS[name]
    broken = rule(ARROWS)
    assert not broken, "\n".join(f"{a.source} imports {a.target}" for a in broken)


@pytest.mark.parametrize("name", WALLS)
def test_a_hole_in_the_wall_is_noticed(name):
    rule, broken_by = WALLS[name]
    assert rule({*ARROWS, broken_by})


def test_the_named_list_names_what_is_used():
    used = {a.target for a in between(ARROWS, ("verification",), ("netlist_gen",))}
    assert used == OPEN_TO_VERIFICATION


def test_spikes_come_from_forward_and_nowhere_else():
    """Who else counts synapses against a threshold would be a second reference."""
    callers = {
        module
        for module, path in MODULES.items()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        and node.func.attr in ("forward", "counts", "output_spikes")
        and not inside(module, "netlist_gen.network", "netlist_gen.training",
                       "netlist_gen.checkpoint")
    }  # fmt: skip
    assert callers == {"netlist_gen.spikes"}

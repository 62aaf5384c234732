"""What a file that was read is: its network, the card that says how it was read, or obstacles."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from netlist_gen.checkpoint.card import (
    LASTING_RULE,
    LEAKING_RULE,
    STATED_LASTING_RULE,
    STATED_RULE,
    THRESHOLD_RULE,
    SemanticsCard,
    StoredNetwork,
)
from netlist_gen.checkpoint.digest import check_digest
from netlist_gen.checkpoint.lasting import delay_notes, memoryless
from netlist_gen.checkpoint.layout import Parts
from netlist_gen.checkpoint.limits import check_neurons
from netlist_gen.checkpoint.modules import Neuron, Stack, Ternarize, integer_stack
from netlist_gen.checkpoint.obstacles import (
    ADAPT,
    STATE,
    Obstacle,
    ObstacleError,
    command_for,
    lasting_obstacles,
    merged,
    network_obstacles,
    resolve_layout,
    stack_obstacles,
)
from netlist_gen.checkpoint.real import FormError, NeuronRule
from netlist_gen.checkpoint.unroll import unroll
from netlist_gen.errors import ConfigurationError, NetworkError
from netlist_gen.grid import Grid
from netlist_gen.network import TernaryNetwork

_READABLE = ("fan-in", "leak")  # what stands in the way of a circuit, not of the integer network
GRIDS_KEY = "grids"
"""What a file says beside its network: where the lines of convolutions stand."""

STEPS_KEY = "steps"
"""Likewise: for how many steps of a sample it was made."""


@dataclass(frozen=True)
class Checkpoint:
    """A network and the card that says how it was read.

    ``stack`` is the network in the file's own numbers; None where they are integers already.
    """

    network: TernaryNetwork
    card: SemanticsCard
    stack: Stack | None


@dataclass(frozen=True)
class Survey:
    """A checkpoint that could be read, whether it can be built or not.

    Attributes:
        file: its file.
        card: what its numbers mean.
        stack: its modules; None where the file and its user do not say how they stand.
        network: the integer network; None where something stands in its way.
        obstacles: every reason why it can't be built as it is.
        layout: the options that say how its modules stand, given or proposed; "" for none.
        integer: whether the file's numbers are integers already.
    """

    file: Path
    card: SemanticsCard
    stack: Stack | None
    network: TernaryNetwork | None
    obstacles: tuple[Obstacle, ...]
    layout: str
    integer: bool

    @property
    def command(self) -> str:
        """A command that removes all obstacles, or "" where there is none."""
        return command_for(self.file, self.obstacles, self.layout)

    def checkpoint(self) -> Checkpoint:
        """The network.

        Raises:
            ObstacleError: something stands in its way.
        """
        if self.network is None:  # what keeps it from being read comes first
            raise ObstacleError(sorted(self.obstacles, key=lambda each: each.kind in _READABLE))
        return Checkpoint(self.network, self.card, None if self.integer else self.stack)


@dataclass(frozen=True)
class Reading:
    """A file that was read, and what is wanted of it."""

    file: Path
    form: str  # as the card names it
    stored: StoredNetwork
    population: int | None
    steps: int | None
    ternarize: Ternarize | None
    most_fan_in: int | None

    def survey(self, input_shape: str | None, layers: str | None) -> Survey:
        """All that is known of it."""
        stated = _whole_number(self.stored.population)
        count = stated if self.population is None else self.population
        found = self.stored.network
        if isinstance(found, TernaryNetwork):
            for flag, text in (("--input-shape", input_shape), ("--layers", layers)):
                if text is not None:
                    raise ConfigurationError(
                        f"{flag} is given, but {self.file} holds fully connected layers alone"
                    )
            if self.ternarize is not None:
                raise ConfigurationError(
                    f"{self.file} is ternary already: only .pt, .safetensors, .nir and .onnx hold "
                    "real weights"
                )
            check_neurons(sum(layer.outputs for layer in found.layers))
            self._check_digest(found, stated)
            network = self._placed(TernaryNetwork(found.layers, count))
            obstacles = merged(network_obstacles(network, self.most_fan_in))
            kept = [layer.memory for layer in found.layers if layer.memory is not None]
            rules = [NeuronRule(), *(NeuronRule(memory.beta, memory.reset) for memory in kept)]
            card = self._card(NeuronRule.most(rules), count, self.stored.notes)
            stated_rule = STATED_LASTING_RULE if kept else STATED_RULE
            if found.leaks:
                stated_rule = LEAKING_RULE
            card = replace(card, threshold_rule=stated_rule)
            stack = integer_stack(network)
            return Survey(self.file, card, stack, network, obstacles, "", True)
        stack, layout, wanting = resolve_layout(found, input_shape, layers)
        return self._stack(stack, layout, wanting, stated, count)

    def _stack(
        self, stack: Stack, layout: str, wanting: Sequence[Obstacle], stated: int, count: int
    ) -> Survey:
        if not wanting:
            check_neurons(sum(math.prod(after) for _, _, after in stack.shapes()))
        known = [_rule_of(n) for n in stack.neurons if not n.foreign]
        rule = NeuronRule.most(known) if known else NeuronRule()
        notes = list(self.stored.notes)
        used = stack if self.ternarize is None else stack.ternarized(self.ternarize)
        used = used.single_step() if self.steps == 1 else used
        network = None
        found = stack_obstacles(
            stack,
            steps=self.steps,
            ternarize=self.ternarize is not None,
            most_fan_in=None if self.ternarize else self.most_fan_in,
        )
        obstacles = merged((*wanting, *found))
        blocked = any(each.kind not in _READABLE for each in obstacles)
        if blocked and self.stored.digest is not None:
            raise ObstacleError(obstacles)  # it was written as an integer network
        if not blocked or (not wanting and any(neuron.lasts for neuron in used.neurons)):
            try:
                real = unroll(used)
                more = tuple(lasting_obstacles(stack, real))
                if not blocked and not more:
                    made, folded = real.ternary(count)
                    self._check_digest(made, stated, stack)
                    network = self._placed(made)
                    more = tuple(network_obstacles(network, self.most_fan_in))
                    notes += folded
            except FormError as error:
                leaks = any(neuron.leaks for neuron in used.neurons)  # not for a single step
                more = (Obstacle("form", "", str(error), STATE if leaks else ADAPT),)
            obstacles = merged((*obstacles, *more) if network is None else more)
        if network is not None and isinstance(self.stored.network, Parts):
            notes += () if self.stored.digest else delay_notes(network)
        card = self._card(rule, count, notes)
        if network is not None and network.leaks:
            card = replace(card, threshold_rule=LEAKING_RULE)
        kept = [n.foreign or n.lasts or (network is not None and n.leaks) for n in stack.neurons]
        if not all(
            known or _rule_of(n).memoryless for known, n in zip(kept, stack.neurons, strict=True)
        ):
            card = replace(card, max_steps=1)
        return Survey(
            self.file, card, None if wanting else stack, network, obstacles, layout, False
        )

    def _placed(self, network: TernaryNetwork) -> TernaryNetwork:
        """The network with the grids that its file states, if it does, and with its steps."""
        if self.steps == 1:
            network = memoryless(network)
        network = network.with_steps(self.steps or self._stated_steps(network))
        stated = self.stored.extra.get(GRIDS_KEY)
        if stated is None:
            return network
        if not isinstance(stated, list):
            raise NetworkError(f"its '{GRIDS_KEY}' is a {type(stated).__name__}; a list is needed")
        return replace(network, grids=tuple(map(Grid.from_json, stated)))

    def _check_digest(
        self, network: TernaryNetwork, stated: int, stack: Stack | None = None
    ) -> None:
        """Refuse a network that is not the one its file was written with."""
        if self.stored.digest is None:
            return
        if stack is not None and (self.ternarize is not None or self.steps == 1):
            network, _ = unroll(stack).ternary(stated)
        steps = self._stated_steps(network)
        check_digest(TernaryNetwork(network.layers, stated, steps=steps), self.stored.digest)

    def _stated_steps(self, network: TernaryNetwork) -> int | None:
        """The steps that the file states for membranes that last; None where none do."""
        stated = self.stored.extra.get(STEPS_KEY) if network.has_memory else None
        if stated is not None and (type(stated) is not int or stated < 1):
            raise NetworkError(
                f"its '{STEPS_KEY}' is {stated!r}, of membranes that last; a whole number from 1 "
                "on is needed"
            )
        return stated

    def _card(self, rule: NeuronRule, population: int, notes: Sequence[str]) -> SemanticsCard:
        """The card, as if all neurons were without state or had lasting membranes."""
        extra = {k: v for k, v in self.stored.extra.items() if k != GRIDS_KEY}
        trained_for = extra.get(STEPS_KEY)
        single = self.steps == 1 and rule.beta > 0
        return SemanticsCard(
            source_format=self.form,
            threshold_rule=LASTING_RULE if rule.beta == 1 and not single else THRESHOLD_RULE,
            reset=rule.reset,
            beta=rule.beta,
            max_steps=1 if single else None,
            population=population,
            steps=trained_for if type(trained_for) is int else None,
            notes=tuple(notes),
            extra=extra,
        )


def _rule_of(neuron: Neuron) -> NeuronRule:
    return NeuronRule(float(neuron.beta.max()), neuron.reset)


def _whole_number(population: object) -> int:
    if population is None:
        return 1
    if type(population) is not int:  # bool is another type
        raise NetworkError(f"the stored population is {population!r}; a whole number is needed")
    return population

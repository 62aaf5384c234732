"""Which neurons of a network need a circuit, and what each is made of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from netlist_gen.circuit.leak import refuse_leaks
from netlist_gen.circuit.loops import stage_fan_in
from netlist_gen.errors import NetworkError
from netlist_gen.library.design import load_rules
from netlist_gen.memory import Memory, Reset
from netlist_gen.network import TernaryNetwork


@dataclass(frozen=True)
class SiteMemory:
    """What makes the membrane of a neuron last from step to step.

    Attributes:
        reset: what its own pulse does: "zero" empties its loops, "subtract" stores a fluxon in each
            of ``subtract`` inhibitory loops of its own, "none" does nothing.
        steps: the most of a sample; each loop holds so many fluxons.
        subtract: what a pulse takes off.
    """

    reset: Reset
    steps: int
    subtract: int = 0

    @property
    def in_words(self) -> str:
        """E.g. ``4 steps at the most, reset zero``."""
        taken = f" {self.subtract}" if self.reset == "subtract" else ""
        return f"{self.steps} steps at the most, reset {self.reset}{taken}"

    @property
    def rule(self) -> Memory:
        """How the integer model counts, of this one neuron."""
        return Memory.of(self.reset, 1, self.subtract)

    @property
    def feeds_back(self) -> bool:
        """Whether a copy of the output pulse stays in the neuron."""
        return self.reset == "zero" or self.subtract > 0


@dataclass(frozen=True)
class NeuronSite:
    """One neuron of a network: where it is, its synapses (weight 0 is none) and threshold.

    Attributes:
        layer: of the neuron.
        neuron: its place in the layer.
        inputs: input line of each synapse, rising.
        signs: +1 or -1 for each synapse.
        theta: integer threshold.
        name: e.g. ``L0N07``, in a convolution ``L0C03Y05X11``; the digits are as many as needed.
        labels: e.g. ``012`` for each synapse, or ``C03Y05X11`` of lines by channel and pixel.
        memory: of a neuron whose membrane lasts.
    """

    layer: int
    neuron: int
    inputs: tuple[int, ...]
    signs: tuple[int, ...]
    theta: int
    name: str
    labels: tuple[str, ...]
    memory: SiteMemory | None = None

    @property
    def branch_signs(self) -> tuple[int, ...]:
        """+1 or -1 for each storage branch: those of the synapses, then the neuron's own."""
        own = 0 if self.memory is None else self.memory.subtract
        return self.signs + (-1,) * own

    @property
    def stage_fan_in(self) -> int:
        """Synapses of a neuron without a memory that has the same decision stage."""
        return stage_fan_in(len(self.branch_signs), lasting=self.memory is not None)

    @property
    def branch_labels(self) -> tuple[str, ...]:
        """A label for each storage branch: its own are ``OWN0``, ``OWN1``, ..."""
        return self.labels + own_labels(self.memory)


def own_labels(memory: SiteMemory | None) -> tuple[str, ...]:
    """Labels of the branches that store a neuron's own pulses."""
    own = 0 if memory is None else memory.subtract
    return tuple(f"OWN{i}" for i in range(own))


def neuron_sites(network: TernaryNetwork) -> list[NeuronSite]:
    """All neurons of a network that need a circuit, in order.

    A neuron without synapses and with theta >= 1 never fires: weight 0 builds nothing, so it
    has no circuit and its line stays without pulses.

    Raises:
        NetworkError: a neuron without synapses that would always fire (theta <= 0), a layer
            without any synapse, one with a memory where no steps are known, or one that leaks.
    """
    refuse_leaks(network)
    sites = []
    for index, layer in enumerate(network.layers):
        outputs, inputs = layer.weights.shape
        before, own = network.grids[index : index + 2] or (None, None)
        wide, deep = len(str(outputs - 1)), len(str(inputs - 1))
        if not layer.synapses:
            raise NetworkError(
                f"layer {index} has no synapse, so there is nothing to build; at least one of its "
                "weights must be -1 or 1"
            )
        if layer.memory is not None and network.steps is None:
            raise NetworkError(
                f"the membranes of layer {index} last from step to step, and nothing says for how "
                "many: their loops need room for a pulse in each. Give --inputs, or say it by "
                "`netlist-gen convert NET --steps N -o OUT`"
            )
        for j in range(outputs):
            lines = np.flatnonzero(layer.weights[j])
            if lines.size == 0:
                if layer.theta[j] < 1:
                    raise NetworkError(
                        f"layer {index}, neuron {j} has no synapse but theta {layer.theta[j]}: it "
                        "would fire at every clock, which no neuron circuit does; "
                        "theta must be at least 1"
                    )
                continue
            memory = site_memory(layer.memory, j, network.steps)
            if memory is not None and memory.subtract > load_rules().max_fan_in:
                raise NetworkError(
                    f"layer {index}, neuron {j}: a pulse subtracts {memory.subtract}, for which it "
                    f"has as many synapses of its own; shown to work are "
                    f"{load_rules().max_fan_in} in all"
                )
            sites.append(
                NeuronSite(
                    layer=index,
                    neuron=j,
                    inputs=tuple(int(i) for i in lines),
                    signs=tuple(int(w) for w in layer.weights[j, lines]),
                    theta=int(layer.theta[j]),
                    name=f"L{index}" + (f"N{j:0{wide}d}" if own is None else own.name(j)),
                    labels=tuple(
                        f"{i:0{deep}d}" if before is None else before.name(int(i)) for i in lines
                    ),
                    memory=memory,
                )
            )
    return sites


def site_memory(memory: Memory | None, neuron: int, steps: int | None) -> SiteMemory | None:
    """What makes the membrane of a layer's neuron last for so many steps; None without a memory."""
    if memory is None or steps is None:
        return None
    return SiteMemory(memory.reset, steps, int(memory.subtract[neuron]))

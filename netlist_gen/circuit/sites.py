"""Which neurons of a network need a circuit, and what each is made of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from netlist_gen.errors import NetworkError
from netlist_gen.network import TernaryNetwork


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
    """

    layer: int
    neuron: int
    inputs: tuple[int, ...]
    signs: tuple[int, ...]
    theta: int
    name: str
    labels: tuple[str, ...]


def neuron_sites(network: TernaryNetwork) -> list[NeuronSite]:
    """All neurons of a network that need a circuit, in order.

    A neuron without synapses and with theta >= 1 never fires: weight 0 builds nothing, so it
    has no circuit and its line stays without pulses.

    Raises:
        NetworkError: a neuron without synapses that would always fire (theta <= 0), or a layer
            without any synapse.
    """
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
                )
            )
    return sites

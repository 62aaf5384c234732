"""Options of ``adapt``."""

from __future__ import annotations

from dataclasses import dataclass

from netlist_gen.errors import ConfigurationError
from netlist_gen.memory import RESETS
from netlist_gen.options import Options, option


@dataclass(frozen=True)
class AdaptOptions(Options):
    """What is made of a network, and how it is trained.

    Attributes:
        fan_in: one number, or one for each layer with weights, output last.
        steps: of the circuit; None: 4 for values, those of the data for spikes.
        reset: of the circuit's membranes, where they last; None: no memory.
        own_steps: for which the network itself runs; None: what it or the data say, else 25.
        max_synapses: of the whole network.
        teach: weight of the network's own soft labels beside the data's, 0 to 1.
        validation: training samples held out for choices.
        precision: "bfloat16" is several times faster where the processor has it.
    """

    fan_in: tuple[int, ...] = option(
        (64,),
        "Most synapses per neuron; once for all layers, or once per layer.",
        multiple=True,
        least=1,
    )
    steps: int | None = option(
        None, "Steps of the circuit [default: 4; of spikes, as many as they have].", least=1
    )
    reset: str | None = option(
        None,
        "The circuit's membranes last over a sample's steps (beta 1), and a pulse does this to "
        "them [default: no memory].",
        choices=RESETS,
    )
    own_steps: int | None = option(
        None,
        "Steps for which NET itself runs [default: what it or the data say, else 25].",
        least=1,
    )
    population: int = option(5, "Output neurons per class.", least=1)
    max_synapses: int | None = option(None, "Prune to so many synapses.", least=1)
    epochs: int = option(60, "Of the fine-tuning.", least=1)
    batch: int = option(64, "Samples of a step.", least=1)
    learning_rate: float = option(3e-3, "Of Adam, with a cosine schedule.", positive=True)
    teach: float = option(0.5, "Weight of NET's own soft labels, 0 to 1.")
    validation: int = option(0, "Training samples held out, measured after each epoch.", least=0)
    seed: int = option(0, "Of order and output neurons.", least=0)
    precision: str = option("float32", "Of the training.", choices=("float32", "bfloat16"))

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.teach <= 1:
            raise ConfigurationError(f"--teach is {self.teach:g}; 0 to 1 is allowed")

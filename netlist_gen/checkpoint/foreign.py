"""Neurons of snnTorch other than ``Leaky``, told apart by what their state_dict holds.

Each is refused by its name, with what a circuit would need for it (snntorch 1.0, ``_neurons/``).
"""

from __future__ import annotations

from collections.abc import Iterable

LEAKY_FIELDS = {"threshold", "beta", "graded_spikes_factor", "reset_mechanism_val", "mem"}

_LASTS = "a membrane that lasts and leaks"
_BACK = "lines from its outputs back to the next window"
_BACK_TOO = f"{_BACK} and a second state that decays"
_KINDS = (
    (
        ("alpha", "recurrent"),
        f"snn.RSynaptic: it would need {_BACK_TOO}",
    ),
    (("alpha", "V"), f"snn.RSynaptic: it would need {_BACK_TOO}"),
    (("recurrent",), f"snn.RLeaky: it would need {_BACK}"),
    (("V",), f"snn.RLeaky: it would need {_BACK}"),
    (("alpha",), "snn.Synaptic or snn.Alpha: it would need a second state, the synaptic current"),
    (
        ("to_k",),
        "snn.AssociativeLeaky: it fires on a projection of a matrix of outer products, which is no "
        "threshold on a sum of pulses",
    ),
    (("tau", "linear"), f"snn.LinearLeaky: it would need {_LASTS}, without a reset"),
    (("tau",), f"snn.StateLeaky: it would need {_LASTS}, by exp(-1 / tau) and without a reset"),
    (("R",), f"snn.Lapicque: it would need {_LASTS}"),
    (("lstm_cell",), "snn.SLSTM: its gates multiply real numbers, which pulses don't"),
    (("conv",), "snn.SConv2dLSTM: its gates multiply real numbers, which pulses don't"),
    (("rnn",), f"snn.LeakyParallel: it would need {_BACK}"),
)
"""Fields or children that a neuron has, the more telling ones first, and what it then is."""


def foreign_kind(fields: Iterable[str]) -> str:
    """Which neuron holds these fields and what a circuit of it would need; "" for ``Leaky``.

    Args:
        fields: by their names in the neuron; those of modules inside it as ``recurrent.weight``.
    """
    names = {field.partition(".")[0] for field in fields}
    for telling, words in _KINDS:
        if names.issuperset(telling):
            return words
    unknown = sorted(names - LEAKY_FIELDS)
    if unknown:
        return f"a neuron with the unknown parameter '{unknown[0]}'; snn.Leaky is known"
    for needed, open_ in (("beta", "decay"), ("reset_mechanism_val", "reset")):
        if needed not in names:
            return f"a neuron without '{needed}': its {open_} is open"
    return ""

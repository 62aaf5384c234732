"""Where lanes run: the processor's cores, or a GPU where there is one."""

from __future__ import annotations

import os
from importlib.util import find_spec

from netlist_gen.errors import ConfigurationError
from verification.engine.cuda.target import Target

_INSTEAD = "Device cpu runs the same lanes"


def target_of(device: str) -> Target | None:
    """What runs lanes on a device; None for the processor's cores.

    Raises:
        ConfigurationError: there is no such device, or no GPU that can be used.
    """
    if device == "cpu":
        return None
    if device != "cuda":
        raise ConfigurationError(f"there is no device {device!r}; allowed are cpu, cuda")
    # Numba's own simulator does without the extra.
    if find_spec("numba_cuda") is None and os.environ.get("NUMBA_ENABLE_CUDASIM", "0") == "0":
        raise ConfigurationError(
            "device cuda takes the package's extra cuda (pip install 'netlist-gen[cuda]'), which "
            f"is not here. {_INSTEAD}"
        )
    try:
        from verification.engine.cuda.gpu import Gpu

        return Gpu()
    except Exception as error:  # Numba raises its own kinds, which change with its version
        why = " ".join(str(error).split()) or type(error).__name__
        raise ConfigurationError(
            f"device cuda: no GPU can be used here ({why}); it takes one of NVIDIA's with its "
            f"driver. {_INSTEAD}"
        ) from error

"""The digest of a network: SHA-256 of its weights, thresholds, population and memories.

It is the same whatever the format, and is kept where each format keeps what is said of a network.
A file whose format has no checksums (.safetensors, .nir) is known by it to be as it was written.
"""

from __future__ import annotations

import hashlib
import re

from netlist_gen.errors import NetworkError
from netlist_gen.network import TernaryNetwork

DIGEST_KEY = "netlist_gen_sha256"
_DIGEST = re.compile(r"[0-9a-f]{64}")


def network_digest(network: TernaryNetwork) -> str:
    """64 hexadecimal digits: of the population, and of each layer's shape, weights and thetas.

    Where membranes last, of their resets and of the network's steps, too.
    """
    total = hashlib.sha256(f"ternary network, population {network.population}\n".encode())
    for layer in network.layers:
        total.update(f"layer {layer.outputs} {layer.inputs}\n".encode())
        total.update(layer.weights.astype("i1").tobytes())
        total.update(layer.theta.astype("<i4").tobytes())
        if layer.memory is not None:
            total.update(f"memory {layer.memory.reset}\n".encode())
            total.update(layer.memory.subtract.astype("<i4").tobytes())
            if layer.memory.leaks:
                total.update(f"beta {layer.memory.beta!r}\n".encode())
    if network.has_memory:
        total.update(f"steps {network.steps}\n".encode())
    return total.hexdigest()


def check_digest(network: TernaryNetwork, stated: object) -> None:
    """Refuse a network that is not the one its file was written with.

    Args:
        network: with the population that the file states.
        stated: the digest in the file.
    """
    if not isinstance(stated, str) or not _DIGEST.fullmatch(stated):
        raise NetworkError(
            f"its digest '{DIGEST_KEY}' is {stated!r}; 64 hexadecimal digits are needed"
        )
    found = network_digest(network)
    if found != stated:
        raise NetworkError(
            f"the network is not the one that was written: its SHA-256 is {found[:16]}..., the "
            f"file says {stated[:16]}...; the file is damaged, or was changed and kept its digest"
        )

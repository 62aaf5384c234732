from __future__ import annotations

import re
import sys

import pytest
from engine_decks import jtl

from netlist_gen.errors import ConfigurationError
from verification.engine.cuda import devices
from verification.engine.run import compile_deck


def refused(device, message):
    with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}$"):
        devices.target_of(device)


def test_the_processor_takes_no_target():
    assert devices.target_of("cpu") is None


def test_a_device_that_is_none():
    refused("gpu", "there is no device 'gpu'; allowed are cpu, cuda")


def test_the_extra_is_not_there(monkeypatch):
    monkeypatch.setattr(devices, "find_spec", lambda _: None)
    monkeypatch.delenv("NUMBA_ENABLE_CUDASIM", raising=False)
    refused(
        "cuda",
        "device cuda takes the package's extra cuda (pip install 'netlist-gen[cuda]'), which is "
        "not here. Device cpu runs the same lanes",
    )


def test_no_gpu_is_there(monkeypatch):
    class Module:
        def Gpu(self):
            raise OSError("no driver\nwas found")

    monkeypatch.setattr(devices, "find_spec", lambda _: object())
    monkeypatch.setitem(sys.modules, "verification.engine.cuda.gpu", Module())
    message = (
        "device cuda: no GPU can be used here (no driver was found); it takes one of NVIDIA's with "
        "its driver. Device cpu runs the same lanes"
    )
    refused("cuda", message)
    with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}$"):
        compile_deck(jtl(1)).run_lanes([{}], device="cuda")

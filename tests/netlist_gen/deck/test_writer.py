"""Several processes write what one does; what goes wrong in one of them is said by the first."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from netlist_gen.checkpoint.registry import write_network
from netlist_gen.deck import writer
from netlist_gen.deck.generate import GenerateOptions, generate
from netlist_gen.deck.writer import file_name
from netlist_gen.errors import ConfigurationError, WorkerError
from netlist_gen.network import TernaryNetwork


def network(neurons: int, fan_in: int = 2) -> TernaryNetwork:
    rng = np.random.default_rng(0)
    weights = np.zeros((neurons, 64), dtype=np.int8)
    for row in weights:
        row[rng.choice(64, fan_in, replace=False)] = rng.choice([-1, 1], fan_in)
    return TernaryNetwork.from_arrays([weights], [np.full(neurons, 1)])


def write(out: Path, neurons: int, jobs: int) -> None:
    options = GenerateOptions(dialects=("josim", "wrspice"), jobs=jobs)
    x = np.random.default_rng(0).random((2, 64)) < 0.5
    generate(network(neurons), x, out, options)


def test_several_processes_write_the_bytes_that_one_writes(tmp_path):
    for jobs in (1, 3):
        write(tmp_path / str(jobs), 70, jobs)
    one, three = (
        {p.name: p.read_bytes() for p in (tmp_path / str(jobs)).iterdir()} for jobs in (1, 3)
    )
    assert one == three
    assert len(one) == 141


def test_an_error_in_another_process_is_the_error(tmp_path):
    (tmp_path / "L0N17.josim.cir").mkdir()
    message = f"{tmp_path}/L0N17.josim.cir can't be written: Is a directory"
    with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}$"):
        write(tmp_path, 40, 2)
    assert not (tmp_path / "manifest.json").exists()


def die(_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_process_that_is_killed(tmp_path, monkeypatch):
    monkeypatch.setattr(writer, "_begin", die)
    message = (
        "a process that wrote decks was killed, perhaps for want of memory; with --jobs 1 this one "
        "writes them all"
    )
    with pytest.raises(WorkerError, match=f"^{re.escape(message)}$"):
        write(tmp_path, 4, 2)
    assert not (tmp_path / "manifest.json").exists()


def test_processes_end_with_the_first(tmp_path):
    write_network(network(4000, 10), tmp_path / "net.npz")
    command = [sys.executable, "-c", "from netlist_gen.cli import main; main()", "generate"]
    command += [str(tmp_path / "net.npz"), "-o", str(tmp_path / "out"), "--jobs", "2"]
    parent = subprocess.Popen(
        command, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 60
    while not any((tmp_path / "out").glob("L0N*.cir")):
        assert time.monotonic() < deadline
        assert parent.poll() is None
        time.sleep(0.02)
    parent.kill()
    parent.wait()
    while True:
        try:
            os.killpg(parent.pid, 0)
        except ProcessLookupError:
            break
        assert time.monotonic() < deadline, "a process goes on without the first"
        time.sleep(0.02)
    assert not (tmp_path / "out" / "manifest.json").exists()


def test_names_of_files():
    assert file_name("L0N1", "josim", ["josim"]) == "L0N1.cir"
    assert file_name("L0N1", "josim", ["josim", "wrspice"]) == "L0N1.josim.cir"

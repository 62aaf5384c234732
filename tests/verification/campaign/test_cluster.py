"""Campaigns on a Dask cluster: two worker processes, one of them killed half-way."""

from __future__ import annotations

import json
import os
import signal
import threading

import numpy as np
import pytest
from support import tiny_network

from netlist_gen.deck.plan import Cut, plan_decks
from netlist_gen.deck.windows import chunks
from netlist_gen.errors import ConfigurationError
from netlist_gen.library.cells import CellLibrary
from netlist_gen.library.design import load_phases
from netlist_gen.spikes import NetworkSpikes
from verification.campaign.cluster import cluster
from verification.campaign.ledger import Ledger
from verification.campaign.plan import Setup
from verification.campaign.run import Workers, run_tasks
from verification.simulators.embedded import EmbeddedSimulator

pytestmark = pytest.mark.usefixtures("plots_aside")

distributed = pytest.importorskip("distributed")

NETWORK = tiny_network()
WINDOWS = np.random.default_rng(4).random((96, 3)) < 0.5
PER_DECK = 4


@pytest.fixture
def local():
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None,
        worker_dashboard_address=None,
    ) as started:  # fmt: skip
        yield started


def tasks():
    cut = Cut(neurons=PER_DECK, together=4)
    return plan_decks(NetworkSpikes.of(NETWORK, WINDOWS), "neurons", cut)


def found(results):
    """What a campaign found, in the order of its decks."""
    ordered = sorted((result for result, _ in results), key=lambda r: r.name)
    return [
        (r.name, r.failure, r.energies_J.tolist(), *(v.delays_s.tobytes() for v in r.verdicts))
        for r in ordered
    ]


def test_a_worker_dies_and_nothing_is_lost_or_counted_twice(local, tmp_path):
    library = CellLibrary()
    setup = Setup(library.process, load_phases(), 200.0)
    total = len(chunks(WINDOWS.shape[0], PER_DECK)) * 5
    here = list(run_tasks(tasks(), setup, EmbeddedSimulator(), Workers(1)))
    ledger = Ledger(tmp_path / "ledger.sqlite")
    ticks = []
    with cluster(local.scheduler_address) as workers:
        assert workers.count == 2
        victim = next(iter(local.workers.values())).pid
        killed = threading.Event()

        def progress(done):
            ticks.append(done)
            if done >= total // 3 and not killed.is_set():
                killed.set()
                os.kill(victim, signal.SIGKILL)

        on_cluster = Workers(workers.count, ledger, workers.executor)
        there = list(run_tasks(tasks(), setup, EmbeddedSimulator(), on_cluster, progress))
    assert killed.is_set()
    assert ticks == [i + 1 for i in range(total)]
    assert len({r.name for r, _ in there}) == len(there) == total
    assert found(there) == found(here)
    # What came back is in the ledger: a resumed campaign asks no worker.
    again = list(run_tasks(tasks(), setup, EmbeddedSimulator(), Workers(1, ledger)))
    assert all(from_ledger for _, from_ledger in again)
    assert found(again) == found(here)
    ledger.close()


def test_the_command_line_sends_decks_to_a_scheduler(local, tmp_path, cli):
    from netlist_gen.checkpoint.registry import write_network

    write_network(NETWORK, tmp_path / "net.npz")
    np.save(tmp_path / "x.npy", WINDOWS[:6])
    ran = cli(
        "verify", tmp_path / "net.npz", "--inputs", tmp_path / "x.npy", "-o", tmp_path / "r",
        "--simulator", "embedded", "--scheduler", local.scheduler_address,
    )  # fmt: skip
    assert ran.status == 0, ran.out + ran.err
    summary = json.loads((tmp_path / "r" / "verify.json").read_text())
    assert summary["agreed"]
    assert summary["checked"] == 30
    assert "example" in summary


def test_no_scheduler_answers(monkeypatch):
    monkeypatch.setattr("verification.campaign.cluster.CONNECT_TIMEOUT_S", 0.2)
    with (
        pytest.raises(
            ConfigurationError,
            match=r"^no Dask scheduler answers at 'tcp://127\.0\.0\.1:9' within 0\.2 s \(.*\)$",
        ),
        cluster("tcp://127.0.0.1:9"),
    ):
        pass


def test_without_an_address_there_is_no_cluster():
    with cluster(None) as workers:
        assert workers is None

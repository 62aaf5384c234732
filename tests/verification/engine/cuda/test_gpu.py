"""The GPU's kernels in Numba's simulator: launches, copies, threads that meet.

The simulator is chosen before Numba is imported, so that it has a process of its own.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[4]
SCRIPT = """
import numpy as np
from engine_decks import MODEL, jtl
from verification.engine.cuda.gpu import Gpu
from verification.engine.run import Extract, SourceWave, compile_deck

EXTRACT = Extract(pulses=("B1",), energy=True)
BUSY = (
    MODEL + "B1 1 0 jj1\\nR1 1 0 5\\nL1 1 2 9p\\nR2 2 0 9\\nI1 0 1 pwl(0 0 0.5p 600u)\\n"
    ".temp 4.2\\n.neb 1T\\n.tran 0.05p {}p 0 0.05p\\n.print p(b1) v(1)"
)

def agree(device, stop, **options):
    deck = compile_deck(BUSY.format(stop))
    # From 0 on: what is constant before that has the circuit settle for a thousand steps.
    lanes = [{"I1": SourceWave.pwl([0, 1e-13], [0, current])} for current in (6e-4, 1e-4, 9e-4)]
    if options:
        lanes = [{"B*": 1.0}, {"B*": 1.2}, {"R1": 7.0}]
    run = deck.run_parameter_lanes if options else deck.run_lanes
    for a, b in zip(
        run(lanes, seeds=[1, 2, 3], extract=EXTRACT, device=device, **options),
        run(lanes, seeds=[1, 2, 3], extract=EXTRACT, **options), strict=True,
    ):
        assert a.step_s == b.step_s
        assert np.abs(a.waveforms.values[0] - b.waveforms.values[0]).max() < 1e-9
        np.testing.assert_allclose(a.waveforms.values[1], b.waveforms.values[1], 1e-9, 1e-12)
        np.testing.assert_array_equal(a.pulses["B1"].sign, b.pulses["B1"].sign)
        np.testing.assert_allclose(a.pulses["B1"].time_s, b.pulses["B1"].time_s, 0, 1e-18)
        np.testing.assert_allclose(a.bias_energy_J["I1"], b.bias_energy_J["I1"], 1e-9)
        found.append((b.pulses["B1"].time_s.size, np.ptp(b.waveforms.values[1])))

found = []
agree("cuda", 1.6)
pulses, swings = zip(*found)
assert max(pulses) > 0 and max(swings) > 2.9e-3, found  # one pulses, one is above its gap
agree(Gpu(workers=2), 0.3)
agree(Gpu(workers=3), 0.2, stimuli=[{}] * 3)
gpu = Gpu()
gpu._processors = 132  # with registers for 512 threads each
assert [gpu.workers(lanes) for lanes in (32, 4096, 8192, 65536)] == [16, 16, 8, 1]
print("agreed", len(found))
"""


def test_the_simulator_gives_what_the_processor_gives():
    folders = [str(ROOT), str(ROOT / "tests" / "verification" / "engine"), *sys.path]
    environment = {
        **os.environ, "NUMBA_ENABLE_CUDASIM": "1", "PYTHONPATH": os.pathsep.join(folders)
    }  # fmt: skip
    ran = subprocess.run(
        [sys.executable, "-W", "error::RuntimeWarning:verification", "-c", SCRIPT],
        env=environment, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert ran.stdout == "agreed 9\n", ran.stderr

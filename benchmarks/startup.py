"""How long ``netlist-gen --help`` and ``import netlist_gen`` take, beside a Python that does
nothing: ``python benchmarks/startup.py``. Allowed on an idle machine are 0.3 s, and 10 ms more
than nothing.
"""

from __future__ import annotations

import subprocess
import sys
import time

RUNS = 9
CALLS = {
    "python, nothing": [sys.executable, "-c", "pass"],
    "import netlist_gen": [sys.executable, "-c", "import netlist_gen"],
    "import click": [sys.executable, "-c", "import click"],
    "netlist-gen --help": [sys.executable, "-m", "netlist_gen.cli", "--help"],
    "netlist-gen verify --help": [sys.executable, "-m", "netlist_gen.cli", "verify", "--help"],
    "import torch": [sys.executable, "-c", "import torch"],
}


def main() -> None:
    """Print the least and the median wall time of each call, in turn."""
    times: dict[str, list[float]] = {name: [] for name in CALLS}
    for _ in range(RUNS):
        for name, words in CALLS.items():
            begin = time.perf_counter()
            subprocess.run(words, check=True, capture_output=True)
            times[name].append(time.perf_counter() - begin)
    bare = min(times["python, nothing"])
    for name, all_ in times.items():
        median = sorted(all_)[len(all_) // 2]
        print(f"{name:26} {min(all_):.3f} s least, {median:.3f} s median, x{min(all_) / bare:.1f}")


if __name__ == "__main__":
    main()

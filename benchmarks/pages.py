"""How large the largest interactive plot is, and how soon a browser shows it.

    python benchmarks/pages.py

300 signals of 20,000 samples in headless Chromium (with chromedriver, and selenium installed):
seconds from asking for the file until its first panels are drawn, of a fresh browser and again.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path

import numpy as np

from verification.waves.waveforms import Waveforms

SIGNALS, SAMPLES, TIMES = 300, 20_000, 4


def large_plot(folder: Path) -> Path:
    """A page of phases that go round some twelve times each."""
    rng = np.random.default_rng(0)
    time_s = np.arange(SAMPLES, dtype=np.float64) * 0.05e-12
    rows = []
    for _ in range(SIGNALS):
        at = rng.uniform(0.0, time_s[-1], 12)
        turns = np.tanh((time_s[:, None] - at) / 2e-12).sum(axis=1)
        rows.append(np.pi * turns)
    names = tuple(f"P(B{i}|XL0N07)" for i in range(SIGNALS))
    page = folder / "large.html"
    Waveforms(time_s, names, np.stack(rows)).plot(None, page, marks=True)
    return page


def main() -> None:
    """Print size and times."""
    from selenium.webdriver import Chrome, ChromeOptions, ChromeService

    options = ChromeOptions()
    for word in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(word)
    with tempfile.TemporaryDirectory() as folder:
        begin = time.perf_counter()
        page = large_plot(Path(folder))
        seconds = time.perf_counter() - begin
        print(f"{SIGNALS} signals x {SAMPLES} samples: written in {seconds:.1f} s")
        print(f"{page.stat().st_size / 1e6:.1f} MB (must: under 15)")
        driver = Chrome(options=options, service=ChromeService(shutil.which("chromedriver")))
        try:
            for number in range(TIMES):
                begin = time.perf_counter()
                driver.get(page.as_uri())
                ready = driver.execute_script(
                    "return document.getElementById('plot').dataset.ready"
                )
                seconds = time.perf_counter() - begin
                print(f"open {number + 1}: {seconds:.2f} s, {ready} panels (must: within 3 s)")
        finally:
            driver.quit()


if __name__ == "__main__":
    main()

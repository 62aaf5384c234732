"""Every page in a real browser: it loads without an error, fits the screen, and its parts work.

Skipped by name where Chromium, its driver or selenium is absent.
"""

from __future__ import annotations

import importlib.util
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlparse

import numpy as np
import pytest
from support import tiny_network

import netlist_gen as ng
from verification.report.part import write_layer_page, write_neuron_page
from verification.waves.waveforms import Waveforms

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")
DRIVER = shutil.which("chromedriver")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(BROWSER is None or DRIVER is None, reason="chromium is not on PATH"),
    pytest.mark.skipif(importlib.util.find_spec("selenium") is None, reason="selenium is missing"),
]

WIDE, NARROW = 1280, 420


class Browser:
    """A browser without a window; ``open`` loads a page at a width and in a theme."""

    def __init__(self) -> None:
        from selenium.webdriver import Chrome, ChromeOptions, ChromeService

        options = ChromeOptions()
        for word in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
            options.add_argument(word)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        options.binary_location = BROWSER or ""
        self.driver = Chrome(options=options, service=ChromeService(DRIVER))

    def open(self, page: Path, width: int = WIDE, theme: str = "light") -> None:
        media = {"features": [{"name": "prefers-color-scheme", "value": theme}]}
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        self.driver.get(page.resolve().as_uri())

    def all(self, selector: str) -> list:
        return self.driver.find_elements("css selector", selector)

    def run(self, script: str) -> object:
        return self.driver.execute_script(script)

    def errors(self) -> list[str]:
        return [entry["message"] for entry in self.driver.get_log("browser")]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    found = Browser()
    yield found
    found.driver.quit()


def assert_fits(browser: Browser, page: Path) -> None:
    """At both widths and in both themes: no error, nothing beside the screen, colours change."""
    backs = set()
    for width in (WIDE, NARROW):
        for theme in ("light", "dark"):
            browser.open(page, width, theme)
            assert browser.errors() == []
            assert browser.run("return document.documentElement.scrollWidth") <= width
            backs.add(browser.run("return getComputedStyle(document.body).backgroundColor"))
    assert len(backs) == 2


@pytest.fixture(scope="module")
def large_plot(tmp_path_factory) -> Path:
    """300 signals of 20,000 samples, one of which has a peak of one sample."""
    pytest.importorskip("plotly")
    time_s = np.arange(20_000) * 0.05e-12
    phase = 2 * np.pi / (1 + np.exp(-(time_s - 500e-12) / 1e-12))
    values = np.tile(phase, (300, 1))
    values[0, 12_345] = 40.0
    names = tuple(f"P(B{i}|XL0N07)" for i in range(300))
    page = tmp_path_factory.mktemp("plot") / "large.html"
    Waveforms(time_s, names, values).plot(None, page, marks=True)
    return page


def test_a_large_plot_is_small_and_loses_no_peak(browser, large_plot):
    assert large_plot.stat().st_size < 15e6
    browser.open(large_plot)
    assert browser.run("return document.getElementById('plot').dataset.ready") == "12"
    assert browser.errors() == []
    greatest = "return Math.max(...document.getElementById('plot').data[0].y)"
    assert browser.run(greatest) == pytest.approx(40.0)


def test_signals_are_found_chosen_and_laid_out(browser, large_plot):
    assert_fits(browser, large_plot)
    browser.open(large_plot)
    ready = "return document.getElementById('plot').dataset.ready"
    (search,) = browser.all("#search")
    search.send_keys("P(B29*")
    assert len(browser.all("#names label")) == 11
    browser.all("#only")[0].click()
    assert browser.run(ready) == "11"
    browser.all("#names input")[0].click()
    assert browser.run(ready) == "10"
    for number, layout in enumerate(("stacked", "grid", "combined")):
        browser.all("#layouts button")[number].click()
        pressed = browser.all("#layouts button[aria-pressed=true]")
        assert [button.text for button in pressed] == [layout]
    browser.run("Plotly.relayout('plot', {'xaxis.range[0]': 400, 'xaxis.range[1]': 600})")
    span = browser.run(
        "const x = document.getElementById('plot').data[0].x; return [x[0], x.at(-1)]"
    )
    assert span == pytest.approx([400, 600], abs=2)
    assert browser.errors() == []


@pytest.fixture(scope="module")
def flipped_run(tmp_path_factory) -> Path:
    """A run of which one deck has a synapse of the other sign, and its page."""
    folder = tmp_path_factory.mktemp("flipped")
    network, x = tiny_network(), np.array([[1, 0, 1], [0, 1, 1]], dtype=bool)
    ng.generate(network, x, folder / "decks")
    deck = folder / "decks" / "L0N0.cir"
    deck.write_text(re.sub(r"(?m)^(XS2 .*)_exc$", r"\1_inh", deck.read_text()))
    run = ng.verify(network, x, None, folder / "run", decks=folder / "decks", simulator="embedded")
    assert not run.agreed
    return folder / "run"


def test_a_report_fits_links_and_tells(browser, flipped_run):
    page = flipped_run / "report.html"
    assert_fits(browser, page)
    browser.open(page)
    # Tool-tips: each mark of the raster has its words, and heads of tables theirs.
    titles = browser.run(
        "return [...document.querySelectorAll('use > title')].map(t => t.textContent)"
    )
    assert "layer 0, neuron 0, window 0: expected, not measured" in titles
    assert browser.all("th[title]")
    # Links: each leads to a file that is there; the waveforms open in one click.
    links = {a.get_attribute("href") for a in browser.all("a")}
    assert all(Path(unquote(urlparse(one).path)).is_file() for one in links)
    (waves,) = [a for a in browser.all("p > a") if a.text == "waves/L0N0.html"][:1]
    waves.click()
    assert browser.driver.title == "L0N0: waveforms"
    assert int(str(browser.run("return document.getElementById('plot').dataset.ready"))) > 3
    assert browser.errors() == []


def test_a_figure_takes_the_theme_of_its_page(browser, flipped_run):
    colours = []
    for theme in ("light", "dark"):
        browser.open(flipped_run / "report.html", WIDE, theme)
        script = "return getComputedStyle(document.querySelector('svg text')).fill"
        colours.append(browser.run(script))
    assert colours[0] != colours[1]


def test_a_cells_page_fits_and_links(browser, tmp_path):
    ng.characterize("jtl", tmp_path, margins=True, waves="html", jobs=1)
    page = tmp_path / "jtl.html"
    assert_fits(browser, page)
    browser.open(page)
    links = {a.get_attribute("href") for a in browser.all("a")}
    suffixes = {Path(urlparse(one).path).suffix for one in links}
    assert suffixes == {".html", ".v", ".sdf", ".dot", ".svg"}
    assert all(Path(unquote(urlparse(one).path)).is_file() for one in links)
    # Plots are as wide as the page.
    wide = "return document.querySelector('h2').getBoundingClientRect().width"
    assert browser.all("svg:not(.schematic)")
    for figure in browser.all("svg:not(.schematic)"):
        assert figure.size["width"] == pytest.approx(browser.run(wide), abs=2)


def test_a_schematic_takes_the_theme_and_is_scrolled_where_it_is_wide(browser, tmp_path):
    ng.characterize("merger", tmp_path, jobs=1)
    colours = []
    for theme in ("light", "dark"):
        browser.open(tmp_path / "merger.html", NARROW, theme)
        stroke = "return getComputedStyle(document.querySelector('.schematic path')).stroke"
        colours.append(browser.run(stroke))
    assert colours[0] != colours[1]
    box = "document.querySelector('.schematic').parentElement"
    assert browser.run(f"return {box}.scrollWidth > {box}.clientWidth")
    browser.open(tmp_path / "schematic.svg")
    assert browser.errors() == []


def test_an_optimized_cells_page_fits_and_links(browser, tmp_path):
    ng.characterize("jtl", tmp_path, optimize=True, vary=["IB1", "LA"], starts=1, rounds=1, jobs=1)
    page = tmp_path / "jtl_optimized.html"
    assert_fits(browser, page)
    browser.open(page)
    links = {Path(unquote(urlparse(a.get_attribute("href")).path)) for a in browser.all("a")}
    assert {"jtl_optimized.toml", "jtl_optimized.cir", "optimized.csv"} <= {p.name for p in links}
    assert all(link.is_file() for link in links)


def test_pages_of_a_layer_and_a_neuron_fit(browser, flipped_run):
    assert_fits(browser, write_layer_page(flipped_run, 0))
    assert_fits(browser, write_neuron_page(flipped_run, "0:0"))

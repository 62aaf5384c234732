"""The spread of neurons' edges: interpolated within what was measured, refused beyond."""

from __future__ import annotations

import pytest

from netlist_gen.errors import ConfigurationError
from netlist_gen.library.spread import load_spread, spread_path

HEAD = '[measured]\nprocess = "sfq5ee"\nsimulator = "embedded 1"\nfan_in = 16\n'


def point(elements: float, local: float, common: float) -> str:
    values = {"elements": (elements, "1"), "local": (local, "Phi0"), "global": (common, "Phi0")}
    lines = [f'{k} = {{ value = {v}, unit = "{u}", source = "s" }}' for k, (v, u) in values.items()]
    return "\n".join(["[[spread]]", *lines, ""])


@pytest.fixture
def load(tmp_path):
    def loader(text):
        path = tmp_path / "spread.toml"
        path.write_text(text)
        load_spread.cache_clear()
        return load_spread(path)

    return loader


def test_between_measured_points_and_none(load):
    table = load(HEAD + point(0.02, 0.004, 0.001) + point(0.05, 0.010, 0.004))
    assert table.source == "measured on a neuron of fan-in 16 of sfq5ee, embedded 1"
    for elements, local, common in (
        (0.0, 0.0, 0.0), (0.01, 0.002, 0.0005), (0.02, 0.004, 0.001), (0.035, 0.007, 0.0025),
        (0.05, 0.010, 0.004),
    ):  # fmt: skip
        found = table.at(elements)
        assert (found.local, found.common) == pytest.approx((local, common), rel=1e-9)


@pytest.mark.parametrize("elements", [0.0501, -0.01, float("nan")])
def test_beyond_what_was_measured(load, tmp_path, elements):
    table = load(HEAD + point(0.02, 0.004, 0.001) + point(0.05, 0.010, 0.004))
    with pytest.raises(ConfigurationError) as error:
        table.at(elements)
    assert str(error.value) == (
        f"{tmp_path / 'spread.toml'}: a spread of {elements:g} is not within what was measured; 0 "
        "to 0.05 is allowed (measured at 0.02, 0.05)"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEAD, "{f}: the tables [[spread]] are missing"),
        (HEAD + point(0.05, 1, 1) + point(0.02, 1, 1),
         "{f}: [[spread]] 1: elements is 0.02; it must be above 0.05 and below 1"),
        (HEAD + point(0.02, -1, 1), "{f}: [[spread]] 0: a standard deviation is negative"),
        (point(0.02, 1, 1), "{f}: [measured] must hold process, simulator, fan_in"),
        (HEAD + point(0.02, 1, 1).replace('"Phi0"', '"pH"', 1),
         "{f}: [[spread]] 0: local.unit is 'pH'; allowed is Phi0"),
    ],
)  # fmt: skip
def test_what_is_refused(load, tmp_path, text, message):
    with pytest.raises(ConfigurationError) as error:
        load(text)
    assert str(error.value) == message.replace("{f}", str(tmp_path / "spread.toml"))


def test_the_librarys_grow_with_the_elements():
    load_spread.cache_clear()
    table = load_spread()
    assert table.path == spread_path()
    assert table.at(0.02).local > table.at(0.02).common > 0
    assert table.at(0.05).local > 2 * table.at(0.02).local

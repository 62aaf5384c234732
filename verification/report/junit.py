"""A run as JUnit XML, which services of continuous integration read: a test for each deck."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path

from netlist_gen.files import printable, write_text
from verification.verdict.measured import Measured
from verification.verdict.outcome import DeckResult


def write_junit(measured: Sequence[Measured], path: Path) -> None:
    """Write a suite for each simulator and scope, with a test for each deck.

    A deck that disagrees is a failure, told by its first disagreement; one without a result is an
    error.

    Raises:
        ConfigurationError: the file can't be written.
    """
    root = ET.Element("testsuites", name="netlist-gen verify")
    for one in measured:
        failed = sum(result.failed for result in one.results)
        wrong = sum(not result.agreed and not result.failed for result in one.results)
        name = f"{one.simulator.name}.{one.scope}"
        suite = ET.SubElement(
            root, "testsuite", name=name, tests=str(len(one.results)), failures=str(wrong),
            errors=str(failed), time=f"{one.wall_s:.3f}",
        )  # fmt: skip
        for result in one.results:
            _case(suite, result, name)
    text = ET.tostring(root, encoding="unicode")
    write_text(path, f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n')


def _case(suite: ET.Element, result: DeckResult, suite_name: str) -> None:
    case = ET.SubElement(
        suite, "testcase", classname=suite_name, name=result.name, time=f"{result.wall_s:.3f}"
    )
    if result.failed:
        ET.SubElement(case, "error", message=printable(result.failure))
    elif not result.agreed:
        ET.SubElement(case, "failure", message=printable(_first(result)))


def _first(result: DeckResult) -> str:
    """A deck's first disagreement in words."""
    found = [result.source, *(v.first for v in result.neurons)]
    found.append(result.lines.first if result.lines else None)
    first = next((one for one in found if one is not None), None)
    if first is None:
        return "it disagrees"
    window = result.first + first.window
    return f"window {window}: expected {first.expected}, measured {first.measured}"

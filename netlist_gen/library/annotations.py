"""Tables of extracted values, as ``--annotate`` reads them.

    element,value,unit
    LST.XS00.XL0N0,15.9,pH
    jtl:LA,2.1
    IB1.XO*,172.5,uA

The columns are separated by commas or tabs, as the header's are; the unit may be left out. What
``element`` may be is said in ``circuit.annotate``. Lines that are empty or begin with ``#`` are
passed over.
"""

from __future__ import annotations

import csv
import hashlib
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from pathlib import Path

from netlist_gen.circuit.annotate import Annotator, Setting
from netlist_gen.circuit.elements import Coupling, CurrentSource, Inductor, Junction, Resistor
from netlist_gen.errors import ConfigurationError
from netlist_gen.files import printable, read_bytes, shown
from netlist_gen.library.process import Process

MOST_BYTES = 64_000_000
"""Of a table: a million lines have half of it."""

_AMPERES = {"uA": -6, "nA": -9, "mA": -3, "A": 0}
AREA = "area"
"""A junction in the model's own measure, instead of its critical current."""

UNITS: dict[type, dict[str, int]] = {
    Inductor: {"pH": -12, "fH": -15, "nH": -9, "H": 0},
    Junction: {**_AMPERES, AREA: 0},
    CurrentSource: _AMPERES,
    Resistor: {"ohm": 0, "mohm": -3, "kohm": 3},
    Coupling: {"1": 0},
}
"""Units of each kind of element, as powers of ten; the first is meant where none is given."""

HEADER = ("element", "value", "unit")
_TARGET = re.compile(r"(?:[A-Za-z0-9_*?]+:)?[A-Za-z0-9_*?]+(?:\.[A-Za-z0-9_*?]+)*")
# ASCII: \d would be the digits of any script.
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)
_LONGEST = 200


@dataclass(frozen=True, eq=False)
class Annotations:
    """A table that was read; two are the same where their files' bytes and the process are.

    Attributes:
        file: as it was given.
        sha256: of its bytes.
        settings: one for each line, in order.
        critical_current_A: of the unit of area, by which critical currents became areas.
    """

    file: str
    sha256: str
    settings: tuple[Setting, ...]
    critical_current_A: float

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Annotations) and self._content == other._content

    def __hash__(self) -> int:
        return hash(self._content)

    @property
    def _content(self) -> tuple[str, str, float]:
        return self.file, self.sha256, self.critical_current_A

    @property
    def note(self) -> str:
        """What the head of a deck says."""
        return f"annotated by a table of {len(self.settings)} lines, SHA-256 {self.sha256}"


@lru_cache(maxsize=4)
def annotator_of(annotations: Annotations) -> Annotator:
    """What puts the table into circuits: it is sorted once, not for every neuron."""
    return Annotator(annotations.settings)


def read_annotations(file: Path, process: Process) -> Annotations:
    """Read a table.

    Args:
        file: CSV or TSV, UTF-8.
        process: whose junctions the critical currents are of.

    Raises:
        ConfigurationError: a file that can't be read, another header, a line that is none; it
            names the line.
    """

    def refused(reason: str) -> ConfigurationError:
        return ConfigurationError(f"{printable(str(file))}: can't be read ({reason})")

    data = read_bytes(file, MOST_BYTES, refused)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{file}: not a text in UTF-8 ({error})") from None
    settings = tuple(_settings(file, text, process.area))
    if not settings:
        raise ConfigurationError(f"{file}: the table has no line; one value at least is needed")
    digest = hashlib.sha256(data).hexdigest()
    return Annotations(str(file), digest, settings, process.model.critical_current)


def _settings(file: Path, text: str, area: Callable[[float], float]) -> Iterator[Setting]:
    # At line feeds alone: Python would also end lines, and comments, at a form feed or U+2028.
    lines = enumerate((line.removesuffix("\r") for line in text.split("\n")), start=1)
    rows = ((n, line) for n, line in lines if line.strip() and not line.lstrip().startswith("#"))
    number, header = next(rows, (1, ""))
    delimiter = "\t" if "\t" in header else ","
    names = tuple(name.strip() for name in header.split(delimiter))
    if names not in (HEADER, HEADER[:2]):
        raise ConfigurationError(
            f"{file}, line {number}: the header is {shown(header)}; "
            "'element,value' or 'element,value,unit' is needed (commas or tabs)"
        )
    for number, line in rows:
        where = f"{file}, line {number}"
        try:
            (cells,) = csv.reader([line], delimiter=delimiter, strict=True)
        except (csv.Error, ValueError) as error:
            raise ConfigurationError(f"{where}: {shown(line)} is no row ({error})") from None
        cells = [cell.strip() for cell in cells]
        if not 2 <= len(cells) <= len(names):
            raise ConfigurationError(
                f"{where}: {shown(line)} has {len(cells)} columns; the header has {len(names)}"
            )
        target, value, unit = (*cells, "")[:3]
        yield Setting(_target(target, where), _values(target, value, unit, where, area), where)


def _target(text: str, where: str) -> str:
    if len(text) <= _LONGEST and _TARGET.fullmatch(text):
        return text
    raise ConfigurationError(
        f"{where}: {shown(text)} is no element; LST.XS00.XL0N0 (innermost first, with dots), a "
        "pattern with * and ?, or cell:element is needed"
    )


def _values(
    target: str, value: str, unit: str, where: str, area: Callable[[float], float]
) -> dict[type, float]:
    """The value in SI, of each kind of element that has the unit; of all without a unit."""
    if len(value) > _LONGEST or not _NUMBER.fullmatch(value):
        raise ConfigurationError(
            f"{where}: {target} has the value {shown(value)}; a finite number is needed"
        )
    if unit and all(unit not in units for units in UNITS.values()):
        every = dict.fromkeys(name for units in UNITS.values() for name in units)
        raise ConfigurationError(
            f"{where}: {target} has the unit {shown(unit)}; allowed are {', '.join(every)}"
        )
    found = {}
    for kind, units in UNITS.items():
        own = unit or next(iter(units))
        if own in units:
            # In decimals, so that 15.9 pH is the number that 15.9e-12 is.
            number = float(Decimal(value).scaleb(units[own]))
            if not math.isfinite(number):
                raise ConfigurationError(
                    f"{where}: {target} has the value {shown(value)}; a finite number is needed"
                )
            found[kind] = area(number) if kind is Junction and own != AREA else number
    return found

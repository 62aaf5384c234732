"""A cell's elements as a schematic, drawn as SVG from the nets that they join.

Elements in a row, joined by nets at which nothing else is, are one branch. A net where branches
meet is a bar; bars stand in columns by their distance from the inputs, in rows by the way that
leads there. What goes to ground hangs below a bar, a current comes from above, and what joins two
bars lies between them, or in a lane below the upper one where other things are in its way. Lines
that cross without a dot are not joined.
"""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING

from verification.report.numbers import engineering

if TYPE_CHECKING:
    from verification.characterize.subject.element_table import ElementRow

GROUND = "0"
MOST = 60
"""Elements of a cell that is drawn: more would be no picture."""

PITCH, SLOT, LANE, END = 62, 86, 58, 34
"""Length of an element, distance of branches at a bar and of lanes, and a bar's end; pixels."""

_SHAPES = {
    "inductor": '<path d="M-31 0H-20q5-13 10 0q5-13 10 0q5-13 10 0q5-13 10 0H31"/>',
    "resistor": '<path d="M-31 0H-20l3.5-6 6.5 12 6.5-12 6.5 12 6.5-12 6.5 12 4-6H31"/>',
    "capacitor": '<path d="M-31 0H-4M-4-10V10M4-10V10M4 0H31"/>',
    "junction": '<path d="M-31 0H31M-8-8L8 8M-8 8L8-8"/>',
    "current": '<circle r="10"/><path d="M-31 0H-10M10 0H31M-6 0H5M1-4L5 0L1 4"/>',
}
"""Along x, from -31 to 31; a current flows to +x."""


@dataclass(frozen=True)
class _Branch:
    """Elements in a row from one net to another; ``turned`` are those that point back."""

    elements: tuple[ElementRow, ...]
    turned: tuple[bool, ...]
    ends: tuple[str, str]

    def reversed(self) -> _Branch:
        turned = tuple(not t for t in self.turned[::-1])
        return _Branch(self.elements[::-1], turned, self.ends[::-1])


@dataclass(eq=False)
class _Bar:
    """A net with its place, and what is at each of its slots: below and above, None for nothing."""

    net: str
    column: int
    row: int
    below: list[_Branch | None] = field(default_factory=list)
    above: list[_Branch | None] = field(default_factory=list)
    x: float = 0.0
    y: float = 0.0

    @property
    def slots(self) -> int:
        return max(len(self.below), len(self.above))

    @property
    def width(self) -> float:
        return 2 * END + SLOT * (self.slots - 1) if self.slots else 0.0

    def line(self) -> int:
        """A slot of its own for a line that leaves up or down."""
        slot = self.slots
        self.below += [None] * (slot + 1 - len(self.below))
        self.above += [None] * (slot + 1 - len(self.above))
        return slot

    def at(self, slot: int) -> float:
        """Where a slot is."""
        return self.x + END + SLOT * slot


@dataclass(eq=False)
class _Lane:
    """A branch that lies below a row: from a slot of one bar to one of another."""

    branch: _Branch
    bars: tuple[_Bar, _Bar]
    slots: tuple[int, int]
    y: float = 0.0

    @property
    def row(self) -> int:
        return min(bar.row for bar in self.bars)

    @property
    def xs(self) -> tuple[float, float]:
        return self.bars[0].at(self.slots[0]), self.bars[1].at(self.slots[1])

    @property
    def length(self) -> float:
        return PITCH * len(self.branch.elements)


def schematic(
    elements: Sequence[ElementRow], inputs: Sequence[str], outputs: Sequence[str]
) -> str | None:
    """The SVG of a cell; None of one with cells inside, or with too many elements."""
    if not elements or len(elements) > MOST or any("|" in e.name for e in elements):
        return None
    ports = {p.upper(): p for p in (*inputs, *outputs)}
    branches = _branches([e for e in elements if e.kind != "coupling"], ports)
    bars = _placed(branches, [p.upper() for p in inputs], ports)
    straight, lanes = _hung(branches, bars)
    _measure(bars, straight, lanes)
    drawing = _Drawing()
    for bar in bars.values():
        drawing.bar(bar, ports.get(bar.net, ""), ports.get(bar.net) in outputs)
    for branch in straight:
        drawing.straight(branch, bars)
    for lane in lanes:
        drawing.lane(lane)
    for e in elements:
        if e.kind == "coupling":
            words = f"{e.name} couples {e.nodes[0]} and {e.nodes[1]}: {e.value:.4g}"
            drawing.text(END, drawing.bottom + 24, words, "start")
    return drawing.svg()


def _branches(elements: Sequence[ElementRow], ports: Collection[str]) -> list[_Branch]:
    """Elements joined to rows at nets that join just two, and are no ports."""
    ends = [tuple(node.upper() for node in e.nodes) for e in elements]
    degree = Counter(node for pair in ends for node in pair)
    inner = {n for n, d in degree.items() if d == 2 and n != GROUND and n not in ports}
    found = [_Branch((e,), (False,), (a, b)) for e, (a, b) in zip(elements, ends, strict=True)]
    for net in sorted(inner):
        pair = [b for b in found if net in b.ends]
        if len(pair) != 2 or any(b.ends[0] == b.ends[1] for b in pair):
            continue
        first, second = pair
        first = first if first.ends[1] == net else first.reversed()
        second = second if second.ends[0] == net else second.reversed()
        joined = _Branch(
            first.elements + second.elements,
            first.turned + second.turned,
            (first.ends[0], second.ends[1]),
        )
        found = [joined if b is pair[0] else b for b in found if b is not pair[1]]
    return [b.reversed() if b.ends[0] == GROUND else b for b in found]


def _placed(
    branches: Sequence[_Branch], inputs: Sequence[str], ports: Collection[str]
) -> dict[str, _Bar]:
    """A bar for each net, in columns and rows: the inputs first."""
    nets = list(dict.fromkeys([*(n for b in branches for n in b.ends if n != GROUND), *ports]))
    joined: dict[str, list[str]] = {net: [] for net in nets}
    for b in branches:
        if GROUND not in b.ends and b.ends[0] != b.ends[1]:
            joined[b.ends[0]].append(b.ends[1])
            joined[b.ends[1]].append(b.ends[0])
    bars: dict[str, _Bar] = {}
    taken: set[tuple[int, int]] = set()

    def place(net: str, column: int, row: int) -> None:
        while (column, row) in taken:
            row += 1
        taken.add((column, row))
        bars[net] = _Bar(net, column, row)

    for net in inputs:
        place(net, 0, 0)
    for net in [*inputs, *nets]:
        if net not in bars:  # of a part that no input leads to
            place(net, 0, 0)
        waiting = [*bars] if net in inputs[:1] else [net]
        while waiting:
            here = bars[waiting.pop(0)]
            for other in joined[here.net]:
                if other not in bars:
                    place(other, here.column + 1, here.row)
                    waiting.append(other)
    return bars


def _hung(branches: Sequence[_Branch], bars: dict[str, _Bar]) -> tuple[list[_Branch], list[_Lane]]:
    """Branches to ground at their bars; those between bars that lie straight, and in lanes."""
    straight: list[_Branch] = []
    between: list[_Branch] = []
    rows: dict[int, list[_Bar]] = defaultdict(list)
    for bar in sorted(bars.values(), key=lambda bar: bar.column):
        rows[bar.row].append(bar)
    free = {(a.net, b.net) for row in rows.values() for a, b in itertools.pairwise(row)}
    for given in branches:
        if GROUND in given.ends:
            bar = bars[given.ends[0]]
            source = len(given.elements) == 1 and _kind(given.elements[0]) == "current"
            (bar.above if source else bar.below).append(given)
            continue
        first, second = (bars[net] for net in given.ends)
        branch = given.reversed() if first.column > second.column else given
        if branch.ends in free:
            free.remove(branch.ends)
            straight.append(branch)
        else:
            between.append(branch)
    lanes = []
    for branch in between:
        first, second = (bars[net] for net in branch.ends)
        lanes.append(_Lane(branch, (first, second), (first.line(), second.line())))
    return straight, lanes


def _measure(bars: dict[str, _Bar], straight: Sequence[_Branch], lanes: Sequence[_Lane]) -> None:
    """Gives bars and lanes their places."""
    columns = range(1 + max(bar.column for bar in bars.values()))
    rows = range(1 + max(bar.row for bar in bars.values()))
    wide = [max([b.width for b in bars.values() if b.column == c], default=0.0) for c in columns]
    gap = [30.0 for _ in columns]
    for branch in straight:
        column = bars[branch.ends[0]].column
        gap[column] = max(gap[column], PITCH * len(branch.elements) + 24.0)
    for bar in bars.values():
        bar.x = END + sum(wide[: bar.column]) + sum(gap[: bar.column])
    y = 0.0
    for row in rows:
        here = [bar for bar in bars.values() if bar.row == row]
        y += 30.0 + (PITCH + 26.0 if any(any(bar.above) for bar in here) else 0.0)
        deepest = [len(b.elements) for bar in here for b in bar.below if b is not None]
        below = [lane for lane in lanes if lane.row == row]
        steep = [len(lane.branch.elements) for lane in below if _steep(lane)]
        for bar in here:
            bar.y = y
        y += PITCH * max([*deepest, *steep], default=0) + 26.0
        for lane in below:
            lane.y = y + LANE / 2
            y += LANE


def _steep(lane: _Lane) -> bool:
    """Whether a lane is too short for its elements, which then stand in its upper end."""
    return abs(lane.xs[0] - lane.xs[1]) < lane.length


def _kind(e: ElementRow) -> str:
    return "junction" if e.kind.startswith("junction") else e.kind.rpartition(" ")[2]


class _Drawing:
    """The SVG's parts, and how far they reach."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.ports: list[str] = []  # above all lines
        self.right = self.bottom = 0.0

    def reach(self, x: float, y: float) -> None:
        self.right, self.bottom = max(self.right, x), max(self.bottom, y)

    def line(self, *points: tuple[float, float]) -> None:
        for x, y in points:
            self.reach(x, y)
        self.parts.append(f'<path d="M{"L".join(f"{x:g} {y:g}" for x, y in points)}"/>')

    def dot(self, x: float, y: float) -> None:
        self.parts.append(f'<circle class="dot" cx="{x:g}" cy="{y:g}" r="2.6"/>')

    def text(self, x: float, y: float, words: str, anchor: str = "middle") -> None:
        wide = 5.6 * len(words)
        self.reach(x + (wide if anchor == "start" else wide / 2 if anchor == "middle" else 0), y)
        self.parts.append(
            f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}">{escape(words)}</text>'
        )

    def elements(self, branch: _Branch, x: float, y: float, down: bool) -> None:
        """A branch's elements from a point on, to the right or down."""
        for e, turned in zip(branch.elements, branch.turned, strict=True):
            turn = (90 if down else 0) + (180 if turned else 0)
            name = " ".join([e.name, *e.kind.split()[1:]]) if _kind(e) == "junction" else e.name
            value = engineering(e.value, e.unit)
            middle = (x, y + PITCH / 2) if down else (x + PITCH / 2, y)
            place = f"translate({middle[0]:g} {middle[1]:g}) rotate({turn})"
            self.parts.append(f'<g transform="{place}">{_SHAPES[_kind(e)]}</g>')
            if down:
                self.text(x + 13, y + PITCH / 2 - 1, name, "start")
                self.text(x + 13, y + PITCH / 2 + 10, value, "start")
                y += PITCH
            else:
                self.text(x + PITCH / 2, y - 12, name)
                self.text(x + PITCH / 2, y + 20, value)
                x += PITCH
            self.reach(x, y)

    def bar(self, bar: _Bar, port: str, output: bool) -> None:
        """A bar with what hangs on it, and its port's name: an input's to the left."""
        self.line((bar.x, bar.y), (bar.x + bar.width, bar.y))
        if port:
            x = bar.x + bar.width if output else bar.x
            self.ports.append(f'<circle class="port" cx="{x:g}" cy="{bar.y:g}" r="4"/>')
            self.text(x, bar.y - 9, port)
        for slot, branch in enumerate(bar.below):
            if branch is not None:
                x, y = bar.at(slot), bar.y
                self.dot(x, y)
                self.elements(branch, x, y, down=True)
                end = y + PITCH * len(branch.elements)
                for half, lower in ((9, 0), (6, 4), (3, 8)):
                    self.line((x - half, end + lower), (x + half, end + lower))
        for slot, branch in enumerate(bar.above):
            if branch is not None:
                x, y = bar.at(slot), bar.y - PITCH - 8
                self.dot(x, bar.y)
                self.elements(branch.reversed(), x, y, down=True)
                self.line((x, y + PITCH), (x, bar.y))
                self.line((x - 9, y), (x + 9, y))

    def straight(self, branch: _Branch, bars: dict[str, _Bar]) -> None:
        """A branch between two neighbours in a row."""
        first, second = (bars[net] for net in branch.ends)
        begin, end = first.x + first.width, second.x
        at = (begin + end - PITCH * len(branch.elements)) / 2
        self.line((begin, first.y), (at, first.y))
        self.elements(branch, at, first.y, down=False)
        self.line((at + PITCH * len(branch.elements), first.y), (end, first.y))

    def lane(self, lane: _Lane) -> None:
        """A branch in a lane, with its ends up or down to the bars."""
        first, second = lane.bars
        (x, other), y = lane.xs, lane.y
        for bar, at in zip(lane.bars, lane.xs, strict=True):
            self.dot(at, bar.y)
        if _steep(lane):
            upper, branch = (
                (first, lane.branch)
                if first.row <= second.row
                else (second, lane.branch.reversed())
            )
            at, to = (x, other) if upper is first else (other, x)
            lower = second if upper is first else first
            self.elements(branch, at, upper.y, down=True)
            self.line((at, upper.y + lane.length), (at, y), (to, y), (to, lower.y))
            return
        branch = lane.branch if x <= other else lane.branch.reversed()
        left, right = min(x, other), max(x, other)
        begin = (left + right - lane.length) / 2
        left_bar, right_bar = lane.bars if x <= other else lane.bars[::-1]
        self.line((left, left_bar.y), (left, y), (begin, y))
        self.elements(branch, begin, y, down=False)
        self.line((begin + lane.length, y), (right, y), (right, right_bar.y))

    def svg(self) -> str:
        """All of it."""
        wide, high = self.right + END, self.bottom + 16
        style = (
            "<style>path,circle{fill:none;stroke:var(--ink,#2d3748);stroke-width:1.3}"
            ".dot{fill:var(--ink,#2d3748)}.port{stroke:var(--blue,#2b6cb0);stroke-width:2;"
            "fill:var(--back,#fff)}text{font:10px system-ui,Helvetica,Arial,sans-serif;"
            "fill:var(--ink,#2d3748)}</style>"
        )
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="schematic" role="img" '
            f'aria-label="schematic" viewBox="0 0 {wide:g} {high:g}" '
            f'style="min-width:{0.8 * wide:.0f}px;max-width:{1.15 * wide:.0f}px">{style}'
            f"{''.join(self.parts)}{''.join(self.ports)}</svg>"
        )

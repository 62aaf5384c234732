"""Where the lines of a layer stand: channels and pixels of what a convolution looks at."""

from __future__ import annotations

import math
from dataclasses import dataclass

from netlist_gen.errors import NetworkError

_AXES = {2: "CX", 3: "CYX"}
"""Letters of the axes: channel, row, column."""


@dataclass(frozen=True)
class Grid:
    """Lines by channel and pixel.

    Attributes:
        shape: (channels, length) or (channels, height, width).
        places: of each line, in row order, rising; None: every place has its line.
    """

    shape: tuple[int, ...]
    places: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", tuple(self.shape))
        if len(self.shape) not in _AXES or min(self.shape) < 1:
            raise NetworkError(
                f"a grid has shape {self.shape}; channels and one or two sides are needed"
            )
        if self.places is not None:
            object.__setattr__(self, "places", tuple(self.places))
            rising = all(a < b for a, b in zip(self.places, self.places[1:], strict=False))
            if not self.places or not rising or not self._holds(self.places):
                raise NetworkError(
                    f"a grid of shape {self.shape} has places that are not rising within it"
                )

    def __len__(self) -> int:
        return math.prod(self.shape) if self.places is None else len(self.places)

    def name(self, line: int) -> str:
        """Of a line, such as ``C03Y05X11``; the digits are as many as the axis needs."""
        place = line if self.places is None else self.places[line]
        words = []
        for letter, size in reversed(list(zip(_AXES[len(self.shape)], self.shape, strict=True))):
            place, at = divmod(place, size)
            words.append(f"{letter}{at:0{len(str(size - 1))}d}")
        return "".join(reversed(words))

    def kept(self, lines: list[int]) -> Grid:
        """That of some of the lines, which are named by their numbers."""
        places = lines if self.places is None else [self.places[line] for line in lines]
        return self if len(lines) == len(self) else Grid(self.shape, tuple(places))

    def to_json(self) -> dict[str, object]:
        """In JSON types."""
        places = None if self.places is None else list(self.places)
        return {"shape": list(self.shape), "places": places}

    @staticmethod
    def from_json(data: object) -> Grid | None:
        """The grid that ``data`` is; None for null.

        Raises:
            NetworkError: something else.
        """
        if data is None:
            return None
        shape = data.get("shape") if isinstance(data, dict) else None
        places = data.get("places") if isinstance(data, dict) else None
        for numbers in (shape, places or []):
            if not isinstance(numbers, list) or any(type(n) is not int for n in numbers):
                raise NetworkError("a grid of the file is no shape and places of whole numbers")
        assert isinstance(shape, list)
        return Grid(tuple(shape), None if places is None else tuple(places))

    def _holds(self, places: tuple[int, ...]) -> bool:
        return (
            all(type(n) is int for n in places)
            and places[0] >= 0
            and (places[-1] < math.prod(self.shape))
        )


Grids = tuple[Grid | None, ...]
"""Of the inputs and of each layer; None for lines in no grid. Empty: none of them has one."""


def check_grids(grids: Grids, widths: list[int]) -> Grids:
    """The grids, held against the lines of the inputs and of each layer.

    Raises:
        NetworkError: another number of grids, or one that has other lines.
    """
    if grids and len(grids) != len(widths):
        raise NetworkError(f"{len(grids)} grids for {len(widths)} rows of lines")
    for grid, width in zip(grids, widths, strict=False):
        if grid is not None and len(grid) != width:
            raise NetworkError(f"a grid of {len(grid)} places for {width} lines")
    return tuple(grids) if any(grids) else ()

"""``.iv``: the curve of voltage against current of a junction, as JoSIM 2.7 makes it (IV.cpp).

A junction of area 1 gets a current that rises from 10 ps to 50 ps and then stays; the voltage is
the mean over the second half of 500 ps. The currents go up to the largest, back to 0 by way of the
largest, so that a hysteresis shows, and the same below 0, 2.5 uA apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from netlist_gen.files import write_text
from verification.engine.run import CompiledDeck
from verification.engine.text.deck import (
    IvLine,
    ModelCard,
    ParsedDeck,
    PrintRequest,
    Scope,
    TransientAnalysis,
)
from verification.engine.text.lines import Line, Place
from verification.engine.text.sources import SourceWave
from verification.waves.deck_files import FileRequest, check_replaced, target_of

FloatArray = NDArray[np.float64]
_BEGINS = b"V,I"
_SUFFIXES = (".csv", ".dat", ".txt")
_APART_A = 2.5e-6
_STEP_S, _STOP_S = 0.05e-12, 500e-12
_LANES = 64


def write_curve(line: IvLine, out: Path, deadline: Callable[[], bool] | None = None) -> None:
    """Write the file of an ``.iv`` line beneath the folder of ``out``: columns V (V) and I (A).

    Raises:
        DeckError: a name that can't be written, as ``target_of`` and ``check_replaced`` say.
        SimulatorError: the deadline passed.
    """
    request = FileRequest(line.name, str(line.place))
    path = target_of(request, out, _SUFFIXES)
    check_replaced(request, path, _BEGINS)
    points = iv_curve(line.model, line.most_A, line.place, deadline)
    rows = (f"{volt:.6e},{ampere:.6e}\n" for volt, ampere in points.tolist())
    write_text(path, "".join(["V,I\n", *rows]))


def iv_curve(
    model: ModelCard,
    most_A: float,
    place: Place,
    deadline: Callable[[], bool] | None = None,
) -> FloatArray:
    """The curve of a junction of area 1: rows of V and A, shape (points, 2), in JoSIM's order.

    Args:
        model: of the junction.
        most_A: the largest current, A.
        place: of the line that asks for it.
        deadline: asked now and then; a true answer ends the run.

    Raises:
        SimulatorError: the deadline passed.
    """
    compiled = CompiledDeck(_deck(model, place))
    targets = list(_currents(most_A))
    found: list[tuple[float, float]] = []
    for first in range(0, len(targets), _LANES):
        some = targets[first : first + _LANES]
        stimuli = [
            {"IB01": SourceWave.pwl([0.0, 10e-12, 50e-12], [0.0, by, to])} for by, to in some
        ]
        lanes = compiled.run_lanes(stimuli, deadline=deadline)
        for (_, to), lane in zip(some, lanes, strict=True):
            assert lane.waveforms is not None
            volt = lane.waveforms.values[0]
            found.append((float(volt[volt.size // 2 :].mean()), to))
    return np.array(found)


def _currents(most_A: float) -> Iterator[tuple[float, float]]:
    """For each point the current by way of which it is reached, and its own.

    Summed up as JoSIM does, so that they round alike; the last of each run is beyond its end.
    """
    current = 0.0
    for by, sign in ((0.0, 1.0), (most_A, -1.0), (0.0, -1.0), (-most_A, 1.0)):
        last = most_A if by == 0.0 else 0.0
        while current * sign <= last:
            current += sign * _APART_A
            yield by, current


def _deck(model: ModelCard, place: Place) -> ParsedDeck:
    junction = ("B01", "1", "0", model.name)
    source = ("IB01", "0", "1", "PWL(0", "0", "10P", "0", "50P", "1U)")
    cards = [Line(place, junction), Line(place, source)]
    main = Scope("", place, cards=cards, models={model.name: model})
    transient = TransientAnalysis(_STEP_S, _STOP_S, 0.0, _STEP_S)
    prints = [PrintRequest("V", ("1",), -1, place)]
    return ParsedDeck(f"{place}: .iv", {"": main}, transient, prints, [])

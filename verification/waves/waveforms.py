"""Sampled signals of one simulation: the value object every simulator returns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from netlist_gen.errors import WaveformError
from netlist_gen.notebook import html_table

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class Waveforms:
    """Signals over one time axis.

    Attributes:
        time_s: time axis in seconds, strictly increasing, shape (samples,).
        names: JoSIM's column names, upper case, without quotes: ``P(B1|X1)`` is the phase of
            junction B1 in instance X1 (rad), ``V(..)`` a voltage (V), ``I(..)`` a current (A).
        values: shape (signals, samples), one row for each name.
    """

    time_s: FloatArray
    names: tuple[str, ...]
    values: FloatArray

    def __post_init__(self) -> None:
        if self.values.shape != (len(self.names), self.time_s.size):
            raise WaveformError(
                f"waveforms hold {self.values.shape[0]} rows of {self.values.shape[-1]} samples, "
                f"but {len(self.names)} names and {self.time_s.size} times were given"
            )
        if self.time_s.size > 1 and not np.all(np.diff(self.time_s) > 0):
            at = int(np.argmin(np.diff(self.time_s) > 0)) + 1
            raise WaveformError(
                f"time axis does not increase at sample {at} "
                f"({self.time_s[at - 1]:.9g} s, then {self.time_s[at]:.9g} s)"
            )

    @cached_property
    def rows(self) -> dict[str, int]:
        """The row of each name; of a name that is there twice, the first."""
        return {name: row for row, name in reversed(list(enumerate(self.names)))}

    def signal(self, name: str) -> FloatArray:
        """The row of one signal, shape (samples,); the name's case does not matter.

        Raises:
            WaveformError: no such signal; the message names some that are there.
        """
        try:
            return self.values[self.rows[name.upper()]]
        except KeyError:
            known = ", ".join(self.names[:6]) + (", ..." if len(self.names) > 6 else "")
            raise WaveformError(
                f"the waveforms have no signal {name!r}; they have {known}"
            ) from None

    def to_pandas(self) -> pd.DataFrame:
        """A column for each signal, over an index of the times in s."""
        import pandas as pd

        index = pd.Index(self.time_s, name="time")
        return pd.DataFrame(self.values.T, index=index, columns=list(self.names))

    def plot(
        self,
        signals: Sequence[str] | str | None = None,
        out: str | Path | None = None,
        **style: Any,
    ) -> Figure | Path:
        """Draw signals over time.

        Args:
            signals: names or patterns (``P(B1*)``); None is all in an interactive page (.html),
                the first ones in a picture.
            out: a file to write, .png, .svg, .pdf or .html.
            **style: of ``verification.waves.options.PlotOptions``: layout, phases, window_ps,
                marks.

        Returns:
            the figure; of an interactive page its path.

        Raises:
            ConfigurationError: a signal that is not there, or a file that can't be written.
        """
        from verification.waves.options import PlotOptions
        from verification.waves.plot import plot_waveforms

        path = None if out is None else Path(out)
        return plot_waveforms(self, signals, path, PlotOptions.of(style))

    def _repr_html_(self) -> str:
        kinds = {"P": "rad", "V": "V", "I": "A"}
        rows = (
            (name, kinds.get(name[0], ""), f"{row.min():.4g}", f"{row.max():.4g}")
            for name, row in zip(self.names[:20], self.values, strict=False)
        )
        return html_table(repr(self)[1:-1], ("signal", "unit", "least", "most"), rows)

    def __repr__(self) -> str:
        end = f" to {self.time_s[-1] * 1e12:.4g} ps" if self.time_s.size else ""
        shown = ", ".join(self.names[:4]) + (", ..." if len(self.names) > 4 else "")
        return f"<Waveforms: {len(self.names)} signals ({shown}), {self.time_s.size} times{end}>"

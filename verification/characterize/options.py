"""Options of ``characterize``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from netlist_gen.errors import ConfigurationError
from netlist_gen.library.options import ANNOTATE_HELP, BiasOptions
from netlist_gen.options import option
from verification.simulators.registry import NAMES
from verification.waves.kinds import KINDS, KINDS_HELP, check_kinds

if TYPE_CHECKING:
    from verification.characterize.measure.sweep import Axis
    from verification.characterize.measure.yields import Spreads


def _neighbours() -> tuple[str, ...]:
    from verification.characterize.subject.neighbours import NEIGHBOURS

    return NEIGHBOURS


GOALS = ("margin", "yield", "delay")
"""Of ``--optimize``."""

_OF_YIELD = ("monte_carlo", "goal=yield")
"""What draws samples of scattered cells."""


@dataclass(frozen=True)
class CharacterizeOptions(BiasOptions):
    """What to measure beside delays, spacings, energies and the state machine, and how."""

    sweeps: tuple[str, ...] = option(
        (),
        "An axis: a parameter's factor, period (factor) or temperature (K). Two make a shmoo.",
        flag="--sweep",
        metavar="NAME=LO:HI:N",
        multiple=True,
    )
    margins: bool = option(False, "Global bias, then every parameter alone.")
    tolerance: float = option(
        0.005,
        "Of each margin, as a factor.",
        positive=True,
        below=1.0,
        needs=("margins", "temperatures", "optimize"),
    )
    monte_carlo: int | None = option(None, "Yield over so many samples.", least=1)
    spreads: tuple[str, ...] = option(
        (),
        "One sigma of Ic, L, R, C or bias, e.g. L=0.05:0.02 [default: 0.05:0.02 of Ic, L, R].",
        flag="--spread",
        metavar="KIND=GLOBAL[:LOCAL]",
        multiple=True,
        needs=_OF_YIELD,
    )
    correlations: tuple[str, ...] = option(
        (),
        "Correlation of two kinds' draws, e.g. Ic,C=0.8.",
        flag="--correlation",
        metavar="KIND,KIND=RHO",
        multiple=True,
        needs=_OF_YIELD,
    )
    half_width: float | None = option(
        None,
        "End when the yield's interval is so narrow.",
        positive=True,
        below=1.0,
        needs=("monte_carlo",),
    )
    temperatures: tuple[float, ...] = option(
        (),
        "Thermal noise: delay, jitter and error rates at this temperature.",
        flag="--temperature",
        metavar="K",
        multiple=True,
        positive=True,
        below=9.0,
    )
    noise_runs: int = option(100, "Runs at each point.", least=1, needs=("temperatures",))
    optimize: bool = option(
        False, "Search for the values that serve --goal best; the cell found is the one measured."
    )
    goal: str = option(
        "margin",
        "What --optimize raises (a delay: lessens).",
        choices=GOALS,
        needs=("optimize",),
    )
    vary: tuple[str, ...] = option(
        (),
        "Elements that --optimize changes, by name or pattern, between two factors of nominal, in "
        "steps; joined by + they change alike [default: all but couplings, capacitors and shunts, "
        "0.5:2:0.005].",
        flag="--vary",
        metavar="NAME[=LO:HI[:STEP]]",
        multiple=True,
        needs=("optimize",),
    )
    against: tuple[str, ...] = option(
        (),
        "Parameters whose margins --optimize looks at, by name or pattern [default: all].",
        flag="--against",
        metavar="NAME",
        multiple=True,
        needs=("optimize",),
    )
    least_margin: float = option(
        0.2,
        "Of --goal delay: the least margin that is kept.",
        positive=True,
        below=0.9,
        needs=("goal=delay",),
    )
    starts: int = option(
        5,
        "Searches of --optimize: from the cell, then from about the best so far.",
        least=1,
        needs=("optimize",),
    )
    rounds: int = option(40, "Of each search, at most.", least=1, needs=("optimize",))
    load: str = option(
        "jtl",
        "Cell at each output: jtl, splitter, merger, or the TOML file of your own.",
        known=_neighbours,
        files=True,
    )
    driver: str = option("jtl", "Cell before each input, likewise.", known=_neighbours, files=True)
    simulator: str = option(
        "embedded", f"{', '.join(NAMES)} or auto.", known=lambda: ("auto", *NAMES)
    )
    seed: int = option(1, "Of all draws.", least=0)
    jobs: int | None = option(None, "Simulations at a time [default: cores].", least=1)
    timeout: float = option(120.0, "Seconds one simulation may take.", positive=True)
    scheduler: str | None = option(
        None, "Dask scheduler that runs the simulations.", metavar="ADDRESS"
    )
    resume: bool = option(False, "Go on with what a broken run left in the directory.")
    annotate: Path | None = option(None, ANNOTATE_HELP, metavar="FILE")
    waves: tuple[str, ...] = option(
        (), f"{KINDS_HELP} Of the stimulus on the nominal cell, in DIR/waves.", choices=KINDS
    )
    crosstalk: bool = option(False, "Of neurons: couple neighbouring synapses.")

    def __post_init__(self) -> None:
        super().__post_init__()
        check_kinds("--waves", self.waves)
        if self.against and self.goal == "yield":
            raise ConfigurationError(
                "--against is of --goal margin and delay; the goal is yield, which looks at no "
                "margins"
            )
        if self.optimize and self.annotate is not None:
            raise ConfigurationError(
                "--annotate goes not with --optimize: extracted values are not the optimizer's to "
                "change"
            )

    def axes(self) -> tuple[Axis, ...]:
        """The axes of the sweep. Raises ConfigurationError for one that is none."""
        from verification.characterize.measure.sweep import parse_axis

        return tuple(parse_axis(text) for text in self.sweeps)

    def spread(self) -> Spreads:
        """What scatters. Raises ConfigurationError for a spread or correlation that is none."""
        from verification.characterize.measure.yields import KINDS, Spreads

        pairs = [_correlation(text, KINDS) for text in self.correlations]
        _require_single("--correlation", [pair for pair, _ in pairs])
        correlation = dict(pairs)
        if not self.spreads:
            return Spreads(correlation=correlation)
        kinds = [_spread(text, KINDS) for text in self.spreads]
        _require_single("--spread", [kind for kind, _ in kinds])
        found = dict(kinds)
        bias, own = found.pop("bias", (0.0, 0.0))
        if own or not 0.0 <= bias < 1.0 / 3.0:
            raise ConfigurationError(
                f"--spread bias={bias:g}{f':{own:g}' if own else ''}: a bias is one for the whole "
                "cell, and its standard deviation 0 <= sigma < 1/3"
            )
        overall = {kind: sigma for kind, (sigma, _) in found.items()}
        local = {kind: sigma for kind, (_, sigma) in found.items()}
        return Spreads(overall, local, bias, correlation=correlation)


def _require_single(flag: str, names: list[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise ConfigurationError(f"{flag} has {name} {names.count(name)} times; give it once")


def _spread(text: str, kinds: tuple[str, ...]) -> tuple[str, tuple[float, float]]:
    match = re.fullmatch(r"(\w+)=([\d.eE+-]+)(?::([\d.eE+-]+))?", text)
    try:
        if match is None or match[1] not in (*kinds, "bias"):
            raise ValueError
        return match[1], (float(match[2]), float(match[3] or 0))
    except ValueError:
        raise ConfigurationError(
            f"--spread {text!r} is not KIND=GLOBAL[:LOCAL] with KIND one of "
            f"{', '.join(kinds)}, bias"
        ) from None


def _correlation(text: str, kinds: tuple[str, ...]) -> tuple[str, float]:
    match = re.fullmatch(r"(\w+),(\w+)=(-?(?:\d+(?:\.\d*)?|\.\d+))", text)
    named = {match[1], match[2]} & {*kinds} if match else set()
    if match is None or len(named) != 2 or not -1 <= float(match[3]) <= 1:
        raise ConfigurationError(
            f"--correlation {text!r} is not KIND,KIND=RHO with two of {', '.join(kinds)} and "
            "-1 <= RHO <= 1"
        )
    return ",".join(sorted(named, key=kinds.index)), float(match[3])

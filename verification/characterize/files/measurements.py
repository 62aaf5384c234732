"""Results as tidy rows: one measurement each, with the words that define it."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from netlist_gen.files import atomic_path
from verification.characterize.files.summary import Characterization
from verification.characterize.measure.timing import Arc, Pair

SCALES = {"ps": 1e12, "aJ": 1e18, "nW": 1e9}
"""Of units: what they make of a number in SI."""

COLUMNS = (
    "cell", "quantity", "input", "output", "context", "parameter", "side", "source", "load", "bias",
    "temperature_K", "value", "unit", "low", "high", "samples", "extrapolated", "simulator",
    "version", "process", "seed", "bound",
)  # fmt: skip

Values = Mapping[str, object]
"""A row by column; a column that does not apply is not there, or None."""

MakeRow = Callable[..., Values]
"""Called with quantity, value, unit and further columns, numbers in SI."""


def rows(result: Characterization) -> Iterator[Values]:
    """Every measurement of a characterization, at nominal conditions where it says no other."""
    nominal = {
        "cell": result.cell,
        "source": result.driver,
        "load": result.load,
        "bias": 1.0,
        "temperature_K": 0.0,
        "simulator": result.simulator,
        "version": result.version,
        "process": result.process,
    }

    def row(
        quantity: str, value: float, unit: str, pair: Pair = ("", ""), **rest: object
    ) -> Values:
        scale = SCALES.get(unit, 1.0)
        for name in ("low", "high"):
            end = rest.get(name)
            if isinstance(end, float):
                rest[name] = end * scale
        own = {
            "quantity": quantity,
            "value": value * scale if scale != 1.0 else value,
            "unit": unit,
        }
        return {**nominal, **own, "input": pair[0], "output": pair[1], **rest}

    for part in (_delays, _spacings, _energies, _margins, _error_rates, _neuron):
        yield from part(result, row)


def _delays(result: Characterization, row: MakeRow) -> Iterator[Values]:
    def spread(arcs: Iterable[Arc], **where: object) -> Iterator[Values]:
        for a in arcs:
            ends = {"low": a.least_s, "high": a.most_s, "samples": a.count}
            yield row("delay", a.mean_s, "ps", a.pair, **ends, **where)

    yield from spread(result.arcs)
    for pair, delay in result.junction_delays.items():
        yield row("delay_junctions", delay, "ps", pair)
    for pair, delay in result.voltage_delays.items():
        yield row("delay_voltage", delay, "ps", pair)
    for ratio, arcs in result.by_bias.items():
        yield from spread(arcs, bias=ratio) if ratio != 1.0 else ()  # nominal stands above
    for side, by_kind in (("load", result.by_load), ("source", result.by_source)):
        for kind, arcs in by_kind.items():
            for a in arcs:
                yield row("delay", a.mean_s, "ps", a.pair, **{side: kind})
    for t in result.by_temperature:
        where = {"pair": (t.input, t.output), "temperature_K": t.temperature_K, "samples": t.runs}
        yield row("delay", t.mean_s, "ps", **where)
        yield row("jitter", t.jitter_s, "ps", **where)
    for x in result.machine.transitions if result.machine else ():
        for output, delay in x.delays_s.items():
            context = f"state {x.state} to {x.next}"
            yield row("delay_state", delay, "ps", (x.input, output), context=context)


def _spacings(result: Characterization, row: MakeRow) -> Iterator[Values]:
    for s in result.spacings:
        yield row(
            s.kind, s.last_pass_s, "ps", (s.first, s.second), parameter=s.criterion,
            context=f"{s.first_text}; {s.second_text}", low=s.first_fail_s, high=s.last_pass_s,
            bound="<=" if s.first_fail_s is None else "",
        )  # fmt: skip
    if (period := result.period) is not None:
        yield row(
            "period", period.last_pass_s, "ps", context=period.bound(), low=period.first_fail_s,
            high=period.last_pass_s, bound="<=" if period.bound() else "",
        )  # fmt: skip


def _energies(result: Characterization, row: MakeRow) -> Iterator[Values]:
    for e in result.energies:
        context = f"{e.event} after {e.before}" if e.before else e.event
        yield row("energy", e.energy_J, "aJ", context=context)
        for source, energy in e.by_source_J.items():
            yield row("energy_source", energy, "aJ", context=context, parameter=source)
    yield row("static_power", result.static_W, "nW", load=None)


def _margins(result: Characterization, row: MakeRow) -> Iterator[Values]:
    for m in result.margins.margins if result.margins else ():
        for side, word in ((m.low, "-"), (m.high, "+")):
            where = {"parameter": m.parameter.name, "side": word}
            last = side.last_pass
            beyond = "" if side.first_fail is not None else "<=" if word == "-" else ">="
            yield row("margin", last, "1", low=last, high=side.first_fail, bound=beyond, **where)
            for first, last in side.islands:
                yield row("island", first, "1", low=first, high=last, **where)
    if result.yields:
        y = result.yields
        yield row("yield", y.rate, "1", low=y.low, high=y.high, samples=y.samples, seed=y.seed)


def _error_rates(result: Characterization, row: MakeRow) -> Iterator[Values]:
    for noise in result.noise:
        for r in noise.rates:
            where = {
                "bias": r.x if noise.axis == "bias" else noise.bias,
                "temperature_K": r.temperature_K,
                "parameter": f"overdrive={r.x:g}" if noise.axis == "overdrive" else "",
                "samples": r.runs,
                "seed": noise.seed,
            }
            counted = {"low": r.low, "high": r.high, "extrapolated": False}
            yield row("error_rate", r.rate, "1", **counted, **where)
            if r.extrapolated:
                rate, low, high = r.extrapolated
                fitted = {"low": low, "high": high, "extrapolated": True}
                yield row("error_rate", rate, "log10", **fitted, **{**where, "samples": None})


def _neuron(result: Characterization, row: MakeRow) -> Iterator[Values]:
    for o in result.overdrive:
        if o.delay_s is not None:
            excess = f"n-theta={o.excess}"
            yield row("overdrive_delay", o.delay_s, "ps", ("clk", "q"), parameter=excess)
    for w in result.arrival:
        where = {"pair": ("d", "clk"), "parameter": f"n-theta={w.excess}"}
        early, late = ">=" if w.earliest_open else "", "<=" if w.latest_open else ""
        yield row("arrival_earliest", w.earliest_s, "ps", bound=early, **where)
        yield row("arrival_latest", w.latest_s, "ps", bound=late, **where)
    for f in result.leftover:
        context = "next windows right" if f.next_right else "next windows wrong"
        yield row("leftover", f.fluxons, "fluxon", parameter=f"n-theta={f.excess}", context=context)


def write_csv(result: Characterization, path: Path) -> None:
    """``measurements.csv``: all rows with the conditions they were measured under."""
    table = [[_text(row.get(column)) for column in COLUMNS] for row in rows(result)]
    write_rows(path, COLUMNS, table)


def write_rows(path: Path, header: Sequence[str], table: Iterable[Sequence[object]]) -> None:
    """A CSV file, whole or not there."""
    with (
        atomic_path(path) as temporary,
        temporary.open("w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(table)


def _text(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.9g}" if isinstance(value, float) else str(value)

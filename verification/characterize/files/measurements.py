"""Results as tidy rows: one measurement each, with the words that define it."""

from __future__ import annotations

import csv
import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from netlist_gen.files import atomic_path

if TYPE_CHECKING:
    from verification.characterize.run import Characterization

PS, AJ, NW = 1e12, 1e18, 1e9

DEFINITIONS = {
    "delay": "arrival at the output port less arrival at the input port; arrival: the node's "
    "phase crosses rest + pi, i.e. the integral of its voltage crosses Phi0/2; mean, least and "
    "most over the steps of the stimulus",
    "delay_junctions": "phase crossing of the first junction of the load less that of the last "
    "junction of the source",
    "delay_voltage": "the same from printed voltages: integral from rest crossing Phi0/2, valid "
    "from 0.9 Phi0",
    "delay_state": "delay of one input in one state of the cell (fluxons in its loops)",
    "jitter": "standard deviation of the delay over runs with thermal noise",
    "setup": "least spacing of data before clock, arrivals at the ports",
    "hold": "least spacing of data after clock, arrivals at the ports (negative: before it)",
    "recovery": "least spacing of two pulses at one input, arrivals at the port",
    "separation": "least spacing of pulses at two inputs, arrivals at the ports",
    "period": "least mean spacing of the stimulus's steps, all moved in proportion, repeated to "
    "12 steps where the stimulus can follow itself",
    "energy": "work of the cell's bias sources that the event adds; static power not included",
    "energy_source": "the same, of one bias source",
    "static_power": "bias and control currents of the cell times the supply voltage",
    "margin": "factor of nominal at which the cell last passes, going outwards from 1; low and "
    "high: last pass and first fail; the pass: counts of every target in every window, forward "
    "pulses only, no flux left behind",
    "island": "passing grid points beyond the first failure: low and high are their ends",
    "yield": "share of passing samples with the 95 % Wilson interval; simulator failures apart",
    "error_rate": "runs of the stimulus that err over all runs (against n - theta: windows over "
    "windows), with the 95 % Wilson interval; log10 of the rate from the Gaussian grey zone where "
    "marked extrapolated",
    "overdrive_delay": "delay from the clock to q of a neuron at n - theta",
    "arrival_earliest": "how long before the decision clock data may come",
    "arrival_latest": "how long before the decision clock the last data must come",
    "leftover": "fluxons in the storage loops at the end of a window below threshold",
}

COLUMNS = (
    "cell", "quantity", "input", "output", "context", "parameter", "side", "source", "load", "bias",
    "temperature_K", "value", "unit", "low", "high", "samples", "extrapolated", "simulator",
    "version", "process", "seed",
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One measurement; empty strings where a column does not apply."""

    quantity: str
    value: float
    unit: str
    input: str = ""
    output: str = ""
    context: str = ""
    parameter: str = ""
    side: str = ""
    source: str = "jtl"
    load: str = "jtl"
    bias: float | str = 1.0
    temperature_K: float | str = 0.0
    low: float | str = ""
    high: float | str = ""
    samples: int | str = ""
    extrapolated: bool | str = ""
    seed: int | str = ""


def rows(result: Characterization) -> Iterator[Row]:
    """Every measurement of a characterization."""
    load = result.load
    yield from _timing_rows(result, load)
    for e in result.energies:
        context = f"{e.event} after {e.before}" if e.before else e.event
        yield Row("energy", e.energy_J * AJ, "aJ", context=context, load=load)
        for source, energy in e.by_source_J.items():
            yield Row(
                "energy_source", energy * AJ, "aJ", context=context, parameter=source, load=load
            )
    yield Row("static_power", result.static_W * NW, "nW", load="")
    if result.margins:
        for m in result.margins.margins:
            for side, word in ((m.low, "-"), (m.high, "+")):
                fail = "" if side.first_fail is None else side.first_fail
                yield Row(
                    "margin", side.last_pass, "1", parameter=m.parameter.name, side=word,
                    low=side.last_pass, high=fail, load=load,
                )  # fmt: skip
                for first, last in side.islands:
                    yield Row(
                        "island", first, "1", parameter=m.parameter.name, side=word, low=first,
                        high=last, load=load,
                    )  # fmt: skip
    if result.yields:
        y = result.yields
        yield Row(
            "yield", y.rate, "1", low=y.low, high=y.high, samples=y.samples, seed=y.seed, load=load
        )
    for noise in result.noise:
        for r in noise.rates:
            bias: float | str = r.x if noise.axis == "bias" else noise.bias
            parameter = "" if noise.axis in ("bias", "temperature") else f"{noise.axis}={r.x:g}"
            yield Row(
                "error_rate", r.rate, "1", low=r.low, high=r.high, samples=r.runs, bias=bias,
                temperature_K=r.temperature_K, seed=noise.seed, parameter=parameter, load=load,
                extrapolated=False,
            )  # fmt: skip
            if r.extrapolated:
                rate, low, high = r.extrapolated
                yield Row(
                    "error_rate", rate, "log10", low=low, high=high, bias=bias,
                    temperature_K=r.temperature_K, seed=noise.seed, parameter=parameter,
                    load=load, extrapolated=True,
                )  # fmt: skip
    yield from _neuron_rows(result, load)


def _timing_rows(result: Characterization, load: str) -> Iterator[Row]:
    for a in result.arcs:
        yield Row(
            "delay", a.mean_s * PS, "ps", a.input, a.output, low=a.least_s * PS,
            high=a.most_s * PS, samples=a.count, load=load,
        )  # fmt: skip
    for (source, target), delay in result.junction_delays.items():
        yield Row("delay_junctions", delay * PS, "ps", source, target, load=load)
    for (source, target), delay in result.voltage_delays.items():
        yield Row("delay_voltage", delay * PS, "ps", source, target, load=load)
    for ratio, arcs in result.by_bias.items():
        for a in arcs if ratio != 1.0 else ():  # nominal stands above
            yield Row(
                "delay", a.mean_s * PS, "ps", a.input, a.output, bias=ratio, low=a.least_s * PS,
                high=a.most_s * PS, samples=a.count, load=load,
            )  # fmt: skip
    for other, arcs in result.by_load.items():
        for a in arcs:
            yield Row("delay", a.mean_s * PS, "ps", a.input, a.output, load=other)
    for other, arcs in result.by_source.items():
        for a in arcs:
            yield Row("delay", a.mean_s * PS, "ps", a.input, a.output, source=other, load=load)
    for t in result.by_temperature:
        yield Row(
            "delay", t.mean_s * PS, "ps", t.input, t.output, temperature_K=t.temperature_K,
            samples=t.runs, load=load,
        )  # fmt: skip
        yield Row(
            "jitter", t.jitter_s * PS, "ps", t.input, t.output, temperature_K=t.temperature_K,
            samples=t.runs, load=load,
        )  # fmt: skip
    if result.machine:
        for x in result.machine.transitions:
            for output, delay in x.delays_s.items():
                yield Row(
                    "delay_state", delay * PS, "ps", x.input, output,
                    context=f"state {x.state} to {x.next}", load=load,
                )  # fmt: skip
    for s in result.spacings:
        fail = "" if s.first_fail_s is None else s.first_fail_s * PS
        yield Row(
            s.kind, s.last_pass_s * PS, "ps", s.first, s.second,
            context=f"{s.first_text}; {s.second_text}", parameter=s.criterion,
            low=fail, high=s.last_pass_s * PS, load=load,
        )  # fmt: skip
    if result.period_s[0]:
        fail = result.period_s[1] * PS if result.period_s[1] else ""
        yield Row("period", result.period_s[0] * PS, "ps", low=fail, load=load)


def _neuron_rows(result: Characterization, load: str) -> Iterator[Row]:
    for o in result.overdrive:
        if o.delay_s is not None:
            yield Row(
                "overdrive_delay", o.delay_s * PS, "ps", "clk", "q",
                parameter=f"n-theta={o.excess}", load=load,
            )  # fmt: skip
    for w in result.arrival:
        for name, value in (
            ("arrival_earliest", w.earliest_s),
            ("arrival_latest", w.latest_s),
        ):
            yield Row(name, value * PS, "ps", "d", "clk", parameter=f"n-theta={w.excess}")
    for f in result.leftover:
        yield Row(
            "leftover", f.fluxons, "fluxon", parameter=f"n-theta={f.excess}",
            context="next windows right" if f.next_right else "next windows wrong",
        )  # fmt: skip


def write_csv(result: Characterization, path: Path) -> None:
    """``measurements.csv``: all rows with the conditions they were measured under."""
    same = {
        "cell": result.cell,
        "simulator": result.simulator,
        "version": result.version,
        "process": result.process,
    }
    table = []
    for row in rows(result):
        values = {**dataclasses.asdict(row), **same}
        table.append([_text(values[column]) for column in COLUMNS])
    write_rows(path, COLUMNS, table)


def write_rows(path: Path, header: Sequence[str], table: Sequence[Sequence[object]]) -> None:
    """A CSV file, whole or not there."""
    with (
        atomic_path(path) as temporary,
        temporary.open("w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(table)


def _text(value: object) -> str:
    return f"{value:.9g}" if isinstance(value, float) else str(value)

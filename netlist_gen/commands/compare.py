"""``netlist-gen compare``: two files of waveforms held against each other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from netlist_gen.errors import MismatchError
from netlist_gen.options import options_of
from verification.waves.options import CompareOptions

if TYPE_CHECKING:
    from verification.waves.compare import Comparison

_SHOWN = 20


@click.command()
@click.argument("a", type=click.Path(path_type=Path))
@click.argument("b", type=click.Path(path_type=Path))
@click.option(
    "--signals",
    multiple=True,
    metavar="PATTERN",
    help="Name or pattern, P(B1*|XL0N00); may be repeated [default: all].",
)
@options_of(CompareOptions)
@click.option("--json", "as_json", is_flag=True, help="Print all of it as JSON.")
def compare(a: Path, b: Path, signals: tuple[str, ...], as_json: bool, **options: Any) -> None:
    """Hold the waveforms in A against those in B (.csv, .raw, .parquet, .npz).

    At A's times, within what both hold: 2 pi advances of each phase, their times, the largest
    difference of each signal. Exit status 1 where more differs than is allowed, or one of them
    has a signal, or times, that the other has not.
    """
    from netlist_gen import api

    found = api.compare(a, b, list(signals) or None, **options)
    if as_json:
        click.echo(json.dumps(found.to_json(), indent=2))
    else:
        _print(found, a, b)
    if not found.agreed:
        raise MismatchError(_sentence(found, a, b))


def _print(found: Comparison, a: Path, b: Path) -> None:
    for file, names in ((a, found.only_a), (b, found.only_b)):
        if names:
            more = ", ..." if len(names) > _SHOWN else ""
            click.echo(f"only in {file}: {', '.join(names[:_SHOWN])}{more}")
    different = found.different
    shown = different if len(found.signals) > _SHOWN else found.signals
    for one in shown[:_SHOWN]:
        verdict = "" if one.agrees(found.options) else "DIFFERS: "
        click.echo(f"{one.name}: {verdict}{one.words()}")
    if len(shown) > _SHOWN:
        click.echo(f"... and {len(shown) - _SHOWN} more that differ")
    click.echo(
        f"{len(found.signals) - len(different)} of {len(found.signals)} signals agree from "
        f"{found.begin_s * 1e12:.6g} to {found.end_s * 1e12:.6g} ps"
    )


def _sentence(found: Comparison, a: Path, b: Path) -> str:
    """What differs, in one sentence."""
    if found.different:
        one = max(found.different, key=lambda one: (one.shift_s, one.share))
        count = len(found.different)
        signals = f"{count} signal{'s differ' if count > 1 else ' differs'}"
        return f"{a} and {b}: {signals}, most {one.name}: {one.words()}"
    if found.cut_off:
        longer, shorter = (a, b) if found.alone_s[0] >= found.alone_s[1] else (b, a)
        return (
            f"{shorter} lacks {max(found.alone_s) * 1e12:.6g} ps of {longer}; what both hold "
            "agrees (--overlap: that will do)"
        )
    missing = (*found.only_a, *found.only_b)[0]
    return f"{a} and {b} do not hold the same signals: {missing} is in one of them alone"

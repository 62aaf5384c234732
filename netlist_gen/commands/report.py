"""``netlist-gen report``: the HTML report again from a finished run."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
def report(run: Path) -> None:
    """Write RUN/report.html again from what a finished run left in RUN."""
    from verification.report.html import write_report

    click.echo(write_report(run))

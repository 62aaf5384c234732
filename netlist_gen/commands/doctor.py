"""``netlist-gen doctor``: which simulators are here and how to get the rest."""

from __future__ import annotations

import json

import click


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the same as JSON.")
def doctor(as_json: bool) -> None:
    """Say which simulators are here, in which version, and how to get the rest."""
    from verification.simulators.doctor import examine, this_platform
    from verification.simulators.registry import automatic

    rows = examine()
    if as_json:
        report = {
            "auto": automatic(),
            "platform": this_platform(),
            "simulators": [row.as_json() for row in rows],
        }
        click.echo(json.dumps(report, indent=2))
        return
    width = max(len(row.name) for row in rows)
    for row in rows:
        facts = [row.status]
        if row.version:
            facts.append(f"version {row.version}")
        if row.path:
            facts.append(row.path)
        if row.known_good:
            facts.append(f"tested with {', '.join(row.known_good)}")
        click.echo(f"{row.name:{width}}  {'; '.join(facts)}")
        for line in (row.note, row.advice()):
            if line:
                click.echo(f"{'':{width}}  -> {line}")
    click.echo(f"--simulator auto takes {automatic()} here.")

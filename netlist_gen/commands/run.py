"""``netlist-gen run``: commands with their options from a TOML file."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("campaign", type=click.Path(path_type=Path))
@click.option("--dry-run", is_flag=True, help="Print the commands, and run none.")
def run(campaign: Path, dry_run: bool) -> None:
    """Run the commands in CAMPAIGN, a TOML file, one after the other.

    A table is a command, its keys are the command's options and arguments by name; [[verify]]
    may be there several times. Paths are seen from the file's folder. The first command that
    fails ends the run with its exit status.
    """
    import shlex

    from netlist_gen.campaign_file import read_campaign
    from netlist_gen.cli import cli
    from netlist_gen.commands import common

    for step in read_campaign(campaign):
        click.echo(f"$ {shlex.join(['netlist-gen', *step.words])}", err=not dry_run)
        if not dry_run:
            common.STEP[:] = step.words
            try:
                cli.main(list(step.words), prog_name="netlist-gen", standalone_mode=False)
            finally:
                common.STEP.clear()

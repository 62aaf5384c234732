"""``netlist-gen completion``: the script that makes a shell complete commands and values."""

from __future__ import annotations

import click

SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
def completion(shell: str) -> None:
    """Print the script that completes commands, options and values in SHELL.

    For bash: eval "$(netlist-gen completion bash)" in ~/.bashrc; zsh likewise; for fish:
    netlist-gen completion fish > ~/.config/fish/completions/netlist-gen.fish
    """
    from click.shell_completion import get_completion_class

    from netlist_gen.cli import cli

    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(cli, {}, "netlist-gen", "_NETLIST_GEN_COMPLETE").source())

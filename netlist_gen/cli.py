"""The command line: finds the command, and turns errors into a sentence and an exit status.

Exit status: 0 all agreed; 1 the simulation disagreed with the reference, or a run failed;
2 the input or the command was wrong.
"""

from __future__ import annotations

import importlib
import sys

import click

from netlist_gen import __version__
from netlist_gen.errors import NetlistGenError

COMMANDS = (
    "demo",
    "train",
    "evaluate",
    "convert",
    "inspect",
    "generate",
    "verify",
    "simulate",
    "doctor",
    "report",
)
"""In the order of the flow; each is ``netlist_gen/commands/NAME.py``, imported when it is used."""


class LazyGroup(click.Group):
    """Imports a command's module when the command is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"netlist_gen.commands.{cmd_name}")
        command = getattr(module, cmd_name)
        assert isinstance(command, click.Command)
        return command


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="netlist-gen")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def cli(debug: bool) -> None:
    """From trained ternary spiking networks to SFQ netlists that are verified."""


def main() -> None:
    """Entry point of ``netlist-gen``."""
    debug = "--debug" in sys.argv[1:]
    try:
        status = cli.main(prog_name="netlist-gen", standalone_mode=False)
        sys.exit(status if isinstance(status, int) else 0)
    except click.exceptions.Exit as error:
        sys.exit(error.exit_code)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        sys.exit(error.exit_code)
    except click.UsageError as error:
        # click's own form is four lines; the contract is one or two sentences.
        command = error.ctx.command_path if error.ctx else "netlist-gen"
        message = " ".join(error.format_message().split()).rstrip(".")
        click.echo(f"netlist-gen: {message}. `{command} --help` says what is allowed.", err=True)
        sys.exit(error.exit_code)
    except click.ClickException as error:
        click.echo(f"netlist-gen: {error.format_message()}", err=True)
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("netlist-gen: interrupted", err=True)
        sys.exit(1)
    except NetlistGenError as error:
        if debug:
            raise
        click.echo(f"netlist-gen: {error}", err=True)
        sys.exit(error.exit_status)
    except OSError as error:  # a full disk, a vanished directory: the system's words name it
        if debug:
            raise
        place = f"{error.filename}: " if error.filename else ""
        click.echo(f"netlist-gen: {place}{error.strerror or error}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()

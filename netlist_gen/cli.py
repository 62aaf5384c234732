"""The command line: finds the command, and turns errors into a sentence and an exit status.

Exit status: 0 all agreed; 1 the simulation disagreed with the reference, or a run failed;
2 the input or the command was wrong; 130 interrupted.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, redirect_stderr, redirect_stdout
from types import FrameType
from typing import TYPE_CHECKING

import click

from netlist_gen.errors import INTERRUPTED, NetlistGenError
from netlist_gen.version import __version__

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

COMMANDS = {
    "demo": "Run the main job on handwritten digits, from checkpoint to report.",
    "train": "Train a ternary spiking network.",
    "search": "Train many networks: accuracy against price, the Pareto front.",
    "adapt": "Make any snnTorch network one that the circuit computes, on own data.",
    "evaluate": "Print a network's accuracy.",
    "convert": "Write a network in another format.",
    "inspect": "Print a network's semantics, layers and circuit cost.",
    "performance": "Throughput, latency, power and energy of a network, beside the source's.",
    "generate": "Write a network's decks and manifest.json.",
    "verify": "Simulate a network and hold it against the reference.",
    "simulate": "Simulate a deck and write JoSIM's CSV.",
    "compare": "Hold the waveforms of two files against each other.",
    "plot": "Draw waveforms: a picture, or an interactive page.",
    "characterize": "Measure a cell: delay, margins, yield, noise, energy, models.",
    "doctor": "Say which simulators are here and how to get the rest.",
    "report": "Write the report of a finished run again.",
    "run": "Run commands with their options from a TOML file.",
    "completion": "Print the script that makes a shell complete commands and values.",
}
"""In the order of the flow; each is ``netlist_gen/commands/NAME.py``, imported when it is used,
so that help comes at once."""


LONGEST_MESSAGE = 4000
"""Characters of an error that are shown."""


class LazyGroup(click.Group):
    """Imports a command's module when the command is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """All names."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command of that name, its module imported."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"netlist_gen.commands.{cmd_name}")
        command = getattr(module, cmd_name)
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click's, with the name that may be meant."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from netlist_gen.suggest import did_you_mean

            hint = did_you_mean(args[0], COMMANDS)
            if not hint:
                raise
            words = f"there is no command {args[0]!r}; {hint}"
            raise click.UsageError(words, error.ctx) from None

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Names of commands, without importing one of them."""
        from click.shell_completion import CompletionItem

        own = click.Command.shell_complete(self, ctx, incomplete)
        names = [name for name in COMMANDS if name.startswith(incomplete)]
        return [*(CompletionItem(name, help=COMMANDS[name]) for name in names), *own]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """The list of commands, without importing one of them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "-V", "--version", prog_name="netlist-gen")
@click.option("--debug", is_flag=True, help="Show the traceback of an error; also after a command.")
@click.option(
    "--quiet",
    is_flag=True,
    help="Print errors, and what is asked for on standard output (--json, -o -), and nothing "
    "else; also after a command.",
)
def cli(debug: bool, quiet: bool) -> None:
    """From trained ternary spiking networks to SFQ netlists that are verified.

    Exit status: 0 all agreed; 1 simulation and reference disagree, or a run failed; 2 the input
    or the command was wrong; 130 interrupted.
    """


def main() -> None:
    """Entry point of ``netlist-gen``."""
    arguments = [word for word in sys.argv[1:] if word not in ("--debug", "--quiet")]
    debug, quiet = "--debug" in sys.argv[1:], "--quiet" in sys.argv[1:]
    try:
        with _termination_interrupts(), _quietly(quiet, arguments):
            status = cli.main(arguments, prog_name="netlist-gen", standalone_mode=False)
        if sys.stdout is not None:  # a reader that has gone away is noticed here
            sys.stdout.flush()
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
        end = "" if message.endswith("?") else "."
        _fail(f"{message}{end} `{command} --help` says what is allowed.", error.exit_code)
    except click.ClickException as error:
        _fail(error.format_message(), error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        _fail("interrupted", INTERRUPTED)
    except BrokenPipeError:  # `netlist-gen inspect NET | head`: nobody is left to be told
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except NetlistGenError as error:
        if debug:
            raise
        _fail(str(error), error.exit_status)
    except OSError as error:  # a full disk, a vanished directory: the system's words name it
        if debug:
            raise
        place = f"{error.filename}: " if error.filename else ""
        _fail(f"{place}{error.strerror or error}", 1)
    except Exception as error:
        if debug:
            raise
        words = " ".join(f"{type(error).__name__} {error}".split())
        _fail(f"an error of the program itself ({words}); --debug shows where", 1)


def _fail(message: str, status: int) -> None:
    from netlist_gen.files import printable

    # What a message quotes, a path or a name from a file, may hold any character.
    click.echo(f"netlist-gen: {printable(message, LONGEST_MESSAGE)}", err=True)
    sys.exit(status)


@contextmanager
def _quietly(quiet: bool, arguments: list[str]) -> Iterator[None]:
    """While a command runs, with --quiet: no progress and no notes; no output but what is asked."""
    if not quiet:
        yield
        return
    from netlist_gen.commands import common

    asked = "--json" in arguments or "-" in arguments
    kept = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - closed below
    common.QUIET = True
    try:
        with redirect_stderr(kept), nullcontext() if asked else redirect_stdout(kept):
            yield
    finally:
        common.QUIET = False
        kept.close()


@contextmanager
def _termination_interrupts() -> Iterator[None]:
    """While a command runs, SIGTERM interrupts it as Ctrl-C does.

    Simulators it has started are stopped and temporary files removed.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


if __name__ == "__main__":
    main()

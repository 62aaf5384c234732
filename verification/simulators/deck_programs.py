r"""What in a deck makes ngspice or WRspice run commands, programs and files.

Each line was tried on ngspice 39 and WRspice 4.3 with a deck that would leave a file: ``.control``
blocks, also after ``.end``, in ``.if``, behind ``\``; ``*#`` and ``*@`` in comments; ``.exec``,
``.postrun`` and ``.measure`` with a command; a first line ``*ng_script``; whatever an included file
holds. Both take words by their beginnings (``.controls``), so what is allowed is named, not what is
not. JoSIM and the embedded engine run nothing.
"""

from __future__ import annotations

from collections.abc import Callable

from netlist_gen.deck.lines import SUBCIRCUIT_ENDS, SUBCIRCUITS, logical_lines
from netlist_gen.errors import DeckError
from netlist_gen.files import printable
from verification.simulators.base import DeckJob
from verification.simulators.saved_signals import Saved, read_saved

_NAMES = (
    "ac csparam dc disto elif else elseif end endif ends eom four fourier func global ic if macro "
    "model nodeset noise op opt option options opts param plot print probe pz save sens subckt "
    "temp tf title tran width"
)
_HARMLESS = frozenset(f".{name}" for name in _NAMES.split())
_COMMANDS = ("*#", "*@")
_SCRIPT = "*ng_script"
_PROCESS = "d_process"


def asked_of(job: DeckJob, check: Callable[[str], None] = lambda _: None) -> Saved:
    """What a deck saves, after all that speaks against running it.

    Args:
        job: the deck.
        check: raises what else is wrong with its text.

    Raises:
        DeckError: a deck that could run commands and is not trusted, that is wrong for ``check``,
            or that does not say what it saves.
    """
    try:
        if not job.trusted:
            refuse_programs(job.text)
        check(job.text)
        return read_saved(job.text)
    except DeckError as error:
        raise DeckError(printable(f"deck {job.name}: {error}")) from error


def refuse_programs(text: str) -> None:
    """Refuse a deck that could make its simulator run commands or read other files.

    Raises:
        DeckError: the first such line, with its number and the word.
    """
    lines = list(enumerate(text.replace("\r", "\n").split("\n"), 1))
    for number, line in lines:
        bare = line.strip()
        if bare.startswith(_COMMANDS):
            raise _refused(number, bare[:2], "begins a command")
        if number == 1 and bare.lower().startswith(_SCRIPT):
            raise _refused(number, _SCRIPT, "makes the deck a script of commands")
        if bare.endswith("\\"):
            raise _refused(number, "\\", "at a line's end hides how the next begins")
        if "`" in bare and number > 1 and not bare.startswith("*"):
            raise _refused(number, "`", "can run a command")
    for number, line in logical_lines(lines, comments=""):
        words = line.lower().split()
        if words[0].startswith(".") and words[0] not in _HARMLESS:
            word = line.split()[0]
            if words[0].startswith((".inc", ".lib", ".spinc", ".splib")):
                raise _refused(number, word, "reads another file, which can hold commands")
            raise _refused(number, word, "can run commands and programs")
        if _PROCESS in line.lower() and words[0] == ".model":
            raise _refused(number, _PROCESS, "runs a program")


_BRANCHES = (".if", ".elif", ".elseif", ".else", ".endif")


def refuse_unread(text: str, *, titled: bool) -> None:
    """Refuse a deck of which a simulator may not read all: what isn't read can't be judged by.

    Of two subcircuits of one name simulators take one or the other.

    Args:
        text: the deck.
        titled: whether its simulator takes the first line for a title, whatever it says.

    Raises:
        DeckError: the first such line, with its number.
    """
    ended, cell = False, ""
    cells: set[str] = set()
    for number, line in logical_lines(enumerate(text.split("\n"), 1)):
        words = line.split()
        word, shown = words[0], printable(" ".join(words), 40)
        if ended:
            raise DeckError(f"line {number}: {shown} is behind .end, and not read")
        if word.lower() in SUBCIRCUITS:
            name = words[1].upper() if len(words) > 1 else ""
            if cell or name in cells or word.lower() != ".subckt":
                raise DeckError(
                    f"line {number}: {shown}: a deck that is judged has each subcircuit once, "
                    "outside others, as .subckt"
                )
            cell = name or "?"
            cells.add(name)
        elif word.lower() in SUBCIRCUIT_ENDS:
            cell = ""
        if word.lower() in _BRANCHES:
            raise DeckError(f"line {number}: {word}: a deck that is judged has no branches")
        if titled and number == 1:
            raise DeckError(
                f"line 1: {shown} would be taken for the title; begin the deck with a comment (*)"
            )
        ended = word.lower() == ".end"


def _refused(number: int, word: str, does: str) -> DeckError:
    return DeckError(
        f"line {number}: {printable(word, 40)} {does}; decks that do are run by simulate "
        "--trust-deck alone"
    )

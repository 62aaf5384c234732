"""JoSIM as a subprocess: version 2.7 or later, every warning that changes the circuit an error."""

from __future__ import annotations

import re
from pathlib import Path

from netlist_gen.deck.lines import logical_lines
from netlist_gen.errors import DeckError, SimulatorError
from verification.simulators.base import DeckJob
from verification.simulators.subprocess_simulator import SubprocessSimulator
from verification.waves.josim_controls import Controls, read_controls
from verification.waves.readers.josim_csv import read_josim_csv
from verification.waves.waveforms import Waveforms

OLDEST_VERSION = (2, 7)
_WRITE = (".FILE", "FILE", ".IV")
"""Lines with which a deck makes JoSIM write a file; IV too inside ``.control``."""

_VERSION = re.compile(r"\bv(\d+)\.(\d+)(?:\.([0-9a-z]+))?")

# A block of JoSIM's messages: "W: Controls" or "E: Input", then sentences, then an empty line.
_MESSAGE = re.compile(r"^([WE]): (.*?)(?:\n[ \t]*\n|\Z)", re.MULTILINE | re.DOTALL)

# The one warning that leaves the circuit as asked: a source whose amplitude is 0.
_HARMLESS = "this renders the function redundant"


def without_files(text: str) -> str:
    """A deck whose ``.file`` and ``.iv`` lines are comments.

    JoSIM writes wherever these lead, and replaces what is there. All that is printed is in its
    output anyway; who wants the files makes them of that.

    Raises:
        DeckError: an ``.include``, which could bring such lines with it.
    """
    lines = text.split("\n")
    in_control = in_line = False
    for number, line in enumerate(lines):
        words = line.replace("\r", "").upper().split()
        first = words[0] if words else ""
        if first in (".CONTROL", ".ENDC"):
            in_control = first == ".CONTROL"
        if first[:1] in ("", "*", "#"):
            continue
        if first[0] != "+":
            in_line = first in _WRITE or (in_control and first == "IV")
        if first in (".INCLUDE", "INCLUDE"):
            raise DeckError(
                f"line {number + 1}: {first.lower()}: JoSIM is given decks that are whole; put "
                "in its place what it includes"
            )
        if in_line:
            lines[number] = f"* {line}"
    return "\n".join(lines)


def _refuse_kinetic(text: str) -> None:
    """Raises DeckError where an inductor depends on its current, which JoSIM does not know."""
    for _, line in logical_lines(enumerate(text.split("\n"), start=1)):
        words = line.upper().split()
        if words and words[0].startswith("L") and any(w.startswith("IK=") for w in words):
            raise DeckError(
                f"{words[0]} has ik=, which JoSIM 2.7 reads over: it would be a constant inductor "
                "there; use --simulator embedded"
            )


class JosimSimulator(SubprocessSimulator[Controls]):
    """``josim-cli -m 1 -o out.csv deck.cir`` in the run's own directory."""

    name = "josim"
    dialect = "josim"
    title = "JoSIM"
    program = "josim-cli"

    def _checked_version(self, program: str) -> str:
        answer = self._ask_version(program, ["--version"])
        match = _VERSION.search(answer)
        if match is None:
            shown = " ".join(answer.split())[:120]
            raise SimulatorError(
                f"{program} does not answer --version as JoSIM does; it says {shown!r}"
            )
        version = match[0].removeprefix("v")
        if (int(match[1]), int(match[2])) < OLDEST_VERSION:
            raise SimulatorError(
                f"JoSIM at {program} is version {version}; 2.7 or later is needed "
                "(older ones read decks differently)"
            )
        return version

    def _prepare(self, job: DeckJob) -> Controls:
        _refuse_kinetic(job.text)
        without_files(job.text)
        return read_controls(job.text)

    def _deck_text(self, job: DeckJob, asked: Controls) -> str:  # noqa: ARG002 - as it is called
        return without_files(job.text)

    def _command(self, executable: str) -> list[str]:
        # -m takes the next word as its value; without the 1 it would take the next option's.
        return [executable, "-m", "1", "-o", "out.csv", "deck.cir"]

    def _complaint(self, stdout: str, stderr: str) -> str | None:
        for text in (stderr, stdout):
            for match in _MESSAGE.finditer(text):
                sentence = " ".join(match[2].split())
                if _HARMLESS not in sentence:
                    return f"{match[1]}: {sentence[:300]}"
        return None

    def _read(self, directory: Path, asked: Controls) -> Waveforms:
        output = directory / "out.csv"
        if not output.exists():
            raise SimulatorError("it ended without an error but wrote no output")
        return read_josim_csv(output, asked)

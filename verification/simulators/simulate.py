"""Any deck on any simulator that reads it, to waveforms or to a file."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from netlist_gen.deck.lines import read_deck_text
from netlist_gen.errors import ConfigurationError, DeckError
from netlist_gen.files import printable
from verification.simulators.base import DeckJob
from verification.simulators.deck_programs import refuse_programs
from verification.simulators.includes import read_with_includes
from verification.simulators.options import SimulateOptions
from verification.simulators.registry import get_simulator
from verification.simulators.saved_signals import check_dialect
from verification.waves.files import waveform_writer, write_waveforms
from verification.waves.waveforms import Waveforms

_INCLUDES = re.compile(r"(?im)^[ \t]*\.?include\b")


@dataclass(frozen=True, eq=False)
class Simulated:
    """A deck that has run.

    Attributes:
        simulator: its name.
        version: and version.
        signals: how many.
        samples: times of each.
        waveforms: what it printed; None where it went to a file.
    """

    simulator: str
    version: str
    signals: int
    samples: int
    waveforms: Waveforms | None


def simulate(
    deck: Path,
    out: Path | None,
    options: SimulateOptions,
    note: Callable[[str], None] = lambda _: None,
) -> Simulated:
    """Simulate a deck.

    Args:
        deck: the file.
        out: .csv (JoSIM's columns), .parquet or .npz; the file is whole or not there. None keeps
            the waveforms in memory.
        options: see there.
        note: called with each sentence that a user should read.

    Raises:
        DeckError: a deck that can't be read, or is of another dialect.
        ConfigurationError: options or an output that can't be.
        SimulatorError: the simulator is missing or fails.
    """
    if out is not None and not out.parent.is_dir():
        raise ConfigurationError(f"{out.parent} is not a directory; {out} can't be written")
    chosen = get_simulator(options.simulator)
    end = time.perf_counter() + options.timeout
    text = _text(deck, chosen.dialect, options, lambda: time.perf_counter() > end, note)
    version = chosen.version()
    if chosen.name == "embedded":
        return _embedded(deck, out, options, version, note)
    if options.seed is not None or options.check_step:
        raise ConfigurationError(
            f"--seed and --check-step are the embedded engine's; {chosen.name} was chosen "
            "(use --simulator embedded)"
        )
    try:
        job = DeckJob(deck.stem, text, own=True, trusted=options.trust_deck)
        outcome = chosen.run(job, timeout_s=options.timeout)
    except DeckError as error:
        # A line's number is that of the text that the simulator is given.
        place = f"{deck}, with what it includes" if _INCLUDES.search(_read(deck)) else f"{deck}"
        words = str(error).removeprefix(f"deck {job.name}: ")
        raise DeckError(printable(f"{place}: {words}")) from error
    waves = outcome.require()
    if out is not None:
        write_waveforms(out, waves)
    kept = waves if out is None else None
    return Simulated(chosen.name, version, len(waves.names), waves.time_s.size, kept)


def _text(
    deck: Path,
    dialect: str,
    options: SimulateOptions,
    deadline: Callable[[], bool],
    note: Callable[[str], None],
) -> str:
    """The deck's text, with what it includes where that may be read. Raises as ``simulate``."""
    if dialect != "josim":
        text = _read(deck)
        check_dialect(text, dialect, str(deck))
        if not options.trust_deck:
            try:
                refuse_programs(text)
            except DeckError as error:
                raise DeckError(f"{deck}: {error}") from error
        _note_title(text, deck, note)
        if not options.trust_deck:
            return text
    text = read_with_includes(deck, deadline, title=dialect != "josim")
    check_dialect(text, dialect, str(deck))
    return text


def _note_title(text: str, deck: Path, note: Callable[[str], None]) -> None:
    title = text.split("\n", 1)[0]
    if not title.startswith("*"):
        note(f"note: {deck}, line 1: the title, as in all SPICE decks: {printable(title, 60)}")


def _read(deck: Path) -> str:
    return read_deck_text(deck, lambda why: DeckError(f"{deck}: can't be read ({why})"))


def _embedded(
    deck: Path,
    out: Path | None,
    options: SimulateOptions,
    version: str,
    note: Callable[[str], None],
) -> Simulated:
    """Run on the engine, writing while it runs."""
    from verification.engine.check_step import check_step
    from verification.engine.ready import make_ready
    from verification.engine.run import compile_deck_file

    make_ready(lanes=1)
    end = time.perf_counter() + options.timeout

    def passed() -> bool:
        return time.perf_counter() > end

    compiled = compile_deck_file(deck, passed)
    for words in compiled.deck.notes:
        note(f"note: {words}")
    for name in compiled.deck.files:
        note(f"note: .file {name} is not written; {out} has its columns too")
    seed = compiled.draw_seed(options.seed)  # what is checked is what is written
    if options.check_step:
        found = check_step(compiled, seed=seed, deadline=passed)
        note(found.sentence())
        found.require()
    with waveform_writer(out) if out else nullcontext() as writer:
        result = compiled.run(seed=seed, deadline=passed, sink=writer)
    waves = result.waveforms if writer is None else None
    samples = writer.samples if writer else 0 if waves is None else waves.time_s.size
    return Simulated("embedded", version, len(compiled.traces), samples, waves)

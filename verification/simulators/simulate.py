"""Any deck on any simulator that reads it, to waveforms or to a file."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from netlist_gen.deck.lines import read_deck_text
from netlist_gen.errors import ConfigurationError, DeckError
from netlist_gen.files import printable
from netlist_gen.version import __version__
from verification.simulators.base import DeckJob
from verification.simulators.includes import read_with_includes
from verification.simulators.options import SimulateOptions
from verification.simulators.registry import get_simulator
from verification.simulators.saved_signals import check_dialect
from verification.waves.deck_files import FileRequest, checked_targets, deck_files
from verification.waves.files import waveform_writer
from verification.waves.josim_controls import read_controls
from verification.waves.waveforms import Waveforms

if TYPE_CHECKING:
    from verification.engine.checkpoints import Checkpoint
    from verification.engine.run import CompiledDeck

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
        out: .csv (JoSIM's columns), .parquet, .npz, .raw or .vcd; the file is whole or not there,
            and so are those that a JoSIM deck names, beneath its folder. None keeps the waveforms
            in memory and writes none.
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
        return _embedded(deck, text, out, options, version, note)
    own = (options.seed, options.checkpoint, options.threads)
    if own != (None, None, 1) or options.check_step or options.noise != "engine":
        raise ConfigurationError(
            "--seed, --check-step, --noise, --checkpoint and --threads are the embedded engine's; "
            f"{chosen.name} was chosen (use --simulator embedded)"
        )
    job = DeckJob(deck.stem, text, own=True, trusted=options.trust_deck)
    try:
        josim = chosen.dialect == "josim"
        files = _files_of(text, out, deck, note) if josim else []
        outcome = chosen.run(job, timeout_s=options.timeout)
    except DeckError as error:
        # A line's number is that of the text that the simulator is given.
        place = f"{deck}, with what it includes" if _INCLUDES.search(_read(deck)) else f"{deck}"
        words = str(error).removeprefix(f"deck {job.name}: ")
        raise DeckError(printable(f"{place}: {words}")) from error
    waves = outcome.require()
    done = Simulated(chosen.name, version, len(waves.names), waves.time_s.size, waves)
    if out is None:
        return done
    with waveform_writer(out) as writer, deck_files(files, out, writer) as all_files:
        all_files.begin(waves.names)
        all_files.add(waves.time_s, waves.values)
    return replace(done, waveforms=None)


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
            from verification.simulators.deck_programs import refuse_programs

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


def _checkpoint(
    text: str, compiled: CompiledDeck, out: Path | None, options: SimulateOptions
) -> Checkpoint | None:
    """The checkpoint that is asked for. Raises ConfigurationError."""
    if options.checkpoint is None:
        return None
    from verification.engine.checkpoints import Checkpoint
    from verification.engine.kernels import native
    from verification.engine.text.sources import CUS

    if out is None:
        raise ConfigurationError("--checkpoint is for a run that writes a file; give -o OUT")
    waves = [card.wave for card in compiled.topology.flat.cards if card.wave is not None]
    read = [wave.values.tobytes() for wave in waves if wave.kind == CUS]
    made_of = (__version__, native.sources(), text, read, options.seed, options.noise)
    return Checkpoint(options.checkpoint, repr(made_of))


def _embedded(
    deck: Path,
    text: str,
    out: Path | None,
    options: SimulateOptions,
    version: str,
    note: Callable[[str], None],
) -> Simulated:
    """Run on the engine, writing while it runs."""
    from verification.engine.check_step import check_step
    from verification.engine.iv_curve import write_curve
    from verification.engine.model_units import model_warnings
    from verification.engine.ready import make_ready
    from verification.engine.run import compile_deck_file

    make_ready(1, note)
    end = time.perf_counter() + options.timeout

    def passed() -> bool:
        return time.perf_counter() > end

    compiled = compile_deck_file(deck, passed)
    for words in compiled.deck.notes:
        note(f"note: {words}")
    for words in model_warnings(compiled.topology):
        note(f"warning: {words}")
    files, curves = compiled.deck.files, compiled.deck.curves
    if out is None and (files or curves):
        note("note: the deck's files (.file, .iv) are written beside an output, and there is none")
    checkpoint = _checkpoint(text, compiled, out, options)
    seed = compiled.draw_seed(options.seed)  # what is checked is what is written
    if checkpoint is not None and checkpoint.state is not None:
        seed = checkpoint.state.seed
        note(f"note: {options.checkpoint}: the run goes on from step {checkpoint.state.at}")
    each_step = options.noise == "josim"
    if options.check_step:
        if each_step:
            raise ConfigurationError(
                "--noise josim is another noise with every step, so that --check-step has nothing "
                "to compare; leave one of them out"
            )
        found = check_step(compiled, seed=seed, deadline=passed)
        note(found.sentence())
        found.require()
    if out is None:
        waves = compiled.run(
            seed=seed, deadline=passed, noise_each_step=each_step, threads=options.threads
        ).waveforms
        assert waves is not None
        return Simulated("embedded", version, len(waves.names), waves.time_s.size, waves)
    requests = [
        FileRequest(
            line.name,
            str(line.place),
            tuple(at for at, trace in enumerate(compiled.traces) if trace.file == number),
        )
        for number, line in enumerate(files)
    ]
    with waveform_writer(out) as writer, deck_files(requests, out, writer) as all_files:
        for curve in curves:
            write_curve(curve, out, passed)
        compiled.run(
            seed=seed, deadline=passed, sink=all_files, noise_each_step=each_step,
            checkpoint=checkpoint, threads=options.threads,
        )  # fmt: skip
    return Simulated("embedded", version, len(compiled.traces), writer.samples, None)


def _files_of(
    text: str, out: Path | None, deck: Path, note: Callable[[str], None]
) -> list[FileRequest]:
    """The files that a JoSIM deck asks for, checked before it runs. Raises DeckError."""
    asked = read_controls(text)
    if asked.curves:
        note(f"note: {deck}: .iv was not run; --simulator embedded writes its curve")
    if out is None:
        return []
    checked_targets(asked.files, out)
    return list(asked.files)

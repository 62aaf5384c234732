"""The one family of errors.

A message is one or two sentences that name the file, the place, the offending value and
what is allowed. The command line prints it on stderr and exits with ``exit_status``:
2 when the input or the command was wrong, 1 when a simulation failed or disagreed.
"""

INTERRUPTED = 130
"""Exit status after Ctrl-C or SIGTERM, as shells have it."""


class NetlistGenError(Exception):
    """Base of every error this project raises on purpose."""

    exit_status = 2


class NetworkError(NetlistGenError):
    """A network or checkpoint that is not what the hardware can be."""


class DeckError(NetlistGenError):
    """A deck or cell file that can't be read, or that breaks a rule of the linter."""


class ConfigurationError(NetlistGenError):
    """A wrong option, process file, directory or input array."""


class TimingError(NetlistGenError):
    """A network whose clock windows can't be made to hold."""


class WorkerError(NetlistGenError):
    """A process of this run that was killed."""

    exit_status = 1


class SimulatorError(NetlistGenError):
    """A simulator that is missing, timed out, crashed or gave unusable output."""

    exit_status = 1


class WaveformError(NetlistGenError):
    """Waveforms from which no trustworthy pulses or energy can be taken."""

    exit_status = 1


class MismatchError(NetlistGenError):
    """Simulation and reference disagree."""

    exit_status = 1

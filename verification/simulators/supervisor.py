"""A small process between this program and a simulator: it ends all that the simulator started.

    python -I -S supervisor.py STDOUT STDERR FILE_BYTES PROGRAM [ARGUMENT ...]

On Linux it is a child subreaper: whatever the simulator starts stays below it, also what forks
twice or opens a session of its own, and it ends only when nothing is left below it. Elsewhere it
ends the simulator's process group, and what is below the simulator when a run is stopped.

Standard input is a pipe of which the program that wants the run holds the other end: when that is
closed, also by the program's death, the run is stopped. Standard output gets lines of one letter
and a number: ``S`` and the simulator's process, ``E`` and the error number where it can't be
started, ``X`` and how it ended, as ``Popen.returncode``.

It runs alone, as a script of the standard library: a run costs some 20 ms more by it.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import time

END_S = 10.0
"""How long killed processes are waited for: one that waits in the kernel can't be ended."""

_PR_SET_CHILD_SUBREAPER = 36
_LIFELINE, _REPORT = 0, 1


def adopt_orphans() -> bool:
    """Become the parent of all orphans below this process; whether that is possible here."""
    if sys.platform != "linux":
        return False
    import ctypes

    with contextlib.suppress(OSError, AttributeError):
        return bool(ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)
    return False


def parents() -> dict[int, int]:
    """The parent of each process of this machine."""
    if not os.path.isdir("/proc/self"):
        import subprocess

        listed = subprocess.run(
            ["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=False
        )
        pairs = (line.split() for line in listed.stdout.splitlines())
        return {int(pair[0]): int(pair[1]) for pair in pairs if len(pair) == 2}
    found = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError, IndexError), open(f"/proc/{name}/stat", "rb") as file:
                # The name of the program stands in brackets and may hold anything.
                found[int(name)] = int(file.read().rpartition(b")")[2].split()[1])
    return found


def descendants(root: int) -> list[int]:
    """All processes below one, those nearest to it first."""
    children: dict[int, list[int]] = {}
    for pid, parent in parents().items():
        children.setdefault(parent, []).append(pid)
    found = list(children.get(root, ()))
    for pid in found:  # grows while it is read
        found += children.get(pid, ())
    return found


class Run:
    """One simulator, from its start until nothing of it is left.

    Args:
        adopts: whether orphans come to this process.
    """

    def __init__(self, *, adopts: bool) -> None:
        self.adopts = adopts
        self.pid = 0
        self.status: int | None = None
        self._woken, wake = os.pipe()
        os.set_blocking(wake, False)
        os.set_blocking(self._woken, False)
        signal.set_wakeup_fd(wake)
        for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda *_: None)

    def start(self, out: str, err: str, argv: list[str]) -> None:
        """Start the simulator. Raises OSError."""
        writing = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        self.pid = os.posix_spawnp(
            argv[0],
            argv,
            os.environ,
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, out, writing, 0o666),
                (os.POSIX_SPAWN_OPEN, 2, err, writing, 0o666),
            ],
            setpgroup=0,
            setsigdef=[signal.SIGPIPE, signal.SIGXFSZ],  # Python ignores them
        )

    def wait(self) -> None:
        """Until the simulator has ended, or the run is to be stopped."""
        while self._reap() and self.status is None:
            ready, _, _ = select.select([_LIFELINE, self._woken], [], [])
            if _LIFELINE in ready:
                return
            if set(os.read(self._woken, 4096)) & {signal.SIGTERM, signal.SIGHUP}:
                return

    def end(self) -> None:
        """Kill what is left, until nothing is."""
        deadline = time.monotonic() + END_S
        while self._reap() and time.monotonic() < deadline:
            left = descendants(os.getpid()) if self.adopts else descendants(self.pid)
            with contextlib.suppress(OSError):
                os.killpg(self.pid, signal.SIGKILL)
            for pid in left:
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.002)
        if not self.adopts:  # orphans of the group have another parent
            with contextlib.suppress(OSError):
                os.killpg(self.pid, signal.SIGKILL)

    def _reap(self) -> bool:
        """Take note of children that have ended; whether one is left."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if not pid:
                return True
            if pid == self.pid:
                self.status = os.waitstatus_to_exitcode(status)


def report(letter: str, number: int) -> None:
    """Tell the program that wants the run; it may be dead."""
    with contextlib.suppress(OSError):
        os.write(_REPORT, f"{letter} {number}\n".encode())


def main() -> None:
    """Run what the command line says."""
    out, err, file_bytes, *argv = sys.argv[1:]
    run = Run(adopts=adopt_orphans())
    _limit_file_size(int(file_bytes))
    try:
        run.start(out, err, argv)
    except OSError as error:
        report("E", error.errno or 0)
        return
    report("S", run.pid)
    run.wait()
    run.end()
    report("X", -signal.SIGKILL if run.status is None else run.status)


def _limit_file_size(limit: int) -> None:
    """Let the kernel refuse files beyond the limit; what is started here inherits it."""
    import resource

    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    soft = limit if most == resource.RLIM_INFINITY else min(limit, most)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, most))


if __name__ == "__main__":
    main()

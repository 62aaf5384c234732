"""What the tests of wrong input share: a malicious file, and a look at what a run leaves."""

from __future__ import annotations

import os

WHOLE = ("verify.json", "results.npz", "report.html", "manifest.json")


class Evil:
    """Unpickling it runs a command."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (os.system, (f"touch {self.path}",))


def assert_nothing_whole(run):
    """The directory holds nothing that would make an unfinished run look whole."""
    left = {path.name for path in run.iterdir()} if run.is_dir() else set()
    assert not left & set(WHOLE), left
    assert not [name for name in left if name.startswith(".")], "a temporary file is left"

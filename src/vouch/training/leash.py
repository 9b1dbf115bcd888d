"""A process that does not outlive the one that has started it."""

from __future__ import annotations

import os
import signal
import stat
from threading import Thread


def end_with_caller() -> None:
    """Ask this process to end (SIGTERM) when its standard input, where that is a pipe, is closed.

    Whoever has started it holds the other end, which the system closes even where that process was killed.
    """
    if stat.S_ISFIFO(os.fstat(0).st_mode):
        Thread(target=_watch, daemon=True).start()


def _watch() -> None:
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)

"""A process that does not outlive the one that has started it."""

from __future__ import annotations

import os
import signal
from threading import Thread


def end_with_caller() -> None:
    """Ask this process to end (SIGTERM) when its standard input is closed.

    Whoever has started it holds the other end of a pipe, which the system closes even where that process was killed.
    """
    Thread(target=_watch, daemon=True).start()


def _watch() -> None:
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)

"""How much memory is free, and how much a run takes while it goes on."""

from __future__ import annotations

import resource
import sys
from pathlib import Path
from threading import Event, Thread
from types import TracebackType

import torch

_EVERY = 0.02
_PAGE = resource.getpagesize()
_SELF, _MACHINE = Path("/proc/self/statm"), Path("/proc/meminfo")
_OWN_GROUPS, _GROUPS = Path("/proc/self/cgroup"), Path("/sys/fs/cgroup")
# Names of the limit, of what is used, and of files' pages that can be dropped, in the two versions of control groups.
_SECOND = ("memory.max", "memory.current", "inactive_file")
_FIRST = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")


def free_bytes(device: torch.device) -> int | None:
    """What can still be allocated: of an accelerator its own memory, else what machine and container leave.

    Returns:
        Bytes; none where the system does not say.

    Example:
        >>> free = free_bytes(torch.device("cpu"))
        >>> free is None or free > 0
        True
    """
    if device.type == "cuda":
        unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return torch.cuda.mem_get_info(device)[0] + unused
    if device.type == "mps":
        return torch.mps.recommended_max_memory() - torch.mps.current_allocated_memory()
    known = (_table(_MACHINE).get("MemAvailable:"), _of_group())
    return min((one for one in known if one is not None), default=None)


def _of_group() -> int | None:
    """What the limit of the process's control group leaves; pages of files that can be dropped count as free."""
    try:
        lines = [line.split(":", 2) for line in _OWN_GROUPS.read_text().splitlines()]
        second = next((path for number, _, path in lines if number == "0"), "/")
        first = next((path for _, kinds, path in lines if "memory" in kinds.split(",")), None)
        root, path, names = (_GROUPS, second, _SECOND) if first is None else (_GROUPS / "memory", first, _FIRST)
        inside = root / path.strip("/")
        # Inside a container its own group is mounted as the root.
        folder = inside if inside.exists() else root
        limit, used = (int((folder / name).read_text()) for name in names[:2])
    except (OSError, ValueError):
        return None
    return limit - used + _table(folder / "memory.stat", unit=1).get(names[2], 0)


def _table(file: Path, unit: int = 1024) -> dict[str, int]:
    """Names and numbers of bytes in a file of the system; nothing where there is none."""
    try:
        lines = [line.split() for line in file.read_text().splitlines()]
    except OSError:
        return {}
    return {words[0]: int(words[1]) * unit for words in lines if len(words) > 1 and words[1].isdigit()}


class Meter:
    """While it is open, remembers the most memory that was in use.

    On a processor that is the growth of the whole process, looked at fifty times a second; where it has grown past
    all that it ever was, the system knows the peak itself. On an accelerator its allocator counts.

    Args:
        device: where the run is computed.

    Example:
        >>> with Meter(torch.device("cpu")) as meter:
        ...     numbers = torch.ones(50_000_000)
        >>> meter.growth is None or meter.growth > 100_000_000
        True
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.growth: int | None = None
        self._over = Event()
        self._most = 0

    def __enter__(self) -> Meter:
        if self.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self.device)
            self._before = torch.cuda.memory_allocated(self.device)
            return self
        self._ever, self._before = _ever(), _in_use()
        self._most = self._before or 0
        self._thread = Thread(target=self._look, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.device.type == "cuda":
            self.growth = torch.cuda.max_memory_allocated(self.device) - int(self._before or 0)
            return
        self._over.set()
        self._thread.join()
        self._most = max(self._most, _in_use() or 0)
        peak = _ever()
        before = self._ever if self._before is None else self._before
        self.growth = max(self._most, peak) - before if peak > self._ever else self._most - before

    def _look(self) -> None:
        while not self._over.wait(_EVERY):
            self._most = max(self._most, _in_use() or 0)


def _in_use() -> int | None:
    """Bytes of this process that are in memory; none where the system does not say."""
    try:
        return int(_SELF.read_text().split()[1]) * _PAGE
    except OSError:
        return None


def _ever() -> int:
    """The most bytes of this process that ever were in memory."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit

"""Room on disk: nothing is left behind, pages are given back, and what goes wrong is said in one line."""

from __future__ import annotations

import errno
import gc
import os
import resource
from pathlib import Path

import numpy as np
import pytest

from vouch.data.shelf import Room, is_mapped, let_go, room
from vouch.errors import OutputError


def test_what_was_written_can_be_read_again() -> None:
    made = Room()
    first, second = made.claim(10), made.append(b"abc")
    made.write(first, np.arange(3, dtype=np.uint8))
    found = made.mapped()
    assert found[first : first + 3] == b"\0\1\2"
    assert found[second : second + 3] == b"abc"


def test_an_address_is_mapped_as_long_as_the_file_is() -> None:
    made = Room()
    made.append(bytes(100))
    array = np.frombuffer(made.mapped(), np.uint8)
    address = array.ctypes.data
    assert is_mapped(address)
    assert not is_mapped(np.zeros(10).ctypes.data)
    del array
    gc.collect()
    assert not is_mapped(address)


def test_pages_that_are_let_go_are_no_longer_in_memory_and_hold_the_same() -> None:
    made = Room()
    made.append(np.arange(4_000_000))
    array = np.frombuffer(made.mapped(), np.int64)
    assert array.sum() == 4_000_000 * 3_999_999 // 2
    before = file_pages()
    let_go()
    assert before - file_pages() > 25_000_000
    assert array[17] == 17


def test_nothing_is_left_in_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    made = Room()
    made.append(bytes(100))
    assert not list(tmp_path.iterdir())
    found = made.mapped()
    assert not list(tmp_path.iterdir())
    assert len(found) >= 100


def test_files_are_closed_when_the_room_is_given_up() -> None:
    gc.collect()
    open_files = len(os.listdir("/proc/self/fd"))
    Room().append(bytes(100))
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) == open_files


def test_without_a_named_folder_the_one_for_large_files_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TMPDIR", "TEMP", "TMP"):
        monkeypatch.delenv(name, raising=False)
    assert room.place() == "/var/tmp"
    monkeypatch.setattr(room, "_LASTING", Path("/no/such/folder"))
    assert Path(room.place()).is_dir()


def test_a_folder_that_cannot_be_written_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", "/no/such/folder")
    with pytest.raises(OutputError, match=r"no room .*\(/no/such/folder\).*TMPDIR"):
        Room()


def test_a_full_disk_is_said() -> None:
    made = Room()
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, limit[1]))
    try:
        with pytest.raises(OutputError, match=os.strerror(errno.EFBIG)):
            made.append(bytes(2_000_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)


def file_pages() -> int:
    """Bytes of mapped files in memory."""
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("RssFile"))

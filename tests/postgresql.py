"""A real PostgreSQL server on a free port of this machine, for as long as a module's tests need it."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

TOOLS = ("initdb", "pg_ctl", "createdb")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The address of a database on a server of our own."""
    if missing := [name for name in TOOLS if shutil.which(name) is None]:
        pytest.skip(f"there is no PostgreSQL server on this machine: {', '.join(missing)} not found")
    folder = Path(tempfile.mkdtemp(prefix="vouch-postgresql-"))
    owner = owner_of(folder)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    data = str(folder / "data")

    def call(*command: str) -> None:
        # The server keeps what it is given as output open, so that nothing may wait for its end.
        with (folder / "told").open("ab") as told:
            subprocess.run(
                command, check=True, timeout=120, cwd=folder, stdin=subprocess.DEVNULL, stdout=told, stderr=told,
                user=owner,
            )  # fmt: skip

    try:
        call("initdb", "-D", data, "-U", "vouch", "-A", "trust", "--no-sync")
        call("pg_ctl", "-D", data, "-w", "-o", f"-p {port} -c listen_addresses=127.0.0.1 -k {folder}", "start")
        call("createdb", "-h", "127.0.0.1", "-p", str(port), "-U", "vouch", "base")
        yield f"postgresql://vouch@127.0.0.1:{port}/base"
    finally:
        if (folder / "data" / "postmaster.pid").exists():
            call("pg_ctl", "-D", data, "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)


def owner_of(folder: Path) -> str | None:
    """Whom the server runs as, who is given the folder: a server of root refuses to start."""
    if os.getuid() != 0:
        return None
    users = {one.pw_name for one in pwd.getpwall()}
    owner = next((name for name in ("postgres", "nobody") if name in users), None)
    if owner is None:
        pytest.skip("PostgreSQL refuses to run as root, and there is no user 'postgres' or 'nobody' to run it as")
    shutil.chown(folder, owner)
    return owner

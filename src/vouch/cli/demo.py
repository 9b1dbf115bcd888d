"""``vouch demo``: the main job on embedded data, offline."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vouch.cli.common import Json, Quiet, Reporter, emit


def demo(
    name: Annotated[str | None, typer.Argument(help="digits, cancer or mixed; all three when not given.")] = None,
    out: Annotated[str, typer.Option(help="Folder to write to.")] = "demo",
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Fit on embedded sample data, measure, and name the report."""
    from vouch import demo as station
    from vouch.cli.fit import facts, summary

    done = station.run(name, Path(out), Reporter(quiet))
    if json:
        emit({"demos": {one.name: facts(one.bundle, one.place) for one in done}})
        return
    for one in done:
        print(f"\n== {one.name}: {one.title}\n\n{summary(one.bundle, one.place)}\n")
    print(station.next_steps(done))

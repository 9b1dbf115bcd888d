"""``vouch demo``: the main job on embedded data, offline."""

from __future__ import annotations

from pathlib import Path

import click

from vouch.cli.common import Reporter, emit, every_verb


@click.command()
@click.argument("name", required=False)
@click.option("--out", default="demo", show_default=True, help="Folder to write to.")
@every_verb
def demo(name: str | None, out: str, as_json: bool, quiet: bool, device: str) -> None:
    """Fit on embedded sample data (cancer, digits, mixed), measure, audit, and name the report."""
    del device
    from vouch import demo as station
    from vouch.cli.audit import told
    from vouch.cli.fit import facts, summary

    done = station.run(name, Path(out), Reporter(quiet))
    if as_json:
        emit({"demos": {one.name: facts(one.bundle, one.place) for one in done}})
        return
    for one in done:
        found = told(one.bundle.audit) if one.bundle.audit else ""
        print(f"\n== {one.name}: {one.title}\n\n{summary(one.bundle, one.place)}\n{found}\n")
    print(station.next_steps(done))

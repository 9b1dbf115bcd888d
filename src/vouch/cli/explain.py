"""``vouch explain``: why a network answers rows as it does."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vouch.cli.common import emit, every_verb, names
from vouch.errors import UsageError

if TYPE_CHECKING:
    from vouch.contracts.explaining import Explained, Explanation
    from vouch.contracts.synthesis import Synthesis

_SHOWN = 8


@click.command()
@click.argument("model")
@click.argument("data")
@click.option("--rows", default="0:10", show_default=True, help="Rows to explain, from 0: 0:10, or 3,7.")
@click.option(
    "--method", help="How; else what an audit found truest, or shapley, or a quicker one. See docs/how-to/explain.md."
)
@click.option(
    "--background",
    default="marginal",
    show_default=True,
    help="What stands in for a column: values of any row (marginal), or of rows like this one (conditional).",
)
@click.option("--together", multiple=True, help="Columns explained as one part, A,B; once for each group.")
@click.option("--class", "output", help="Class whose probability is explained.")
@click.option("--what-if", is_flag=True, help="Look for a small change that would turn each decision.")
@click.option("--fixed", multiple=True, help="Columns that no such change may touch, A,B.")
@click.option("--alike", default=0, type=click.IntRange(0, 50), help="Name so many training rows that are most alike.")
@click.option("--units", default=0, type=click.IntRange(0, 50), help="See what so many units and each class look for.")
@click.option("--seed", default=0, help="Fixes everything that is drawn at random.")
@click.option("--out", "-o", help="File to write: .html, .json, or a table as .csv, .parquet or .jsonl.")
@every_verb
def explain(model: str, data: str, as_json: bool, quiet: bool, device: str, out: str | None, **asked: Any) -> None:
    """Say which columns, words or patches of DATA moved the answers of MODEL, and by how much."""
    from vouch import api

    if device not in ("auto", "cpu"):
        raise UsageError(
            "explanations are computed on the processor", where="--device", expected="auto or cpu", received=device
        )
    if out:
        api.check_explained(Path(out))
        api.check_apart([out], [data, model])
    asked["fixed"] = names(asked["fixed"])
    asked["together"] = [names([group]) for group in asked["together"]]
    found, notes = api.explain_with_notes(api.load(model), data, **asked)
    if notes and not quiet:
        print(*(f"{note.kind}: {note.text}" for note in notes), sep="\n", file=sys.stderr)
    if out:
        api.write_explained(found, Path(out), Path(model).name)
    if as_json:
        emit(api.explained_facts(found, out if out and out.lower().endswith(".html") else ""))
    elif not out:
        print(told(found))


def told(found: Explained) -> str:
    """Explanations for a reader at the terminal."""
    lines = [line for one in found.explanations for line in _lines(one)]
    inside = [] if found.synthesis is None else _inside(found.synthesis)
    how = [f"{found.method}: {found.says}", *(f"  {note}" for note in found.notes), *_tested(found)]
    return "\n".join([*lines, *inside, *how])


def _lines(one: Explanation) -> list[str]:
    from vouch.wording import clean, number

    head = f"row {one.row}: {clean(str(one.prediction), 60)}; {clean(one.answer, 60)} {number(one.value)}"
    lines = [f"{head}, {number(one.base_value)} without any part"]
    for share in one.shares[:_SHOWN]:
        cell = (
            f" = {clean(share.cell, 40)}" if share.part == share.column and not share.cell.startswith("data:") else ""
        )
        lines.append(f"  {share.value:+.3g}  {clean(share.part, 60)}{cell}")
    rest = one.shares[_SHOWN:]
    if rest:
        lines.append(f"  {sum(share.value for share in rest):+.3g}  {len(rest)} other parts together")
    return [*lines, *_turned(one), *_alike(one), ""]


def _turned(one: Explanation) -> list[str]:
    """The change that would turn the decision."""
    from vouch.wording import clean, number

    if (found := one.what_if) is None:
        return []
    if not found.changes:
        return ["  no small change was found that turns the decision"]
    put = [f"{clean(change.part, 60)} were {clean(change.after, 40)}" for change in found.changes if change.after]
    out = [clean(change.part, 60) for change in found.changes if not change.after]
    how = [f"if {' and '.join(put)}"] * bool(put) + [f"without {', '.join(out)}"] * bool(out)
    like = f", as in training row {found.like}" if found.like >= 0 else ""
    return [f"  {clean(found.prediction, 60)} ({number(found.value)}) {' '.join(how)}{like}"]


def _alike(one: Explanation) -> list[str]:
    """Training rows that have to do with it."""
    from vouch.wording import clean, number

    head = [f"training row {row.row}, {clean(row.target, 40)}" for row in one.alike]
    tail = [f"cosine {number(row.cosine)}, influence {row.influence:+.2g}" for row in one.alike]
    return [f"  {row}: {figures}" for row, figures in zip(head, tail, strict=True)]


def _inside(seen: Synthesis) -> list[str]:
    """What the classes and the units look for, in numbers."""
    from vouch.wording import clean, number

    real = "training rows" if seen.training else "explained rows"
    several = len({one.column for one in seen.pictures}) > 1
    lines = [f"{'made from noise':<36}{'value':>8}{'noise':>8}  strongest of {seen.rows} {real}, how many it exceeds"]
    for one in seen.pictures:
        of = f" of {clean(one.column, 20)}" if one.of == "unit" or several else ""
        name = f"{one.of} {clean(one.name, 30)}{of}"
        first = f"{number(one.real[0].value):>8}  row {one.real[0].row}"
        beyond = round(one.exceeds * seen.rows)
        lines.append(f"{name:<36}{number(one.value):>8}{number(one.start):>8}{first:<22}{beyond:>7,}")
    tail = [
        f"  the value is {seen.output}; of a unit, the mean of its map",
        f"  {seen.steps} steps for each picture; they are on the page that --out FILE.html writes",
    ]
    return [*lines, *tail, *(f"  {note}" for note in seen.notes), ""]


def _tested(found: Explained) -> list[str]:
    """Whether the contributions are those that matter to the network."""
    from vouch.wording import interval, number

    gap = next((one for one in found.faithfulness if one.name == "insertion_less_deletion"), None)
    if gap is None:
        return []
    known = f", 95 % interval {interval(gap)}" if gap.n > 1 else ""
    return [f"  insertion less deletion {number(gap.value)}{known}; 0 is what a random order gives"]

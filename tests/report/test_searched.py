"""The search in the report: every kind of attempt with its reason, and a page that holds whatever a bundle says."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from report.bundles import HOSTILE, bundle
from vouch.contracts.search import Attempt, Search, Setting, Value
from vouch.report import pages
from vouch.report.figures.searching import MOST_LINES, parallel_coordinates
from vouch.report.searched import MOST_ROWS, searched

SPACE = (
    Setting("learning_rate", 1e-4, 1e-2, log=True),
    Setting("weight_decay", 1e-4, 10.0, log=True, off=True),
    Setting("width", choices=(64, 128, 256)),
)


def attempt(number: int, **more: object) -> Attempt:
    """An attempt, done unless something else is said."""
    settings: dict[str, Value] = {
        "learning_rate": 1e-3, "weight_decay": 0.1 * number, "width": (64, 128, 256)[number % 3]
    }  # fmt: skip
    made = Attempt(number, "done", 0.5 - 0.01 * number, 12, 3.5, settings, default=number == 0)
    return replace(made, **more)  # type: ignore[arg-type]


SEARCH = Search(
    "Of 5 attempts, number 2 was best.", "log_loss", SPACE,
    (
        attempt(0, again=(0.51, 0.49)),
        attempt(1, state="pruned", score=0.8, why="pruned at epoch 6 with 0.8, against a median of 0.6 of 3"),
        attempt(2, again=(0.47, 0.46), chosen=True),
        attempt(3, state="failed", score=float("nan"), why="out of memory: tried to allocate 20 GiB"),
        attempt(4),
    ),
    {"weight_decay": 0.7, "learning_rate": 0.3}, 75.0, ("Worker 1 broke down: no such luck",),
)  # fmt: skip


def page(search: Search | None) -> str:
    return pages(replace(bundle("binary"), search=search))["report.html"]


def test_a_bundle_without_a_search_says_nothing_of_one() -> None:
    assert 'id="search"' not in page(None)


def test_the_page_says_what_was_tried_and_why_it_ended() -> None:
    told = page(SEARCH)
    assert '<a href="#search">' in told or 'id="search"' in told
    for said in (
        "Of 5 attempts, number 2 was best.", "5 attempts: 3 done, 1 pruned and 1 failed.", "out of memory",
        "pruned at epoch 6 with 0.8, against a median of 0.6", "Worker 1 broke down: no such luck", "70 %",
        "0.4700, 0.4600", "1 min 15 s",
    ):  # fmt: skip
        assert said in told, said
    for one in SPACE:
        assert f"<code>{one.name}</code>" in told


def test_the_figure_has_a_line_for_each_attempt_that_has_a_score() -> None:
    figure = parallel_coordinates(SEARCH)
    assert figure is not None
    rows = [row for layer in figure.spec["layer"] for row in layer.get("data", {}).get("values", []) if "kind" in row]
    assert {row["attempt"] for row in rows} == {0, 1, 2, 4}
    assert {row["kind"] for row in rows} == {"pruned", "done", "the default recipe", "chosen"}
    assert all(0 <= row["at"] <= 1 for row in rows)
    assert {row["axis"] for row in rows} == {"learning_rate", "weight_decay", "width", "log_loss"}
    assert "weight_decay explains most" in figure.says
    best = {row["attempt"]: row["at"] for row in rows if row["axis"] == "log_loss"}
    assert max(best, key=lambda number: best[number]) == 4, "the best score is drawn at the top"
    assert "search_parallel_coordinates" in json.loads(pages(replace(bundle("binary"), search=SEARCH))["figures.json"])


@pytest.mark.parametrize("count", [0, 1])
def test_of_one_attempt_there_is_nothing_to_draw(count: int) -> None:
    alone = replace(SEARCH, attempts=SEARCH.attempts[:count])
    assert parallel_coordinates(alone) is None
    assert 'id="search"' in page(alone)


def test_of_very_many_attempts_the_best_are_shown_and_the_rest_counted() -> None:
    many = replace(SEARCH, attempts=tuple(attempt(n, chosen=n == 700) for n in range(1000)))
    shown = searched(many)
    assert shown is not None
    assert (len(shown.rows), shown.rest) == (MOST_ROWS, 1000 - MOST_ROWS)
    assert [row.number for row in shown.rows[:3]] == [700, 0, 999]
    figure = parallel_coordinates(many)
    assert figure is not None
    assert f"{MOST_LINES} attempts of 1000" in figure.says
    assert len(page(many).encode()) < 1_000_000


@pytest.mark.parametrize("word", HOSTILE)
def test_strangers_words_stay_words(word: str) -> None:
    settings: dict[str, Value] = {word: word, "width": 1}
    odd = Search(
        word, word, (Setting(word, -1.0, float("inf"), log=True), Setting("width", choices=(word,))),
        tuple(replace(attempt(n, why=word), settings=settings) for n in range(4)),
        {word: float("nan")}, float("inf"), (word,),
    )  # fmt: skip
    told = page(odd)
    assert "<script>alert" not in told
    assert "<img src=x" not in told
    assert parallel_coordinates(odd) is None

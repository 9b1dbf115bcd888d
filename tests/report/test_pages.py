"""The report and the card: all there, nothing that runs or loads, small, and the same every time."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from report.bundles import HOSTILE, bundle, hostile, picture
from vouch.contracts.bundle import Evidence, Example
from vouch.report import pages

TASKS = {
    "binary": bundle("binary"),
    "multiclass": bundle("multiclass", tuple(f"class {i}" for i in range(10))),
    "multilabel": bundle("multilabel", ("red", "round", "soft")),
    "regression": bundle("regression"),
}
FIGURES = {
    "binary": {
        "confusion_matrix",
        "roc_curve",
        "precision_recall_curve",
        "reliability_diagram",
        "recall_by_class",
        "beside_roc_auc",
    },
    "multiclass": {"confusion_matrix", "roc_curve", "precision_recall_curve", "reliability_diagram", "recall_by_class"},
    "multilabel": {"roc_curve", "precision_recall_curve", "reliability_diagram", "recall_by_class"},
    "regression": {"residuals_by_prediction", "residual_histogram", "beside_rmse"},
}
LOADS = {"src", "href", "action", "data", "srcset", "poster", "xlink:href", "background", "formaction"}


class Page(HTMLParser):
    """Every tag with its attributes, and the text between."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("task", TASKS)
def test_the_page_has_every_section_and_figure(task: str) -> None:
    found = pages(TASKS[task])
    assert set(found) == {"report.html", "card.md", "figures.json"}
    page, drawn = Page(found["report.html"]), json.loads(found["figures.json"])
    assert FIGURES[task] | {"training_loss", "validation_score"} <= set(drawn)
    sections = [attributes.get("id") for tag, attributes in page.tags if tag == "section"]
    assert {"scorecard", "columns", "changes", "split", "learning", "quality", "examples", "recipe", "limits"} <= set(
        sections
    )
    assert sum(tag == "svg" for tag, _ in page.tags) == len(drawn)
    assert "The sealed rows were scored once: by fit for held-out figures (2026-01-31, 12:00 UTC)." in page.text
    assert "0.860 to 0.950" in page.text


@pytest.mark.parametrize("task", TASKS)
def test_every_figure_says_what_it_shows(task: str) -> None:
    found = pages(TASKS[task])
    for name, spec in json.loads(found["figures.json"]).items():
        assert re.search(r"\d", spec["description"])
        assert f'id="{name}-desc"' in found["report.html"]
        assert f'aria-labelledby="{name}-title {name}-desc"' in found["report.html"]


@pytest.mark.parametrize("task", ["binary", "multiclass", "multilabel"])
def test_words_from_the_data_stay_words(task: str) -> None:
    made = (
        hostile(task)
        if task != "binary"
        else replace(hostile(), **{k: getattr(bundle("binary", HOSTILE[:2]), k) for k in ("task", "predictions")})
    )
    found = pages(made)
    page = Page(found["report.html"])
    assert {tag for tag, _ in page.tags}.isdisjoint(
        {"script", "iframe", "object", "embed", "link", "a", "form", "foreignobject"}
    )
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
    assert "<script>alert(1)</script>" in page.text
    assert not set("\u202e\x00") & set(found["report.html"] + found["card.md"])
    body = found["card.md"].partition("\n---\n")[2]
    assert "\n# heading" not in body
    assert not re.search(r"(?<!\\)<(script|img)|(?<!\\)\]\(", re.sub(r"```.*?```", "", body, flags=re.DOTALL))


@pytest.mark.parametrize("task", TASKS)
def test_nothing_is_loaded_and_nothing_runs(task: str) -> None:
    page = Page(pages(TASKS[task])["report.html"])
    loaded = [value for _, attributes in page.tags for name, value in attributes.items() if name in LOADS]
    assert [value for value in loaded if not (value or "").startswith("data:image/png;base64,")] == []
    policy = next(
        a["content"] for tag, a in page.tags if tag == "meta" and a.get("http-equiv") == "Content-Security-Policy"
    )
    assert (policy or "").startswith("default-src 'none'; style-src 'unsafe-inline'; img-src data:")
    assert "@import" not in page.text
    assert "http" not in re.sub(r"http-equiv", "", pages(TASKS[task])["report.html"])


def test_identifiers_are_unique_in_the_page() -> None:
    page = Page(pages(TASKS["multiclass"])["report.html"])
    found = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(found) == len(set(found))


@pytest.mark.parametrize("task", TASKS)
def test_the_same_bundle_gives_the_same_texts(task: str) -> None:
    assert pages(TASKS[task]) == pages(TASKS[task])


def test_a_page_full_of_large_pictures_stays_under_a_megabyte() -> None:
    cells = (("photo", picture(256)), ("other", picture(128)))
    made = replace(hostile(), examples=tuple(Example(i, "a", "b", 1.0, cells) for i in range(12)))
    found = pages(made)
    assert found["report.html"].count("<img") == 12
    assert sum(len(text.encode()) for text in found.values()) < 1_000_000


def test_a_cell_that_only_looks_like_a_picture_is_not_one() -> None:
    cells = (("photo", 'data:image/png;base64,AAAA" onerror="alert(1)'), ("other", "data:text/html,<b>"))
    made = replace(TASKS["binary"], examples=(Example(0, "a", "b", 1.0, cells),))
    assert "<img" not in pages(made)["report.html"]


def test_a_bundle_without_sealed_rows_says_so() -> None:
    plain = TASKS["binary"]
    empty = replace(
        plain,
        evidence=Evidence((), {}, "No rows were sealed."),
        predictions=plain.predictions.head(0),
        examples=(),
        looks=(),
        split=replace(plain.split, test=plain.split.test[:0]),
        run=replace(plain.run, history=()),
    )
    found = pages(empty)
    assert "No rows were sealed, so there are no figures." in found["report.html"]
    assert json.loads(found["figures.json"]) == {}


def test_the_card_has_a_head_that_model_hubs_read() -> None:
    yaml = pytest.importorskip("yaml")
    for made in (*TASKS.values(), hostile()):
        _, head, body = pages(made)["card.md"].split("---\n", 2)
        facts = yaml.safe_load(head)
        assert facts["library_name"] == "deepvouch"
        assert "license" not in facts
        assert facts["model-index"][0]["results"][0]["metrics"][0]["value"] == 0.91
        for section in ("Model details", "Intended use", "Training data", "Evaluation", "Limitations", "How to use"):
            assert f"## {section}" in body

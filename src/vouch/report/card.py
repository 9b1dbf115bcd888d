"""The model card: what a stranger must know before use, in the form that Hugging Face reads."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files

from jinja2 import Environment, FunctionLoader, StrictUndefined, Template

from vouch.contracts.bundle import BundleValue
from vouch.report import treated, words
from vouch.report.tables import by_class, scorecard
from vouch.wording import clean, count, duration, interval, markdown, metric

_MOST_COLUMNS, _MOST_FINDINGS = 100, 30


def card(bundle: BundleValue) -> str:
    """The card as Markdown with a YAML head.

    Every word from the data is escaped; what only the owner can know is left as a question, not made up.
    """
    columns, rows = by_class(bundle.evidence)
    return _template().render(
        bundle=bundle,
        head=_head(bundle),
        methods=["network", *(name.replace("_", " ") for name in bundle.evidence.baselines)],
        scores=scorecard(bundle.evidence),
        classes=columns,
        class_rows=rows,
        most_columns=_MOST_COLUMNS,
        most_findings=_MOST_FINDINGS,
        treatments=treated.treatments(bundle),
        started="" if bundle.start is None else treated.started(bundle.start),
        promises=treated.promises(bundle),
        words=words,
        when=words.moment(bundle.looks[0].when) if bundle.looks else "unknown",
    )


def pipeline_tag(bundle: BundleValue) -> str:
    """The kind of job, as model hubs name it; empty where they have no name for it."""
    kinds = {column.kind for column in bundle.schema.features}
    job = "regression" if bundle.schema.task == "regression" else "classification"
    if kinds == {"image"} and job == "classification":
        return "image-classification"
    if kinds == {"text"} and job == "classification":
        return "text-classification"
    return "" if kinds & {"image", "text"} else f"tabular-{job}"


def _head(bundle: BundleValue) -> list[str]:
    """The YAML lines; a JSON string is a YAML string, whatever is in it."""
    whole = [one for one in bundle.evidence.metrics if "[" not in one.name]
    tag, task = pipeline_tag(bundle), bundle.schema.task
    lines = [
        "library_name: deepvouch",
        *([f"pipeline_tag: {tag}"] if tag else []),
        "tags:",
        "- vouch",
        f"- {_quoted(task)}",
    ]
    lines += [f"- {tag}"] if tag else []
    if not whole:
        return lines
    lines += ["metrics:", *(f"- {_quoted(one.name)}" for one in whole)]
    source = _quoted(words.source_name(bundle))
    lines += [
        "model-index:",
        f"- name: {_quoted('Vouch model of ' + clean(bundle.schema.target.name))}",
        "  results:",
        "  - task:",
    ]
    lines += [
        f"      type: {tag or task}",
        "    dataset:",
        f"      name: {source}",
        f"      type: {source}",
        "      split: test",
        "    metrics:",
    ]
    for one in whole:
        lines += [
            f"    - type: {_quoted(one.name)}",
            f"      value: {float(one.value)!r}",
            f"      name: {_quoted(f'{metric(one.name)} (95 % interval {interval(one)}, n = {one.n})')}",
        ]
    return lines


def _quoted(text: str) -> str:
    return json.dumps(clean(text, 200), ensure_ascii=False)


@cache
def _template() -> Template:
    # Markdown is not HTML: every value goes through the filter "md" instead.
    environment = Environment(
        autoescape=False, loader=FunctionLoader(_read), undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters |= {"md": markdown, "count": count, "duration": duration}
    return environment.get_template("card.md")


def _read(name: str) -> str:
    return files("vouch.report").joinpath("templates", name).read_text(encoding="utf-8")

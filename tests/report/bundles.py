"""Small bundles of every task, made by hand, with names that try to break out of the page."""

from __future__ import annotations

import base64
import io
from dataclasses import replace

import numpy as np
import polars as pl
from PIL import Image
from torch import nn

from vouch.contracts.bundle import BundleValue, Evidence, Example, Look, Run
from vouch.contracts.dataset import Note
from vouch.contracts.finding import Estimate
from vouch.contracts.recipe import Recipe
from vouch.contracts.schema import Column, Schema
from vouch.contracts.split import Split
from vouch.tasks import fit_task

HOSTILE = (
    "<script>alert(1)</script>",
    "a|b\n# heading\n---",
    "x" * 200,
    "שלום \u202eevil",
    '"><img src=x onerror=alert(1)>',
    "]]>{{ 7*7 }}{% raw %}",
    "[click](javascript:alert(1)) `code` **bold** &amp;\x00",
)


def bundle(task: str, classes: tuple[str, ...] = ("no", "yes"), n: int = 240) -> BundleValue:
    """A bundle of that task whose predictions are right more often than not."""
    rng = np.random.default_rng(0)
    if task == "regression":
        truth = pl.Series("truth", rng.normal(50, 9, n))
        learned = fit_task(task, truth)
        decoded = truth.to_numpy() + rng.normal(0, 3, n)
    elif task == "multilabel":
        cells = ["|".join(c for c in classes if rng.random() < 0.5) for _ in range(n)]
        truth = pl.Series("truth", cells)
        learned = fit_task(task, truth)
        decoded = np.clip(learned.truth(truth) * 0.5 + rng.random((n, learned.outputs)) * 0.5, 0, 1)
    else:
        truth = pl.Series("truth", [classes[i % len(classes)] for i in range(n)])
        learned = fit_task(task, truth)
        score = rng.random((n, len(classes))) + 0.8 * np.eye(len(classes))[learned.encode(truth).numpy()]
        decoded = score / score.sum(axis=1, keepdims=True)
    predictions = pl.DataFrame({"row": np.arange(n), "truth": truth}).hstack(learned.frame(decoded))
    names = ("rmse", "r2") if task == "regression" else ("roc_auc", "accuracy")
    lists = () if task == "regression" else tuple(estimate(f"recall[{name}]", 0.8) for name in learned.classes)
    evidence = Evidence(
        (*(estimate(name, 0.91) for name in names), *lists),
        {"majority": (estimate(names[0], 0.5),), "logistic_regression": (estimate(names[0], 0.88),)},
        "The network is better than logistic regression.",
        ("A note.",),
    )
    rows = np.arange(n)
    return BundleValue(
        Schema(
            (Column("size", "number", "feature", "numbers", ("?",)), Column("y", learned.kind, "target", "named")),
            task,
            "given",
        ),
        learned,
        Recipe(),
        (),
        nn.Identity(),
        Split(rows[:0] + 1, rows[:0] + 2, rows, "random", "drawn at random"),
        evidence,
        predictions,
        Run(
            "data.csv",
            "ab" * 32,
            ((1, 0.9, 0.8, 0.1), (2, 0.5, 0.4, 0.1), (3, 0.4, 0.45, 0.1)),
            {"train": 1.5},
            {"vouch": "0"},
            1,
            (Note("dropped", "2 rows", 2),),
        ),
        (Look("fit", "2026-01-31T12:00:00Z", "held-out figures"),),
        (Example(7, str(truth[0]), str(predictions["prediction"][0]), 2.5, (("size", "4"),)),),
    )


def hostile(task: str = "multiclass") -> BundleValue:
    """A bundle in which every word from outside is an attack."""
    classes = tuple(text.replace("|", "/") for text in HOSTILE) if task == "multilabel" else HOSTILE
    plain = bundle(task, classes)
    columns = tuple(Column(text + str(i), "number", "feature", text, (text,)) for i, text in enumerate(HOSTILE))
    target = Column(HOSTILE[0], "category", "target", HOSTILE[1])
    notes = tuple(Note("filled", text, 1, text) for text in HOSTILE)
    bad = HOSTILE[4]
    cells = tuple((text, text) for text in HOSTILE)
    return replace(
        plain,
        schema=Schema((*columns, target), task, bad),
        run=replace(
            plain.run, source=bad + HOSTILE[0], notes=notes, versions={bad: bad}, asked=tuple((bad, t) for t in HOSTILE)
        ),
        evidence=replace(plain.evidence, verdict=bad, notes=HOSTILE),
        looks=(Look(bad, bad, bad),) * 12,
        examples=tuple(Example(i, text, text, 1.0, cells) for i, text in enumerate(HOSTILE)),
    )


def estimate(name: str, value: float) -> Estimate:
    """A figure with an interval around it."""
    return Estimate(name, value, value - 0.05, value + 0.04, 240, "mm" if name == "rmse" else "", name != "rmse")


def picture(side: int) -> str:
    """A picture of noise as an address: as large a PNG as that many pixels can make."""
    pixels = np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return "data:image/png;base64," + base64.b64encode(out.getvalue()).decode()

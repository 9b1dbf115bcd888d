"""Label errors on news whose true labels are known: how well the audit ranks them, against cleanlab on simple features.

    python benchmarks/labels.py
    python benchmarks/labels.py --trainings 6

The truth is looked at to print the figures, and for nothing else. ``--trainings`` is what the audit may spend; from 6
on it cross-fits five networks instead of two.
"""

from __future__ import annotations

import argparse
import gzip

import numpy as np
import polars as pl
from cleanlab.rank import get_label_quality_scores
from quality import DATA
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline

import vouch
from vouch.challenges.data_quality.labelling import suspected
from vouch.testing import case_for

TOP = 1000
SCORES = ("self_confidence", "normalized_margin", "confidence_weighted_entropy")


def noisy() -> pl.DataFrame:
    """10,000 texts with the label that a crowd gave and the true one."""
    with gzip.open(DATA / "noisy-ag-news/samples10000valMed.csv.gz") as file:
        return pl.read_csv(file.read()).select("text", "label", "gt")


def figures(suspicion: np.ndarray, wrong: np.ndarray) -> str:
    """Average precision, and the share of wrong labels among the thousand most suspected."""
    top = np.argsort(-suspicion, kind="stable")[:TOP]
    return (
        f"average precision {average_precision_score(wrong, suspicion):.4f}, precision {wrong[top].mean():.3f} in {TOP}"
    )


def of_cleanlab(rows: pl.DataFrame, c: float) -> dict[str, np.ndarray]:
    """Label-quality scores on out-of-fold probabilities of logistic regression on tf-idf of words and word pairs."""
    model = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True), LogisticRegression(C=c, max_iter=1000)
    )
    labels = rows["label"].to_numpy()
    said = cross_val_predict(model, rows["text"].to_list(), labels, cv=5, method="predict_proba")
    return {
        f"{method}{' adjusted' if adjust else ''}": 1
        - get_label_quality_scores(labels, said, method=method, adjust_pred_probs=adjust)
        for method in SCORES
        for adjust in (False, True)
        if not (adjust and method == "confidence_weighted_entropy")
    }


def of_audit(rows: pl.DataFrame, trainings: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Suspicion of every row that the audit judges, and which rows these are."""
    bundle = vouch.fit(
        rows.select("text", "label"), "label", task="multiclass", types={"text": "text"}, seed=seed,
        settings={"test_fraction": 0.001},
    )  # fmt: skip
    case = case_for(bundle, trainings=trainings, seconds=36_000).under("data_quality")
    found = suspected(case)
    suspicion = np.full(rows.height, np.nan)
    suspicion[found.ranked] = np.linspace(1, 0, len(found.ranked))
    return suspicion, found.ranked


def main() -> None:
    """Print the figures of cleanlab and of the audit on the same rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trainings", type=float, default=1.4)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    rows = noisy()
    wrong = (rows["label"] != rows["gt"]).to_numpy()
    suspicion, judged = of_audit(rows, asked.trainings, asked.seed)
    print(f"{len(judged):,} rows judged, {wrong[judged].mean():.4f} of them wrong", flush=True)
    print(f"audit, {asked.trainings:g} trainings: {figures(suspicion[judged], wrong[judged])}", flush=True)
    for c in (1.0, 4.0):
        for name, score in of_cleanlab(rows, c).items():
            print(f"cleanlab, logistic C={c:g}, {name}: {figures(score[judged], wrong[judged])}", flush=True)


if __name__ == "__main__":
    main()

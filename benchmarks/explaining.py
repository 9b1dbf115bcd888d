"""Shapley values beside shap on the same network, rows and stand-ins: the time that each takes to the same error.

    python benchmarks/explaining.py
    python benchmarks/explaining.py --rows 100 --theirs 5 --epochs 2      # to see whether it runs

A network of Adult at default settings; 1,000 sealed rows are explained against 64 training rows that stand in for what
is taken out. The truth is the mean of many more orders than either method draws. shap asks the same network, whose
columns are encoded once for it; its time is measured on fewer rows, for it grows with their number, and brought to
our error by the rule that the square of an error falls with the number of orders.
"""

from __future__ import annotations

import argparse
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from quality import SETS

import vouch
from vouch.contracts.explaining import Question
from vouch.data.clean import clean
from vouch.data.encode import encode
from vouch.data.read import read
from vouch.explainers.asking import likeliest, questions
from vouch.explainers.shapley import Shapley
from vouch.nets.network import outputs_of
from vouch.statistics.recalibration import said

Values = np.ndarray[Any, np.dtype[np.float64]]
STAND_INS = 64


def main() -> None:
    """Fit, explain, and print errors and times."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000)
    parser.add_argument("--theirs", type=int, default=20, help="rows that shap is timed on")
    parser.add_argument("--epochs", type=int)
    asked = parser.parse_args()
    question = asked_of(asked.rows, {} if asked.epochs is None else {"epochs": asked.epochs})
    few = replace(
        question, inputs=tuple(x[: asked.theirs] for x in question.inputs), wanted=question.wanted[: asked.theirs]
    )
    truth = Shapley().attribute(replace(few, precision=0.0002, seconds=600.0, seed=1))
    print(f"truth: standard error {truth.errors.max():.1g} at most; {truth.notes[0]}", flush=True)
    Shapley().attribute(few)
    began = time.perf_counter()
    found = Shapley().attribute(question)
    ours = (time.perf_counter() - began) / question.rows
    error = rmse(found.values[: asked.theirs], truth.values)
    miss = np.abs(found.values.sum(1) + found.base - found.answers).max()
    print(
        f"ours: {question.rows:,} rows in {ours * question.rows:.1f} s, RMSE {error:.2g}, misses the answers by "
        f"{miss:.1g}; {found.notes[0]}", flush=True,
    )  # fmt: skip
    for name, explain in (("PermutationExplainer", permutations), ("KernelExplainer", kernel)):
        began = time.perf_counter()
        values = explain(question, asked.theirs)
        theirs, apart = (time.perf_counter() - began) / asked.theirs, rmse(values, truth.values)
        equal = theirs * (apart / error) ** 2
        print(
            f"{name}: {theirs:.2f} s a row, RMSE {apart:.2g}; ours takes {ours / theirs:.4f} of its time as it is, "
            f"{ours / equal:.4f} at equal error", flush=True,
        )  # fmt: skip


def asked_of(rows: int, settings: dict[str, Any]) -> Question:
    """The first sealed rows of Adult, and some training rows that stand in."""
    one = next(iter(SETS["adult"]([0])))
    with tempfile.TemporaryDirectory() as folder:
        bundle = vouch.fit(
            one.data, one.target, test=one.test, columns=one.columns, drop=one.drop, settings=settings,
            out=Path(folder) / "adult.vouch",
        )  # fmt: skip
    frame = clean(read(one.test, columns=one.columns), bundle.schema, labelled=False).frame.head(rows)
    train = clean(read(one.data, columns=one.columns), bundle.schema, labelled=False).frame
    drawn = np.sort(np.random.default_rng(0).choice(train.height, STAND_INS, replace=False))
    inputs, others = encode(frame, bundle.encoders), encode(train[drawn], bundle.encoders)
    decoded = bundle.task.decode(outputs_of(bundle.network.cpu(), inputs))
    return questions(bundle, inputs, others, likeliest(bundle, decoded))[0]


def rmse(found: Values, truth: Values) -> float:
    """Root of the mean squared error over rows and parts."""
    return float(np.sqrt(np.square(found - truth).mean()))


def model_of(question: Question) -> tuple[Callable[[Values], Values], Values, Values]:
    """The network as shap asks it: a function of a matrix with a column for each part; the rows, and the stand-ins."""
    widths = [some.owner for some in question.parts]
    assert all(len(owner) == len(some.names) for owner, some in zip(widths, question.parts, strict=True))
    rows, others = (
        torch.cat([x.double() for x in tensors], dim=1).numpy() for tensors in (question.inputs, question.others)
    )
    sizes = [x.shape[1] for x in question.inputs]

    def model(matrix: Values) -> Values:
        parts = torch.from_numpy(np.ascontiguousarray(matrix)).split(sizes, dim=1)
        inputs = [part.to(x.dtype) for part, x in zip(parts, question.inputs, strict=True)]
        return said(question.bundle, outputs_of(question.bundle.network, inputs))[:, 1]

    return model, rows, others


def permutations(question: Question, rows: int) -> Values:
    """shap's permutations at its default number of evaluations."""
    import shap

    model, x, others = model_of(question)
    explainer = shap.explainers.Permutation(model, shap.maskers.Independent(others, max_samples=len(others)), seed=0)
    return np.asarray(explainer(x[:rows], silent=True).values)


def kernel(question: Question, rows: int) -> Values:
    """shap's weighted regression at its default number of samples."""
    import shap

    model, x, others = model_of(question)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return np.asarray(shap.KernelExplainer(model, others).shap_values(x[:rows], silent=True))


if __name__ == "__main__":
    main()

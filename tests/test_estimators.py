import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from vouch import VouchClassifier, VouchRegressor

FAST = {"epochs": 3, "members": 4, "width": 32}


@pytest.mark.filterwarnings("ignore:Skipping check check_array_api_input")
@pytest.mark.parametrize("estimator", [VouchClassifier(), VouchRegressor()], ids=lambda e: type(e).__name__)
def test_every_check_of_scikit_learn_passes(estimator):
    results = check_estimator(estimator, on_fail=None)
    failed = {result["check_name"]: result["exception"] for result in results if result["status"] == "failed"}
    skipped = {result["check_name"] for result in results if result["status"] == "skipped"}
    assert not failed
    assert skipped <= {"check_array_api_input"}
    assert len(results) > 40


def test_a_classifier_works_inside_a_pipeline_and_cross_validation():
    X, y = load_breast_cancer(return_X_y=True)
    scores = cross_val_score(make_pipeline(StandardScaler(), VouchClassifier()), X, y, cv=3, scoring="roc_auc")
    assert scores.mean() > 0.97


def test_a_regressor_explains_most_of_what_a_line_explains():
    X, y = load_diabetes(return_X_y=True)
    assert cross_val_score(VouchRegressor(), X, y, cv=3).mean() > 0.4


def test_frames_keep_their_categories_and_missing_values():
    rng = np.random.default_rng(0)
    kind = np.array(["red", "green", None], dtype=object)[rng.integers(0, 3, 200)]
    frame = pd.DataFrame({"kind": kind, "size": np.where(rng.random(200) < 0.2, np.nan, rng.normal(size=200))})
    y = np.where(pd.isna(kind), "none", np.where(kind == "red", "hot", "cool"))
    model = VouchClassifier(settings={"epochs": 30}).fit(frame, y)
    assert (model.predict(frame) == y).mean() > 0.9


def test_settings_reach_the_training_and_survive_cloning():
    X, y = load_diabetes(return_X_y=True)
    model = clone(VouchRegressor(settings=FAST, seed=3)).fit(X, y)
    assert model.bundle_.recipe.epochs == 3
    assert model.bundle_.recipe.seed == 3
    assert len(model.bundle_.split.test) == 0

"""What a history of epochs is taken to say."""

from __future__ import annotations

import numpy as np

from challenges.overfitting.fakes import Fake, as_case, case, with_history
from vouch.challenges.overfitting.history import memorising, standard_error, trained_too_briefly

EPOCHS = 24
SEEDS = range(20)


def test_weights_from_before_the_rise_pass_and_the_epoch_is_named() -> None:
    check = memorising(as_case(run(0, falls() + 0.03 * np.maximum(np.arange(EPOCHS) - 10, 0), kept="best")))
    assert check.verdict == "pass"
    assert "only memorised" in check.headline
    assert "epoch 11 of 24" in check.headline


def test_weights_from_the_rise_are_found() -> None:
    shape = falls() + 0.5 * np.maximum(np.arange(EPOCHS) - 8, 0) / (EPOCHS - 9)
    found = [memorising(as_case(run(seed, shape, kept="last"))).verdict for seed in SEEDS]
    assert sum(verdict in ("warn", "fail") for verdict in found) >= 0.9 * len(SEEDS)


def test_a_flat_end_is_no_memorising() -> None:
    found = [memorising(as_case(run(seed, falls(), kept="last", noise=0.01))).verdict for seed in SEEDS]
    assert set(found) == {"pass"}


def test_a_run_that_was_cut_off_while_it_fell_is_found() -> None:
    steep = np.exp(-1.55 * np.arange(EPOCHS) / EPOCHS)
    found = [trained_too_briefly(as_case(run(seed, steep, kept="last", noise=0.01))) for seed in SEEDS]
    assert sum(check.verdict in ("warn", "fail") for check in found) >= 0.9 * len(SEEDS)
    assert any("--set epochs=" in check.headline for check in found)


def test_a_run_that_had_levelled_off_passes() -> None:
    found = [trained_too_briefly(as_case(run(seed, falls(), kept="last", noise=0.01))).verdict for seed in SEEDS]
    assert set(found) == {"pass"}


def test_few_rows_or_epochs_are_inconclusive() -> None:
    short = with_history(case(0), [(1, 1.0, 0.5, 1.0), (2, 0.9, 0.4, 1.0)])
    small = run(0, falls(), kept="last", rows=20)
    for check in (memorising, trained_too_briefly):
        assert check(as_case(short)).verdict == "inconclusive"
        assert check(as_case(small)).verdict == "inconclusive"


def test_the_figure_has_both_curves() -> None:
    (figure,) = memorising(as_case(run(0, falls(), kept="best"))).figures
    assert {row["of"] for row in figure.spec["data"]["values"]} == {"training loss", "validation score"}


def test_the_standard_error_of_a_root_mean_square_follows_the_delta_method() -> None:
    rng = np.random.default_rng(0)
    draws = np.sqrt(np.square(rng.normal(size=(4000, 200))).mean(axis=1))
    fake = case(0, sizes=(60, 200, 60), quantity=True)
    assert abs(standard_error(fake.parts["valid"], False) / (draws.std() / draws.mean()) - 1) < 0.2


def falls() -> np.ndarray:
    return 1 + 0.8 * np.exp(-np.arange(EPOCHS) / 3)


def run(seed: int, shape: np.ndarray, kept: str, noise: float = 0.0, rows: int = 200) -> Fake:
    """A run whose validation score had this shape, and whose kept weights are of the best or of the last epoch."""
    rng = np.random.default_rng(seed)
    fake = case(seed, sizes=(100, rows, 100))
    shape = shape * np.exp(rng.normal(size=len(shape)) * noise)
    own = shape.min() if kept == "best" else shape[-1]
    scores = float(fake.parts["valid"].losses.mean()) * shape / own
    return with_history(fake, [(i + 1, 1 / (i + 1), float(score), 1.0) for i, score in enumerate(scores)])

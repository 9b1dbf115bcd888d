import polars as pl
import pytest

from vouch.tasks import ALL, Classification, Multilabel, Regression
from vouch.testing import check_task

TARGETS = {
    Classification: pl.Series(["cat", "dog", "eel"] * 10),
    Multilabel: pl.Series(["red|round", "red", "round|small", "small", "red|small", "red|round|small"] * 5),
    Regression: pl.Series([float(i * i) for i in range(30)]),
}


@pytest.mark.parametrize("task", ALL, ids=lambda task: task.__name__)
def test_task_keeps_the_contract(task):
    check_task(task, TARGETS[task])


def test_a_binary_target_keeps_the_contract():
    check_task(Classification, pl.Series(["no", "yes"] * 15))

"""Plans follow from the size and the kind of the data alone."""

from dataclasses import replace

import pytest

from vouch.contracts.roles import Capabilities
from vouch.contracts.schema import Column
from vouch.training.plan import Facts, plan

NUMBER = (Column("n", "number", "feature", ""), Capabilities())
TEXT = (Column("t", "text", "feature", "", options={"spaced": True}), Capabilities(discrete=True, ordered=True))
LETTERS = (replace(TEXT[0], options={"spaced": False}), TEXT[1])
PICTURE = (
    Column("p", "image", "feature", "", options={"channels": 1, "height": 28, "width": 28}),
    Capabilities(spatial=True),
)


@pytest.mark.parametrize(
    ("features", "network"),
    [
        ([NUMBER], ("ensemble",)),
        ([TEXT], ("textcnn", "none")),
        ([LETTERS], ("transformer", "none")),
        ([PICTURE], ("resnet", "none")),
        ([NUMBER, TEXT], ("ensemble", "bag")),
        ([NUMBER, PICTURE, TEXT], ("ensemble", "resnet", "bag")),
    ],
)
def test_the_kinds_of_column_choose_the_nets(features: list[tuple[Column, Capabilities]], network: tuple[str, ...]):
    facts = Facts(features, rows=5000, task="binary")
    assert plan(facts).network == network
    assert plan(facts) == plan(facts)


def test_more_texts_mean_fewer_passes_down_to_two():
    epochs = [plan(Facts([TEXT], rows, "binary")).epochs for rows in (300, 5000, 30_000, 200_000, 3_000_000)]
    assert epochs == sorted(epochs, reverse=True)
    assert epochs[2:] == [5, 3, 2]


def test_sequences_of_letters_are_planned_within_the_same_work():
    assert [plan(Facts([LETTERS], rows, "binary")).epochs for rows in (3000, 200_000, 3_000_000)] == [20, 3, 2]


def test_more_time_buys_more_passes_over_many_texts():
    assert plan(Facts([TEXT], 200_000, "binary", seconds=1200)).epochs == 5


def test_a_wider_picture_net_only_beyond_ten_minutes():
    plans = [plan(Facts([PICTURE], 60_000, "multiclass", seconds=seconds)) for seconds in (60, 600, 2400)]
    assert [found.image_width for found in plans[:2]] == [32, 32]
    assert plans[2].image_width > 32
    assert plans[0].epochs < plans[1].epochs < plans[2].epochs


def test_many_rows_of_a_table_mean_fewer_passes():
    short, long = (plan(Facts([NUMBER] * 30, rows, "binary")) for rows in (10_000, 3_000_000))
    assert long.epochs < short.epochs
    assert long.batch_size > short.batch_size

import numpy as np
import polars as pl
import pytest
import torch

from vouch.errors import TargetError
from vouch.tasks import Classification, Multilabel, Regression


def test_classes_that_are_numbers_sort_as_numbers():
    assert Classification.fit(pl.Series(["10", "9", "2"])).classes == ("2", "9", "10")


def test_the_second_of_two_classes_is_the_positive_one():
    task = Classification.fit(pl.Series([">50K", "<=50K"]))
    assert task.classes == ("<=50K", ">50K")
    assert task.encode(pl.Series([">50K"])).tolist() == [1]


def test_a_class_that_training_never_saw_has_no_likelihood():
    task = Classification.fit(pl.Series(["a", "b"]))
    truth = task.truth(pl.Series(["a", "new"]))
    losses = task.losses(np.array([[0.9, 0.1], [0.1, 0.9]]), truth)
    assert losses[0] == pytest.approx(-np.log(0.9))
    assert losses[1] > 20


def test_one_class_cannot_be_learned():
    with pytest.raises(TargetError, match="one class only"):
        Classification.fit(pl.Series(["a", "a"]))


def test_members_are_averaged_as_probabilities_not_as_logits():
    task = Classification.fit(pl.Series(["a", "b"]))
    sure, opposite = [[10.0, 0.0]], [[0.0, 2.0]]
    decoded = task.decode(torch.tensor([[sure[0], opposite[0]]]))
    expected = (torch.tensor(sure).softmax(1) + torch.tensor(opposite).softmax(1)) / 2
    assert decoded[0] == pytest.approx(expected[0].tolist(), abs=1e-6)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_loss_of_one_member_is_that_of_two_which_say_the_same(smoothing):
    torch.manual_seed(0)
    task, output = Classification(("a", "b", "c")), torch.randn(7, 1, 3)
    target = torch.tensor([0, 1, 2, 2, 1, 0, 1])
    alone, both = (task.loss(x, target, smoothing) for x in (output, output.expand(7, 2, 3)))
    assert torch.allclose(alone, both, atol=1e-6)


def test_a_quantity_comes_back_in_its_own_unit():
    task = Regression.fit(pl.Series([100.0, 300.0]))
    output = task.encode(pl.Series([250.0])).view(1, 1, 1)
    assert task.decode(output) == pytest.approx([250.0])


def test_a_quantity_too_large_to_square_is_refused():
    with pytest.raises(TargetError, match="too large"):
        Regression.fit(pl.Series([1e200, -1e200]))


def test_labels_of_a_cell_are_told_apart_whatever_their_order():
    task = Multilabel.fit(pl.Series(["b|a", "a", "c"]))
    assert task.truth(pl.Series(["a|b", "b | a", None])).tolist() == [[1, 1, 0], [1, 1, 0], [0, 0, 0]]
    assert task.frame(np.array([[0.9, 0.8, 0.1]]))["prediction"].to_list() == ["a|b"]

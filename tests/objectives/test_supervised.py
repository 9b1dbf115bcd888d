import pytest
import torch
from torch import nn

from vouch.objectives import Focal, Supervised
from vouch.tasks import Classification, Multilabel, Regression

CLASSES = Classification(("a", "b", "c"))
CASES = {
    "classes": (CLASSES, torch.tensor([0, 2, 1, 0]), 3),
    "labels": (Multilabel(("a", "b"), "|"), torch.tensor([[0.0, 1.0], [1.0, 1.0], [0.0, 0.0], [1.0, 0.0]]), 2),
    "quantity": (Regression(0.0, 1.0, -1.0, 1.0), torch.tensor([0.5, -1.0, 2.0, 0.0]), 1),
}
MAKE = {"supervised": Supervised, "focal": lambda target: Focal(target, 2.0)}


def outputs(k, members=3):
    return torch.randn(4, members, k, generator=torch.Generator().manual_seed(0), requires_grad=True)


@pytest.mark.parametrize("made", MAKE)
@pytest.mark.parametrize("case", CASES)
def test_a_row_that_counts_twice_is_a_row_that_stands_twice(made, case):
    target, wanted, k = CASES[case]
    objective, output = MAKE[made](target), outputs(k)
    repeated = torch.tensor([0, 1, 1, 2, 2, 2])
    weighted = objective(nn.Identity(), [output], wanted, torch.tensor([1.0, 2.0, 3.0, 0.0]))
    assert weighted.item() == pytest.approx(
        objective(nn.Identity(), [output[repeated]], wanted[repeated]).item(), rel=1e-5
    )


@pytest.mark.parametrize("made", MAKE)
def test_equal_weights_count_as_none(made):
    objective, output, wanted = MAKE[made](CLASSES), outputs(3), CASES["classes"][1]
    plain = objective(nn.Identity(), [output], wanted)
    assert objective(nn.Identity(), [output], wanted, torch.full((4,), 0.3)).item() == pytest.approx(plain.item())


@pytest.mark.parametrize("made", MAKE)
def test_a_batch_in_which_no_row_counts_has_no_loss_and_no_gradient(made):
    output = outputs(3)
    loss = MAKE[made](CLASSES)(nn.Identity(), [output], CASES["classes"][1], torch.zeros(4))
    (gradient,) = torch.autograd.grad(loss, output)
    assert loss.item() == 0
    assert (gradient == 0).all()


def test_without_weights_it_is_the_mean_over_rows_and_members():
    output, wanted = outputs(3), CASES["classes"][1]
    expected = torch.nn.functional.cross_entropy(output.flatten(0, 1), wanted.repeat_interleave(3), label_smoothing=0.1)
    assert Supervised(CLASSES, 0.1)(nn.Identity(), [output], wanted).item() == pytest.approx(expected.item(), rel=1e-6)

import pytest
import torch
import torch.nn.functional as F

from vouch.objectives.views import alike


def test_the_loss_is_that_of_the_paper_written_out() -> None:
    """Chen et al. (2020), equation 1: for each view, minus the log of its partner's share among all others."""
    vectors = torch.randn(10, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    unit = F.normalize(vectors, dim=1)
    losses = []
    for i in range(10):
        partner = (i + 5) % 10
        similar = [float(torch.exp(unit[i] @ unit[j] / 0.5)) for j in range(10)]
        losses.append(-torch.tensor(similar[partner] / (sum(similar) - similar[i])).log())
    assert float(alike(vectors, 0.5)) == pytest.approx(float(torch.stack(losses).mean()), rel=1e-6)


def test_the_length_of_a_vector_does_not_matter() -> None:
    vectors = torch.randn(8, 3, generator=torch.Generator().manual_seed(0))
    assert float(alike(vectors, 0.2)) == pytest.approx(float(alike(7 * vectors, 0.2)), rel=1e-5)


def test_views_that_fit_cost_less_than_views_that_do_not() -> None:
    first = torch.randn(16, 8, generator=torch.Generator().manual_seed(0))
    assert alike(torch.cat([first, first]), 0.2) < alike(torch.cat([first, first.roll(1, 0)]), 0.2)

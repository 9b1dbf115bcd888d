"""Groups travel behind targets, and targets come back as they were."""

import pytest
import torch

from vouch.objectives.behind import with_groups, without_groups
from vouch.tasks import Classification, Multilabel, Regression

GROUP = torch.tensor([2, 0, 1])


@pytest.mark.parametrize(
    ("target", "wanted"),
    [
        (Classification(("a", "b", "c")), torch.tensor([2, 0, 1])),
        (Regression(0.0, 1.0, -1.0, 1.0), torch.tensor([0.5, -1.0, 2.0])),
        (Multilabel(("a",), "|"), torch.tensor([[1.0], [0.0], [1.0]])),
        (Multilabel(("a", "b"), "|"), torch.tensor([[1.0, 0.0], [0.0, 0.0], [1.0, 1.0]])),
    ],
)
def test_what_goes_behind_comes_back(target, wanted):
    own, group = without_groups(with_groups(wanted, GROUP), target)
    assert torch.equal(own, wanted)
    assert group.tolist() == GROUP.tolist()

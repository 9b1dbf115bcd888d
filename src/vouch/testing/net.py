"""What every net must keep."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap


def check_net(make: Callable[[], nn.Module], inputs: Sequence[Tensor]) -> None:
    """Hold a net to what the house relies on.

    Args:
        make: builds a fresh net from torch's global random state.
        inputs: what it takes, first dimension B of at least 4 rows.

    Raises:
        AssertionError: a promise is broken; the message says which.

    Example:
        >>> check_net(lambda: nn.Linear(3, 2), [torch.randn(4, 3)])
    """
    net = _seeded(make).eval()
    with torch.no_grad():
        out = net(*inputs)
        assert out.isfinite().all(), "the output is not finite"
        assert len(out) == len(inputs[0]), "the output has another number of rows"
        assert torch.equal(_seeded(make).eval()(*inputs), out), "the same seed gives another output"
        assert torch.equal(net(*inputs), out), "the net changes by being used outside training"
        alone = net(*(x[:1] for x in inputs))
        assert torch.allclose(alone, out[:1], atol=1e-5), "outside training a row depends on the other rows"
        copy = _seeded(make, seed=1).eval()
        copy.load_state_dict(net.state_dict())
        assert torch.equal(copy(*inputs), out), "weights that were saved and loaded give another output"
    _check_training(_seeded(make), inputs)
    _check_batched(make, inputs)
    with torch.device("meta"):
        make()


def _check_training(net: nn.Module, inputs: Sequence[Tensor]) -> None:
    """Every weight gets a gradient, and the same seed gives the same one."""
    gradients = []
    for _ in range(2):
        net.zero_grad()
        torch.manual_seed(5)
        net.train()(*inputs).square().sum().backward()
        missing = [name for name, p in net.named_parameters() if p.grad is None or not p.grad.isfinite().all()]
        assert not missing, f"no finite gradient reaches {missing}"
        gradients.append(torch.cat([p.grad.flatten() for p in net.parameters() if p.grad is not None]))
    assert torch.equal(gradients[0], gradients[1]), "the same seed gives another gradient"


def _check_batched(make: Callable[[], nn.Module], inputs: Sequence[Tensor]) -> None:
    """Several nets side by side under torch.func give what each gives alone."""
    nets = [_seeded(make, seed).eval() for seed in (0, 1)]
    weights, buffers = stack_module_state(nets)
    skeleton = _seeded(make).eval()

    def one(parameters: dict[str, Tensor], state: dict[str, Tensor]) -> Tensor:
        return functional_call(skeleton, (parameters, state), tuple(inputs))

    together = vmap(one, randomness="different")(weights, buffers)
    apart = torch.stack([net(*inputs) for net in nets])
    assert torch.allclose(together, apart, atol=1e-4, rtol=1e-4), "nets under vmap differ from nets alone"


def _seeded(make: Callable[[], nn.Module], seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return make()

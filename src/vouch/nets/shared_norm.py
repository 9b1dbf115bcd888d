"""Batch normalisation of a batch that is divided over processes: the statistics are those of the whole batch."""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


def share_norms(network: nn.Module) -> None:
    """Let every batch normalisation inside a network look at the rows of all processes.

    Args:
        network: changed in place; weights and running statistics stay where they are, and keep their names.

    Example:
        >>> net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4))
        >>> share_norms(net)
        >>> type(net[1]).__name__, list(net.state_dict())[2]
        ('SharedBatchNorm', '1.weight')
    """
    for part in list(network.modules()):
        for name, child in part.named_children():
            if isinstance(child, _BatchNorm) and not isinstance(child, SharedBatchNorm):
                setattr(part, name, SharedBatchNorm(child))


class SharedBatchNorm(_BatchNorm):
    """Batch normalisation (Ioffe and Szegedy, 2015) over the rows of all processes of the default group.

    Torch's own for several processes, ``nn.SyncBatchNorm``, does the same on graphics cards only.

    Args:
        alone: the normalisation whose weights and running statistics it takes over.
    """

    def __init__(self, alone: _BatchNorm) -> None:
        super().__init__(alone.num_features, alone.eps, alone.momentum, alone.affine, alone.track_running_stats)
        self.weight, self.bias, self.training = alone.weight, alone.bias, alone.training
        self.running_mean, self.running_var = alone.running_mean, alone.running_var
        self.num_batches_tracked = alone.num_batches_tracked

    def _check_input_dim(self, input: Tensor) -> None:
        if input.ndim < 2:
            raise ValueError(f"expected rows and features first, got {input.ndim} dimensions")

    def forward(self, input: Tensor) -> Tensor:
        """Normalise (B, D, ...) by the mean and variance of each feature; in evaluation by the running ones."""
        self._check_input_dim(input)
        if not self.training or not dist.is_initialized() or dist.get_world_size() == 1:
            return super().forward(input)
        count, mean, variance = _moments(input.float())
        if self.running_mean is not None and self.running_var is not None and self.momentum is not None:
            with torch.no_grad():
                self.running_mean.lerp_(mean, self.momentum)
                self.running_var.lerp_(variance * (count / (count - 1)), self.momentum)
                if self.num_batches_tracked is not None:
                    self.num_batches_tracked.add_(1)
        return _normalised(input, mean, (variance + self.eps).rsqrt(), self.weight, self.bias)


def _normalised(x: Tensor, mean: Tensor, scale: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
    """Written out, since torch's own takes no gradient through given statistics."""
    shape = (1, -1, *[1] * (x.ndim - 2))
    scale = scale if weight is None else scale * weight
    shift = -mean * scale if bias is None else bias - mean * scale
    return torch.addcmul(shift.view(shape), x, scale.view(shape)).to(x.dtype)


def _moments(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Count, mean and variance of each feature over all processes; what is put together is in double precision."""
    others = [axis for axis in range(x.ndim) if axis != 1]
    variance, mean = (found.double() for found in torch.var_mean(x, others, correction=0))
    count = x.numel() / x.shape[1]
    sums = torch.cat([mean.new_tensor([1.0]), mean, variance + mean.square()]) * count
    whole, first, second = _Summed.apply(sums).split([1, len(mean), len(mean)])
    together = first / whole
    return whole.to(x.dtype), together.to(x.dtype), (second / whole - together.square()).clamp_min(0.0).to(x.dtype)


class _Summed(torch.autograd.Function):
    """The sum over all processes; so is its gradient."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        del ctx
        whole = x.clone()
        dist.all_reduce(whole)
        return whole

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        del ctx
        whole = grads[0].contiguous().clone()
        dist.all_reduce(whole)
        return whole

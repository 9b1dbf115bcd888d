"""Weights, gradients and moments divided over the processes of a team, where they do not fit one device (FSDP)."""

from __future__ import annotations

import os
from collections.abc import Mapping

import torch
import torch.distributed as dist
from torch import Tensor, nn

from vouch.contracts.recipe import Recipe
from vouch.errors import UsageError
from vouch.training.state import State, Weights

# Copies of every weight that a step of each optimiser holds beside the weight itself: the gradient and the moments.
_HELD = {"adamw": 3, "adam": 3, "sgd": 2, "rmsprop": 3, "adagrad": 2}
# The running average, and the best weights so far.
_KEPT = 2
_ROOM = 0.7
_FOUR_BYTES = 4
# Weights of a block from which dividing it by itself is worth its messages.
_LARGE = 1_000_000


def is_divided(tensor: Tensor) -> bool:
    """Whether a process holds a part of a tensor alone; asked without importing what divides, which takes seconds."""
    return hasattr(tensor, "placements")


def held(tensor: Tensor) -> Tensor:
    """The part of a tensor that this process holds, in the same memory."""
    return tensor.to_local() if is_divided(tensor) else tensor  # type: ignore[attr-defined]


def is_sharded(network: nn.Module) -> bool:
    """Whether the weights of a network are divided over processes."""
    return any(is_divided(weight) for weight in network.parameters())


def asked_for(recipe: Recipe, network: nn.Module, device: torch.device) -> bool:
    """Whether the recipe has the weights divided: "on", or "auto" and they do not fit.

    Raises:
        UsageError: they are to be divided, and something in the recipe needs them whole.
    """
    if recipe.shard == "off" or (recipe.shard == "auto" and needed_by(network, recipe) <= room_on(device)):
        return False
    name = recipe.optimizer.name
    for met, what, advice in (
        (name not in _HELD, f"{name} needs whole matrices", "Use --set optimizer=adamw."),
        (recipe.gradient_noise > 0, "noise is drawn for whole gradients", "Leave 'gradient_noise' at 0."),
    ):
        if met:
            raise UsageError(
                f"the weights cannot be divided over the workers: {what}", received=f"shard={recipe.shard}",
                next_step=advice,
            )  # fmt: skip
    return True


def needed_by(network: nn.Module, recipe: Recipe) -> int:
    """Bytes that training holds whatever the batch: weights, gradients, moments, the average and the best weights.

    Example:
        >>> needed_by(nn.Linear(99, 1), Recipe())
        2400
    """
    copies = 1 + _HELD.get(recipe.optimizer.name, max(_HELD.values())) + _KEPT
    return copies * _FOUR_BYTES * sum(weight.numel() for weight in network.parameters())


def room_on(device: torch.device) -> float:
    """Bytes of a device that one process may fill with them: of a processor's memory, its share of what there is."""
    if device.type == "cuda":
        return _ROOM * torch.cuda.get_device_properties(device).total_memory
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return _ROOM * memory / int(os.environ.get("LOCAL_WORLD_SIZE", "1"))


def shard(network: nn.Module, device: torch.device) -> None:
    """Divide a network over all processes, in place: every large block by itself, then the parts that hold them.

    Args:
        network: embedders, a trunk and a head; each is put on the device as it is divided, never the whole.
        device: where it is computed.

    Source:
        Zhao et al., PyTorch FSDP: experiences on scaling fully sharded data parallel (2023).
    """
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import FSDPModule, fully_shard

    mesh = init_device_mesh(device.type, (dist.get_world_size(),))
    blocks = [
        child
        for part in network.modules()
        if isinstance(part, nn.ModuleList)
        for child in part
        if sum(weight.numel() for weight in child.parameters()) >= _LARGE
    ]
    outer = [child for part in network.children() for child in (part if isinstance(part, nn.ModuleList) else [part])]
    for part in [*reversed(blocks), *outer]:
        if not isinstance(part, FSDPModule) and any(True for _ in part.parameters()):
            part.register_forward_hook(_in_own_memory)
            divided = fully_shard(part, mesh=mesh, reshard_after_forward=True)
            # The loss of each process is its share of the whole already.
            divided.set_force_sum_reduction_for_comms(True)
            divided.set_gradient_divide_factor(1.0)
    for value in network.buffers():
        value.data = value.data.to(device)


def _in_own_memory(block: nn.Module, inputs: object, output: object) -> object:
    """What a block gives, copied where it is a view: changed in place, that would lose the hooks of dividing."""
    del block, inputs
    return output.clone() if isinstance(output, Tensor) and output._is_view() else output


def whole(tensors: Mapping[str, Tensor]) -> Weights:
    """The same tensors in one piece; every process has to ask."""
    return {name: value.full_tensor() if is_divided(value) else value for name, value in tensors.items()}  # type: ignore[attr-defined]


def divided_like(tensors: Mapping[str, Tensor], state: State) -> Weights:
    """Whole tensors of a packed state, divided as those of a fresh state are."""
    from torch.distributed.tensor import DTensor, distribute_tensor

    live = state.network.state_dict()
    weights = [weight for group in state.optimizer.param_groups for weight in group["params"]]
    found = {}
    for name, value in tensors.items():
        part, _, rest = name.partition("/")
        held = weights[int(rest.split(".")[0])] if part == "optimizer" else live.get(rest)
        if isinstance(held, DTensor) and held.shape == value.shape:
            value = distribute_tensor(value.to(held.device), held.device_mesh, held.placements, src_data_rank=None)
        found[name] = value
    return found

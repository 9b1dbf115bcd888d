"""What one training step minimises, one file for each; some stand around another one."""

from torch import Tensor

from vouch.contracts.recipe import Recipe
from vouch.contracts.roles import Objective, Target
from vouch.errors import UsageError
from vouch.objectives.behind import with_groups
from vouch.objectives.consistent import Consistent, views_of
from vouch.objectives.focal import Focal
from vouch.objectives.gap_penalty import GapPenalty
from vouch.objectives.group_dro import GroupDRO
from vouch.objectives.hidden import HiddenPieces
from vouch.objectives.l1 import L1
from vouch.objectives.l2 import L2
from vouch.objectives.logit_adjustment import LogitAdjustment, log_shares
from vouch.objectives.mixing import Mixing
from vouch.objectives.replaced import ReplacedColumns
from vouch.objectives.supervised import Supervised
from vouch.objectives.together import Together
from vouch.objectives.views import Views

ALL = (
    Consistent, Focal, GapPenalty, GroupDRO, HiddenPieces, L1, L2, LogitAdjustment, Mixing, ReplacedColumns,
    Supervised, Together, Views,
)  # fmt: skip


def make_objective(
    target: Target, recipe: Recipe, wanted: Tensor, weights: Tensor | None = None, groups: int = 0
) -> Objective:
    """The objective that a recipe asks for.

    Args:
        target: the task.
        recipe: says what is on: ``label_smoothing``, ``focal``, ``logit_adjustment``, ``mixup``, ``cutmix``, ``l2``,
            ``l1``, ``fairness_penalty``, ``group_dro``; the last two are given targets with groups behind them.
        wanted: encoded targets of the training rows (n, ...), by which classes are found to be rare.
        weights: how much each of these rows counts (n,); all alike when not given.
        groups: how many groups there are, where the recipe compares them.

    Raises:
        UsageError: the recipe asks for what makes no sense for the task.
    """
    check_objective(target, recipe)
    smoothing = recipe.label_smoothing
    one: Objective = Focal(target, recipe.focal, smoothing) if recipe.focal else Supervised(target, smoothing)
    if recipe.group_dro:
        one = GroupDRO(target, recipe.group_dro, groups, smoothing)
    if recipe.fairness_penalty:
        one = GapPenalty(one, target, recipe.fairness_penalty, groups, recipe.fairness_within)
    if recipe.logit_adjustment:
        one = LogitAdjustment(one, recipe.logit_adjustment * log_shares(wanted, target.outputs, weights))
    if recipe.mixup or recipe.cutmix:
        one = Mixing(one, recipe.mixup, recipe.cutmix)
    one = L2(one, recipe.l2) if recipe.l2 else one
    return L1(one, recipe.l1) if recipe.l1 else one


def asks_for_groups(recipe: Recipe) -> bool:
    """Whether a recipe compares groups of rows in training."""
    return bool(recipe.fairness_penalty or recipe.group_dro)


def check_objective(target: Target, recipe: Recipe) -> None:
    """Refuse what makes no sense for the task, before any time is spent.

    Raises:
        UsageError: ``focal`` or ``logit_adjustment`` is on and the target is not of classes, or not one logit each; or
            two keys are on that do not go together.
    """
    if recipe.group_dro and (recipe.focal or recipe.fairness_penalty):
        other = "focal" if recipe.focal else "fairness_penalty"
        raise UsageError(
            f"recipe keys 'group_dro' and '{other}' do not go together", next_step=f"Leave one out: --set {other}=0."
        )
    for key in ("focal", "logit_adjustment"):
        if getattr(recipe, key) and not target.classes:
            raise UsageError(
                f"recipe key '{key}' needs a target of classes", received=target.name,
                next_step=f"Leave it out, or --set {key}=0.",
            )  # fmt: skip
    if recipe.logit_adjustment and target.outputs != len(target.classes):
        raise UsageError(
            "recipe key 'logit_adjustment' needs one logit for each class", received=target.name,
            next_step="Leave it out, or --set logit_adjustment=0.",
        )  # fmt: skip


__all__ = [
    "ALL",
    "L1",
    "L2",
    "Consistent",
    "Focal",
    "GapPenalty",
    "GroupDRO",
    "HiddenPieces",
    "LogitAdjustment",
    "Mixing",
    "ReplacedColumns",
    "Supervised",
    "Together",
    "Views",
    "asks_for_groups",
    "check_objective",
    "make_objective",
    "views_of",
    "with_groups",
]

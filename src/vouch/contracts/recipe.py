"""The recipe: everything that is chosen before training. What is learned lives in the bundle."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

from vouch.contracts.activations import ACTIVATIONS, Activation, Usual
from vouch.contracts.optimizers import OPTIMIZERS, AdamW, Optimizer
from vouch.contracts.schedules import SCHEDULES, Constant, Schedule

CHOICES: dict[str, tuple[type, ...]] = {
    "optimizer": OPTIMIZERS,
    "schedule": SCHEDULES,
    "activation": ACTIVATIONS,
}
_ADAMW, _CONSTANT, _USUAL = AdamW(), Constant(), Usual()


@dataclass(frozen=True, slots=True)
class Recipe:
    """Every setting of a run, with no default left open.

    Planning makes a recipe from the rows, the columns and the task; the user's own settings override it; the bundle
    keeps the one that was used. Training from it again gives the same weights bit for bit on the same machine and
    thread count. ``vouch recipe`` prints each key with its line below.

    Args:
        seed: fixes the split, the initial weights, the order of rows, dropout and augmentation.
        valid_fraction: share of the rows that decides when to stop; they never enter a gradient.
        test_fraction: share of the rows sealed for the final figures, 200,000 at most; unused when test data is given.
        network: the nets by name: the trunk ("ensemble", "mlp", "none"), that of pictures ("resnet", "cnn"), that of
            texts ("textcnn", "bag", "transformer").
        epochs: passes over the training rows at most.
        batch_size: rows in one step.
        accumulation: parts in which each batch passes through the network one after the other; the step is the same and
            needs less memory.
        learning_rate: the peak rate; "auto", or 0, looks for one by a range test before training.
        optimizer: what turns a gradient into a step.
        schedule: how the rate moves during the run.
        warmup: share of all steps during which the rate rises to its peak.
        weight_decay: pull of the weight matrices towards 0: decoupled with adamw, muon and schedule_free, else added to
            the gradient.
        l1: weight of the sum of absolute weights, added to the loss.
        l2: weight of half the sum of squared weights, added to the loss: L2 that is coupled to the optimiser.
        clip: largest norm of the gradient; 0 is off.
        gradient_noise: standard deviation of the noise that is added to the gradient in the first step, less in later
            ones.
        dropout: share of hidden units dropped in a step.
        stochastic_depth: how often the last residual block of a net (resnet, transformer) is skipped in training; the
            others less, in equal steps from the first to the last; 0 is off.
        label_smoothing: share of the target spread over all classes.
        augment: the random changes made to training inputs: "auto" for what suits the data, names, both, or nothing.
        patience: epochs without a better validation score before training stops; 0 never stops.
        averaging: decay of the running average of the weights, which is what is scored and kept; 0 is off.
        swa: share of the epochs, the last ones, whose weights are averaged evenly (stochastic weight averaging), in the
            place of the running average; 0 is off.
        precision: "auto" for bfloat16 where the accelerator has it, else "float32", "bfloat16" or "float16".
        recompute: whether inner values are computed a second time on the way back instead of being kept: less memory,
            a third more time.
        compile: "off", "on", or "auto", which compiles the step on an accelerator where it is measured to pay off.
        shard: whether weights, gradients and moments are divided over the workers: "auto" where they do not fit one
            device, else "on" or "off". A process alone divides nothing.
        gradient_sharing: numbers in which workers send each other their gradients: "float32", or "bfloat16" or
            "float16", which halve the messages and round them.
        members: predictors inside one network whose answers are averaged: of the parameter-sharing ensemble, or nets of
            words that stand alone.
        networks: whole networks, each trained with a seed of its own, whose answers are averaged (deep ensemble).
        folds: parts of the rows that are not sealed, each predicted by a network that was trained on the others; the
            bundle averages these networks; 0 is off.
        activation: what stands between the layers.
        width: hidden units in each layer of the trunk.
        depth: hidden layers in the trunk.
        share_layers: whether the equal layers of a net (the hidden ones of the trunk after its first, the blocks of a
            transformer) use the same weights.
        number_embedding: units that each number is spread over.
        category_embedding: units that each category is spread over; its spelling, where that counts, over twice
            as many.
        image_width: channels of the first stage of a picture net.
        vocabulary: tokens that the text tokeniser may learn.
        max_tokens: tokens of a text that are read; 0 follows the lengths in the training rows.
        text_width: units that each token is spread over.
        mixup: how much rows are mixed in pairs (alpha of the Beta distribution); 0 is off, 0.2 is usual, 1 is strong.
        cutmix: how much patches of pictures are exchanged in pairs (alpha); 0 is off, 1 is usual. With mixup as well,
            each batch draws one of the two.
        focal: how little rows count that are nearly right (gamma of the focal loss); 0 is off, 2 is usual.
        logit_adjustment: how far rare classes are evened out (tau); 0 is off, 1 learns as if all were equally common.
        fairness_penalty: weight of the variance of the mean answers of groups (by the sensitive columns together)
            around that of all rows, added to the loss; 0 is off, 10 is usual for classes.
        fairness_within: whether that compares groups within each class, and not over all rows.
        group_dro: how steeply groups (by the sensitive columns together) count by their loss: in each step by its
            exponential; 0 is off, 1 is usual.
        start: name and digest of what the weights start from, a bundle or a checkpoint; empty starts from random ones.
        probe: share of the epochs in which only what is new learns, the head above all (linear probe); 0 is off.
        unfreezing: share of the epochs, after the probe, over which known layers begin to learn one after the other,
            those next to the head first; 0 lets all begin at once.
        layer_decay: what the rate of a layer is multiplied by for each layer that stands between it and the head; 1 is
            off.
        consistency: weight of the loss of rows without a label that are seen changed a little and much, as pictures can
            be; 0 labels them once instead, as is done with rows of other kinds.
        hidden: share of the pieces of a text, or of the columns of a table, that are hidden or exchanged while learning
            without labels; 0 with labels.

    Example:
        >>> Recipe(epochs=3).batch_size
        256
    """

    seed: int = 0
    valid_fraction: float = 0.15
    test_fraction: float = 0.2
    network: tuple[str, ...] = ()
    epochs: int = 60
    batch_size: int = 256
    accumulation: int = 1
    learning_rate: float = 3e-3
    optimizer: Optimizer = _ADAMW
    schedule: Schedule = _CONSTANT
    warmup: float = 0.0
    weight_decay: float = 1e-4
    l1: float = 0.0
    l2: float = 0.0
    clip: float = 1.0
    gradient_noise: float = 0.0
    dropout: float = 0.2
    stochastic_depth: float = 0.0
    label_smoothing: float = 0.0
    augment: tuple[str, ...] = ("auto",)
    patience: int = 8
    averaging: float = 0.995
    swa: float = 0.0
    precision: str = "auto"
    recompute: bool = False
    compile: str = "off"
    shard: str = "auto"
    gradient_sharing: str = "float32"
    members: int = 8
    networks: int = 1
    folds: int = 0
    activation: Activation = _USUAL
    width: int = 128
    depth: int = 2
    share_layers: bool = False
    number_embedding: int = 16
    category_embedding: int = 16
    image_width: int = 32
    vocabulary: int = 16000
    max_tokens: int = 0
    text_width: int = 64
    mixup: float = 0.0
    cutmix: float = 0.0
    focal: float = 0.0
    logit_adjustment: float = 0.0
    fairness_penalty: float = 0.0
    fairness_within: bool = False
    group_dro: float = 0.0
    start: str = ""
    probe: float = 0.0
    unfreezing: float = 0.0
    layer_decay: float = 1.0
    consistency: float = 1.0
    hidden: float = 0.0

    def plain(self) -> dict[str, Any]:
        """Keys and values as a file has them: a choice with its usual settings is its name.

        Example:
            >>> Recipe().plain()["optimizer"]
            'adamw'
        """
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {key: _named(value) if key in CHOICES else value for key, value in values.items()}


def _named(choice: Any) -> str | dict[str, Any]:
    return choice.name if choice == type(choice)() else asdict(choice)

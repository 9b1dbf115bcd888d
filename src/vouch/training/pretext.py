"""What is learned without labels: views of pictures, hidden pieces of texts, exchanged columns of tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from vouch.contracts.backbone import Inheriting, Spelling, Viewing
from vouch.contracts.recipe import Recipe
from vouch.contracts.roles import Encoder, Objective
from vouch.errors import ColumnError
from vouch.nets.build import build_network
from vouch.nets.network import Pretext
from vouch.nets.pretext import Guesser, Projector
from vouch.objectives import HiddenPieces, ReplacedColumns, Together, Views
from vouch.objectives.hidden import Pieces
from vouch.objectives.replaced import Section
from vouch.training.plan import Facts, affordable_rows, picture_work, plan

_VALID_ROWS, _VALID_SHARE = 2000, 0.1
_HIDDEN = 0.3
_VIEWS, _FEWEST_EPOCHS, _MOST_EPOCHS, _BATCH = 2, 4, 60, 256
_SCORED = 256


@dataclass(frozen=True, slots=True, eq=False)
class Exercise:
    """What a network learns without labels.

    Args:
        network: with what is put on it for the purpose.
        objective: what a step minimises.
        says: the same in a sentence.
    """

    network: Pretext
    objective: Objective
    says: str


def plan_pretext(facts: Facts) -> Recipe:
    """The default recipe for learning from so many rows of these kinds without labels.

    Args:
        facts: what there is to learn from, and how long it may take.

    Returns:
        A recipe with every setting chosen, by counted work as in :func:`vouch.training.plan.plan`.
    """
    planned = plan(facts)
    planned = replace(
        planned, test_fraction=0.0, valid_fraction=min(_VALID_SHARE, _VALID_ROWS / facts.rows), label_smoothing=0.0,
        mixup=0.0, cutmix=0.0, hidden=_HIDDEN,
    )  # fmt: skip
    if not picture_work(facts, planned.image_width):
        return planned
    epochs = round(affordable_rows(facts, planned.image_width) / (_VIEWS * facts.rows))
    return replace(planned, epochs=max(_FEWEST_EPOCHS, min(epochs, _MOST_EPOCHS)), batch_size=_BATCH, warmup=0.1)


def exercise(encoders: Sequence[Encoder], recipe: Recipe) -> Exercise:
    """The network and the objective for learning without labels from these blocks of columns.

    Args:
        encoders: one for each block.
        recipe: names and sizes the nets, and says how much is hidden.

    Raises:
        ColumnError: there is a single column of a kind that tells nothing alone.
    """
    viewed = {i: one for i, one in enumerate(encoders) if isinstance(one, Viewing)}
    spelt = {i: one for i, one in enumerate(encoders) if isinstance(one, Spelling)}
    columns = sum(len(one.columns) for one in encoders)
    if columns < 2 and not viewed and not spelt:
        raise ColumnError(
            "one column alone tells nothing without labels", received=f"'{encoders[0].columns[0]}'",
            next_step="Give data with more columns, or with pictures or texts.",
        )  # fmt: skip
    together = columns > 1
    network = build_network(encoders, columns if together else 1, recipe)
    sizes = network.sizes
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed + 1)
        heads: dict[int, nn.Module] = {i: Projector(sizes[i]) for i in viewed}
        heads |= {i: Guesser(sizes[i], one.pieces) for i, one in spelt.items()}
    parts: list[tuple[Objective, str]] = []
    if viewed:
        parts.append((Views({i: one.view for i, one in viewed.items()}), "two views of a picture are alike"))
    if spelt:
        pieces = {i: Pieces(one.padding, one.hidden) for i, one in spelt.items()}
        parts.append((HiddenPieces(pieces, recipe.hidden), "hidden pieces of a text are guessed"))
    if together:
        objective = ReplacedColumns(_sections(network.embedders, encoders), recipe.hidden)
        parts.append((objective, "columns that were taken from another row are found"))
    objective = parts[0][0] if len(parts) == 1 else Together(tuple(one for one, _ in parts))
    return Exercise(Pretext(network, heads), objective, "; ".join(said for _, said in parts))


def held_loss(objective: Objective, inputs: Sequence[Tensor], seed: int) -> Callable[[nn.Module], float]:
    """A score of a network: its loss on rows that no gradient has seen, with the same draws every time.

    Args:
        objective: what is minimised.
        inputs: encoded rows (n, ...).
        seed: fixes the draws.
    """
    rows = len(inputs[0])
    batches = max(1, rows // _SCORED)

    @torch.no_grad()
    def score(network: nn.Module) -> float:
        network.eval()
        device = inputs[0].device
        with torch.random.fork_rng(devices=[device.index or 0] if device.type == "cuda" else []):
            torch.manual_seed(seed)
            parts = zip(*(x.tensor_split(batches) for x in inputs), strict=True)
            nothing = torch.zeros(0, device=device)
            losses = [float(objective(network, part, nothing)) * len(part[0]) for part in parts]
        return sum(losses) / rows

    return score


def _sections(embedders: nn.ModuleList, encoders: Sequence[Encoder]) -> list[Section]:
    """Which column each part of the vectors belongs to; columns are numbered through all blocks."""
    sections, first = [], 0
    for embedder, encoder in zip(embedders, encoders, strict=True):
        places = encoder.places if isinstance(encoder, Inheriting) else (0,)
        sizes = getattr(embedder, "sections", None) or [int(embedder.features)]  # type: ignore[arg-type]
        sections += [Section(size, first + place) for size, place in zip(sizes, places, strict=True)]
        first += len(encoder.columns)
    return sections

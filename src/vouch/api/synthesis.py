"""What was seen inside a network, for readers: pictures made for its classes and units, beside real rows."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from vouch.api.beside import Known
from vouch.api.predicting import Bundle
from vouch.contracts.dataset import Dataset
from vouch.contracts.roles import Redrawing
from vouch.contracts.synthesis import Exciting, Synthesis, Synthesised
from vouch.data.schema import modality
from vouch.errors import UsageError
from vouch.explainers.synthesis import MOST_CLASSES, STEPS, Made, Sight, synthesised, unseen

MOST_UNITS = 50
_ROWS_SHOWN = 5
_EXCLUSIVE = "the output of a class before the softmax, less the mean of all classes"
_OUTPUTS = {"binary": _EXCLUSIVE, "multiclass": _EXCLUSIVE, "multilabel": "the log-odds of a label"}


def check_units(bundle: Bundle, count: int) -> None:
    """Make sure that a network can be looked into, before time is spent on it.

    Raises:
        UsageError: none of its columns goes through a convolutional net, or there is no such number of units.
    """
    if not 0 < count <= MOST_UNITS:
        raise UsageError(
            "the number of units cannot be used", where="--units", expected=f"1 to {MOST_UNITS}", received=str(count)
        )
    if why := unseen(bundle):
        raise UsageError(
            f"there is nothing to see: {why}", where="--units", expected="a network that sees pictures by convolutions",
            next_step="Leave --units out.",
        )  # fmt: skip


def looked_into(
    asked: Known, wanted: npt.NDArray[np.int64], learned: Dataset | None, count: int, seed: int
) -> Synthesis:
    """Pictures for the classes of a network and for the units that matter most, beside the real rows of most effect.

    Args:
        asked: the rows that are explained.
        wanted: which output of each is explained (B,).
        learned: what the bundle was fitted on, where that is at hand; else the explained rows are what is real.
        count: how many units.
        seed: fixes the noise and the random moves.
    """
    bundle = asked.bundle
    real = asked if learned is None else Known.of(bundle, learned, "--units")
    made = synthesised(Sight(bundle, asked.inputs, wanted, real.inputs, seed), count)
    return Synthesis(
        tuple(_told(real, one) for one in made), STEPS, _OUTPUTS.get(bundle.task.name, "what is predicted"),
        len(real.rows), learned is not None, _notes(asked, made, count),
    )  # fmt: skip


def _notes(asked: Known, made: tuple[Made, ...], count: int) -> tuple[str, ...]:
    """What a reader must know of how many pictures there are, and of what stood around them."""
    bundle, found = asked.bundle, sum(one.sought.of == "unit" for one in made)
    notes: list[str] = []
    if len(bundle.task.classes) > MOST_CLASSES:
        notes.append(f"of {len(bundle.task.classes)} classes these are the {MOST_CLASSES} likeliest on explained rows")
    if found < count:
        notes.append(f"the last stage has {found} units in all")
    if len(bundle.encoders) > 1:
        notes.append("other columns are those of the explained rows, over which the outputs are averaged")
    return tuple(notes)


def _told(real: Known, made: Made) -> Synthesised:
    """One picture for a reader, with the real rows that raise the same number most."""
    bundle, sought = real.bundle, made.sought
    encoder = bundle.encoders[sought.block]
    assert isinstance(encoder, Redrawing)
    column = bundle.schema.column(encoder.columns[0])
    targets = real.frame[bundle.schema.target.name] if bundle.schema.target.name in real.frame.columns else None
    first = np.argsort(-sought.sign * made.real, kind="stable")[:_ROWS_SHOWN].tolist()
    names = {"class": bundle.task.classes, "unit": ()}.get(sought.of, (bundle.schema.target.name,))
    return Synthesised(
        sought.of, names[sought.number] if names else str(sought.number), column.name,
        modality(column.kind).show(encoder.cells(made.picture[None])[0], column), made.value, made.start,
        float((sought.sign * made.value > sought.sign * made.real).mean()),
        tuple(
            Exciting(
                int(real.rows[k]), "" if targets is None else str(targets[k]), float(made.real[k]),
                modality(column.kind).show(real.frame[column.name][k], column),
            )
            for k in first
        ),
        made.probability, sought.weight,
    )  # fmt: skip

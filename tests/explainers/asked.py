"""Questions about small networks of every kind of column, for tests of explainers."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import polars as pl

import vouch
from helpers import rows
from vouch.contracts.explaining import Question
from vouch.data.clean import clean
from vouch.data.encode import encode
from vouch.data.read import read
from vouch.demo import mixed
from vouch.explainers.asking import likeliest, questions
from vouch.nets.network import outputs_of

PARCELS = 80
DROPPED: Mapping[str, tuple[str, ...]] = {
    "mixed": (),
    "picture": ("weight_kg", "carrier", "note"),
    "text": ("weight_kg", "carrier", "photo"),
}
SETTINGS: Mapping[str, Mapping[str, object]] = {
    "table": {"epochs": 2, "members": 4, "width": 16},
    "wide": {"epochs": 2, "network": "mlp", "width": 16},
    "transformer": {"epochs": 1, "network": "transformer", "text_width": 16},
}


@cache
def bundle(name: str) -> tuple[vouch.Bundle, pl.DataFrame | Path]:
    """A network by that name, and what it was fitted on."""
    settings = dict(SETTINGS.get(name, {"epochs": 1}))
    if name in ("table", "wide"):
        data = rows(90, task="multiclass" if name == "table" else "regression")
        return vouch.fit(data, "y", settings=settings), data
    table = mixed(Path(mkdtemp(prefix="vouch-test-")), rows=PARCELS)
    drop = DROPPED["text" if name == "transformer" else name]
    return vouch.fit(table, "damaged", drop=drop, settings=settings), table


def asked(name: str, count: int = 3) -> list[Question]:
    """Questions about some rows of a network; sixteen training rows stand in for what is taken out."""
    network, data = bundle(name)
    frame = clean(read(data), network.schema, labelled=False).frame
    inputs, others = (encode(frame[some], network.encoders) for some in (np.arange(count), network.split.train[:16]))
    decoded = network.task.decode(outputs_of(network.network, inputs))
    return questions(network, inputs, others, likeliest(network, decoded))

"""Every explainer in ALL keeps what the house relies on, on every kind of network that it applies to."""

from __future__ import annotations

import pytest

from explainers.asked import asked
from vouch.contracts.explaining import Explainer
from vouch.explainers import ALL
from vouch.testing import check_explainer

NETWORKS = ("table", "wide", "picture", "text", "transformer", "mixed")


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("explainer", ALL, ids=lambda one: one.name)
def test_conformance(explainer: Explainer, network: str) -> None:
    question = asked(network)[0]
    if why := explainer.applies(question):
        assert explainer.name in ("grad_cam", "attention", "attention_rollout"), why
        return
    check_explainer(explainer, question)


@pytest.mark.parametrize("name", ["grad_cam", "attention", "attention_rollout"])
def test_what_looks_inside_applies_somewhere(name: str) -> None:
    explainer = next(one for one in ALL if one.name == name)
    assert any(not explainer.applies(asked(network)[0]) for network in NETWORKS)


def test_names_are_unique() -> None:
    assert len({one.name for one in ALL}) == len(ALL)

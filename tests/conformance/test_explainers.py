"""Every explainer in ALL keeps what the house relies on, on every kind of network that it applies to."""

from __future__ import annotations

from dataclasses import replace

import pytest

from explainers.asked import asked
from vouch.contracts.explaining import Background, Explainer
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


@pytest.mark.parametrize("network", ["table", "wide"])
@pytest.mark.parametrize("explainer", ALL, ids=lambda one: one.name)
def test_conformance_under_a_conditional_background(explainer: Explainer, network: str) -> None:
    question = replace(asked(network)[0], background="conditional")
    if explainer.applies(question):
        assert explainer.name not in ("shapley", "occlusion", "lime")
        return
    check_explainer(explainer, question)


@pytest.mark.parametrize("background", ["marginal", "conditional"])
@pytest.mark.parametrize("explainer", ALL, ids=lambda one: one.name)
def test_conformance_of_columns_that_are_together(explainer: Explainer, background: Background) -> None:
    plain = asked("table")[0]
    question = replace(plain, together=((plain.columns[0][0], plain.columns[1][0]),), background=background)
    if not explainer.applies(question):
        check_explainer(explainer, question)


@pytest.mark.parametrize(
    ("name", "network"), [("shapley", "mixed"), ("grad_cam", "picture"), ("attention", "transformer")]
)
def test_conformance_of_words_and_patches_that_are_together(name: str, network: str) -> None:
    plain = asked(network)[0]
    question = replace(plain, together=((plain.columns[0][0], plain.columns[-1][0]),))
    assert len(question.names) < len(plain.names)
    check_explainer(next(one for one in ALL if one.name == name), question)


@pytest.mark.parametrize("name", ["grad_cam", "attention", "attention_rollout"])
def test_what_looks_inside_applies_somewhere(name: str) -> None:
    explainer = next(one for one in ALL if one.name == name)
    assert any(not explainer.applies(asked(network)[0]) for network in NETWORKS)


def test_names_are_unique() -> None:
    assert len({one.name for one in ALL}) == len(ALL)

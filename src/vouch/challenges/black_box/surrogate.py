"""A tree of a few rules that answers as the network does, how far it is to be believed, and where it is not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from vouch.challenges.black_box import drawings
from vouch.challenges.black_box.attributed import Floats, Rows
from vouch.challenges.black_box.readable import Readable, matrix, readables
from vouch.challenges.judging import FEWEST_ROWS, judge, not_asked, too_few
from vouch.contracts.case import Case
from vouch.contracts.finding import Check, Estimate, Figure, Table, Threshold
from vouch.statistics.intervals import bootstrap
from vouch.wording import number

if TYPE_CHECKING:
    from sklearn.tree import DecisionTreeRegressor

FIDELITY = Threshold(
    "fidelity", warn=0.5, fail=0.0, higher_is_worse=False,
    why="1 is a tree that answers as the network does, 0 one that is no better than the mean answer",
)  # fmt: skip
_LEAVES, _LEAST_SHARE, _LEAST_ROWS = 8, 0.01, 20
_LEARNED, _HELD = 5_000, 2_000
_UNREADABLE = "no column can be read as quantities, choices or words"


@dataclass(frozen=True, slots=True, eq=False)
class Leaf:
    """One rule of the tree.

    Args:
        number: of the leaf among the tree's nodes.
        rule: what holds of its rows.
        answer: what the tree says of them.
    """

    number: int
    rule: tuple[str, ...]
    answer: float


def simple_rules(case: Case) -> Check:
    """Do a few rules, which a reader can keep in mind, answer as the network does?

    A regression tree of eight leaves learns the network's answers (not the truth) from training rows, by quantities,
    choices and words (Craven and Shavlik, 1996; CART: Breiman and others, 1984). The figure is the share of the
    variance of the network's answers that it tells on sealed rows. The rules are listed with where they fail. No
    decision should rest on them where fidelity is low; that it is low says that the network is not simple, and not that
    it is wrong.

    Promises to find: answers of which a sixth follows one rule and the rest an interplay of three columns, or words, on
    300 sealed rows.
    """
    name = "simple_rules"
    if all(block.capabilities.spatial for block in case.blocks):
        return not_asked(name, _UNREADABLE)
    rng, test = case.random("rules"), case.split.test
    learned, held = _some(rng, np.unique(case.lesson.train), _LEARNED), _some(rng, test, _HELD)
    if min(len(learned), len(held)) < FEWEST_ROWS:
        return too_few(name, min(len(learned), len(held)), "training or sealed rows")
    answers = _answers(case, np.concatenate([learned, held]))
    head = answers[: len(learned)]
    columns = readables(case, learned, np.concatenate([learned, held]), head[:, _widest(head)])
    if not columns:
        return not_asked(name, _UNREADABLE)
    cells = matrix(columns)
    tree = grown(cells[: len(learned)], head, case.bundle.recipe.seed)
    said, wanted = _said(tree, cells[len(learned) :]), answers[len(learned) :]
    groups = None if case.groups is None else case.groups[held]
    missed, spread = (np.square(wanted - one).sum(axis=1) for one in (said, head.mean(axis=0)))
    if spread.sum() <= 1e-12 * len(spread):
        return not_asked(name, "the network answers the same to all rows")
    drawn = bootstrap(lambda w: 1 - (w @ missed) / np.maximum(w @ spread, 1e-300), len(held), groups=groups)
    value, (low, high) = float(drawn.value[0]), (float(end[0]) for end in drawn.interval())
    estimate = Estimate(FIDELITY.name, value, low, high, len(held))
    threshold = case.threshold(FIDELITY, name)
    judged = judge(estimate, threshold)
    leaves = rules(tree, columns, _widest(head))
    place = tree.apply(cells[len(learned) :])
    table = _table(leaves, place, wanted, said, case)
    headline = (
        f"A tree of {len(leaves)} rules tells {number(value)} of how the network's answers vary on {len(held):,} "
        f"sealed rows; {_agreeing(wanted, said)}."
    )
    figure = _figure(tree, columns, _widest(head), headline)
    return Check(
        name, judged.verdict, headline, judged.reason, (estimate,), threshold, figures=(figure,), tables=(table,)
    )  # fmt: skip


def grown(cells: Any, answers: Floats, seed: int) -> DecisionTreeRegressor:
    """A tree of eight leaves at most, none of fewer rows than a hundredth."""
    from sklearn.tree import DecisionTreeRegressor

    least = max(_LEAST_ROWS, round(_LEAST_SHARE * len(cells)))
    return DecisionTreeRegressor(max_leaf_nodes=_LEAVES, min_samples_leaf=least, random_state=seed).fit(cells, answers)


def rules(tree: DecisionTreeRegressor, columns: Sequence[Readable], output: int) -> list[Leaf]:
    """Every leaf with what holds of its rows, the highest answer first.

    Example:
        >>> x = np.arange(200.0)[:, None]
        >>> tree = grown(x, (x > 99) * 1.0, 0)
        >>> [leaf.rule for leaf in rules(tree, [Readable("age", x[:, 0])], 0)]
        [('age > 99.5',), ('age ≤ 99.5',)]
    """
    found = [
        Leaf(node.number, tuple(columns[k].between(*ends) for k, ends in node.bounds.items()), node.answer)
        for node in _nodes(tree, output) if node.is_leaf
    ]  # fmt: skip
    return sorted(found, key=lambda leaf: -leaf.answer)


@dataclass(frozen=True, slots=True, eq=False)
class _Node:
    """A node of the tree: what holds of each column there, the column of the last cut, and the mean answer."""

    number: int
    bounds: Mapping[int, tuple[float, float]]
    last: int
    depth: int
    answer: float
    is_leaf: bool


def _nodes(tree: DecisionTreeRegressor, output: int) -> list[_Node]:
    """Every node from the root on, what is below a cut first."""
    inner, found = tree.tree_, []
    open_nodes: list[tuple[int, dict[int, tuple[float, float]], int, int]] = [(0, {}, -1, 0)]
    while open_nodes:
        node, bounds, last, depth = open_nodes.pop()
        leaf = bool(inner.children_left[node] == -1)
        found.append(_Node(node, bounds, last, depth, float(inner.value[node, output, 0]), leaf))
        if not leaf:
            column, cut = int(inner.feature[node]), float(inner.threshold[node])
            low, high = bounds.get(column, (-np.inf, np.inf))
            for child, ends in ((inner.children_right, (cut, high)), (inner.children_left, (low, cut))):
                open_nodes.append((int(child[node]), {**bounds, column: ends}, column, depth + 1))
    return found


def _some(rng: np.random.Generator, rows: Rows, most: int) -> Rows:
    return np.sort(rng.choice(rows, min(most, len(rows)), replace=False))


def _answers(case: Case, rows: Rows) -> Floats:
    """What the network answers (n, K): of two classes the second one's probability alone."""
    decoded = case.answered(case.bundle, rows)
    if decoded.ndim == 1:
        return decoded[:, None]
    return decoded[:, [1]] if case.bundle.task.name == "binary" else decoded


def _widest(answers: Floats) -> int:
    """The answer that varies most: what rules are ordered by."""
    return int(answers.var(axis=0).argmax())


def _said(tree: DecisionTreeRegressor, cells: Any) -> Floats:
    said = np.asarray(tree.predict(cells), np.float64)
    return said[:, None] if said.ndim == 1 else said


def _agreeing(wanted: Floats, said: Floats) -> str:
    """How often both decide alike, or how far apart they are, in the middle of a sentence."""
    if wanted.min() < 0 or wanted.max() > 1:
        return f"they are {number(float(np.abs(wanted - said).mean()))} apart on average"
    decided = [one[:, 0] > 0.5 if one.shape[1] == 1 else one.argmax(axis=1) for one in (wanted, said)]
    same = decided[0] == decided[1]
    return f"both decide alike on {number(float(same.mean()))} of them"


def _table(leaves: Sequence[Leaf], place: Rows, wanted: Floats, said: Floats, case: Case) -> Table:
    """The rules with how far the network is from each, the least to be believed named as such."""
    output, inside = _widest(said), [place == leaf.number for leaf in leaves]
    missed = np.abs(wanted - said).mean(axis=1)
    apart = [float(missed[mine].mean()) if mine.any() else 0.0 for mine in inside]
    cells = tuple(
        (
            " and ".join(leaf.rule) or "all rows", int(mine.sum()), round(leaf.answer, 4),
            round(float(wanted[mine, output].mean()), 4) if mine.any() else None,
            round(apart[k], 4), "fails most here" if k == int(np.argmax(apart)) else "",
        )
        for k, (leaf, mine) in enumerate(zip(leaves, inside, strict=True))
    )  # fmt: skip
    classes = case.bundle.task.classes
    answer = f"probability of {classes[1 if len(classes) == 2 else output]}" if classes else "value"
    heads = ("rule", "sealed rows", f"the rule's {answer}", "the network's mean", "apart on average", "")
    return Table("Rules that answer as the network does", heads, cells)


def _figure(tree: DecisionTreeRegressor, columns: Sequence[Readable], output: int, says: str) -> Figure:
    """The tree as lines, one for each node, further in the deeper it stands."""
    rows = []
    for line, node in enumerate(_nodes(tree, output)):
        says_of = columns[node.last].between(*node.bounds[node.last]) if node.bounds else "all rows"
        said = f"{number(node.answer)} where {says_of}" if node.is_leaf else says_of
        kind = "answer" if node.is_leaf else "question"
        rows.append({"line": line, "depth": node.depth, "said": said, "kind": kind})
    return Figure("simple_rules", "Rules that answer as the network does", says, drawings.outline(says, rows))

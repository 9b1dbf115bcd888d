"""What a challenge sees of a trained network and its data, and what a remedy may change."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, Literal, Protocol, TypeVar

from vouch.contracts.bundle import BundleValue
from vouch.contracts.dataset import Dataset
from vouch.contracts.finding import Finding, Part, Threshold
from vouch.contracts.recipe import Recipe
from vouch.contracts.roles import Capabilities
from vouch.contracts.schema import Column, Schema
from vouch.contracts.split import Split

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from torch import Tensor

    from vouch.contracts.explaining import Attribution, Explainer, Question

    Floats = npt.NDArray[np.float64]
    Rows = npt.NDArray[np.int64]

S = TypeVar("S")
Strength = float | int | str


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Columns that are encoded together, as tensors, with what their values are like.

    Args:
        columns: the columns.
        capabilities: what their values are like.
        encoded: all rows (B, ...).
    """

    columns: tuple[Column, ...]
    capabilities: Capabilities
    encoded: Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """What was predicted of some rows, and what is true.

    Args:
        rows: their numbers in the cleaned data (n,).
        decoded: probabilities (n, K), or values (n,).
        truth: class codes (n,), labels (n, K), or values (n,).
        losses: how wrong each row is (n,): negative log-likelihood in nats, or the absolute error.
        part: which rows these are.
        fold: which of the cross-fitted networks predicted each row (n,); zeros where there is one network.
    """

    rows: Rows
    decoded: Floats
    truth: npt.NDArray[Any]
    losses: Floats
    part: Part
    fold: Rows


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    """What one training run learns from: all that a remedy may change before training.

    Args:
        recipe: every setting.
        schema: what each column is; a column whose role is "ignored" is not seen.
        dataset: canonical data (B rows), numbered as in the bundle's split.
        train: rows whose gradients are followed; a row that stands twice counts twice.
        valid: rows that decide when to stop.
        weights: how much each row of the data counts in a gradient (B,); all alike when not given.
    """

    recipe: Recipe
    schema: Schema
    dataset: Dataset
    train: Rows
    valid: Rows
    weights: Floats | None = None


class Budget(Protocol):
    """Time that a challenge may spend."""

    @property
    def left(self) -> float:
        """Seconds that are left; below 0 once it is spent."""
        ...

    def fits(self, share: float) -> bool:
        """Whether there is time for so many trainings of the bundle's network; 0.5 is a fit on half of its rows."""
        ...


class Case(Protocol):
    """A trained network, its data, and the means to ask questions of both.

    Everything that costs a training run is computed once, when it is first asked for, and shared by all challenges.
    """

    @property
    def bundle(self) -> BundleValue:
        """The network and its evidence."""
        ...

    @property
    def dataset(self) -> Dataset:
        """The canonical data that it was fitted on, sealed rows included."""
        ...

    @property
    def raw(self) -> Dataset:
        """The data as it was read; ``dataset.lines`` says which raw row each canonical one came from."""
        ...

    @property
    def split(self) -> Split:
        """Which rows train, choose, and are sealed."""
        ...

    @property
    def groups(self) -> npt.NDArray[np.generic] | None:
        """Which rows belong together (B,), when the user named a group."""
        ...

    @property
    def budget(self) -> Budget:
        """The time of the challenge that is being asked."""
        ...

    @property
    def criterion(self) -> str:
        """The metric by which a remedy will be judged; empty where nothing is being treated."""
        ...

    @property
    def lesson(self) -> Lesson:
        """What the bundle's network was trained from."""
        ...

    @property
    def blocks(self) -> tuple[Block, ...]:
        """The encoded columns, in the order of the bundle's encoders."""
        ...

    def random(self, what: str) -> np.random.Generator:
        """A generator that follows from the bundle's seed and a name, so that checks do not disturb each other."""
        ...

    def threshold(self, default: Threshold, check: str) -> Threshold:
        """A threshold of a check of the challenge being asked, with the values that the user has set."""
        ...

    def once(self, name: str, make: Callable[[], S]) -> S:
        """What is made when it is first asked for under this name; the checks of a challenge share it."""
        ...

    def scored(self, part: Literal["train", "valid", "test"]) -> Scored:
        """The bundle's own predictions of one part."""
        ...

    def out_of_fold(self) -> Scored:
        """Predictions of training and validation rows by networks that never saw them.

        Raises:
            BudgetSpent: there is no time for the trainings.
        """
        ...

    def embeddings(self, rows: Rows, before: Literal["trunk", "head"] = "head") -> Floats:
        """The vectors (n, D) of some rows before the head of the bundle's own network, or before its trunk.

        Those before the trunk still hold all that the network is told of a row; the trunk keeps what serves the target.
        """
        ...

    def choosing(self, rows: Rows) -> Case:
        """The same case as if only these validation rows were there to choose by."""
        ...

    def answered(self, bundle: BundleValue, rows: Rows) -> Floats:
        """What a bundle with the case's own network says of some rows, recalibrated where it is."""
        ...

    def speaking(self, rows: Rows, decoded: Floats) -> Case:
        """The same case as if its network said this of these rows, and nothing of others.

        Args:
            rows: numbers of the rows (n,).
            decoded: what is said by itself, before any calibrator: probabilities (n, K), or values (n,).
        """
        ...

    def truth(self, rows: Rows) -> npt.NDArray[Any]:
        """Targets of some rows as the metrics want them; class codes, -1 for a class that training never saw."""
        ...

    def retrain(self, lesson: Lesson, rows: Rows) -> Floats:
        """Train anew and predict some rows: probabilities (n, K), or values (n,).

        Raises:
            BudgetSpent: there is no time for it.
        """
        ...

    def attributions(
        self, lesson: Lesson, methods: Sequence[Explainer], questions: Sequence[Question]
    ) -> list[list[Attribution]]:
        """Train anew and ask the network that comes of it for explanations: for each method, of each question.

        Args:
            lesson: on the columns of the case, whose encoders are not learned again.
            methods: that explain.
            questions: about encoded rows; the network takes the place of the one that they are about.

        Raises:
            BudgetSpent: there is no time for it.
        """
        ...


class BudgetSpent(Exception):
    """A challenge has no time left for what it was about to do; the audit says so and goes on."""


@dataclass(frozen=True, slots=True)
class Remedy(Generic[S]):
    """One treatment, typed by what it changes; it never judges itself.

    Args:
        name: what it does, in the field's words; it promises no cure.
        says: one sentence for the reader.
        changes: what goes in and comes out: a lesson's recipe, a lesson's data, or the trained bundle.
        strengths: the candidates for this case, mildest first; validation rows choose among them.
        treat: from the case, what is to be changed and a strength to the changed thing.
        finishes: whether it comes after whichever remedy was chosen, and so is not chosen itself.
        doubts: rows whose target the remedy calls wrong; their targets do not choose, the others do.
        outright: whether it is right whatever it scores, for what it takes away makes all scores too good; it is taken
            when it is named, and else not tried.

    Example:
        >>> from dataclasses import replace
        >>> less = Remedy("weight_decay", "L2.", "recipe", lambda case: (0.01, 0.1),
        ...     lambda case, recipe, strength: replace(recipe, weight_decay=strength))
        >>> less.treat(None, Recipe(), 0.1).weight_decay
        0.1
    """

    name: str
    says: str
    changes: Literal["recipe", "lesson", "bundle"]
    strengths: Callable[[Any], Sequence[Strength]]
    treat: Callable[[Any, S, Any], S]
    finishes: bool = False
    doubts: Callable[[Any], Rows] | None = None
    outright: bool = False


@dataclass(frozen=True, slots=True)
class Judging:
    """How the remedies of a challenge are judged, where the metrics of the task alone do not say it.

    Args:
        measures: metrics of the challenge's own for some rows of a case; their functions are asked of just these rows,
            in their order.
        main: the metric whose loss is limited, for each task; the main metric of the task where none is named.
        max_loss: what may be lost of it when nothing is said, 0.02 being two points of a share such as accuracy and 2 %
            of any other metric; none when anything may.
        folds: whether remedies learn from what was said of rows out of fold, where there is time for that.
        notes: what a reader of a proof on the sealed rows of a case must know of the measures.
        unsuited: empty when a case can be treated, else half a sentence saying why it cannot.
    """

    measures: Callable[[Any, Rows], Sequence[Any]] = lambda _, __: ()
    main: Mapping[str, str] = field(default_factory=dict)
    max_loss: float | None = None
    folds: bool = False
    notes: Callable[[Any], Sequence[str]] = lambda _: ()
    unsuited: Callable[[Any], str] = lambda _: ""


class Challenge(Protocol):
    """One failing of deep learning: how to find it, and what may be done about it.

    A challenge whose failing no metric of the task shows has one attribute more: ``judging``, a :class:`Judging`.

    Example:
        >>> from vouch.challenges.calibration import CHALLENGE
        >>> challenge: Challenge = CHALLENGE
        >>> challenge.name
        'calibration'
    """

    @property
    def name(self) -> str:
        """Such as "overfitting"; what users type."""
        ...

    @property
    def asks(self) -> str:
        """The question that it answers, as one sentence."""
        ...

    @property
    def remedies(self) -> Sequence[Remedy[Any]]:
        """What may be tried, most promising first."""
        ...

    @property
    def references(self) -> Sequence[str]:
        """Author, year and title of the methods."""
        ...

    @property
    def criterion(self) -> Mapping[str, str]:
        """The metric by which a remedy is judged, for each task."""
        ...

    def applies(self, case: Case) -> str:
        """Empty when the challenge makes sense for this case, else half a sentence saying why it does not."""
        ...

    def diagnose(self, case: Case) -> Finding:
        """Ask every question, and say what was found."""
        ...

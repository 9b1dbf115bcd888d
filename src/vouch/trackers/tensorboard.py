"""TensorBoard: curves of each epoch, the recipe as hyper-parameters, and the figures with their intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from vouch.contracts.finding import Estimate
from vouch.contracts.tracking import Opening
from vouch.errors import OutputError, UsageError

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

_FILES = "events.out.tfevents.*"


class TensorBoard:
    """Writes event files to a folder.

    A second run in the same folder goes to a folder of its own inside it, so that curves do not mix. A run that is
    resumed goes on where the last one wrote, from the epoch that it goes on with.

    Args:
        place: the folder, which is made if it is not there.

    Example:
        >>> TensorBoard("runs").folder.name
        'runs'
    """

    scheme: ClassVar[str] = "tensorboard"
    extra: ClassVar[str] = "track"

    def __init__(self, place: str) -> None:
        self.folder = Path(place)
        self._writer: SummaryWriter | None = None
        self._last = 0

    def check(self) -> None:
        """TensorBoard is installed, and the folder, or the one around it, can be written."""
        if find_spec("tensorboard") is None:
            raise UsageError(
                "TensorBoard is not installed", where=f"--log tensorboard:{self.folder}", expected="the extra 'track'",
                next_step="Install it: pip install 'deepvouch[track]'.",
            )  # fmt: skip
        try:
            around = next(one for one in (self.folder, *self.folder.absolute().parents) if one.exists())
            probe = around / ".vouch-log"
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise self._unwritable(error) from error

    def begin(self, opening: Opening) -> None:
        """Write down the recipe and the facts; a run that goes on has written them already."""
        from torch.utils.tensorboard.summary import hparams

        try:
            self.folder = _place(self.folder, opening.resumed)
            if opening.resumed and _written(self.folder):
                return
            writer = self._open(None)
            listed = "\n".join(f"| {name} | {value} |" for name, value in {**opening.facts, **opening.recipe}.items())
            writer.add_text(opening.name, f"| key | value |\n|---|---|\n{listed}", 0)
            for summary in hparams(dict(opening.recipe), {"score": None, "loss": None}):
                writer._get_file_writer().add_summary(summary)  # pyright: ignore[reportOptionalMemberAccess]
            writer.flush()
        except OSError as error:
            raise self._unwritable(error) from error

    def epoch(self, number: int, values: Mapping[str, float]) -> None:
        """One point of each curve."""
        # What an interrupted run has written of this epoch and later ones is to be forgotten.
        writer = self._writer or self._open(number)
        for name, value in values.items():
            writer.add_scalar(name, value, number)
        self._last = max(self._last, number)
        writer.flush()

    def end(self, metrics: Mapping[str, Sequence[Estimate]]) -> None:
        """Each figure with the ends of its interval, at the last epoch."""
        writer = self._writer or self._open(None)
        for part, some in metrics.items():
            for one in some:
                for end, value in (("", one.value), ("/low", one.low), ("/high", one.high)):
                    writer.add_scalar(f"{part}/{one.name}{end}", value, self._last)
        writer.flush()

    def close(self, done: bool) -> None:
        """Close the file."""
        del done
        if self._writer is not None:
            self._writer.close()

    def _open(self, epoch: int | None) -> Any:
        from torch.utils.tensorboard import SummaryWriter

        self._writer = SummaryWriter(str(self.folder), purge_step=epoch)
        return self._writer

    def _unwritable(self, error: OSError) -> OutputError:
        return OutputError(
            "the place to log to cannot be written", where=f"tensorboard:{self.folder}", expected="a folder",
            received=str(error)[:160], next_step="Name another folder.",
        )  # fmt: skip


def _place(folder: Path, resumed: bool) -> Path:
    """The folder itself for its first run, else one inside it: the latest of a run that goes on, or the next."""
    number = 1
    while _written(folder / str(number + 1) if number else folder):
        number += 1
    if number == 1 and not _written(folder):
        return folder
    if resumed:
        return folder if number == 1 else folder / str(number)
    return folder / str(number + 1)


def _written(folder: Path) -> bool:
    return any(folder.glob(_FILES))

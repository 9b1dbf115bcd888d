"""The command ``vouch``: one file for each verb, which parses, calls the api, and prints."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import click

from vouch.cli.audit import audit
from vouch.cli.demo import demo
from vouch.cli.explain import explain
from vouch.cli.fit import fit
from vouch.cli.fix import fix
from vouch.cli.label import label
from vouch.cli.predict import predict
from vouch.cli.pretrain import pretrain
from vouch.cli.recipe import recipe
from vouch.cli.tune import tune
from vouch.errors import UsageError, VouchError, nearest

WRONG = 2
INTERRUPTED = 130
_SPINS = "3000"


@click.group(no_args_is_help=False)
@click.version_option(package_name="deepvouch", prog_name="vouch")
def app() -> None:
    """Deep learning you can vouch for."""


for verb in (audit, demo, explain, fit, fix, label, predict, pretrain, recipe, tune):
    app.add_command(verb)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb.

    Args:
        arguments: what stands after ``vouch``; those of the process when not given.

    Returns:
        The exit code: 0 done, 1 done and ``--fail-on`` was met, 2 wrong input or usage (one line on standard error),
        130 interrupted.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    _wait_politely()
    try:
        app.main(given or ["--help"], prog_name="vouch", standalone_mode=False)
    except SystemExit as error:
        return int(error.code or 0)
    except VouchError as error:
        return _refuse(error)
    except click.NoSuchOption as error:
        known = error.ctx.command.get_params(error.ctx) if error.ctx else []
        names = [name for parameter in known for name in parameter.opts if name.startswith("--")]
        return _refuse(
            UsageError(f"there is no option '{error.option_name}'", next_step=nearest(error.option_name, names))
        )
    except click.ClickException as error:
        told = error.format_message().rstrip(".")
        return _refuse(UsageError(told, next_step="'vouch VERB --help' lists what there is."))
    except (KeyboardInterrupt, click.Abort):
        print("vouch: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of our output has gone; what is still buffered must not raise again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _wait_politely() -> None:
    """Threads that spin for long while they wait starve another fit on the same cores; read when torch is loaded."""
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", _SPINS)


def _refuse(error: VouchError) -> int:
    print(f"vouch: {error}", file=sys.stderr)
    return WRONG

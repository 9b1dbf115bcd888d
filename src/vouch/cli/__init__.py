"""The command ``vouch``: one file for each verb, which parses, calls the api, and prints."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import click
import typer

from vouch.cli.demo import demo
from vouch.cli.fit import fit
from vouch.cli.predict import predict
from vouch.cli.recipe import recipe
from vouch.errors import UsageError, VouchError, nearest

INTERRUPTED = 130
USAGE = 2

app = typer.Typer(
    help="Deep learning you can vouch for.", add_completion=False, no_args_is_help=True, rich_markup_mode=None
)
for verb in (demo, fit, predict, recipe):
    app.command()(verb)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb.

    Args:
        arguments: what stands after ``vouch``; those of the process when not given.

    Returns:
        The exit code: 0 done, 2 wrong input or usage (one line on standard error), 130 interrupted.
    """
    try:
        code = typer.main.get_command(app).main(
            list(arguments) if arguments is not None else None, prog_name="vouch", standalone_mode=False
        )
        return int(code or 0)
    except VouchError as error:
        print(f"vouch: {error}", file=sys.stderr)
    except click.NoSuchOption as error:
        known = [name for name in (error.possibilities or [])]
        hint = nearest(error.option_name, known) if known else "See 'vouch VERB --help'."
        print(f"vouch: {UsageError(f'there is no option {error.option_name}', next_step=hint)}", file=sys.stderr)
    except click.ClickException as error:
        told = UsageError(error.format_message().rstrip(".").replace("\n", " "), next_step="See 'vouch VERB --help'.")
        print(f"vouch: {told}", file=sys.stderr)
    except (KeyboardInterrupt, click.Abort):
        print("vouch: interrupted; the same command with --resume goes on from the last checkpoint.", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return USAGE

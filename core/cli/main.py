"""Reading the command line, and turning what comes of it into output and an exit status."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Sequence

from core.cli import (
    audit,
    cache,
    commands,
    compare,
    evaluate,
    experiment,
    export,
    lr_finder,
    manage,
    models,
    options,
    report,
    script,
)
from core.cli.options import Groups, Parser
from core.cli.signals import STOPPED
from core.errors import Stopped, ThawError, Unavailable
from core.files import JsonObject
from core.i18n import _

TRACE = "THAW_TRACE"


def main(arguments: Sequence[str]) -> int:
    """Carry a command out.

    Args:
        arguments: The words after ``python -m core``.

    Returns:
        0 when it worked, 2 for bad use or bad input, 1 for a failure, 130 where it was stopped. A training
        that is stopped in good order, and can go on, has worked.
    """
    as_json = "--json" in arguments
    _never_fail_on_a_letter()
    try:
        given = parser().parse_args(arguments)
        answer = given.command(given)
        said = _as_json(answer) if as_json else str(given.show(answer))
    except (KeyboardInterrupt, Stopped):
        _failed(Stopped(_("Stopped.")), as_json)
        return STOPPED
    except ThawError as error:
        return _failed(error, as_json)
    except OSError as error:
        return _failed(_refused_by_the_system(error), as_json)
    except Exception as error:
        if os.environ.get(TRACE):
            raise
        return _failed(_unforeseen(error), as_json)
    if not _printed(said):
        return 1
    status = commands.exit_status(answer)
    if status == STOPPED:
        print(_("Stopped."), file=sys.stderr)
    return status


def _never_fail_on_a_letter() -> None:
    """Let a terminal that lacks a letter show its code instead of ending the program."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _printed(text: str) -> bool:
    """Print on stdout; return whether whoever reads it was still there and had room."""
    try:
        print(text, flush=True)
    except OSError as error:
        if not isinstance(error, BrokenPipeError):
            print(_refused_by_the_system(error), file=sys.stderr)
        # NOTE: Python would try once more at its end, complain, and end with a status of its own.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return False
    return True


def _refused_by_the_system(error: OSError) -> ThawError:
    return Unavailable(_("The computer refused."), given=str(error))


def _unforeseen(error: Exception) -> ThawError:
    return ThawError(
        _("Something unforeseen went wrong."), given=f"{type(error).__name__}: {error}",
        fix=_("Set {variable}=1 and try again to see where; please report it.").format(variable=TRACE),
    )


def _failed(error: ThawError, as_json: bool) -> int:
    print(error, file=sys.stderr)
    if as_json:
        _printed(_as_json({"error": error.to_json()}))
    return error.exit_code


def parser() -> Parser:
    """Return the parser of all commands."""
    top = Parser(
        prog="python -m core", description=_("Thaw without a browser."), allow_abbrev=False,
        epilog=_("The exit status is 0 when it worked, 2 for bad use or bad input, 1 for a failure, and "
                 "{stopped} after Ctrl-C, or SIGTERM in a command that clears up after itself; but 0 for a "
                 "training that was stopped and can go on.").format(
                     stopped=STOPPED))
    groups = top.add_subparsers(required=True, metavar="COMMAND", parser_class=Parser)
    for declare in (
        _photos, models.declare, _train, experiment.declare, evaluate.declare, audit.declare, export.declare,
        script.declare, report.declare, lr_finder.declare, _runs, compare.declare, manage.declare,
        cache.declare, _predict,
    ):
        declare(groups)
    return top


def _photos(groups: Groups) -> None:
    options.command(groups, "samples", commands.samples, commands.show_samples,
                    _("List the built-in photo sets."))
    each = options.command(groups, "check", commands.check, commands.show_check,
                           _("Look at a folder or zip of photos and say what is wrong with it."))
    each.add_argument("source", metavar="FOLDER_OR_ZIP")
    options.workspace(each)


def _train(groups: Groups) -> None:
    each = options.command(groups, "train", commands.train, commands.show_train,
                           _("Train a model. Ctrl-C stops and keeps the best epoch."))
    options.training(each)
    each.add_argument(
        "--repeat", type=int, metavar="N", help=_("train N times with seeds one after another, and say how "
                                                  "far they lie apart"))
    options.workspace(each)


def _runs(groups: Groups) -> None:
    each = options.command(groups, "runs", commands.runs, commands.show_runs,
                           _("List the runs of the workspace, newest first."))
    options.workspace(each)


def _predict(groups: Groups) -> None:
    each = options.command(groups, "predict", commands.predict, commands.show_predict,
                           _("Say what photos show, by the model of a run."))
    options.run(each)
    each.add_argument("images", metavar="IMAGE", nargs="+")
    options.workspace(each)


def _as_json(value: JsonObject) -> str:
    return json.dumps(value, ensure_ascii=True, allow_nan=False)

"""Reading the command line, and turning what comes of it into output and an exit status."""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

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
    report,
    script,
)
from core.errors import BadInput, Stopped, ThawError, Unavailable
from core.files import JsonObject
from core.i18n import _
from core.training import fields
from core.training.presets import PRESETS

TRACE = "THAW_TRACE"
Command = Callable[[argparse.Namespace], JsonObject]


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise BadInput(
            _("The command line cannot be read."),
            given=message,
            fix=_("See: {command} --help").format(command=self.prog),
        )


def main(arguments: Sequence[str]) -> int:
    """Carry a command out.

    Args:
        arguments: The words after ``python -m core``.

    Returns:
        0 when it worked, 2 for bad use or bad input, 1 for a failure.
    """
    as_json = "--json" in arguments
    _never_fail_on_a_letter()
    try:
        given = parser().parse_args(arguments)
        answer = given.command(given)
        said = _as_json(answer) if as_json else str(given.show(answer))
    except KeyboardInterrupt:
        return _failed(Stopped(_("Stopped before it was done. Nothing half-made was kept.")), as_json)
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
    return commands.exit_status(answer)


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


def parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    top = _Parser(prog="python -m core", description=_("Thaw without a browser."), allow_abbrev=False)
    groups = top.add_subparsers(required=True, metavar="COMMAND", parser_class=_Parser)

    each = _add(groups, "samples", commands.samples, commands.show_samples,
                _("List the built-in photo sets."))
    each = _add(groups, "check", commands.check, commands.show_check,
                _("Look at a folder or zip of photos and say what is wrong with it."))
    each.add_argument("source", metavar="FOLDER_OR_ZIP")
    _workspace(each)
    each = _add(groups, "backbones", models.backbones, models.show_backbones,
                _("List the backbones, their blocks and whether their weights are ready."))
    each = _add(groups, "measure", models.measure, models.show_measure,
                _("Measure a backbone's speed and memory on this computer, and keep the result."))
    each.add_argument("backbone", metavar="NAME")
    each.add_argument("--image-size", type=int, metavar="N", help=_("edge of the images in pixels"))
    each.add_argument("--quick", action="store_true", help=_("a pass without learning only"))
    _workspace(each)
    each = _add(groups, "fetch", models.fetch, models.show_fetch,
                _("Download a backbone's ImageNet weights, to be ready without a network."))
    each.add_argument("backbone", metavar="NAME")
    _workspace(each)
    each = _add(groups, "weights", models.weights, models.show_weights,
                _("Check layer by layer whether a weight file fits a backbone."))
    each.add_argument("file", metavar="FILE")
    each.add_argument("--backbone", metavar="NAME", required=True)
    each = _add(groups, "train", commands.train, commands.show_train,
                _("Train a model. Ctrl-C stops and keeps the best epoch."))
    _train_options(each)
    each.add_argument(
        "--repeat", type=int, metavar="N", help=_("train N times with seeds one after another, and say how "
                                                  "far they lie apart"))
    _workspace(each)
    experiment.declare(groups, _add, _train_options, _workspace)
    evaluate.declare(groups, _add, _workspace)
    audit.declare(groups, _add, _workspace)
    export.declare(groups, _add, _workspace)
    script.declare(groups, _add, _workspace)
    report.declare(groups, _add, _workspace)
    each = _add(groups, "lr-finder", lr_finder.lr_finder, lr_finder.show_lr_finder, lr_finder.ABOUT)
    _train_options(each)
    _workspace(each)
    each = _add(groups, "runs", commands.runs, commands.show_runs,
                _("List the runs of the workspace, newest first."))
    _workspace(each)
    each = _add(groups, "compare", compare.compare, compare.show_compare, compare.ABOUT)
    _workspace(compare.options(each))
    _steering(groups)
    each = _add(groups, "cache", cache.cache, cache.show_cache,
                _("Say how much is kept of what frozen parts made of photos, or remove it."))
    each.add_argument("--clear", action="store_true", help=_("remove all that no run uses just now"))
    each.add_argument(
        "--budget", type=float, metavar="GB", help=_("how much may be kept, from now on; 10 unless told")
    )
    _workspace(each)
    each = _add(groups, "predict", commands.predict, commands.show_predict,
                _("Say what photos show, by the model of a run."))
    each.add_argument("run", metavar="RUN")
    each.add_argument("images", metavar="IMAGE", nargs="+")
    _workspace(each)
    return top


def _steering(groups: argparse._SubParsersAction[_Parser]) -> None:
    each = _add(groups, "resume", manage.resume, commands.show_train,
                _("Go on with a run that was paused, stopped or interrupted, or has finished."))
    each.add_argument("run", metavar="RUN", help=_("a run's id, number or name"))
    each.add_argument(
        "--epochs", type=int, metavar="N", help=_("how many epochs more than were planned")
    )
    _workspace(each)
    for name, command, about in (
        ("stop", manage.stop, _("Stop a run, also one of another process; its best epoch is kept.")),
        ("pause", manage.pause, _("Pause a run, also one of another process, to resume it later.")),
    ):
        each = _add(groups, name, command, manage.show_state, about)
        each.add_argument("run", metavar="RUN", help=_("a run's id, number or name"))
        _workspace(each)
    each = _add(groups, "rename", manage.rename, manage.show_rename, _("Call a run by a name."))
    each.add_argument("run", metavar="RUN", help=_("a run's id, number or name"))
    each.add_argument("name", metavar="NAME", help=_("the name; an empty one is forgotten"))
    _workspace(each)
    each = _add(groups, "delete", manage.delete, manage.show_delete,
                _("Put a run into the bin, where it stays for 30 days."))
    each.add_argument("run", metavar="RUN", help=_("a run's id, number or name"))
    _workspace(each)
    each = _add(groups, "restore", manage.restore, manage.show_restore, _("Bring a run back from the bin."))
    each.add_argument("run", metavar="RUN", help=_("the run's id"))
    _workspace(each)


def _add(
    groups: argparse._SubParsersAction[_Parser], name: str, command: Command,
    show: Callable[[JsonObject], str], about: str,
) -> argparse.ArgumentParser:
    each = groups.add_parser(name, help=about, description=about, allow_abbrev=False)
    each.set_defaults(command=command, show=show)
    each.add_argument("--json", action="store_true", help=_("print one JSON object on stdout"))
    return each


def _workspace(each: argparse.ArgumentParser) -> None:
    each.add_argument(
        "--workspace", metavar="DIR",
        help=_("where datasets and runs are kept; else THAW_HOME, else ./workspace"),
    )


def _train_options(each: argparse.ArgumentParser) -> None:
    each.add_argument("source", metavar="FOLDER_OR_ZIP_OR_sample:NAME")
    each.add_argument("--name", metavar="NAME", help=_("what the run is called"))
    each.add_argument(
        "--backbone", metavar="NAME",
        help=_("one of those that “backbones” lists; efficientnet-lite0 unless told"),
    )
    each.add_argument(
        "--weights", metavar="packaged|imagenet|none|PATH",
        help=_("what the backbone starts from: its ImageNet weights, random ones, or a file"),
    )
    each.add_argument(
        "--from-run", metavar="RUN", help=_("take the backbone of a finished run, as that run left it")
    )
    each.add_argument("--image-size", type=int, metavar="N", help=_("edge of the images in pixels"))
    each.add_argument(
        "--recipe", metavar="|".join(PRESETS),
        help=_("a whole recipe by name; options given beside it take precedence"),
    )
    each.add_argument(
        "--trainable", metavar="BLOCKS",
        help=_("all, none (the head alone), or blocks such as block6,block7,top"),
    )
    for field in (*fields.RECIPE_FIELDS, *fields.HEAD_FIELDS, fields.CACHE, fields.LIMIT,
                  fields.TRAIN_PER_CLASS):
        option = "--" + field.name.replace("_", "-")
        if isinstance(field, fields.SwitchField):
            each.add_argument(option, action=argparse.BooleanOptionalAction, help=_percent(field.help))
        elif isinstance(field, fields.ChoiceField):
            each.add_argument(
                option, metavar="|".join(field.values), help=_percent(field.help)
            )
        else:
            each.add_argument(
                option, type=int if field.whole else float,
                metavar="N" if field.whole else "X", help=_percent(field.help),
            )


def _percent(text: str) -> str:
    return text.replace("%", "%%")


def _as_json(value: JsonObject) -> str:
    return json.dumps(value, ensure_ascii=True, allow_nan=False)

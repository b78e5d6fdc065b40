"""How a command and the options that several of them share are declared."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import NoReturn, TypeAlias

from core.errors import BadInput
from core.files import JsonObject
from core.i18n import _
from core.training import fields
from core.training.presets import PRESETS

Command = Callable[[argparse.Namespace], JsonObject]
Show = Callable[[JsonObject], str]
PHOTOS = "FOLDER_OR_ZIP_OR_sample:NAME"


class Parser(argparse.ArgumentParser):
    """A parser that raises BadInput where a command line cannot be read."""

    def error(self, message: str) -> NoReturn:
        """Raise what cannot be read; argparse itself would end the program."""
        raise BadInput(
            _("The command line cannot be read."),
            given=message,
            fix=_("See: {command} --help").format(command=self.prog),
        )


Groups: TypeAlias = "argparse._SubParsersAction[Parser]"


def command(groups: Groups, name: str, carry_out: Command, show: Show, about: str) -> Parser:
    """Declare a command, and return its parser for what it takes.

    Args:
        groups: The commands that it is one of.
        name: The word that it is called by.
        carry_out: What it does.
        show: Its answer in a form for people.
        about: What it is for, one sentence or two.
    """
    each = groups.add_parser(name, help=about, description=about, allow_abbrev=False)
    each.set_defaults(command=carry_out, show=show)
    each.add_argument("--json", action="store_true", help=_("print one JSON object on stdout"))
    return each


def run(each: Parser) -> None:
    """Let a command name a run."""
    each.add_argument("run", metavar="RUN", help=_("a run's id, number or name"))


def workspace(each: Parser) -> None:
    """Let a command name its workspace."""
    each.add_argument(
        "--workspace", metavar="DIR",
        help=_("where datasets and runs are kept; else THAW_HOME, else ./workspace"),
    )


def training(each: Parser) -> None:
    """Let a command name photos, and say how they are trained on."""
    each.add_argument("source", metavar=PHOTOS)
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
        _field(each, field)


def _field(each: Parser, field: fields.Field) -> None:
    option, about = "--" + field.name.replace("_", "-"), field.help.replace("%", "%%")
    if isinstance(field, fields.SwitchField):
        each.add_argument(option, action=argparse.BooleanOptionalAction, help=about)
    elif isinstance(field, fields.ChoiceField):
        each.add_argument(option, metavar="|".join(field.values), help=about)
    else:
        each.add_argument(
            option, type=int if field.whole else float, metavar="N" if field.whole else "X", help=about)

"""The command ``report``: a run's report as one HTML file, and its model card."""

from __future__ import annotations

import argparse

from core.cli import options
from core.cli.commands import workspace_of
from core.cli.options import Groups
from core.cli.progress import Bar
from core.cli.targets import copied, target_file
from core.files import JsonObject
from core.i18n import _
from core.runs.named import run_named
from core.studies.reporting import card_file, make_report, report_file

ABOUT = _("Write the report of a run as one HTML file, and its model card.")


def declare(groups: Groups) -> None:
    """Declare the command."""
    each = options.command(groups, "report", report, show, ABOUT)
    options.run(each)
    each.add_argument("--out", metavar="FILE", help=_("where the report goes too; it stays with the run"))
    each.add_argument("--card", metavar="FILE", help=_("where the model card goes too"))
    options.workspace(each)


def report(given: argparse.Namespace) -> JsonObject:
    """Make the report of a run.

    Raises:
        BadInput: The run has no model, or a folder is named for a file.
        NotFound: There is no such run, or no folder to write to.
    """
    workspace = workspace_of(given.workspace)
    folder = run_named(workspace, given.run)
    wanted = {"report": given.out, "card": given.card}
    targets = {name: target_file(text) for name, text in wanted.items() if text is not None}
    with Bar() as bar:
        make_report(workspace, folder, bar)
    made = {"report": report_file(folder), "card": card_file(folder)}
    for name, path in targets.items():
        copied(made[name], path)
    answer: JsonObject = {"run": folder.id}
    return answer | {name: str(targets.get(name, made[name])) for name in made}


def show(answer: JsonObject) -> str:
    """Where both are."""
    return _("report: {report}\nmodel card: {card}").format(**answer)

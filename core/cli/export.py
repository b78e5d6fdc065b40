"""The commands ``export`` and ``import``: a run's model in another form, or the run itself as one file."""

from __future__ import annotations

import argparse
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from core.cli import options
from core.cli.commands import workspace_of
from core.cli.options import Groups
from core.cli.progress import Bar
from core.cli.signals import answered
from core.cli.targets import copied, target_file, target_folder, unpacked, unpacked_file
from core.errors import BadInput
from core.export.formats import FORMATS, Format
from core.files import JsonObject
from core.i18n import _
from core.people import COMMAND_LINE
from core.runs.named import run_named
from core.runs.packing import pack_to
from core.runs.unpacking import unpack
from core.studies.exporting import Exported, export
from core.studies.taking_in import claim
from core.words import bytes_text

RUN = "run"
_BADNESS = Path("/proc/self/oom_score_adj")
_LIKELIEST = "1000"


def declare(groups: Groups) -> None:
    """Declare both commands."""
    each = options.command(
        groups, "export", export_run, show_export,
        _("Write a run's model in another form and compare it with Keras, or the run as one file."))
    options.run(each)
    each.add_argument("--format", metavar="|".join([*FORMATS, RUN]), required=True,
                      help=_("the form; “run” is the whole run, for “import” on another machine"))
    each.add_argument("--out", metavar="PATH", help=_(
        "where to: a .zip, the model's file alone, or else a folder; only kept in the run unless told"))
    each.add_argument("--photos", action="store_true", help=_("with “run”: the photos of its dataset too"))
    options.workspace(each)
    each = options.command(
        groups, "import", import_run, show_import,
        _("Take in a run that was exported as one file, here or on another machine."))
    each.add_argument("file", metavar="ZIP")
    each.add_argument("--ticket", help=argparse.SUPPRESS)
    options.workspace(each)


def export_run(given: argparse.Namespace) -> JsonObject:
    """Write a run, or its model, somewhere."""
    workspace = workspace_of(given.workspace)
    folder = run_named(workspace, given.run)
    if given.format not in (*FORMATS, RUN):
        raise BadInput(_("There is no such format."), given=given.format[:80],
                       fix=_("Choose one of: {names}.").format(names=", ".join([*FORMATS, RUN])))
    out = _place(given)
    if given.format == RUN:
        if out is None:
            raise BadInput(_("It is not said where to."), fix=_("Name a file with --out."))
        with _stopped_by_term(), Bar() as bar:
            pack_to(workspace, folder, out, photos=given.photos, progress=bar)
        return {"run": folder.id, "format": RUN, "out": str(out), "bytes": out.stat().st_size,
                "photos": given.photos}
    if given.photos:
        raise BadInput(_("Only a whole run takes its photos along."), given="--photos",
                       fix=_("Use it with --format run."))
    with _stopped_by_term(), Bar() as bar:
        found = export(workspace, folder, given.format, bar)
    if out is not None:
        _put(found, out)
    return {
        "run": folder.id, "format": found.form.name, "out": str(out or found.file),
        "made_s": found.made_s, **found.verified.to_json(),
    }


def import_run(given: argparse.Namespace) -> JsonObject:
    """Take a run in."""
    workspace = workspace_of(given.workspace)
    with _stopped_by_term(), _first_to_go(), Bar() as bar:
        found = unpack(workspace, Path(given.file), by=COMMAND_LINE, progress=bar,
                       last_call=lambda: claim(Path(given.ticket)) if given.ticket else None)
    return {"run": found.run, "number": found.number, "dataset": found.dataset or None,
            "photos": found.photos}


def show_export(answer: JsonObject) -> str:
    """Where it is, and how it compares."""
    first = _("{out}: {size}").format(out=answer["out"], size=bytes_text(int(str(answer["bytes"]))))
    if answer["format"] == RUN:
        return first
    lines = [first, _(
        "compared with Keras on {images} photos ({split}): the same class for {same}, probabilities differ "
        "by {difference:.3f} at most").format(**answer)]
    if answer["right"] is not None:
        lines.append(_("it gets {right} of {images} right, Keras {keras_right}").format(**answer))
    lines.append(_("a photo takes {ms:.1f} ms, in Keras {keras_ms:.1f} ms").format(
        ms=1000 * float(str(answer["seconds"])), keras_ms=1000 * float(str(answer["keras_seconds"]))))
    if answer["agrees"] is None:
        lines.append(_("These pictures are noise: it runs, but whether it agrees with Keras is not known."))
    if answer["agrees"] is False:
        lines.append(_("It differs from Keras by more than this form should: do not rely on it."))
    return "\n".join(lines)


def show_import(answer: JsonObject) -> str:
    """What the run is called here, and whether its photos are here."""
    said = _("run {run}: taken in as number {number}").format(**answer)
    if answer["dataset"] is None:
        return said + "\n" + _("Its photos are not in this workspace: it predicts, but cannot be measured.")
    return said


def _place(given: argparse.Namespace) -> Path | None:
    """Return where it is to go, looked at before the work; ``None`` where that is not said."""
    if given.out is None:
        return None
    out = Path(given.out)
    form = FORMATS.get(given.format)
    if form is None or out.suffix == ".zip" or _is_its_file(form, out):
        return target_file(given.out)
    return target_folder(given.out)


def _put(found: Exported, out: Path) -> None:
    """Put an export where it is wanted: as the zip, as the model's file alone, or as a folder."""
    if out.suffix == ".zip":
        copied(found.file, out)
    elif _is_its_file(found.form, out):
        unpacked_file(found.file, found.form.file, out)
    else:
        unpacked(found.file, out)


def _is_its_file(form: Format, out: Path) -> bool:
    return bool(out.suffix) and out.suffix == Path(form.file).suffix


def _stopped_by_term() -> Any:
    """Let SIGTERM end the command as Ctrl-C does, so that what is half made is removed."""
    def leave(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    return answered(leave, signal.SIGTERM)


@contextmanager
def _first_to_go() -> Iterator[None]:
    """Let Linux end this process before any other where memory runs out: nobody knows what is in a zip."""
    before = _BADNESS.read_text() if _BADNESS.exists() else ""
    _let_go(_LIKELIEST)
    try:
        yield
    finally:
        _let_go(before)


def _let_go(badness: str) -> None:
    try:
        if badness:
            _BADNESS.write_text(badness)
    except OSError:  # a container may forbid it; then the bounds of what is unpacked are all there is
        return

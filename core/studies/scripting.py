"""A run as a script: gathers what it is made of, and keeps it as a zip in the run's folder."""

from __future__ import annotations

import logging
import shutil
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from core.data.dataset import Dataset
from core.errors import BadInput
from core.export import script_beside as beside
from core.export.script import script_text
from core.export.script_facts import BACKBONE_FILE, Facts, body_of, constructor_of
from core.files import JsonObject, write_atomic
from core.i18n import _
from core.jobs import Progress, no_progress
from core.runs import begun, lineage, studied
from core.runs.folder import RunFolder
from core.runs.seen import once
from core.runs.status import State
from core.studies.script_notes import notes_on
from core.studies.target import own_dataset
from core.training.events import EpochRow
from core.training.plan import Plan
from core.training.start import RANDOM
from core.workspace import Workspace

STUDY, SCRIPT, PHOTOS = "script", "train.py", "photos.csv"
# What a kept script was written by: it is written anew by a later form.
_FORM = 1
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Script:
    """A run as a script.

    Attributes:
        zip: Where it lies with all that it needs.
        text: The text of ``train.py``.
        notes: What it cannot do as the run did, whole sentences; names in them are from outside.
        files: What is in the zip.
    """

    zip: Path
    text: str
    notes: tuple[str, ...]
    files: tuple[str, ...]


def zip_of(folder: RunFolder) -> Path:
    """Return where the zip of a run's script is, or would be."""
    return folder.exports / "script.zip"


def kept_script(folder: RunFolder) -> Script | None:
    """Return the script that was written of a run as it is; ``None`` where there is none."""
    record, path = studied.kept_record(folder, STUDY), zip_of(folder)
    if record is None or record.get("form") != _FORM or not path.is_file():
        return None
    if record.get("epochs") != len(folder.history()):
        return None
    try:
        return once(path, partial(_read, path, _notes_of(record)))
    except BadInput as error:
        _log.warning("the script of run %s is passed over: %s", folder.id, error)
        return None


def script(workspace: Workspace, folder: RunFolder, progress: Progress = no_progress) -> Script:
    """Return a run as a script, written where it is not kept.

    Args:
        workspace: Where the dataset is.
        folder: A run with a model.
        progress: Told how far it is; it may raise Stopped.

    Raises:
        BadInput: The run has no model or gets another meanwhile, or what it started from does not fit
            any more or was trained further since.
        NotFound: The dataset, what the run starts from, or the run itself, is gone.
        Unavailable: Its packaged weights are not on this machine, or the disk is full.
        Stopped: ``progress`` asked for it.
    """
    mark = studied.model_mark(folder)
    known = kept_script(folder)
    if known is not None:
        return known
    plan, dataset, history = folder.plan(), own_dataset(workspace, folder), folder.history()
    begun.require_same_start(workspace, folder, plan)
    progress(_("Building the backbone"), 0, None)
    body = _backbone(workspace, plan)
    facts = _facts(folder, plan, dataset, history, body)
    texts = {
        SCRIPT: script_text(facts),
        PHOTOS: beside.photos_table(dataset.items, facts.classes),
        "requirements.txt": beside.requirements(facts),
        "README.md": beside.readme(facts),
    }
    progress(_("Writing the script"), 0, None)
    path = zip_of(folder)
    studied.require_same(folder, mark)
    with studied.writing(folder):
        path.parent.mkdir(exist_ok=True)
        write_atomic(path, partial(_write, texts=texts, body=None if facts.body.constructor else body))
    studied.keep_record(folder, STUDY, {
        "form": _FORM, "epochs": len(history), "notes": list(facts.notes)}, mark=mark)
    return _read(path, facts.notes)


def check_place(out: Path) -> None:
    """Raise BadInput where a script cannot be written there without touching what is there already."""
    if (_is_zip(out) and not out.is_dir()) or not out.exists():
        return
    if not out.is_dir() or any(out.iterdir()):
        raise BadInput(
            _("There is something in this place already."), given=str(out)[:200],
            fix=_("Name a new folder, or a file that ends in .zip."))


def save(made: Script, out: Path) -> None:
    """Write a script where somebody wants it: as a zip where the name ends so, else as a folder.

    Raises:
        BadInput: The folder has something in it already.
        OSError: It cannot be written.
    """
    check_place(out)
    if _is_zip(out) and not out.is_dir():
        out.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(out, lambda temporary: _copy(made.zip, temporary))
        return
    out.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(made.zip) as archive:
        for name in made.files:
            write_atomic(out / name, partial(_copy_bytes, archive.read(name)))


def _is_zip(out: Path) -> bool:
    return out.suffix.lower() == ".zip"


def _copy(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)


def _copy_bytes(data: bytes, target: Path) -> None:
    target.write_bytes(data)


def _backbone(workspace: Workspace, plan: Plan) -> object:
    """Build the backbone as the run began with it; of one that Keras gives, only the layers matter."""
    from core.backbones import build
    from core.training.backend import load_tensorflow

    load_tensorflow()
    start: str | Path = plan.weights.source
    start = RANDOM if constructor_of(plan) else lineage.weights_file(workspace, plan) or start
    return build.build(plan.backbone, weights=start, image_size=plan.size, seed=plan.recipe.seed)


def _facts(
    folder: RunFolder, plan: Plan, dataset: Dataset, history: Sequence[EpochRow], body: object
) -> Facts:
    report = folder.report() or {}
    done = _done(folder, plan, history)
    counts = {name: len(dataset.of_split(name)) for name in ("train", "validation", "test")}
    return Facts(
        run=folder.id, plan=plan, classes=tuple(map(beside.shown, dataset.classes)), photos=counts,
        body=body_of(plan, body), done=done,
        tested=counts["test"] > 0 and (plan.test_at_end or bool(report.get("test"))),
        notes=tuple(notes_on(folder, plan, dataset, history, done)), versions=_versions(report),
    )


def _done(folder: RunFolder, plan: Plan, history: Sequence[EpochRow]) -> int | None:
    """Return how many epochs there were where the run was left before its end; else ``None``."""
    left = folder.status().state is not State.FINISHED
    return len(history) if left and 0 < len(history) < plan.recipe.epochs else None


def _versions(report: JsonObject) -> dict[str, str]:
    given = report.get("versions")
    known = given if isinstance(given, dict) else {}
    # NOTE: a report may come from elsewhere with a copied workspace, and this is given to pip.
    return {
        str(name): version for name, version in known.items()
        if isinstance(version, str) and all(part.isalnum() for part in version.split("."))
    }


def _write(temporary: Path, texts: dict[str, str], body: object) -> None:
    with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in texts.items():
            archive.writestr(name, text)
        if body is None:
            return
        saved = temporary.with_name(f"{temporary.stem}.{BACKBONE_FILE}")
        try:
            body.save(saved)  # type: ignore[attr-defined]
            archive.write(saved, BACKBONE_FILE, zipfile.ZIP_STORED)
        finally:
            saved.unlink(missing_ok=True)


def _notes_of(record: JsonObject) -> tuple[str, ...]:
    notes = record.get("notes")
    return tuple(map(str, notes)) if isinstance(notes, list) else ()


def _read(path: Path, notes: tuple[str, ...]) -> Script:
    try:
        with zipfile.ZipFile(path) as archive:
            return Script(path, archive.read(SCRIPT).decode("utf-8"), notes, tuple(archive.namelist()))
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise BadInput(_("A file of this run is damaged and cannot be read."), given=path.name) from error

"""A run's model in other forms: made, compared with Keras on the spot, and kept in the run."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from core.data.dataset import Item
from core.data.drawn import draw
from core.data.images import load_array
from core.data.intake import scratch
from core.errors import BadInput, NotFound, Stopped, ThawError
from core.export.formats import FORMATS, Format, format_named, missing, require
from core.export.package import package, versions_for
from core.export.verify import MADE_UP, Images, Seen, Verified, verify
from core.files import JsonObject
from core.i18n import _
from core.insight.predict import Loaded
from core.jobs import Progress, no_progress
from core.runs import studied
from core.runs.folder import RunFolder, require_model
from core.runs.work import evaluation_of
from core.studies.apart import run_apart
from core.studies.target import Target, chosen, own_dataset
from core.workspace import Workspace

MOST_COMPARED = 128
MOST_CALIBRATED = 100
MADE_UP_IMAGES = 32


@dataclass(frozen=True)
class Exported:
    """A model in another form, ready to be taken away.

    Attributes:
        form: Which form.
        file: The zip, with the model, labels, an example and a description.
        verified: How it does beside Keras.
        made_s: Seconds that it took to make.
    """

    form: Format
    file: Path
    verified: Verified
    made_s: float


def export_file(folder: RunFolder, name: str) -> Path:
    """Return where a form of a run's model is kept; ``name`` is one of ``FORMATS``."""
    return folder.exports / f"{format_named(name).name}.zip"


def exported(folder: RunFolder, name: str) -> Exported | None:
    """Return a form of a run's model that was made before; ``None`` where it is not of the model as it is."""
    form, file = format_named(name), export_file(folder, name)
    record = studied.kept_record(folder, _study(form)) if file.is_file() else None
    if record is None or record.get("failed"):
        return None
    made_s = record.get("made_s")
    try:
        verified = Verified.from_json(record.get("verified"))
    except BadInput:
        return None
    return Exported(form, file, verified, made_s if isinstance(made_s, float) else 0.0)


def failure_of(folder: RunFolder, name: str) -> ThawError | None:
    """Return why a run's model cannot be written in a form, where that was found out; else ``None``.

    It was found out with the packages of then: with other versions it is worth another try.
    """
    form = format_named(name)
    record = studied.kept_record(folder, _study(form)) or {}
    failed = record.get("failed")
    if not isinstance(failed, dict) or record.get("versions") != versions_for(form):
        return None
    return BadInput(**{part: str(failed.get(part, "")) for part in ("what", "given", "fix")})


def export(
    workspace: Workspace, folder: RunFolder, name: str, progress: Progress = no_progress
) -> Exported:
    """Write a run's model in another form, compare it with Keras, and keep it; what is kept is returned.

    Args:
        workspace: Where the run's photos are, for comparing, and for calibrating where the form needs it.
        folder: A run with a model, in whatever state.
        name: One of ``FORMATS``.
        progress: Told how far it is; it may raise Stopped. Writing itself cannot be interrupted.

    Raises:
        BadInput: There is no such form, the run has no model or gets another meanwhile, or its network
            cannot be written so.
        NotFound: The dataset is gone, and the form needs photos to calibrate with; or the run is.
        Unavailable: A package is missing, or the disk is full.
        Stopped: ``progress`` asked for it.
    """
    form = format_named(name)
    source = require_model(folder)
    known = exported(folder, name)
    if known is not None:
        return known
    require(form)
    return _made(workspace, folder, form, source, progress)


def _made(
    workspace: Workspace, folder: RunFolder, form: Format, source: Path, progress: Progress
) -> Exported:
    from core.insight.predict import loaded

    mark = studied.model_mark(folder)
    progress(_("Loading the model"), 0, None)
    model = loaded(source)
    photos = _calibration(workspace, folder, model.size, progress) if form.calibrated else None
    seen = _compared_on(workspace, folder, model.size, progress)
    with scratch(workspace) as inside:
        made = inside / "made"
        made.mkdir()
        target = made / form.file
        progress(_("Writing {format}").format(format=form.title), 0, None)
        began = time.monotonic()
        ask = _converted(folder, form, model, target, photos, mark)
        made_s = time.monotonic() - began
        verified = verify(form, ask, _asking(model.keras), seen, target, progress)
        progress(_("Packing"), 0, None)
        studied.require_same(folder, mark)
        with studied.writing(folder):
            export_file(folder, form.name).parent.mkdir(exist_ok=True)
            package(form, made, export_file(folder, form.name), size=model.size, classes=model.classes,
                    run_id=folder.id)
    record: JsonObject = {
        "verified": verified.to_json(), "made_s": made_s, "versions": versions_for(form)}
    studied.keep_record(folder, _study(form), record, mark=mark)
    return Exported(form, export_file(folder, form.name), verified, made_s)


def _converted(
    folder: RunFolder, form: Format, model: Loaded, target: Path, photos: Images | None, mark: str
) -> Callable[[Images], Any]:
    """Write the model and open what was written; where that is impossible it is kept that it is."""
    from core.export.convert import convert
    from core.export.opened import opened

    try:
        convert(form, require_model(folder), model.keras, model.classes, target, photos)
        return opened(form, target)
    except BadInput as error:
        record: JsonObject = {"failed": error.to_json(), "versions": versions_for(form)}
        studied.keep_record(folder, _study(form), record, mark=mark)
        raise


def _asking(model: Any) -> Callable[[Images], Any]:
    return lambda images: np.asarray(model.predict_on_batch(images))


def _study(form: Format) -> str:
    return f"export-{form.name}"


def _calibration(workspace: Workspace, folder: RunFolder, size: int, progress: Progress) -> Images:
    """Return training photos, drawn alike whatever their order; raises NotFound where they are gone."""
    dataset = own_dataset(workspace, folder)
    items = _drawn(dataset.of_split("train"), MOST_CALIBRATED)
    return _decoded([dataset.file(each) for each in items], size, progress)


def _compared_on(workspace: Workspace, folder: RunFolder, size: int, progress: Progress) -> Seen:
    """Return what a form is compared on.

    Test photos only where they have been looked at before, so that an export is no look at them; noise
    where the photos are not in this workspace.
    """
    try:
        dataset = own_dataset(workspace, folder)
    except NotFound:
        noise = np.random.default_rng(0).integers(0, 256, (MADE_UP_IMAGES, size, size, 3))
        return Seen(noise.astype(np.uint8), MADE_UP, None)
    splits = ("test", "validation", "train") if evaluation_of(folder) else ("validation", "train")
    split = next(each for each in splits if dataset.of_split(each) or each == "train")
    photos = chosen(workspace, folder, Target(split=split))
    label_of = dict(zip(photos.items, photos.labels, strict=True))
    items = _drawn(photos.items, MOST_COMPARED)
    images = _decoded([dataset.file(each) for each in items], size, progress)
    return Seen(images, split, np.asarray([label_of[each] for each in items], np.int32))


def _drawn(items: Sequence[Item], most: int) -> list[Item]:
    return sorted(items, key=lambda item: draw(0, item.digest))[:most]


def _decoded(files: Sequence[Path], size: int, progress: Progress) -> Images:
    images = []
    for number, file in enumerate(files):
        progress(_("Reading photos"), number, len(files))
        try:
            images.append(load_array(file, size))
        except BadInput as error:
            raise NotFound(error.what, given=file.name) from error
    if not images:
        raise NotFound(_("This dataset has no such photos."))
    return np.stack(images)


def to_make(folder: RunFolder) -> list[Format]:
    """Return the forms that can be made here and are not, nor are known to be impossible."""
    return [
        form for form in FORMATS.values()
        if not missing(form) and exported(folder, form.name) is None and failure_of(folder, form.name) is None
    ]


def export_apart(workspace: Workspace, folder: RunFolder, names: Sequence[str], progress: Progress) -> None:
    """Do as :func:`export` for several forms, each in a process of its own.

    So it can be cancelled, its memory comes back, and what the converters print goes nowhere. One that
    cannot be made does not keep the others from being made.

    Raises:
        ThawError: The first that went wrong, once all were tried.
        Stopped: ``progress`` asked for it; what was made stays.
    """
    first: ThawError | None = None
    for number, name in enumerate(names):
        form = format_named(name)
        words = _("Making and comparing {format}").format(format=form.title)
        try:
            run_apart(["export", folder.id, "--format", name], workspace, progress, words, number, len(names))
        except Stopped:
            raise
        except ThawError as error:
            first = first or error
    if first is not None:
        raise first

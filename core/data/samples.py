"""Image sets to begin with: two that need no network, one that is downloaded."""

from __future__ import annotations

import difflib
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from core.data import dataset, flowers, gather
from core.data.assemble import Origin, assemble
from core.data.dataset import Dataset
from core.data.gather import FINDING
from core.data.intake import scratch
from core.data.layout import FoundFile
from core.errors import BadInput, NotFound, Unavailable
from core.i18n import _
from core.jobs import Progress, no_progress
from core.workspace import Workspace

_DIGIT_EDGE = 64
_DIGIT_BRIGHTEST = 16


@dataclass(frozen=True)
class Sample:
    """A built-in set of images.

    Attributes:
        name: What it is called on the command line, after "sample:".
        title: What it is called on a page.
        description: What is in it, one sentence.
        images: How many images it holds.
        classes: How many classes.
        needs_network: Whether it has to be downloaded.
        licence: Under which licence it comes, and from whom.
    """

    name: str
    title: str
    description: str
    images: int
    classes: int
    needs_network: bool
    licence: str


SAMPLES = {
    sample.name: sample
    for sample in (
        Sample(
            name="digits",
            title=_("Handwritten digits"),
            description=_("Small grey scans of the digits 0 to 9, written by hand."),
            images=1797,
            classes=10,
            needs_network=False,
            licence=_("CC BY 4.0, UCI Optical Recognition of Handwritten Digits, by scikit-learn"),
        ),
        Sample(
            name="textile",
            title=_("Textile defects"),
            description=_(
                "Simulated grey fabric: an even weave, one with a small local flaw, and one whose "
                "weave has changed all over."
            ),
            images=2000,
            classes=3,
            needs_network=False,
            licence=_("MIT, conformal-clip-data by Megahed and Chen"),
        ),
        Sample(
            name="flowers",
            title=_("Flower photos"),
            description=_("Photos of daisies, dandelions, roses, sunflowers and tulips."),
            images=flowers.FLOWERS.images,
            classes=len(flowers.FLOWERS.classes),
            needs_network=True,
            licence=_("CC BY 2.0, by the photographers named in the archive, by TensorFlow"),
        ),
    )
}


def get(name: str) -> Sample:
    """Return the sample called ``name``; raises NotFound with the nearest names."""
    if name in SAMPLES:
        return SAMPLES[name]
    near = difflib.get_close_matches(name, SAMPLES, n=1)
    names = ", ".join(SAMPLES)
    fix = _("The samples are {names}.").format(names=names)
    if near:
        fix = _("Did you mean {name}?").format(name=near[0]) + " " + fix
    raise NotFound(_("There is no such sample."), given=name[:80], fix=fix)


def take_in_sample(name: str, workspace: Workspace, progress: Progress | None = None) -> Dataset:
    """Take in a sample, or return the dataset made of it earlier.

    Args:
        name: "digits", "textile" or "flowers".
        workspace: Where the dataset goes, under the id "sample-<name>".
        progress: Told how far it is; may raise Stopped to cancel.

    Raises:
        NotFound: There is no such sample.
        Unavailable: A package it needs is not installed, or there is no network.
        Stopped: ``progress`` asked for it.
    """
    sample = get(name)
    origin = Origin(sample.title, f"sample:{name}", dataset_id=f"sample-{name}")
    folder = workspace.datasets / f"sample-{name}"
    if folder.is_dir():
        try:
            return dataset.load(folder)
        except BadInput:
            shutil.rmtree(folder)  # damaged, or of an older version
    return _MAKERS[name](workspace, origin, progress or no_progress)


def _digits(workspace: Workspace, origin: Origin, progress: Progress) -> Dataset:
    """Write scikit-learn's 8x8 scans as pictures that a person can see."""
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise _missing("scikit-learn") from error
    from PIL import Image

    digits = load_digits()
    grey = (digits.images * (255 / _DIGIT_BRIGHTEST)).round().astype("uint8")
    with scratch(workspace) as folder:
        gathered = gather.Gathered()
        (folder / "files").mkdir()
        for number, (pixels, digit) in enumerate(zip(grey, digits.target, strict=True)):
            progress(FINDING, number, len(grey))
            path = folder / "files" / f"{number:06d}"
            image = Image.fromarray(pixels).resize(
                (_DIGIT_EDGE, _DIGIT_EDGE), Image.Resampling.BICUBIC
            )
            image.convert("RGB").save(path, "PNG", compress_level=1)
            gathered.keep(f"{digit}/{number:04d}.png", path)
        return _finish(gathered, workspace, folder, origin, progress, move=True)


def _textile(workspace: Workspace, origin: Origin, progress: Progress) -> Dataset:
    try:
        import conformal_clip_data
    except ImportError as error:
        raise _missing("conformal-clip-data") from error
    root = Path(conformal_clip_data.textile_simulated_root())
    files = gather.from_folder(root, workspace.root, progress).files
    gathered = gather.from_files([FoundFile(file.name, file.path) for file in files])
    with scratch(workspace) as folder:
        return _finish(gathered, workspace, folder, origin, progress, move=False)


def _flowers(workspace: Workspace, origin: Origin, progress: Progress) -> Dataset:
    return flowers.take_in_archive(flowers.FLOWERS, workspace, origin, progress)


_MAKERS: dict[str, Callable[[Workspace, Origin, Progress], Dataset]] = {
    "digits": _digits,
    "textile": _textile,
    "flowers": _flowers,
}


def _finish(
    gathered: gather.Gathered,
    workspace: Workspace,
    folder: Path,
    origin: Origin,
    progress: Progress,
    *,
    move: bool,
) -> Dataset:
    made = Origin(origin.title, origin.source, move=move, dataset_id=origin.dataset_id)
    try:
        return assemble(gathered, workspace, folder, made, progress)
    except BadInput as error:
        raise _missing(origin.title) from error


def _missing(package: str) -> Unavailable:
    return Unavailable(
        _("The images of this sample are not installed."),
        given=package,
        fix=_("Install what requirements.txt lists, and try again."),
    )

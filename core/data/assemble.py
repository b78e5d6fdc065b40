"""From gathered files to a dataset: look at each, divide them, check, store; whole or not at all."""

from __future__ import annotations

import errno
import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from core.data import checks, dataset, layout, split
from core.data.checks import Findings
from core.data.dataset import Dataset, Duplicate, Item, Problem, Refused
from core.data.gather import SAVING, Gathered
from core.data.layout import Place
from core.data.look import Looked, look_at_all, without_duplicates
from core.data.twin import twin
from core.errors import BadInput, Unavailable
from core.i18n import _
from core.jobs import Progress
from core.workspace import Workspace, new_dir

_LONGEST_TITLE = 80
_REASONS_SHOWN = 3


@dataclass(frozen=True)
class Origin:
    """What a dataset will be called and how it is to be made.

    Attributes:
        title: What the person calls it.
        source: "folder", "zip", "upload" or "sample:<name>".
        seed: What the split is drawn with.
        move: Whether the files may be moved away from where they are.
        store: ``False`` makes no folder: the images are only checked.
        dataset_id: A fixed id; ``None`` makes one from the time and the title.
        accept: Called with the dataset before it appears; raises to refuse it.
    """

    title: str
    source: str
    seed: int = 0
    move: bool = False
    store: bool = True
    dataset_id: str | None = None
    accept: Callable[[Dataset], None] | None = None

    @property
    def copies(self) -> bool:
        """Whether files are copied as they are read."""
        return self.store and not self.move


def assemble(
    gathered: Gathered, workspace: Workspace, folder: Path, origin: Origin, progress: Progress
) -> Dataset:
    """Make a dataset of gathered files: look at each, divide them, check, store.

    Args:
        gathered: The files, and those already left out.
        workspace: Where the dataset goes.
        folder: A scratch folder on the same disk, which the caller removes.
        origin: What to call it and how to make it.
        progress: Told how far it is.

    Returns:
        The new dataset, or the one that was made of the same files before.

    Raises:
        BadInput: There is no usable image, or ``origin.accept`` refused the dataset.
        Stopped: ``progress`` asked for it.
    """
    title = layout.clean_class(origin.title)
    origin = replace(origin, title=title[:_LONGEST_TITLE] or _("Images"))
    made = new_dir(folder / "made", origin.title)
    (made / dataset.IMAGES).mkdir()

    files = sorted(gathered.files, key=lambda file: file.name)
    arranged = layout.arrange([file.name for file in files])
    looked = look_at_all(files, arranged.places, made if origin.copies else None, progress)
    usable = [one for one in looked if one.facts is not None]
    if not usable and (origin.store or not files):
        raise _nothing_usable(looked, arranged)
    kept, duplicates = without_duplicates(usable, arranged.places)
    result, findings = _dataset(kept, duplicates, usable, gathered, looked, arranged, origin, made)
    if usable:
        result = replace(result, problems=checks.problems(result, findings))
    else:
        # A check lists every file with its reason, even where there is nothing else to say.
        error = _nothing_usable(looked, arranged)
        result = replace(result, problems=(Problem("error", error.what, error.fix),))
    if origin.accept is not None:
        origin.accept(result)
    if not origin.store:
        return replace(result, id="", folder=Path())
    return twin(result, workspace) or _publish(result, kept, usable, workspace, origin, progress)


def _dataset(
    kept: Sequence[Looked], duplicates: Sequence[Duplicate], usable: Sequence[Looked],
    gathered: Gathered, looked: Sequence[Looked], arranged: layout.Layout, origin: Origin, made: Path,
) -> tuple[Dataset, Findings]:
    """Divide the images that are kept, and put all that was found into one record."""
    classes = tuple(sorted({arranged.places[one.file.name].class_name for one in usable}))
    label_of = {name: label for label, name in enumerate(classes)}
    labels = [label_of[arranged.places[one.file.name].class_name] for one in kept]
    splits, carved, only_train = _divide(kept, labels, arranged, origin.seed)
    found = Dataset(
        id=origin.dataset_id or made.name,
        title=origin.title,
        source=origin.source,
        folder=made,
        classes=classes,
        items=tuple(
            _item(one, label, in_split)
            for one, label, in_split in zip(kept, labels, splits, strict=True)
        ),
        refused=_refused(gathered, arranged, looked),
        duplicates=tuple(duplicates),
        ignored=tuple(sorted(gathered.ignored, key=lambda entry: entry.file)),
        problems=(),
        seed=origin.seed,
        own_split=arranged.own_split and not only_train,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    return found, _findings(duplicates, arranged.places, classes, carved, only_train)


def _divide(
    kept: Sequence[Looked], labels: Sequence[int], arranged: layout.Layout, seed: int
) -> tuple[list[str], tuple[str, ...], bool]:
    """Return every image's split, which splits were carved from training, whether only that came."""
    places = [arranged.places[one.file.name] for one in kept]
    pairs = [(label, one.digest) for label, one in zip(labels, kept, strict=True)]
    came = {place.split for place in places}
    if not arranged.own_split or came == {"train"}:
        return split.assign(pairs, seed), (), arranged.own_split
    splits = [str(place.split) for place in places]
    missing = tuple(name for name in ("validation", "test") if name not in came)
    for name in missing:
        in_train = [index for index, where in enumerate(splits) if where == "train"]
        share = split.TEST_SHARE if name == "test" else split.VALIDATION_SHARE
        taken = split.carve([pairs[index] for index in in_train], share, seed)
        for index, is_taken in zip(in_train, taken, strict=True):
            splits[index] = name if is_taken else "train"
    return splits, missing, False


def _item(one: Looked, label: int, in_split: str) -> Item:
    if one.facts is None:
        raise ValueError("only usable files become items")
    return Item(
        path=one.stored_name,
        name=one.file.name,
        label=label,
        split=in_split,
        digest=one.digest,
        width=one.facts.width,
        height=one.facts.height,
    )


def _refused(
    gathered: Gathered, arranged: layout.Layout, looked: Sequence[Looked]
) -> tuple[Refused, ...]:
    refused = [
        *gathered.refused,
        *(Refused(name, reason) for name, reason in arranged.refused.items()),
        *(Refused(one.file.name, one.reason) for one in looked if one.facts is None),
    ]
    return tuple(sorted(refused, key=lambda entry: entry.file))


def _findings(
    duplicates: Sequence[Duplicate],
    places: dict[str, Place],
    classes: tuple[str, ...],
    carved: tuple[str, ...],
    only_train: bool,
) -> Findings:
    pairs = [(places[entry.file], places[entry.same_as]) for entry in duplicates]
    return Findings(
        across_splits=sum(one.split != other.split for one, other in pairs),
        across_classes=sum(one.class_name != other.class_name for one, other in pairs),
        carved=carved,
        only_train=only_train,
        emptied=tuple(sorted({place.class_name for place in places.values()} - set(classes))),
    )


def _nothing_usable(looked: Sequence[Looked], arranged: layout.Layout) -> BadInput:
    if not looked and not arranged.refused:
        return BadInput(
            _("There are no images here."), fix=_("Choose a folder with one sub-folder per class.")
        )
    if not arranged.places:
        return BadInput(
            _("The images are in no class folders."),
            given=", ".join(list(arranged.refused)[:3]),
            fix=_("Put the images of each class into a folder of its own, named after the class."),
        )
    reasons = Counter(one.reason for one in looked).most_common(_REASONS_SHOWN)
    return BadInput(
        _("None of the files can be used as an image."),
        given=" ".join(f"{count} × {reason}" for reason, count in reasons),
        fix=_("Use JPEG, PNG, WebP, GIF, BMP or TIFF files."),
    )


def _publish(
    result: Dataset,
    kept: Sequence[Looked],
    usable: Sequence[Looked],
    workspace: Workspace,
    origin: Origin,
    progress: Progress,
) -> Dataset:
    """Bring the images to their stored names, write the manifest, let the folder appear."""
    progress(SAVING, 0, len(kept))
    made = result.folder
    if origin.move:
        for one in kept:
            _move(one.file.path, made / one.stored_name)
    else:
        keep = {one.number for one in kept}
        for one in usable:
            if one.number not in keep:
                (made / one.stored_name).unlink()
    dataset.save(result, made)
    final = _rename(made, workspace.datasets, origin.dataset_id)
    return dataset.load(final)


def _move(path: Path, target: Path) -> None:
    # NOTE: a link that is renamed would still point to where it did.
    if path.is_symlink():
        shutil.copyfile(path, target)
        return
    try:
        path.rename(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        shutil.copyfile(path, target)


def _rename(made: Path, parent: Path, dataset_id: str | None) -> Path:
    stem = dataset_id or made.name
    for attempt in range(1000):
        final = parent / (stem if attempt == 0 else f"{stem}-{attempt + 1}")
        if not final.exists():
            try:
                made.rename(final)
            except FileExistsError:
                continue
            except OSError as error:
                if error.errno != errno.ENOTEMPTY:
                    raise
                continue
            return final
        if dataset_id is not None:
            return final  # another thread or process made the same sample meanwhile
    raise Unavailable(_("No free name was found for a new folder."), given=stem)

"""A dataset as data: what was taken in, how it is split, and what was left out and why."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from core.data.drawn import draw, quotas
from core.data.records import (
    SPLITS,
    ClassCount,
    Duplicate,
    Ignored,
    Item,
    Problem,
    Refused,
    Revision,
    Summary,
)
from core.errors import BadInput, NotFound
from core.files import JsonObject, read_json, write_json, write_text
from core.i18n import _
from core.workspace import Workspace, is_id

__all__ = [
    "SPLITS",
    "ClassCount",
    "Dataset",
    "Duplicate",
    "Ignored",
    "Item",
    "Problem",
    "Refused",
    "Revision",
    "Summary",
    "is_stored_name",
    "load",
    "save",
    "summaries",
]

MANIFEST = "dataset.json"
SUMMARY = "summary.json"
IMAGES = "images"
FORMAT_VERSION = 1
_STORED_NAME = re.compile(IMAGES + r"/[0-9]{6,9}\.[a-z0-9]{2,4}")


@dataclass(frozen=True)
class Dataset:
    """A folder of images that has been taken in and checked; never changed afterwards.

    Attributes:
        id: The name of its folder in the workspace.
        title: What the person calls it; text from outside.
        source: Where it came from: "folder", "zip", "upload", "sample:<name>" or "version".
        folder: Where it is now.
        classes: Class names in the order of the labels; text from outside.
        items: Every image that can be used, in the order of their original names.
        refused: Files that cannot be used.
        duplicates: Files left out because another has the same bytes.
        ignored: Files passed over, such as Thumbs.db.
        problems: What to know before training.
        seed: What the split was drawn with.
        own_split: Whether the images came divided into train, validation or test.
        created: When it was taken in, ISO 8601 in UTC.
        revision: What it was made of, where it is a later version of a dataset; else ``None``.
    """

    id: str
    title: str
    source: str
    folder: Path
    classes: tuple[str, ...]
    items: tuple[Item, ...]
    refused: tuple[Refused, ...]
    duplicates: tuple[Duplicate, ...]
    ignored: tuple[Ignored, ...]
    problems: tuple[Problem, ...]
    seed: int
    own_split: bool
    created: str
    revision: Revision | None = None

    def of_split(self, split: str) -> tuple[Item, ...]:
        """Return the images of "train", "validation" or "test", in the order of ``items``."""
        return tuple(item for item in self.items if item.split == split)

    def counts(self) -> tuple[ClassCount, ...]:
        """Return the number of images by class and split, in the order of ``classes``."""
        cells = Counter((item.label, item.split) for item in self.items)
        return tuple(
            ClassCount(name, *(cells[label, split] for split in SPLITS))
            for label, name in enumerate(self.classes)
        )

    def file(self, item: Item) -> Path:
        """Return where the image is stored."""
        return self.folder / item.path

    @property
    def usable(self) -> bool:
        """Whether a training makes sense: no problem is an error."""
        return all(problem.level != "error" for problem in self.problems)

    def limited(self, n: int, seed: int = 0) -> Dataset:
        """Return a smaller dataset for a quick try, stratified by class and split.

        Args:
            n: The largest number of images in total, at least 1.
            seed: What is drawn with it; the same seed keeps the same images.

        Returns:
            The dataset with at most ``n`` items. Every class and split that held images keeps at
            least one.

        Raises:
            BadInput: ``n`` is too small for that.
        """
        if n >= len(self.items):
            return self
        cells: dict[tuple[int, int], list[Item]] = {}
        for item in self.items:
            cells.setdefault((SPLITS.index(item.split), item.label), []).append(item)
        if n < len(cells):
            raise BadInput(
                _("So few images would leave classes without any in training, validation or test."),
                given=str(n),
                fix=_("Use at least {fewest} of this dataset.").format(fewest=len(cells)),
            )
        shares = quotas({cell: len(items) for cell, items in cells.items()}, n)
        kept = {
            item.path
            for cell, items in cells.items()
            for item in sorted(items, key=lambda item: draw(seed, item.digest))[: shares[cell]]
        }
        return replace(self, items=tuple(item for item in self.items if item.path in kept))


def save(dataset: Dataset, folder: Path) -> None:
    """Write the manifest and the summary of ``dataset`` into ``folder``.

    Raises:
        OSError: The disk is full or the folder cannot be written.
    """
    manifest = {
        "version": FORMAT_VERSION,
        "id": dataset.id,
        "title": dataset.title,
        "source": dataset.source,
        "classes": dataset.classes,
        "items": [
            (item.path, item.name, item.label, item.split, item.digest, item.width, item.height)
            for item in dataset.items
        ],
        "refused": [(entry.file, entry.reason) for entry in dataset.refused],
        "duplicates": [(entry.file, entry.same_as) for entry in dataset.duplicates],
        "ignored": [(entry.file, entry.reason) for entry in dataset.ignored],
        "problems": [(entry.level, entry.title, entry.message) for entry in dataset.problems],
        "seed": dataset.seed,
        "own_split": dataset.own_split,
        "created": dataset.created,
        "revision": dataset.revision.to_json() if dataset.revision else None,
    }
    # NOTE: without an indent; json's indenting encoder is pure Python, and 50,000 images feel it.
    write_text(folder / MANIFEST, json.dumps(manifest, ensure_ascii=False, allow_nan=False))
    write_json(
        folder / SUMMARY,
        {
            "title": dataset.title,
            "source": dataset.source,
            "images": len(dataset.items),
            "classes": len(dataset.classes),
            "created": dataset.created,
            "usable": dataset.usable,
        },
    )


def load(folder: Path) -> Dataset:
    """Read a dataset; a second call for the same folder returns the same object.

    Raises:
        NotFound: There is no dataset in ``folder``.
        BadInput: What is there is damaged or was written by a newer Thaw.
    """
    try:
        changed = (folder / MANIFEST).stat().st_mtime_ns
    except OSError as error:
        raise NotFound(_("There is no such dataset."), given=folder.name) from error
    return _load(folder, changed)


@lru_cache(maxsize=4)
def _load(folder: Path, _changed: int) -> Dataset:
    """Read a dataset; ``_changed`` lets one that was deleted and made again be read again."""
    manifest = read_json(folder / MANIFEST)
    try:
        if manifest["version"] != FORMAT_VERSION:
            raise BadInput(
                _("The dataset was written by another version of Thaw."),
                given=folder.name,
                fix=_("Take the images in again."),
            )
        return _dataset(folder, manifest)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise BadInput(
            _("The dataset is damaged and cannot be read."),
            given=folder.name,
            fix=_("Take the images in again."),
        ) from error


def _dataset(folder: Path, manifest: JsonObject) -> Dataset:
    classes = tuple(str(name) for name in _list(manifest["classes"]))
    items = tuple(_item(_list(row), len(classes)) for row in _list(manifest["items"]))
    return Dataset(
        id=folder.name,
        title=str(manifest["title"]),
        source=str(manifest["source"]),
        folder=folder,
        classes=classes,
        items=items,
        refused=tuple(Refused(*row) for row in _texts(manifest["refused"])),
        duplicates=tuple(Duplicate(*row) for row in _texts(manifest["duplicates"])),
        ignored=tuple(Ignored(*row) for row in _texts(manifest["ignored"])),
        problems=tuple(Problem(*row) for row in _texts(manifest["problems"])),
        seed=_whole(manifest["seed"]),
        own_split=manifest["own_split"] is True,
        created=str(manifest["created"]),
        # A dataset that was taken in, or written by an earlier Thaw, has none.
        revision=Revision.from_json(given) if (given := manifest.get("revision")) else None,
    )


def is_stored_name(path: str) -> bool:
    """Tell whether ``path`` is one that an image of ours can have within its dataset's folder."""
    return _STORED_NAME.fullmatch(path) is not None


def _list(value: object) -> list[object]:
    if not isinstance(value, list):
        raise TypeError("not a list")
    return value


def _texts(value: object) -> list[list[str]]:
    return [[str(text) for text in _list(row)] for row in _list(value)]


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError("not a whole number")
    return value


def _item(row: list[object], classes: int) -> Item:
    path, name, label, split, digest, width, height = row
    item = Item(
        str(path), str(name), _whole(label), str(split), str(digest), _whole(width), _whole(height)
    )
    # A manifest may have come from elsewhere with a copied workspace: its paths stay inside.
    if not is_stored_name(item.path) or item.split not in SPLITS:
        raise ValueError("not a name of ours")
    if not 0 <= item.label < classes:
        raise ValueError("not a class")
    return item


def summaries(workspace: Workspace) -> list[Summary]:
    """List the datasets of a workspace, newest first; damaged ones are left out."""
    found = (_summary(folder) for folder in _folders(workspace.datasets))
    listed = [summary for summary in found if summary is not None]
    return sorted(listed, key=lambda summary: (summary.created, summary.id), reverse=True)


def _folders(parent: Path) -> Iterable[Path]:
    return (folder for folder in parent.iterdir() if is_id(folder.name) and folder.is_dir())


def _summary(folder: Path) -> Summary | None:
    try:
        value = read_json(folder / SUMMARY)
        return Summary(
            id=folder.name,
            title=str(value["title"]),
            source=str(value["source"]),
            images=_whole(value["images"]),
            classes=_whole(value["classes"]),
            created=str(value["created"]),
            usable=value["usable"] is True,
        )
    except (BadInput, KeyError, TypeError):
        # A list of the good ones is worth more than an error about a bad one; opening it says why.
        return None

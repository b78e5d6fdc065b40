"""Which class and which split a file belongs to, told from its name alone."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from core.i18n import _

SPLIT_NAMES = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
    "testing": "test",
}
LONGEST_PART = 255
DEEPEST = 64
_LEFT_BEHIND = {"thumbs.db", "ehthumbs.db", "desktop.ini", "__macosx", "icon\ufffd"}
_IMAGE_ENDINGS = {
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".gif", ".bmp", ".webp", ".avif",
    ".tif", ".tiff", ".jp2", ".ppm", ".pgm", ".tga", ".qoi", ".heic", ".heif",
}  # fmt: skip
_DRIVE = re.compile(r"[A-Za-z]:")
_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file that was found somewhere.

    Attributes:
        name: Its relative path as it was given; text from outside, never used as a path.
        path: Where its bytes are on this machine.
    """

    name: str
    path: Path


@dataclass(frozen=True, slots=True)
class Place:
    """Where a file belongs: its class, and its split where the files came divided."""

    class_name: str
    split: str | None


@dataclass(frozen=True, slots=True)
class Layout:
    """What the names of all files say together.

    Attributes:
        places: For every name that is in a class folder, where it belongs.
        refused: For every name that is in none, the reason.
        own_split: Whether the files came divided into train, validation or test.
    """

    places: dict[str, Place]
    refused: dict[str, str]
    own_split: bool


def clean_name(raw: str) -> str:
    r"""Return a relative path from outside as harmless text with "/" between its parts.

    "\\" counts as a separator, as in zips made by old Windows programs. What cannot
    be shown (control characters, half surrogate pairs, marks that turn the reading direction)
    becomes U+FFFD.
    """
    shown = "".join("\ufffd" if _is_hidden(char) else char for char in raw.replace("\\", "/"))
    return "/".join(part for part in shown.split("/") if part not in ("", "."))


def unsafe(raw: str) -> str | None:
    """Return why a name from outside is refused, or ``None`` where it is a plain relative path."""
    name = raw.replace("\\", "/")
    parts = name.split("/")
    if name.startswith("/"):
        return _("Its name is an absolute path.")
    if _DRIVE.match(name):
        return _("Its name starts with a drive.")
    if ".." in (part.strip() for part in parts):
        return _("Its name leads out of the folder.")
    if len(parts) > DEEPEST or any(len(part) > LONGEST_PART for part in parts):
        return _("Its name is too long.")
    return None


def ignored(name: str) -> str | None:
    """Return why a clean name is passed over without a word of blame, or ``None``."""
    for part in PurePosixPath(name).parts:
        if part.startswith("."):
            return _("Hidden files and folders are passed over.")
        if part.casefold() in _LEFT_BEHIND:
            return _("An operating system left it behind.")
    return None


def clean_class(part: str) -> str:
    """Return a folder's name as a class name: NFC, nothing hidden, no space around it."""
    composed = unicodedata.normalize("NFC", part)
    return "".join(char for char in composed if not _is_hidden(char) and char != "\ufffd").strip()


def arrange(names: Sequence[str]) -> Layout:
    """Tell class and split of every file.

    Folders that wrap everything else are unwrapped. Then the folders at the top are either splits
    (there is one for training with class folders in it, and the others are for validation or test,
    or one of those is there too), or classes. Deeper folders belong to their class.

    Args:
        names: Clean relative paths, all different, without those that are ignored.
    """
    parts = {name: PurePosixPath(name).parts for name in names}
    depth = _wrapping(list(parts.values()))
    own_split = _is_split([part[depth:] for part in parts.values()])
    places: dict[str, Place] = {}
    refused: dict[str, str] = {}
    for name, part in parts.items():
        place = _place(part[depth:], own_split)
        if isinstance(place, Place):
            places[name] = place
        else:
            refused[name] = place
    return Layout(places, refused, own_split)


def _place(parts: tuple[str, ...], own_split: bool) -> Place | str:
    split = None
    if own_split:
        split = SPLIT_NAMES.get(_key(parts[0])) if len(parts) > 1 else None
        if split is None:
            return _("It is outside the folders for training, validation and test.")
        parts = parts[1:]
    if len(parts) < 2:
        return _("It is in no class folder.")
    class_name = clean_class(parts[0])
    return Place(class_name, split) if class_name else _("The name of its class folder is empty.")


def _key(part: str) -> str:
    return clean_class(part).casefold()


def _is_split(paths: Sequence[tuple[str, ...]]) -> bool:
    tops = {_key(path[0]) for path in paths if len(path) > 1}
    known = {SPLIT_NAMES[top] for top in tops if top in SPLIT_NAMES}
    if "train" not in known:
        return False
    classes_in_train = any(
        len(path) > 2 and SPLIT_NAMES.get(_key(path[0])) == "train"
        for path in paths
    )
    if tops <= SPLIT_NAMES.keys():
        return classes_in_train or len(known) > 1
    # A class may be called "train" too, as the vehicle: beside "bus" and "car" it is one.
    return classes_in_train and len(known) > 1


def _wrapping(paths: list[tuple[str, ...]]) -> int:
    """Return how many folders are wrapped around everything that is in a folder."""
    depth = 0
    while True:
        inside = [path[depth:] for path in paths if len(path) > depth + 1]
        if len({path[0] for path in inside}) != 1 or _is_split(inside):
            return depth
        folders = {path[1] for path in inside if len(path) > 2}
        pictures = any(
            len(path) == 2 and PurePosixPath(path[1]).suffix.lower() in _IMAGE_ENDINGS
            for path in inside
        )
        # One folder with pictures and at most one folder in it is a class, not a wrapping.
        if not folders or (pictures and len(folders) == 1):
            return depth
        # Anything beside the wrapping folder stays beside it, and is refused as in no class.
        paths = [path for path in paths if len(path) > depth + 1]
        depth += 1


def _is_hidden(char: str) -> bool:
    return unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") or char in _BIDI

"""Weight files that people bring along, kept in the workspace under names of ours."""

from __future__ import annotations

import hashlib
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from core.backbones.stored import is_weights_name
from core.backbones.weight_files import LARGEST_BYTES, SUFFIXES
from core.errors import BadInput, NotFound, Unavailable
from core.files import slug
from core.i18n import _
from core.workspace import Workspace

_CHUNK = 1 << 20
_DIGITS = 12


@dataclass(frozen=True)
class KeptFile:
    """A weight file of the workspace.

    Attributes:
        name: What plans call it: digits of its sha256, what it was called, what kind it is.
        bytes: Its size.
    """

    name: str
    bytes: int

    @property
    def title(self) -> str:
        """What people call it."""
        return title_of(self.name)


def title_of(name: str) -> str:
    """Return what people call a kept file, by the name that plans have for it."""
    return name[_DIGITS:].lstrip("-") or name


def given_file(path: Path) -> Path:
    """Return the path of a weight file that somebody names; raises NotFound where there is none."""
    try:
        there = path.is_file()
    except OSError as error:  # a name that is too long
        raise missing_file(str(path)) from error
    if not there:
        raise missing_file(str(path))
    return path


def open_given(path: Path) -> BinaryIO:
    """Open a weight file that somebody names; raises NotFound or Unavailable."""
    try:
        return given_file(path).open("rb")
    except OSError as error:
        raise _not_copied(path.name, error) from error


def missing_file(path: str) -> NotFound:
    """Return the error of a weight file that is not where somebody says."""
    return NotFound(_("There is no such weight file."), given=path[:200], fix=_("Check the path."))


def keep(workspace: Workspace, name: str, source: BinaryIO) -> str:
    """Copy a weight file into the workspace.

    Args:
        workspace: Where to.
        name: What the file is called; text from outside.
        source: The open file.

    Returns:
        The name by which plans know it. The same file again gives the same name.

    Raises:
        BadInput: Its kind is not read, or it is too large.
        Unavailable: The disk is full or the file cannot be read.
    """
    suffix = suffix_of(name)
    arriving = workspace.weights / f".{secrets.token_hex(8)}.arriving"
    digest, size = hashlib.sha256(), 0
    try:
        with arriving.open("wb") as handle:
            while chunk := source.read(_CHUNK):
                size += len(chunk)
                if size > LARGEST_BYTES:
                    raise BadInput(_("The weight file is too large."), given=name[:120])
                digest.update(chunk)
                handle.write(chunk)
        stem = slug(name[: -len(suffix)])
        start = digest.hexdigest()[:_DIGITS]
        same = [each.name for each in kept_files(workspace) if each.name.startswith(start)]
        same = [each for each in same if each.endswith(suffix)]
        kept = same[0] if same else start + (f"-{stem}" if stem else "") + suffix
        os.replace(arriving, workspace.weights / kept)
    except OSError as error:
        raise _not_copied(name, error) from error
    finally:
        arriving.unlink(missing_ok=True)
    return kept


def _not_copied(name: str, error: OSError) -> Unavailable:
    return Unavailable(
        _("The weight file cannot be copied into the workspace."),
        given=f"{name[:120]}: {error.strerror or error}",
    )


def suffix_of(name: str) -> str:
    """Return the ending of a weight file's name; raises BadInput for a kind that is not read."""
    lower = name.lower()
    for suffix in SUFFIXES:
        if lower.endswith(suffix):
            return suffix
    raise BadInput(
        _("This kind of weight file is not read."), given=name[:120],
        fix=_("Give a file that ends in one of: {suffixes}.").format(suffixes=", ".join(SUFFIXES)),
    )


def kept_files(workspace: Workspace) -> list[KeptFile]:
    """Return the workspace's weight files, by what they are called."""
    found = [
        KeptFile(path.name, path.stat().st_size)
        for path in workspace.weights.iterdir() if is_weights_name(path.name) and path.is_file()
    ]
    return sorted(found, key=lambda each: each.title)


def kept_path(workspace: Workspace, name: str) -> Path:
    """Return where a weight file is, by the name that a plan has for it; raises NotFound."""
    path = workspace.weights / name
    if not is_weights_name(name) or not path.is_file():
        raise NotFound(
            _("The weight file is no longer in the workspace."), given=name[:120],
            fix=_("Give the file again on the Model page."),
        )
    return path

"""Where a command writes what somebody takes away: looked at before the work, and written whole."""

from __future__ import annotations

import secrets
import shutil
import zipfile
from pathlib import Path

from core.errors import BadInput, NotFound
from core.files import write_atomic
from core.i18n import _


def target(text: str) -> Path:
    """Return the path that a text names; raises NotFound or BadInput where nothing can be made there."""
    if not text:
        raise BadInput(_("It is not said where to."), fix=_("Name a file with --out."))
    path = Path(text).expanduser().absolute()
    if not path.parent.is_dir():
        raise NotFound(_("There is no such folder."), given=str(path.parent)[:200],
                       fix=_("Make it first, or name another."))
    return path


def target_file(text: str) -> Path:
    """Do as :func:`target` for what will be a file; raises BadInput where there is a folder."""
    path = target(text)
    if path.is_dir():
        raise BadInput(_("This is a folder, and a file is to be written."), given=str(path)[:200],
                       fix=_("Name a file in it."))
    return path


def target_folder(text: str) -> Path:
    """Do as :func:`target` for what will be a folder; raises BadInput where there is something already."""
    path = target(text)
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise BadInput(
            _("There is something of that name already."), given=str(path)[:200],
            fix=_("Name a new folder, a .zip, or a file that ends as the model's does."))
    return path


def copied(source: Path, path: Path) -> None:
    """Copy a file to where somebody may change it, whole or not at all."""
    # NOTE: no link, as core.files.copy_file makes one: what is changed there must not change here.
    write_atomic(path, lambda temporary: _copy(source, temporary))


def unpacked(source: Path, path: Path) -> None:
    """Unpack a zip of ours to a folder, see :func:`target_folder`, whole or not at all."""
    beside = path.with_name(f".{secrets.token_hex(4)}.{path.name}")
    try:
        with zipfile.ZipFile(source) as archive:
            archive.extractall(beside)
        beside.replace(path)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def unpacked_file(source: Path, name: str, path: Path) -> None:
    """Write one file of a zip of ours, whole or not at all."""
    def write(temporary: Path) -> None:
        with zipfile.ZipFile(source) as archive, archive.open(name) as inside, temporary.open("wb") as handle:
            shutil.copyfileobj(inside, handle)

    write_atomic(path, write)


def _copy(source: Path, path: Path) -> None:
    shutil.copyfile(source, path)

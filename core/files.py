"""Files that others read are written whole and renamed, so that no reader sees half of one."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import unicodedata
from collections.abc import Callable
from pathlib import Path

from core.errors import BadInput
from core.i18n import _

JsonObject = dict[str, object]


def write_atomic(path: Path, write: Callable[[Path], None], *, durable: bool = True) -> None:
    """Let ``write`` fill a temporary file beside ``path``, then rename it into place.

    Args:
        path: The file to make or replace; its folder must exist.
        write: Receives the temporary path and writes the whole content to it.
        durable: Whether to wait until the disk has it, so that it also survives a power cut. Turn it
            off for what is written several times a second.

    Raises:
        OSError: The disk is full or the folder cannot be written; ``path`` is as it was.
    """
    # NOTE: the suffix stays last, because Keras chooses a file's format by it.
    temporary = path.with_name(f".{secrets.token_hex(4)}.{path.name}")
    try:
        write(temporary)
        if durable:
            with temporary.open("rb+") as handle:
                os.fsync(handle.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def copy_file(source: Path, target: Path) -> None:
    """Copy a file that is only ever replaced and never changed in place, whole or not at all.

    Both take the room of one where the file system can do that.
    """

    def copy(temporary: Path) -> None:
        try:
            os.link(source, temporary)
        except OSError:  # FAT and some network drives cannot
            shutil.copyfile(source, temporary)

    write_atomic(target, copy)


def write_text(path: Path, text: str, *, durable: bool = True) -> None:
    """Write ``text`` as UTF-8, whole or not at all."""

    def write(temporary: Path) -> None:
        temporary.write_text(text, encoding="utf-8")

    write_atomic(path, write, durable=durable)


def write_json(path: Path, value: object, *, durable: bool = True) -> None:
    """Write ``value`` as JSON, whole or not at all; NaN is refused, because JSON has none."""
    text = json.dumps(value, ensure_ascii=False, indent=1, allow_nan=False)
    write_text(path, text, durable=durable)


def read_json(path: Path) -> JsonObject:
    """Read a JSON object.

    Raises:
        BadInput: The file is missing, is no JSON, or holds something other than an object.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise BadInput(_("A file is missing."), given=path.name) from error
    except (OSError, ValueError, RecursionError) as error:
        raise BadInput(_("A file is damaged and cannot be read."), given=path.name) from error
    if not isinstance(value, dict):
        raise BadInput(_("A file does not hold what its name says."), given=path.name)
    return value


def slug(text: str, longest: int = 40) -> str:
    """Turn any text into a short name of a-z, 0-9 and hyphens that is safe in a path; may be empty."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode("ascii")
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")[:longest].strip("-")

"""Unpacking zips (and the tar of one sample) that come from outside, without trusting them.

No entry's name is ever used as a path: its bytes go to a numbered file, its name is kept as data.
What a header says about sizes is not believed: bytes are counted while they are unpacked.
"""

from __future__ import annotations

import gzip
import lzma
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from core.data.gather import MAX_FILES, UNPACKING, Gathered
from core.data.images import MAX_FILE_BYTES
from core.errors import BadInput
from core.i18n import _
from core.jobs import Progress, no_progress

MAX_UNPACKED_BYTES = 20 * 2**30
"""The most bytes that one archive may unpack to."""

MAX_RATIO = 100
"""How many times its own size an archive may unpack to. Photos hardly shrink in a zip at all."""

RATIO_FREE_BYTES = 16 * 2**20
"""Up to here the ratio does not count: tiny drawings do pack well."""

_CHUNK = 2**20
_ENCRYPTED = 0x1
_NAME_IS_UTF8 = 0x800

_BROKEN = (
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    OSError,
    ValueError,
    LookupError,
    ArithmeticError,
    MemoryError,
    RuntimeError,
)


@dataclass
class _Meter:
    """Counts unpacked bytes and stops an archive that unpacks to too much."""

    packed: int
    unpacked: int = 0

    def add(self, count: int) -> None:
        self.unpacked += count
        if self.unpacked > MAX_UNPACKED_BYTES:
            raise BadInput(
                _("The archive unpacks to more than {limit} GB.").format(
                    limit=MAX_UNPACKED_BYTES // 2**30
                ),
                fix=_("Make the images smaller or take in fewer; a network sees small ones anyway."),
            )
        if self.unpacked > max(RATIO_FREE_BYTES, MAX_RATIO * self.packed):
            raise BadInput(
                _("The archive unpacks to more than {ratio} times its size.").format(
                    ratio=MAX_RATIO
                ),
                fix=_("Photos do not shrink like that. Pack the folder of images again."),
            )


def unpack_zip(source: Path, into: Path, progress: Progress = no_progress) -> Gathered:
    """Unpack a zip from outside.

    Args:
        source: The zip.
        into: An existing empty folder for its files, which are named by numbers. The caller
            removes it, also after an error.
        progress: Told how many entries are done.

    Returns:
        The files, with their names in the zip; entries that lead out of the folder, links and
        what cannot be unpacked are refused.

    Raises:
        BadInput: It is no zip, is broken, needs a password, or is over a limit.
        OSError: The disk is full or ``into`` cannot be written.
    """
    packed = source.stat().st_size
    try:
        archive = zipfile.ZipFile(source)
    except _BROKEN as error:
        raise _broken_zip(source) from error
    with archive:
        entries = archive.infolist()
        _check_entries(entries, source)
        gathered = Gathered()
        meter = _Meter(packed)
        for number, entry in enumerate(entries):
            progress(UNPACKING, number, len(entries))
            if not _is_folder(entry):
                _unpack_entry(archive, entry, into / f"{number:06d}", gathered, meter)
        progress(UNPACKING, len(entries), len(entries))
    return gathered


def _check_entries(entries: list[zipfile.ZipInfo], source: Path) -> None:
    if len(entries) > 2 * MAX_FILES:
        raise BadInput(
            _("There are more than {limit} files.").format(limit=MAX_FILES), given=source.name
        )
    if any(entry.flag_bits & _ENCRYPTED for entry in entries):
        raise BadInput(
            _("The zip is protected by a password."),
            given=source.name,
            fix=_("Unpack it yourself and take in the folder, or pack it without a password."),
        )


def _unpack_entry(
    archive: zipfile.ZipFile,
    entry: zipfile.ZipInfo,
    target: Path,
    gathered: Gathered,
    meter: _Meter,
) -> None:
    source = Path(archive.filename or "")
    name = gathered.admit(_entry_name(entry))
    if name is None:
        return
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind == stat.S_IFLNK:
        gathered.refuse(name, _("It is a link."))
        return
    if kind not in (0, stat.S_IFREG):
        gathered.refuse(name, _("It is not a regular file."))
        return
    try:
        stream = archive.open(entry)
    except NotImplementedError:
        gathered.refuse(name, _("It is packed by a method that cannot be read here."))
        return
    except _BROKEN as error:
        raise _broken_zip(source) from error
    with stream:
        _write(stream, name, target, gathered, meter, lambda: _broken_zip(source))


def _is_folder(entry: zipfile.ZipInfo) -> bool:
    # NOTE: not entry.is_dir(), which looks at the last sign of a name that may have none.
    if entry.filename.endswith("/"):
        return True
    return entry.filename.endswith("\\") and not entry.file_size


def _entry_name(entry: zipfile.ZipInfo) -> str:
    """Return an entry's name; some programs write UTF-8 without saying so."""
    if entry.flag_bits & _NAME_IS_UTF8:
        return entry.filename
    try:
        return entry.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return entry.filename


def unpack_tar(source: Path, into: Path, progress: Progress = no_progress) -> Gathered:
    """Unpack a gzipped tar from outside; as :func:`unpack_zip`."""
    gathered = Gathered()
    meter = _Meter(source.stat().st_size)
    for number, (member, content) in enumerate(_members(source)):
        if number % 50 == 0:
            progress(UNPACKING, number, None)
        name = None if member.isdir() else gathered.admit(member.name)
        if name is None:
            continue
        if content is None:
            gathered.refuse(name, _("It is a link or not a regular file."))
            continue
        target = into / f"{number:06d}"
        _write(content, name, target, gathered, meter, lambda: _broken_archive(source))
    return gathered


def _members(source: Path) -> Iterator[tuple[tarfile.TarInfo, IO[bytes] | None]]:
    """Give a tar's members one by one, each with its content where it is a regular file."""
    try:
        # NOTE: not mode "r|gz", which does not compare gzip's checksum at the end.
        with gzip.open(source) as stream, tarfile.open(fileobj=stream, mode="r|") as archive:
            while (member := archive.next()) is not None:
                archive.members = []  # type: ignore[attr-defined]  # or it grows with the archive
                yield member, archive.extractfile(member) if member.isreg() else None
            while stream.read(_CHUNK):
                pass
    except _BROKEN as error:
        raise _broken_archive(source) from error


def _write(
    stream: IO[bytes],
    name: str,
    target: Path,
    gathered: Gathered,
    meter: _Meter,
    broken: Callable[[], BadInput],
) -> None:
    """Copy one entry's bytes to a numbered file and list it."""
    size = 0
    with target.open("wb") as handle:
        while size <= MAX_FILE_BYTES:
            try:
                chunk = stream.read(_CHUNK)
            except _BROKEN as error:
                raise broken() from error
            if not chunk:
                gathered.keep(name, target)
                return
            size += len(chunk)
            meter.add(len(chunk))
            handle.write(chunk)
    target.unlink()
    gathered.refuse(name, too_big())


def too_big() -> str:
    """Return the reason for refusing a file of more than ``MAX_FILE_BYTES``."""
    return _("The file is larger than {limit} MB.").format(limit=MAX_FILE_BYTES // 2**20)


def _broken_zip(source: Path) -> BadInput:
    return BadInput(
        _("The zip is broken, or is not a zip."),
        given=source.name,
        fix=_("Make it again and check that it opens on your machine."),
    )


def _broken_archive(source: Path) -> BadInput:
    return BadInput(_("The archive is broken."), given=source.name)

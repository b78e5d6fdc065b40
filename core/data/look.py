"""Opening files, each one once: hash, full decode, copy; and telling which are the same."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from core.data import archive, dataset, images
from core.data.dataset import Duplicate
from core.data.gather import CHECKING
from core.data.layout import FoundFile, Place
from core.errors import BadInput
from core.i18n import _
from core.jobs import Progress

_KEEP_FIRST = {"test": 0, "validation": 1, "train": 2, None: 3}


@dataclass(frozen=True, slots=True)
class Looked:
    """One file after it was read: usable, with digest and facts, or not, with the reason.

    Attributes:
        file: The file as it was found.
        number: Its place among all files, which becomes its stored name.
        digest: SHA-256 of its bytes in hex; empty where it is not usable.
        facts: Format and size; ``None`` where it is not usable.
        reason: Why it is not usable, one sentence.
    """

    file: FoundFile
    number: int
    digest: str = ""
    facts: images.ImageFacts | None = None
    reason: str = ""

    @property
    def stored_name(self) -> str:
        """Its name in the dataset's folder; of no use for a file that is not usable."""
        extension = self.facts.extension if self.facts else ""
        return f"{dataset.IMAGES}/{self.number:06d}.{extension}"


def look_at_all(
    files: Sequence[FoundFile], places: dict[str, Place], store_in: Path | None, progress: Progress
) -> list[Looked]:
    """Read and decode every file that is in a class.

    It runs on a few threads, because Pillow and hashlib let go of the GIL.

    Args:
        files: The files, in the order that numbers them.
        places: The names of those to open.
        store_in: Where usable ones are copied to, under ``stored_name``; ``None`` copies nothing.
        progress: Told how many are done.

    Returns:
        One entry for every file that has a place, in the order of ``files``.

    Raises:
        OSError: The disk is full.
        Stopped: ``progress`` asked for it.
    """
    wanted = [(number, file) for number, file in enumerate(files) if file.name in places]
    looked: list[Looked] = []
    pool = ThreadPoolExecutor(min(4, max(2, os.cpu_count() or 2)), "intake")
    try:
        for one in pool.map(lambda pair: _look_at(pair[0], pair[1], store_in), wanted):
            looked.append(one)
            progress(CHECKING, len(looked), len(wanted))
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
    return looked


def _look_at(number: int, file: FoundFile, store_in: Path | None) -> Looked:
    """Open one file, once: its bytes are hashed, decoded in full and, where asked for, stored."""
    try:
        with file.path.open("rb") as handle:
            data = handle.read(images.MAX_FILE_BYTES + 1)
    except OSError:
        return Looked(file, number, reason=_("The file cannot be opened."))
    if len(data) > images.MAX_FILE_BYTES:
        return Looked(file, number, reason=archive.too_big())
    try:
        facts = images.inspect(data)
    except BadInput as error:
        return Looked(file, number, reason=error.what)
    looked = Looked(file, number, hashlib.sha256(data).hexdigest(), facts)
    if store_in is not None:
        (store_in / looked.stored_name).write_bytes(data)
    return looked


def without_duplicates(
    usable: Sequence[Looked], places: dict[str, Place]
) -> tuple[list[Looked], list[Duplicate]]:
    """Keep one of every group of the same bytes: the test's before validation's before training's.

    So a test set that came with the images stays whole, and the leak is taken out of training.
    """

    def rank(one: Looked) -> tuple[int, str]:
        return _KEEP_FIRST[places[one.file.name].split], one.file.name

    first: dict[str, Looked] = {}
    for one in sorted(usable, key=rank):
        first.setdefault(one.digest, one)
    kept = [one for one in usable if first[one.digest] is one]
    duplicates = [
        Duplicate(one.file.name, first[one.digest].file.name)
        for one in usable
        if first[one.digest] is not one
    ]
    return kept, duplicates

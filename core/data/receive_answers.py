"""What is answered of an upload: how far it is, what is missing, what has arrived."""

from __future__ import annotations

from dataclasses import dataclass

from core.data.layout import FoundFile
from core.errors import BadInput
from core.i18n import _

MISSING_LISTED = 5000


@dataclass(frozen=True)
class UploadState:
    """How far an upload has come.

    Attributes:
        files: Files that are complete.
        bytes: Bytes that have arrived in complete parts.
        missing: Files that are not complete.
        finished: Whether it was counted and closed.
    """

    files: int
    bytes: int
    missing: int
    finished: bool


@dataclass(frozen=True)
class Received:
    """A finished upload.

    Attributes:
        id: The upload's id.
        title: What the browser called it: outside text, at most 120 characters.
        kind: "folder", or "zip" for one zip file.
        files: The files, in the order they were announced.
        skipped: How many files the person agreed to leave behind, because the browser could not
            read them.
        bytes: The size of all files.
    """

    id: str
    title: str
    kind: str
    files: tuple[FoundFile, ...]
    skipped: int
    bytes: int


class Incomplete(BadInput):
    """Fewer files or bytes arrived than were sent; the upload stays, so the rest can follow.

    Args:
        state: What arrived.
        files: How many files were sent.
        bytes_: How many bytes were sent.
        missing: (index, part) of parts that are not there, at most ``MISSING_LISTED``; part -1
            stands for a file of which nothing has arrived.
    """

    def __init__(self, state: UploadState, files: int, bytes_: int,
                 missing: list[tuple[int, int]]) -> None:
        super().__init__(
            _("{received} of {sent} files arrived ({received_bytes} of {sent_bytes} bytes).").format(
                received=f"{state.files:,}", sent=f"{max(files, state.files + state.missing):,}",
                received_bytes=f"{state.bytes:,}", sent_bytes=f"{bytes_:,}",
            ),
            fix=_("Send the missing ones again; what has arrived is kept."))
        self.state = state
        self.files = files
        self.bytes = bytes_
        self.missing = missing

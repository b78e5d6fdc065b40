"""The wire format of a browser upload: many parts of files packed into one request body.

One body is a repetition of: index (4 bytes), part (4), the file's size (8), the name's length (2),
all big-endian; the name in UTF-8; the part's bytes. Files are cut on a fixed grid of
``PART_BYTES``, so a part's place and length follow from its number and the file's size, and a part
that is sent twice can only replace itself. (One request a file is what breaks Streamlit's own
upload at 2,000 files.)
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Protocol

from core.errors import BadInput
from core.i18n import _

HEAD = struct.Struct(">IIQH")
PART_BYTES = 4 * 1024 * 1024
PARTS_IN_BATCH = 200
NAME_BYTES = 4096
# NOTE: a batch holds at most PART_BYTES of content (a large part or many small files), and heads.
BATCH_BYTES = PART_BYTES + 1024 * 1024


class TooMuch(BadInput):
    """More was sent than is allowed, or than was announced."""


@dataclass(frozen=True)
class PartHead:
    """What stands before a part's bytes.

    Attributes:
        index: Which of the upload's files, from 0.
        part: Which part of that file, from 0.
        size: Size of the whole file, bytes.
        name: The file's relative path as the browser gives it: outside text, never a path of ours.
    """

    index: int
    part: int
    size: int
    name: str

    @property
    def offset(self) -> int:
        """Where in the file the part begins, bytes."""
        return self.part * PART_BYTES

    @property
    def length(self) -> int:
        """How long the part is, bytes."""
        return min(PART_BYTES, self.size - self.offset)


class PartSink(Protocol):
    """What takes the parts; every call may raise a ThawError, which ends the batch."""

    def begin(self, head: PartHead) -> None:
        """A part begins."""

    def write(self, piece: bytes) -> None:
        """Some bytes of the part that has begun."""

    def commit(self) -> None:
        """The part is complete."""

    def close(self) -> None:
        """The batch is over; a part that is not committed does not count."""


class BatchParser:
    """Takes a body apart as it comes in, in pieces of any size, keeping at most a head in memory.

    Args:
        sink: Where the parts go. It is closed by :meth:`finish` and by :meth:`abandon`.
    """

    def __init__(self, sink: PartSink) -> None:
        self._sink = sink
        self._pending = bytearray()
        self._left: int | None = None
        self._name_length = 0
        self._parts = 0
        self._taken = 0

    def feed(self, piece: bytes) -> None:
        """Take the next piece of the body.

        Raises:
            BadInput: The body does not follow the format.
            TooMuch: The body or the number of its parts is over the limit.
        """
        self._taken += len(piece)
        if self._taken > BATCH_BYTES:
            raise TooMuch(_("One request carried more than it may."), given=str(self._taken))
        view = memoryview(piece)
        while view or self._left == 0:
            view = self._take_head(view) if self._left is None else self._take_body(view)

    def finish(self) -> None:
        """Say that the body has ended.

        Raises:
            BadInput: It ended in the middle of a part, so that part does not count.
        """
        whole = self._left is None and not self._pending
        self._sink.close()
        if not whole:
            raise BadInput(_("A request ended before all of its bytes had arrived."))

    def abandon(self) -> None:
        """Give the batch up; the parts that were complete stay."""
        self._sink.close()

    def _take_head(self, view: memoryview) -> memoryview:
        wanted = HEAD.size + (self._name_length if len(self._pending) >= HEAD.size else 0)
        piece = view[: wanted - len(self._pending)]
        self._pending += piece
        if len(self._pending) == HEAD.size and not self._name_length:
            self._name_length = HEAD.unpack(self._pending)[3]
            if not 0 < self._name_length <= NAME_BYTES:
                raise BadInput(_("A file's name is empty or too long."))
        elif len(self._pending) == wanted:
            self._begin_part()
        return view[len(piece) :]

    def _begin_part(self) -> None:
        index, part, size, _length = HEAD.unpack(self._pending[: HEAD.size])
        try:
            name = self._pending[HEAD.size :].decode("utf-8")
        except UnicodeDecodeError as error:
            raise BadInput(_("A file's name is not valid text.")) from error
        head = PartHead(index, part, size, name)
        if head.offset > size or (part > 0 and head.length == 0):
            raise BadInput(_("A part lies outside its file."), given=str(part))
        self._parts += 1
        if self._parts > PARTS_IN_BATCH:
            raise TooMuch(_("One request carried more files than it may."))
        self._pending.clear()
        self._name_length = 0
        self._sink.begin(head)
        self._left = head.length

    def _take_body(self, view: memoryview) -> memoryview:
        left = self._left or 0
        piece = view[:left]
        if len(piece):
            self._sink.write(bytes(piece))
        self._left = left - len(piece)
        if self._left == 0:
            self._sink.commit()
            self._left = None
        return view[len(piece) :]

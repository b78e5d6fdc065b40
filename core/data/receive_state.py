"""One upload in memory: which parts of which files have arrived, and the writing of new ones."""

from __future__ import annotations

import errno
import json
import os
import threading
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

from core.data.receive_batch import PART_BYTES, PartHead, TooMuch
from core.errors import BadInput, Busy, Unavailable
from core.files import JsonObject
from core.i18n import _


class NoSpace(Unavailable):
    """The disk is full, or would be."""


@dataclass(frozen=True)
class UploadPlan:
    """What was announced, as it stands in ``upload.json``.

    Attributes:
        files: How many files.
        bytes: Their size together.
        title: A name for people, outside text.
        kind: "folder" or "zip".
        finished: Whether the upload was counted and closed.
        skipped: How many files the person agreed to leave out.
    """

    files: int
    bytes: int
    title: str
    kind: str
    finished: bool
    skipped: int

    @classmethod
    def parse(cls, value: JsonObject) -> UploadPlan:
        """Read a plan; raises BadInput where a value is missing or of another type."""
        numbers = [value.get(name) for name in ("files", "bytes", "skipped")]
        texts = [value.get(name) for name in ("title", "kind")]
        finished = value.get("finished")
        if not (all(isinstance(number, int) for number in numbers)
                and all(isinstance(text, str) for text in texts) and isinstance(finished, bool)):
            raise BadInput(_("A file does not hold what its name says."), given="upload.json")
        files, bytes_, skipped = (int(str(number)) for number in numbers)
        title, kind = (str(text) for text in texts)
        return cls(files, bytes_, title, kind, finished, skipped)


@dataclass
class ArrivingFile:
    """A file of which something has arrived."""

    name: str
    size: int
    parts: set[int] = field(default_factory=set)

    @property
    def part_count(self) -> int:
        """How many parts the whole file has; an empty file has one."""
        return max(1, -(-self.size // PART_BYTES))

    @property
    def complete(self) -> bool:
        """Whether every part is there."""
        return len(self.parts) == self.part_count


class Upload:
    """The state of one upload. Hold ``lock`` while reading or changing more than one thing.

    Args:
        folder: The upload's own folder.
        plan: What was announced.
        file_limit: The largest size of one file, bytes.
    """

    def __init__(self, folder: Path, plan: UploadPlan, file_limit: int) -> None:
        self.folder = folder
        self.plan = plan
        self.lock = threading.RLock()
        self.files: dict[int, ArrivingFile] = {}
        self.arrived_bytes = 0
        self.complete_files = 0
        self._announced_bytes = 0
        self._file_limit = file_limit
        self._abandoned = False

    def path(self, index: int) -> Path:
        """Where a file is stored: a name of ours, with the suffix that tells a zip."""
        return self.folder / "files" / f"{index:06d}{'.zip' if self.plan.kind == 'zip' else ''}"

    def sink(self) -> UploadSink:
        """Return what stores one request's parts."""
        return UploadSink(self)

    def admit(self, head: PartHead) -> None:
        """Check a part before any byte of it is written.

        Raises:
            BadInput: It contradicts what was announced or sent before.
            TooMuch: It goes over what was announced, or over the limit.
            Busy: The upload is closed.
        """
        with self.lock:
            if self.plan.finished or self._abandoned:
                raise Busy(_("This upload is already finished."))
            if head.index >= self.plan.files:
                raise TooMuch(_("More files were sent than were announced."))
            if head.size > self._file_limit:
                raise TooMuch(_("A file is larger than it may be."), given=head.name[:200])
            known = self.files.get(head.index)
            if known is None:
                if self._announced_bytes + head.size > self.plan.bytes:
                    raise TooMuch(_("More bytes were sent than were announced."))
                self._announced_bytes += head.size
                self.files[head.index] = ArrivingFile(head.name, head.size)
            elif (known.name, known.size) != (head.name, head.size):
                raise BadInput(_("A file changed while it was being sent."), given=head.name[:200],
                               fix=_("Wait until nothing writes to the folder, and send it again."))

    def arrived(self, head: PartHead) -> None:
        """Count a part that is completely stored, once."""
        with self.lock:
            file = self.files.get(head.index)
            if file is None or head.part in file.parts:
                return
            file.parts.add(head.part)
            self.arrived_bytes += head.length
            self.complete_files += file.complete

    def forget(self, indexes: Collection[int]) -> None:
        """Drop files that will not come, with the parts that did."""
        for index in indexes:
            file = self.files.pop(index, None)
            if file is None:
                continue
            self._announced_bytes -= file.size
            self.complete_files -= file.complete
            self.arrived_bytes -= sum(PartHead(index, part, file.size, file.name).length
                                      for part in file.parts)
            self.path(index).unlink(missing_ok=True)
            self.write_journal([json.dumps([index])])

    def close(self, skipped: int) -> None:
        """Take no more parts: the upload is complete."""
        self.plan = replace(self.plan, finished=True, skipped=skipped)

    def abandon(self) -> None:
        """Take no more parts: the upload is being removed."""
        self._abandoned = True

    def missing(self, besides: Collection[int], at_most: int) -> list[tuple[int, int]]:
        """List the (index, part) that are not there; part -1 where nothing of a file is."""
        found: list[tuple[int, int]] = []
        for index in range(self.plan.files):
            if len(found) >= at_most:
                break
            file = self.files.get(index)
            if index in besides or (file is not None and file.complete):
                continue
            if file is None or not file.parts:
                found.append((index, -1))
            else:
                found += [(index, part) for part in range(file.part_count)
                          if part not in file.parts]
        return found[:at_most]

    def write_journal(self, lines: list[str]) -> None:
        """Add lines to the journal with one write, so that two requests cannot interleave."""
        if not lines:
            return
        with self.lock, (self.folder / "journal.jsonl").open("ab", buffering=0) as journal:
            journal.write(("\n".join(lines) + "\n").encode("utf-8"))

    def replay_journal(self) -> None:
        """Take the state from the journal, without a last line torn by a crash."""
        journal = self.folder / "journal.jsonl"
        if not journal.exists():
            return
        whole = journal.read_bytes()
        whole = whole[: whole.rfind(b"\n") + 1]
        # NOTE: without this the next line would be added to the torn one, and lost with it.
        os.truncate(journal, len(whole))
        for line in whole.decode("utf-8").splitlines():
            entry = json.loads(line)
            if len(entry) == 1:
                self.files.pop(entry[0], None)
                continue
            head = PartHead(*entry)
            file = self.files.setdefault(head.index, ArrivingFile(head.name, head.size))
            file.parts.add(head.part)
        self._announced_bytes = sum(file.size for file in self.files.values())
        self.complete_files = sum(file.complete for file in self.files.values())
        self.arrived_bytes = sum(PartHead(index, part, file.size, file.name).length
                                 for index, file in self.files.items() for part in file.parts)


class UploadSink:
    """Stores the parts of one request: each straight to its file, noted once it is complete."""

    def __init__(self, upload: Upload) -> None:
        self._upload = upload
        self._head: PartHead | None = None
        self._file: BinaryIO | None = None
        self._lines: list[str] = []

    def begin(self, head: PartHead) -> None:
        """Open the part's file at the part's place."""
        self._upload.admit(head)
        path = self._upload.path(head.index)
        try:
            path.touch(mode=0o600)
            self._file = path.open("r+b", buffering=0)
            self._file.seek(head.offset)
        except OSError as error:
            raise _disk_trouble(error) from error
        self._head = head

    def write(self, piece: bytes) -> None:
        """Write the part's next bytes."""
        if self._file is None:
            raise BadInput(_("A file's bytes came before its name."))
        view = memoryview(piece)
        try:
            while view:
                view = view[self._file.write(view) :]
        except OSError as error:
            raise _disk_trouble(error) from error

    def commit(self) -> None:
        """Count the part, and note it for the journal."""
        self._close_file()
        head, self._head = self._head, None
        if head is not None:
            self._upload.arrived(head)
            self._lines.append(json.dumps([head.index, head.part, head.size, head.name]))

    def close(self) -> None:
        """Write the journal; a part that was not committed is not in it."""
        self._close_file()
        lines, self._lines = self._lines, []
        try:
            self._upload.write_journal(lines)
        except FileNotFoundError as error:
            raise Busy(_("This upload was removed.")) from error
        except OSError as error:
            raise _disk_trouble(error) from error

    def _close_file(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.close()


def _disk_trouble(error: OSError) -> Unavailable:
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return NoSpace(_("The disk is full."),
                       fix=_("Free some space, then try again; what has arrived is kept."))
    if error.errno == errno.ENOENT:
        return Unavailable(_("This upload was removed."), fix=_("Send the files again."))
    return Unavailable(_("The workspace folder cannot be written."),
                       given=errno.errorcode.get(error.errno or 0, ""))

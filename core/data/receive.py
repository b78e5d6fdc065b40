"""Uploads from a browser: written straight to disk, counted, never taken for complete when short.

``incoming/upload-<random>/`` holds ``upload.json`` (what was announced), ``journal.jsonl`` (one
line a part that arrived) and ``files/`` under names of ours. The names that the browser gave are
data in the journal. Everything is found again after a restart, so a lost connection costs only
what was in flight.
"""

from __future__ import annotations

import errno
import logging
import secrets
import shutil
import threading
import time
from collections.abc import Collection
from dataclasses import asdict, dataclass
from pathlib import Path

from core.data.layout import FoundFile
from core.data.receive_answers import MISSING_LISTED, Incomplete, Received, UploadState
from core.data.receive_batch import BatchParser, TooMuch
from core.data.receive_state import NoSpace, Upload, UploadPlan
from core.errors import BadInput, Busy, NotFound, ThawError, Unavailable
from core.files import read_json, write_json
from core.i18n import _
from core.workspace import Workspace, is_id

_log = logging.getLogger(__name__)

PREFIX = "upload-"
KINDS = ("folder", "zip")
STALE_SECONDS = 24 * 3600.0


@dataclass(frozen=True)
class Limits:
    """What one upload may hold.

    Attributes:
        files: Number of files.
        file_bytes: Size of one file.
        bytes: Size of all files together.
        spare_bytes: What must stay free on the disk.
    """

    files: int = 200_000
    file_bytes: int = 16 * 1024**3
    bytes: int = 64 * 1024**3
    spare_bytes: int = 256 * 1024**2


class Uploads:
    """All uploads of a workspace; safe to call from several threads.

    Args:
        workspace: Where ``incoming/`` is.
        limits: What one upload may hold.
    """

    def __init__(self, workspace: Workspace, limits: Limits | None = None) -> None:
        self._incoming = workspace.incoming
        self._limits = limits or Limits()
        self._lock = threading.Lock()
        self._open: dict[str, Upload] = {}

    def begin(self, files: int, bytes_: int, title: str = "", kind: str = "folder") -> str:
        """Announce an upload.

        Args:
            files: How many files will be sent, from 1.
            bytes_: Their size together, bytes.
            title: A name for people, outside text; cut at 120 characters.
            kind: "folder", or "zip" for exactly one zip file.

        Returns:
            The upload's id.

        Raises:
            BadInput: The numbers make no sense.
            TooMuch: It is over the limits.
            NoSpace: The disk has no room for it.
        """
        if files < 1 or bytes_ < 0 or kind not in KINDS or (kind == "zip" and files != 1):
            raise BadInput(_("There is nothing to send."),
                           fix=_("Choose a folder with photos, or one zip."))
        if files > self._limits.files or bytes_ > self._limits.bytes:
            raise TooMuch(
                _("This is more than one upload may hold: {files} files, {gigabytes} GB.").format(
                    files=self._limits.files, gigabytes=self._limits.bytes // 1024**3),
                fix=_("Choose a smaller folder, or use the path of a folder on this machine."))
        self._need_space(bytes_)
        self.sweep()
        upload_id = PREFIX + secrets.token_hex(16)
        folder = self._incoming / upload_id
        (folder / "files").mkdir(parents=True)
        plan = UploadPlan(files, bytes_, title[:120], kind, False, 0)
        write_json(folder / "upload.json", asdict(plan))
        with self._lock:
            self._open[upload_id] = Upload(folder, plan, self._limits.file_bytes)
        return upload_id

    def batch(self, upload_id: str) -> BatchParser:
        """Return what takes one request body of an upload apart and stores its files.

        Raises:
            NotFound: There is no such upload.
            Busy: The upload is finished.
        """
        upload = self._get(upload_id)
        if upload.plan.finished:
            raise Busy(_("This upload is already finished."))
        return BatchParser(upload.sink())

    def state(self, upload_id: str) -> UploadState:
        """Tell how far an upload has come; raises NotFound."""
        upload = self._get(upload_id)
        with upload.lock:
            return UploadState(upload.complete_files, upload.arrived_bytes,
                               upload.plan.files - upload.complete_files - upload.plan.skipped,
                               upload.plan.finished)

    def finish(self, upload_id: str, files: int, bytes_: int,
               skipped: Collection[int] = ()) -> Received:
        """Compare what was sent with what arrived, and close the upload.

        Args:
            upload_id: The upload.
            files: How many files the sender says it has sent.
            bytes_: Their size together.
            skipped: Indexes of files that the sender could not read and that the person agreed to
                leave out.

        Raises:
            NotFound: There is no such upload.
            Incomplete: Less arrived than was sent. The upload stays open.
        """
        upload = self._get(upload_id)
        left_out = {index for index in skipped if 0 <= index < upload.plan.files}
        with upload.lock:
            if not upload.plan.finished:
                upload.forget(left_out)
                wanted = upload.plan.files - len(left_out)
                arrived = upload.complete_files
                state = UploadState(arrived, upload.arrived_bytes, wanted - arrived, False)
                if not (0 < arrived == files == wanted and state.bytes == bytes_):
                    raise Incomplete(state, files, bytes_,
                                     upload.missing(left_out, MISSING_LISTED))
                upload.close(len(left_out))
                write_json(upload.folder / "upload.json", asdict(upload.plan))
        return self.received(upload_id)

    def received(self, upload_id: str) -> Received:
        """Return a finished upload.

        Raises:
            NotFound: There is no such upload.
            Busy: It is not finished.
        """
        upload = self._get(upload_id)
        if not upload.plan.finished:
            raise Busy(_("This upload is not finished."))
        files = tuple(FoundFile(file.name, upload.path(index))
                      for index, file in sorted(upload.files.items()))
        return Received(upload_id, upload.plan.title, upload.plan.kind, files,
                        upload.plan.skipped, upload.arrived_bytes)

    def remove(self, upload_id: str) -> None:
        """Remove an upload with everything that has arrived; raises NotFound."""
        folder = self._folder(upload_id)
        with self._lock:
            upload = self._open.pop(upload_id, None)
        if upload is not None:
            upload.abandon()
        try:
            shutil.rmtree(folder)
        except FileNotFoundError as error:
            raise NotFound(_("There is no such upload.")) from error
        except OSError as error:
            raise Unavailable(_("An upload could not be removed from the disk."),
                              given=errno.errorcode.get(error.errno or 0, "")) from error

    def sweep(self, idle_seconds: float = STALE_SECONDS) -> int:
        """Remove uploads to which nothing was added for ``idle_seconds``; returns how many."""
        removed = 0
        oldest = time.time() - idle_seconds
        for folder in self._incoming.glob(f"{PREFIX}*"):
            if not is_id(folder.name) or _last_change(folder) >= oldest:
                continue
            try:
                self.remove(folder.name)
            except ThawError as error:
                _log.warning("A stale upload could not be removed: %s", error)
                continue
            removed += 1
        return removed

    def _get(self, upload_id: str) -> Upload:
        folder = self._folder(upload_id)
        with self._lock:
            upload = self._open.get(upload_id)
            if upload is None:
                upload = self._open[upload_id] = self._load(folder)
        return upload

    def _folder(self, upload_id: str) -> Path:
        # NOTE: the id comes from a browser; only ids of our own form ever become a path.
        ours = is_id(upload_id) and upload_id.startswith(PREFIX)
        if not ours or not (self._incoming / upload_id).is_dir():
            raise NotFound(_("There is no such upload."), fix=_("Send the files again."))
        return self._incoming / upload_id

    def _load(self, folder: Path) -> Upload:
        try:
            plan = UploadPlan.parse(read_json(folder / "upload.json"))
        except BadInput as error:
            raise NotFound(_("There is no such upload."), fix=_("Send the files again.")) from error
        upload = Upload(folder, plan, self._limits.file_bytes)
        try:
            upload.replay_journal()
        except (ValueError, TypeError) as error:
            raise Unavailable(_("The notes of an upload are damaged."),
                              fix=_("Send the files again.")) from error
        return upload

    def _need_space(self, bytes_: int) -> None:
        free = shutil.disk_usage(self._incoming).free
        if free < bytes_ + self._limits.spare_bytes:
            raise NoSpace(
                _("The disk has no room for this upload: {needed} MB are needed, {free} MB are "
                  "free.").format(needed=bytes_ // 1024**2, free=free // 1024**2),
                fix=_("Free some space, or choose another workspace folder with --workspace."))


def _last_change(folder: Path) -> float:
    journal = folder / "journal.jsonl"
    try:
        return journal.stat().st_mtime if journal.exists() else folder.stat().st_mtime
    except FileNotFoundError:
        return time.time()

"""Photos from the browser: a folder or a zip, streamed to disk by routes of ours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from core.i18n import _
from pages.ui.component import noted, register


@dataclass(frozen=True)
class Uploaded:
    """What has arrived complete. The files are in ``core.service.current().uploads.received(id)``.

    Attributes:
        id: The upload's id; it comes from the browser, so ``received`` may raise NotFound for it.
        kind: "folder", or "zip" for one zip file.
        title: The folder's or the zip's name: outside text.
        files: Number of files.
        bytes: Their size together.
        skipped: Files that the browser could not read and that the person agreed to leave out.
    """

    id: str
    kind: str
    title: str
    files: int
    bytes: int
    skipped: int


def folder_upload(
    key: str, labels: Mapping[str, str] | None = None, *, taken: str | None = None
) -> Uploaded | None:
    """Show the drop area, and return what has arrived.

    The transfer goes on while the person is on another page of the app, and is reported when this
    is drawn again. The same value is returned at every rerun until it is ``taken``.

    Args:
        key: The widget's key; the transfer in the browser is found again by it.
        labels: Texts that replace those of :func:`default_labels`.
        taken: The id of the upload that the page has dealt with; the drop area is then empty again.

    Returns:
        The complete upload, or None while there is none (or only the one that was taken).
    """
    result = register("folder_upload", with_files=("folder_transfer",))(
        key=key,
        data={"name": key, "labels": {**default_labels(), **(labels or {})}, "taken": taken},
        on_done_change=noted,
    )
    uploaded = _uploaded(result.get("done"))
    return None if uploaded is None or uploaded.id == taken else uploaded


def default_labels() -> dict[str, str]:
    """Return the component's texts; the names in braces are filled in by the browser."""
    return {
        "title": _("Drop a folder with one sub-folder per class"),
        "hint": _("Or a zip of it. Your photos stay on this computer."),
        "folder": _("Choose a folder"),
        "zip": _("Choose a zip"),
        "another": _("Choose another folder"),
        "again": _("Try again"),
        "without": _("Go on without them"),
        "cancel": _("Cancel"),
        "listing": _("Looking through the folder"),
        "found": _("{files} files found"),
        "sending": _("Bringing your photos in"),
        "stay": _("Keep this tab open until it is done."),
        "retrying": _("The connection was lost. Trying again."),
        "progress": _("{done} of {total} files · {sent} of {size}"),
        "progress_zip": _("{sent} of {size}"),
        "seconds_left": _("about {n} s left"),
        "minutes_left": _("about {n} min left"),
        "failed": _("The connection was lost before everything had arrived"),
        "failed_hint": _("What has arrived is kept. Try again, and only the rest is sent."),
        "kept": _("Nothing was made of the files that did arrive."),
        "empty": _("There are no files in this folder"),
        "empty_hint": _("Choose a folder with one sub-folder per class, each with its photos."),
        "unreadable": _("Files that your browser cannot read: {files}"),
        "unreadable_hint": _("They may have been moved, or you may not be allowed to open them."),
        "more": _("and {files} more"),
        "done": _("{files} files arrived · {size}"),
        "done_zip": _("The zip arrived · {size}"),
        "done_hint": _("Checking them comes next."),
        "skipped": _("Left out because your browser could not read them: {files}"),
    }


def _uploaded(value: object) -> Uploaded | None:
    """Take the browser's word apart; whatever does not look as it should counts as nothing."""
    if not isinstance(value, Mapping):
        return None
    texts = [value.get(name) for name in ("id", "kind", "title")]
    numbers = [value.get(name) for name in ("files", "bytes", "skipped")]
    if not all(isinstance(text, str) for text in texts):
        return None
    if not all(isinstance(number, (int, float)) for number in numbers):
        return None
    upload_id, kind, title = (str(text) for text in texts)
    files, bytes_, skipped = (int(number or 0) for number in numbers)
    return Uploaded(upload_id, kind, title[:120], files, bytes_, skipped)

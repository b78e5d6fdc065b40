"""The ways in as background jobs: a sample, a path on this machine, an upload from a browser."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from core.data import samples
from core.data.intake import take_in, take_in_files
from core.data.layout import FoundFile
from core.data.receive import Uploads
from core.errors import BadInput
from core.i18n import _
from core.jobs import Jobs, Progress
from core.workspace import Workspace


def begin_sample(jobs: Jobs, workspace: Workspace, name: str) -> str:
    """Take in a sample, or find the dataset made of it earlier; returns the job's id.

    Raises:
        NotFound: There is no such sample.
    """
    sample = samples.get(name)
    return jobs.submit(
        sample.title, lambda progress: samples.take_in_sample(name, workspace, progress).id
    )


def begin_path(jobs: Jobs, workspace: Workspace, path: str) -> str:
    """Copy a folder or zip on this machine into the workspace; returns the job's id.

    Raises:
        BadInput: The path is empty or can be no path.
    """
    text = path.strip().strip("\"'")
    try:
        source = Path(text).expanduser()
        if not text or "\x00" in text:
            raise ValueError("no path")
    except (ValueError, RuntimeError) as error:  # expanduser: there is no such user
        raise BadInput(
            _("This is not a path."), given=text[:200],
            fix=_("Give the full path of a folder or a zip on this computer."),
        ) from error
    return jobs.submit(
        source.name, lambda progress: take_in(source, workspace, progress=progress).id
    )


def begin_upload(jobs: Jobs, workspace: Workspace, uploads: Uploads, upload_id: str) -> str:
    """Take in a finished upload and remove it whatever comes of it; returns the job's id.

    Raises:
        NotFound: There is no such upload.
        Busy: It has not arrived whole.
    """
    received = uploads.received(upload_id)

    def work(progress: Progress) -> str:
        try:
            if received.kind == "zip":
                zipped = received.files[0].path
                return take_in(zipped, workspace, title=received.title, progress=progress).id
            return take_in_files(
                _inside(received.files), workspace, title=received.title, progress=progress, move=True
            ).id
        finally:
            uploads.remove(upload_id)

    return jobs.submit(received.title, work)


def _inside(files: Sequence[FoundFile]) -> Sequence[FoundFile]:
    """Name files from inside the folder that was chosen.

    A browser puts the chosen folder's own name before each. Left there, a folder of photos without
    sub-folders would look like one class. Several folders that were dropped at once are classes.
    """
    heads = {file.name.partition("/")[0] for file in files}
    if len(heads) != 1 or not all("/" in file.name for file in files):
        return files
    return [FoundFile(file.name.partition("/")[2], file.path) for file in files]

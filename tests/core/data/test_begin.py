from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest

from core.data.begin import _inside, begin_path, begin_sample, begin_upload
from core.data.layout import FoundFile
from core.data.receive import Uploads
from core.errors import BadInput, NotFound
from core.jobs import Jobs, JobSnapshot
from core.workspace import Workspace

PATIENCE_S = 60


@pytest.fixture
def jobs() -> Jobs:
    return Jobs("It failed.")


def ended(jobs: Jobs, job: str) -> JobSnapshot:
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        snapshot = jobs.snapshot(job)
        if snapshot is not None and snapshot.state != "running":
            return snapshot
        time.sleep(0.02)
    raise AssertionError("the job did not end")


def test_a_path_may_be_quoted_as_a_terminal_does(
    jobs: Jobs, workspace: Workspace, photos: Path
) -> None:
    snapshot = ended(jobs, begin_path(jobs, workspace, f' "{photos}" '))
    assert snapshot.state == "done"
    assert snapshot.outcome is not None
    assert workspace.dataset_dir(snapshot.outcome).is_dir()
    assert len(list(photos.rglob("*.png"))) == 16


@pytest.mark.parametrize("path", ["", "  ", "a\x00b", "~no-such-user/photos"])
def test_what_is_no_path_is_said_at_once(jobs: Jobs, workspace: Workspace, path: str) -> None:
    with pytest.raises(BadInput, match="not a path"):
        begin_path(jobs, workspace, path)


def test_a_path_to_nothing_fails_with_what_to_do(jobs: Jobs, workspace: Workspace) -> None:
    snapshot = ended(jobs, begin_path(jobs, workspace, "/no/such/folder"))
    assert snapshot.state == "failed"
    assert isinstance(snapshot.error, NotFound)


def test_an_unknown_sample_is_said_at_once(jobs: Jobs, workspace: Workspace) -> None:
    with pytest.raises(NotFound):
        begin_sample(jobs, workspace, "cats")


def test_an_upload_that_is_not_there_is_said_at_once(jobs: Jobs, workspace: Workspace) -> None:
    with pytest.raises(NotFound):
        begin_upload(jobs, workspace, Uploads(workspace), "0" * 32)


def test_a_zip_on_this_machine_is_left_where_it_is(
    jobs: Jobs, workspace: Workspace, photos: Path, tmp_path: Path
) -> None:
    zipped = Path(shutil.make_archive(str(tmp_path / "holiday"), "zip", photos))
    assert ended(jobs, begin_path(jobs, workspace, str(zipped))).state == "done"
    assert zipped.is_file()


@pytest.mark.parametrize(
    ("sent", "named"),
    [
        (["set/cat/1.png", "set/dog/2.png"], ["cat/1.png", "dog/2.png"]),
        (["set/1.png", "set/2.png"], ["1.png", "2.png"]),
        (["cat/1.png", "dog/2.png"], ["cat/1.png", "dog/2.png"]),
        (["1.png", "2.png"], ["1.png", "2.png"]),
    ],
)
def test_the_chosen_folders_own_name_is_no_class(sent: list[str], named: list[str]) -> None:
    assert [file.name for file in _inside([FoundFile(name, Path(name)) for name in sent])] == named

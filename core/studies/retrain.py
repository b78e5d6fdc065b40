"""Training again on a new version of a run's dataset: the same plan, photos and labels put right."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace

from core.data import dataset as datasets
from core.data import marks
from core.data.dataset import Dataset
from core.data.version import new_version
from core.errors import ThawError
from core.i18n import _
from core.jobs import Progress, no_progress
from core.runs.about import LONGEST_NAME, rename
from core.runs.folder import RunFolder
from core.runs.work import dataset_of, require_usable
from core.training.plan import Plan
from core.workspace import Workspace

_log = logging.getLogger(__name__)


def marked_version(workspace: Workspace, folder: RunFolder, progress: Progress = no_progress) -> Dataset:
    """Return the version that the marks on a run's dataset make, made where it is not there yet.

    It is made of the whole dataset, also where the run learned from a part of it.

    Raises:
        BadInput: The marks change nothing or too much, or are damaged.
        NotFound: The dataset is gone.
        Unavailable: The disk is full or cannot be written.
        Stopped: ``progress`` asked for it.
    """
    whole = datasets.load(workspace.dataset_dir(folder.plan().dataset))
    return new_version(workspace, whole, marks.of_items(whole), progress)


def retrain(
    workspace: Workspace, folder: RunFolder, title: str, submit: Callable[[Plan], str],
    progress: Progress = no_progress,
) -> str:
    """Train a run's plan again, on the version that the marks on its dataset make.

    Args:
        workspace: Where all of it is.
        folder: The run.
        title: What the run is called; text from outside.
        submit: Puts a plan in line and returns the id of its run.
        progress: Told how far it is; may raise Stopped to cancel.

    Returns:
        The id of the new run, which has the same recipe and seed; its name tells the version. Where the
        name cannot be kept, it goes by its number.

    Raises:
        BadInput: As :func:`marked_version`, or the plan does not fit the version.
        NotFound: The dataset, or the run or file that the plan starts from, is gone.
        Unavailable: The disk is full or cannot be written.
        Stopped: ``progress`` asked for it.
    """
    version = marked_version(workspace, folder, progress)
    plan = plan_on(folder.plan(), version)
    require_usable(dataset_of(workspace, plan))
    name = name_on(workspace, folder, title, version)
    progress(_("Putting the run in line"), 0, None)  # from here on it goes on, whoever cancels
    run_id = submit(plan)
    try:
        rename(workspace, run_id, name)
    except (ThawError, OSError) as error:
        # NOTE: it is in line already. A failure would have a person begin a second one.
        _log.warning("run %s goes by its number: %s", run_id, error)
    return run_id


def plan_on(plan: Plan, version: Dataset) -> Plan:
    """Return a plan with other photos and nothing else changed; a limit on them applies again."""
    return replace(plan, dataset=version.id, dataset_title=version.title).checked()


def name_on(workspace: Workspace, folder: RunFolder, title: str, version: Dataset) -> str:
    """Return what a run is called when it is trained again on a version, such as "Run 3, version 2"."""
    before = datasets.load(workspace.dataset_dir(folder.plan().dataset)).revision
    stem = title.removesuffix(_ending(before.number)) if before else title
    ending = _ending(version.revision.number) if version.revision else ""
    return stem[:LONGEST_NAME - len(ending)] + ending


def _ending(number: int) -> str:
    return _(", version {number}").format(number=number)

"""What datasets, runs and caches take on the disk, and clearing what can be cleared."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from core.activations import budget
from core.backbones import catalogue
from core.backbones.kept import kept_files, kept_path
from core.data.dataset import IMAGES, MANIFEST, summaries
from core.errors import Unavailable
from core.folders import bytes_below, remove_leftovers, remove_whole, shared_bytes, unchanging_bytes
from core.i18n import _
from core.runs.listing import listed
from core.runs.use import InUse, Use, in_use, require_weights_free
from core.training.plan import Plan
from core.workspace import Workspace, is_id

# What a run gets after its training comes into folders of its own.
_CHANGED = ("status.json", "studies", "exports")


@dataclass(frozen=True)
class Taken:
    """Something that takes room and can be deleted by itself.

    Attributes:
        id: Its id; of a weight file, the name that plans have for it.
        title: What people call it; text from outside.
        bytes: The size of its files.
        in_use: In one sentence why it cannot be deleted now; empty where it can.
    """

    id: str
    title: str
    bytes: int
    in_use: str


@dataclass(frozen=True)
class Disk:
    """What a workspace takes. All sizes are in bytes, and lists have the largest first.

    Attributes:
        datasets: Each dataset, damaged ones too.
        runs: Each run, damaged ones too.
        weights: Each weight file that people brought along.
        activations: What the frozen parts made of photos.
        activations_in_use: The part of it that runs use just now.
        thumbnails: Small pictures of photos.
        downloads: What else is in the cache: what was downloaded, and measured speeds.
        bin: What was deleted and can be brought back.
        incoming: What is being uploaded or unpacked.
        free: What is free on the disk of the workspace.
        capacity: The size of that disk.
        shared: What versions of a dataset have in common, also with deleted ones: counted in each of them.
    """

    datasets: tuple[Taken, ...]
    runs: tuple[Taken, ...]
    weights: tuple[Taken, ...]
    activations: int
    activations_in_use: int
    thumbnails: int
    downloads: int
    bin: int
    incoming: int
    free: int
    capacity: int
    shared: int = 0

    @property
    def total(self) -> int:
        """What all of it takes together."""
        listed_one_by_one = (*self.datasets, *self.runs, *self.weights)
        caches = self.activations + self.thumbnails + self.downloads
        apart = sum(each.bytes for each in listed_one_by_one) + caches + self.bin + self.incoming
        return apart - self.shared


def usage(workspace: Workspace) -> Disk:
    """Look at what a workspace takes.

    What does not change is measured once in a process, so a second look is quick.

    Raises:
        OSError: The folders of the workspace cannot be read.
    """
    used = in_use(workspace)
    kept = budget.usage(workspace)
    disk = shutil.disk_usage(workspace.root)
    return Disk(
        datasets=_datasets(workspace, used),
        runs=_runs(workspace, used),
        weights=_weights(workspace, used),
        activations=kept.bytes,
        activations_in_use=kept.in_use,
        thumbnails=sum(map(unchanging_bytes, _children(thumbnails_of(workspace)))),
        downloads=sum(map(bytes_below, _other_caches(workspace))),
        bin=sum(unchanging_bytes(each) for kind in _children(workspace.bin) for each in _children(kind)),
        incoming=sum(map(bytes_below, workspace.incoming.iterdir())),
        free=disk.free,
        capacity=disk.total,
        shared=shared_bytes(_photos(workspace)),
    )


def thumbnails_of(workspace: Workspace) -> Path:
    """Return the folder of all thumbnails; it has one folder a dataset, named by its id."""
    return workspace.cache / "thumbs"


def clear_thumbnails(workspace: Workspace, dataset_id: str | None = None) -> int:
    """Remove thumbnails; they are made again where somebody looks.

    Args:
        workspace: Where they are.
        dataset_id: The dataset whose thumbnails go; ``None`` for all.

    Returns:
        How many bytes were removed.

    Raises:
        Unavailable: They cannot be removed.
    """
    if dataset_id is not None and not is_id(dataset_id):
        return 0
    folder = thumbnails_of(workspace)
    try:
        freed = remove_leftovers(workspace.cache)
        return freed + (remove_whole(folder if dataset_id is None else folder / dataset_id) or 0)
    except OSError as error:
        raise _not_removed(folder.name, error) from error


def delete_weights(workspace: Workspace, name: str) -> int:
    """Remove a weight file that somebody brought along; it does not go to the bin.

    Args:
        workspace: Where it is.
        name: What plans call it.

    Returns:
        How many bytes were removed.

    Raises:
        NotFound: There is no such file.
        Busy: A run that has not ended starts from it.
        Unavailable: It cannot be removed.
    """
    path = kept_path(workspace, name)
    require_weights_free(workspace, name)
    try:
        size = bytes_below(path)
        path.unlink(missing_ok=True)
    except OSError as error:
        raise _not_removed(name, error) from error
    return size


def plan_title(plan: Plan) -> str:
    """Return what a run is about: its backbone and its dataset; text from outside."""
    return _("{backbone} on {dataset}").format(
        backbone=catalogue.get(plan.backbone).title, dataset=plan.dataset_title)


def _datasets(workspace: Workspace, used: InUse) -> tuple[Taken, ...]:
    titles = {each.id: each.title for each in summaries(workspace)}
    return _largest_first(
        Taken(path.name, titles.get(path.name, path.name), unchanging_bytes(path, MANIFEST),
              _why(used.datasets, path.name))
        for path in _children(workspace.datasets) if is_id(path.name)
    )


def _photos(workspace: Workspace) -> list[Path]:
    """Return where the photos of all datasets are, deleted ones too, each in the same order at each look."""
    parents = (workspace.datasets, *_children(workspace.bin))
    found = (each / IMAGES for parent in parents for each in _children(parent))
    return sorted(each for each in found if each.is_dir())


def _runs(workspace: Workspace, used: InUse) -> tuple[Taken, ...]:
    titles = {run.id: f"{run.title}: {plan_title(run.plan)}" for run in listed(workspace)}
    taken = []
    for path in _children(workspace.runs):
        if is_id(path.name):
            why = _why(used.runs, path.name)
            size = bytes_below(path) if why else unchanging_bytes(path, *_CHANGED)
            taken.append(Taken(path.name, titles.get(path.name, path.name), size, why))
    return _largest_first(taken)


def _weights(workspace: Workspace, used: InUse) -> tuple[Taken, ...]:
    return _largest_first(
        Taken(each.name, each.title, each.bytes, _why(used.weights, each.name))
        for each in kept_files(workspace)
    )


def _why(used: Mapping[str, Use], name: str) -> str:
    return used[name].what if name in used else ""


def _largest_first(taken: Iterable[Taken]) -> tuple[Taken, ...]:
    return tuple(sorted(taken, key=lambda each: (-each.bytes, each.id)))


def _other_caches(workspace: Workspace) -> list[Path]:
    apart = (budget.root_of(workspace), thumbnails_of(workspace))
    return [path for path in workspace.cache.iterdir() if path not in apart]


def _children(folder: Path) -> list[Path]:
    """Return the folders in a folder; none where it is not there."""
    return [path for path in folder.iterdir() if path.is_dir()] if folder.is_dir() else []


def _not_removed(name: str, error: OSError) -> Unavailable:
    return Unavailable(
        _("This cannot be removed from the disk."),
        given=f"{name[:120]}: {error.strerror or error}",
        fix=_("Check that nothing else has it open and that the workspace can be written."),
    )

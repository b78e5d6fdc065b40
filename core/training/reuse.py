"""A training on kept activations: what is there, what has to be computed, and the batches made of it."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from dataclasses import replace
from importlib.metadata import version
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from core.activations.store import Activations
from core.backbones import catalogue
from core.data.dataset import SPLITS, Dataset
from core.errors import BadInput, Stopped
from core.files import JsonObject
from core.i18n import _
from core.training import known_rows, worth
from core.training.augment import view_of
from core.training.counts import head_parameters
from core.training.cut import Halves
from core.training.events import CacheUse, Extraction, Listener
from core.training.extract import PrefixRun, Task, extract
from core.training.feed import Inputs, lost_photo
from core.training.fingerprint import fingerprint
from core.training.model import compile_with
from core.training.plan import Plan
from core.training.release import let_go_of
from core.workspace import Workspace

if TYPE_CHECKING:
    import keras

_LIBRARIES = ("tensorflow", "keras", "pillow", "numpy")
# With fewer images than this a speed that is known is the better one.
_ENOUGH_FOR_SPEED = 64
_SMALL_HEAD = 10**6
_MOST_STEPS_AT_ONCE = 8
_LEAST_LOOKS_AN_EPOCH = 8


class Reuse:
    """The tail of a model on kept activations; see :class:`core.training.ways.Way`.

    Args:
        plan: A checked plan.
        dataset: What it is carried out on.
        model: Its model, compiled; the tail learns with the same optimizer.
        halves: The model's halves.
        workspace: Where activations are kept.
        listener: Told how far the computing is.
        stop: Set it to leave.
    """

    def __init__(
        self, plan: Plan, dataset: Dataset, model: keras.Model, halves: Halves, workspace: Workspace,
        listener: Listener, stop: threading.Event,
    ) -> None:
        self._plan = plan
        self._listener = listener
        self._stop = stop
        self._prefix = halves.prefix
        self._run: PrefixRun | None = None
        self.learner = halves.tail
        compile_with(
            self.learner, model.optimizer, label_smoothing=plan.recipe.label_smoothing,
            steps_at_once=_steps_at_once(plan, dataset),
        )
        self._kept = Activations(
            workspace, _made_by(plan, halves), halves.shapes, known_rows.label(plan)
        )
        self._tasks = {name: _tasks(plan, dataset, name) for name in SPLITS}
        self.extract_s = 0.0
        self.use = CacheUse(cut=known_rows.cut_name(plan))

    @property
    def row_bytes(self) -> int:
        """What is kept of one image."""
        return self._kept.row_bytes

    def find(self) -> int:
        """Look for what is kept of all images, and return how many of them were found."""
        keys = list(self._needed(*SPLITS))
        # The test photos have their turn once the training is done, so what follows counts the others.
        # Which of them were found is not told: it may be that all test photos are among them.
        total = len(self._needed("train", "validation"))
        tested = len(keys) - total
        shown = False

        def told(found: int) -> None:
            nonlocal shown
            if found and not shown:
                self._listener.phase("extracting")
                shown = True
            if shown:
                self._listener.extracted(Extraction(max(0, found - tested), total, None, None))

        found = self._kept.find(keys, told, self._stop)
        told(found)
        self.use = replace(
            self.use, hit_images=found, bytes=found * self.row_bytes, image_s=self._kept.image_s,
            warning=_damage_text(self._kept.damaged),
        )
        return found

    def make_room(self) -> None:
        """Make room for what is not there; raises NoRoom."""
        missing = self._missing(*SPLITS)
        if missing:
            self._kept.make_room(len(missing))

    def compute(self, *splits: str) -> None:
        """Put the images of these splits that are not there through the prefix.

        Raises:
            Stopped: A stop was asked for; what was computed is kept.
            RunFailed: A photo can no longer be read.
            OSError: The disk is full.
        """
        tasks = self._missing(*splits)
        if not tasks:
            return
        self._listener.phase("building")
        run = self._built_prefix()
        self._listener.phase("extracting")
        self._compute(run, tasks, len(self._needed(*splits)) - len(tasks), self._listener.extracted)

    def compute_quietly(self, *splits: str) -> None:
        """Do as :meth:`compute` within another phase."""
        tasks = self._missing(*splits)
        if tasks:
            self._compute(self._built_prefix(), tasks, 0, lambda _progress: None)

    def _built_prefix(self) -> PrefixRun:
        if self._stop.is_set():
            raise Stopped(_("Stopped before anything was learned."))
        if self._run is None:
            run = PrefixRun(self._prefix, self._plan.size)
            run(np.zeros((1, self._plan.size, self._plan.size, 3), np.uint8))
            self._run = run
        return self._run

    def _compute(
        self, run: PrefixRun, tasks: Sequence[Task], there: int, told: Callable[[Extraction], None]
    ) -> None:
        began = time.perf_counter()
        writing = self._kept.writer()
        try:
            image_s = extract(run, self._plan.size, tasks, writing, there, told, self._stop)
        except BadInput as error:
            raise lost_photo(error) from error
        finally:
            writing.close()
            self.extract_s += time.perf_counter() - began
            computed = self.use.computed_images + writing.images
            self.use = replace(
                self.use, computed_images=computed,
                bytes=(self.use.hit_images + computed) * self.row_bytes,
            )
            self._listener.cache(self.use)
        if image_s is not None and (self.use.image_s is None or len(tasks) >= _ENOUGH_FOR_SPEED):
            self._kept.remember_speed(image_s)
            self.use = replace(self.use, image_s=image_s)

    def source(self, split_name: str) -> RowSource:
        """Return the rows of a split, computed before; the training split sees each epoch's view."""
        keys = [[task.key for task in view] for view in self._tasks[split_name]]
        return RowSource(self._kept, keys, self._plan.recipe.view if len(keys) > 1 else lambda _epoch: 0)

    def close(self) -> None:
        """Let go of the kept activations and of the prefix's graph."""
        self._kept.close()
        if self._run is not None:
            let_go_of(self._run.function)
            self._run = None

    def _needed(self, *splits: str) -> dict[bytes, Task]:
        """Return what the prefix has to see, by key: a photo may be there twice, in two splits even."""
        return {task.key: task for name in splits for view in self._tasks[name] for task in view}

    def _missing(self, *splits: str) -> list[Task]:
        return [task for key, task in self._needed(*splits).items() if key not in self._kept]


class RowSource:
    """Rows of kept activations.

    Args:
        kept: Where they are.
        keys: For each view the keys of the images, in order.
        view: Gives the number of the view that an epoch sees.
    """

    def __init__(
        self, kept: Activations, keys: Sequence[Sequence[bytes]], view: Callable[[int], int]
    ) -> None:
        self._kept = kept
        self._keys = keys
        self._view = view

    def __len__(self) -> int:
        return len(self._keys[0])

    def begin(self, pool: Executor, at: NDArray[np.intp], epoch: int) -> Future[Inputs]:
        """Gather a batch in one go: its rows are only copied."""
        keys = self._keys[self._view(epoch)]
        return pool.submit(self._kept.gather, [keys[each] for each in at])


def _tasks(plan: Plan, dataset: Dataset, split_name: str) -> list[list[Task]]:
    """Return what the prefix has to see of a split: its images for each view."""
    augment, views = known_rows.views_of(plan, split_name)
    seed = plan.recipe.seed
    return [
        [
            Task(known_rows.key(item.digest, augment, seed, view), dataset.file(item), augment,
                 view_of(seed, view, item.digest))
            for item in dataset.of_split(split_name)
        ]
        for view in range(views)
    ]


def _steps_at_once(plan: Plan, dataset: Dataset) -> int:
    """Return how many steps are taken without a look at the clock or at a stop.

    A step of a small head on kept rows takes a millisecond or two, and the way to Python and back as long.
    """
    small = head_parameters(plan, len(dataset.classes)) <= _SMALL_HEAD
    if not (small and worth.all_frozen(plan)):
        return 1
    steps = math.ceil(len(dataset.of_split("train")) / plan.recipe.batch_size)
    return max(1, min(_MOST_STEPS_AT_ONCE, steps // _LEAST_LOOKS_AN_EPOCH))


def _damage_text(damaged: int) -> str:
    if not damaged:
        return ""
    return _("A part of what was kept was damaged; it is computed anew.")


def _made_by(plan: Plan, halves: Halves) -> JsonObject:
    """Return all that determines a row beside the image and its view."""
    return {
        "backbone": plan.backbone,
        # NOTE: not its variables: the state of a Dropout's generator is one, and comes from the seed.
        "weights": fingerprint(halves.prefix.weights),
        "cut": list(halves.names),
        # The head's layer has this name whatever it does.
        "pooling": plan.head.pooling if halves.names == ("pooling",) else None,
        "size": plan.size,
        "preprocessing": catalogue.get(plan.backbone).preprocessing,
        # What decodes, resizes and computes may round in another way in its next version.
        "versions": {name: version(name) for name in _LIBRARIES},
    }

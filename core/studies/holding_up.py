"""How a run's model does on photos made worse: blurred, darkened, noisy, turned, JPEG-crushed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.errors import BadInput
from core.files import JsonObject
from core.i18n import _
from core.insight.comparison import holm
from core.insight.corruptions import CORRUPTIONS, STRENGTHS, corrupted
from core.insight.metrics import Share, share
from core.insight.passing import passed
from core.insight.predict import Loaded
from core.insight.projection import require_finite
from core.jobs import Progress, no_progress
from core.runs import studied
from core.runs.folder import RunFolder, require_model
from core.runs.work import evaluation_of, measure
from core.studies.target import Chosen, Target, chosen
from core.training.feed import DECODING_THREADS
from core.workspace import Workspace

CLEAN = ("clean", 0)
VERSIONS = (CLEAN, *((name, strength) for name in CORRUPTIONS for strength in STRENGTHS))
"""What a photo is looked at as: as it is, then each corruption at each strength."""

Version = tuple[str, int]


@dataclass(frozen=True)
class Worse:
    """Accuracy on photos that were made worse, beside that on the same photos as they are.

    Attributes:
        share: The share that is right.
        lost: How many photos are right as they are, and no longer.
        won: How many are right only now.
        p: How likely a difference this large would be by chance, 0 to 1: McNemar's exact test, two-sided,
            corrected after Holm for all corruptions and strengths.
    """

    share: Share
    lost: int
    won: int
    p: float


@dataclass(frozen=True)
class HoldingUp:
    """Accuracy by corruption and strength, all on the same photos.

    Attributes:
        split: Whose photos: ``test`` or ``validation``.
        clean: Of the photos as they are.
        worse: For each corruption's name and strength, 1 to 3, what is still right.
    """

    split: str
    clean: Share
    worse: dict[Version, Worse]

    def at(self, name: str) -> tuple[Worse, ...]:
        """Return the figures of one corruption, from the weakest to the strongest."""
        return tuple(self.worse[name, strength] for strength in STRENGTHS)


def kept_holding_up(folder: RunFolder, photos: Chosen, split: str) -> HoldingUp | None:
    """Return what was found out before; ``None`` where it is not of these very photos, or damaged."""
    found = studied.kept_record(folder, _name(split))
    if found is None or found.get("photos") != _mark(photos):
        return None
    counts = _counts_in(found, len(photos.items))
    return None if counts is None else _from_counts(split, counts, len(photos.items))


def holding_up(
    workspace: Workspace, folder: RunFolder, split: str = "test", progress: Progress = no_progress
) -> HoldingUp:
    """Return how a run's model does on photos made worse, computed where it is not kept.

    NOTE: it looks at the test photos. Where that is the first look, they are measured before, so that the
    look is counted; that is cancelled and told of like the rest.

    Args:
        workspace: Where the dataset is.
        folder: A run with a model.
        split: ``test``, or ``validation`` where there are no test photos.
        progress: Told how many pictures have been looked at, 16 a photo; it may raise Stopped.

    Raises:
        BadInput: The run has no model or gets another meanwhile, that makes no finite numbers, there is
            no such photo, or one cannot be read any more.
        NotFound: The dataset, or the run, is gone.
        Busy: The test photos were not looked at, and the run is being trained.
        Unavailable: The disk is full.
        Stopped: ``progress`` asked for it.
    """
    from core.insight.predict import loaded

    photos = chosen(workspace, folder, Target("", split))
    known = kept_holding_up(folder, photos, split)
    if known is not None:
        return known
    mark = studied.model_mark(folder)
    if split == "test" and evaluation_of(folder) is None:
        measure(workspace, folder, progress)
    progress(_("Loading the model"), 0, None)
    model = loaded(require_model(folder))
    right = [each == photos.labels for each in _said(model, photos, progress)]
    counts = [
        [int(each.sum()), int((right[0] & ~each).sum()), int((~right[0] & each).sum())] for each in right
    ]
    record: JsonObject = {"photos": _mark(photos), "right_lost_won": counts}
    studied.keep_record(folder, _name(split), record, mark=mark)
    return _from_counts(split, counts, len(photos.items))


def _said(model: Loaded, photos: Chosen, progress: Progress) -> list[NDArray[np.intp]]:
    """Return for each version the class that each photo is said to be; each photo is decoded once."""
    total = len(photos.items) * len(VERSIONS)
    phase = _("Looking at the photos made worse")
    done = 0

    def network(images: NDArray[np.uint8]) -> list[NDArray[np.intp]]:
        nonlocal done
        first = done // len(VERSIONS)
        digests = [item.digest for item in photos.items[first:first + len(images)]]
        answers = []
        for version in VERSIONS:
            shown = _as(version, images, digests, pool)
            chances = np.asarray(model.keras.predict_on_batch(shown))
            require_finite(chances)
            answers.append(chances.argmax(axis=1))
            done += len(images)
            progress(phase, done, total)
        return answers

    with ThreadPoolExecutor(DECODING_THREADS, thread_name_prefix="thaw-worse") as pool:
        progress(phase, 0, total)
        return passed(network, photos.photos.files, model.size)


def _as(
    version: Version, images: NDArray[np.uint8], digests: Sequence[str], pool: ThreadPoolExecutor
) -> NDArray[np.uint8]:
    if version == CLEAN:
        return images
    name, strength = version
    return np.stack(list(pool.map(lambda each: corrupted(each[0], name, strength, each[1]),
                                  zip(images, digests, strict=True))))


def _counts_in(record: JsonObject, photos: int) -> list[list[int]] | None:
    """Return the counts of a record, a row a version; ``None`` where they cannot be of so many photos."""
    found = record.get("right_lost_won")
    if not isinstance(found, list) or len(found) != len(VERSIONS):
        return None
    counts = []
    for row in found:
        if not isinstance(row, list) or len(row) != 3 or not all(type(each) is int for each in row):
            return None
        right, lost, won = row
        if not 0 <= right <= photos or min(lost, won) < 0 or right != found[0][0] - lost + won:
            return None
        counts.append(row)
    return counts


def _from_counts(split: str, counts: Sequence[Sequence[int]], photos: int) -> HoldingUp:
    clean, *others = (_share(right, photos) for right, _lost, _won in counts)
    chances = holm([_mcnemar(lost, won) for _right, lost, won in counts[1:]])
    worse = {
        version: Worse(found, lost, won, p)
        for version, found, (_right, lost, won), p in zip(
            VERSIONS[1:], others, counts[1:], chances, strict=True)
    }
    return HoldingUp(split, clean, worse)


def _share(right: int, photos: int) -> Share:
    found = share(right, photos)
    if found is None:
        raise BadInput(_("There is no image to measure on."))
    return found


def _mcnemar(lost: int, won: int) -> float:
    from scipy.stats import binomtest

    return float(binomtest(lost, lost + won, 0.5).pvalue) if lost + won else 1.0


def _name(split: str) -> str:
    return f"holding-up-{split}"


def _mark(photos: Chosen) -> str:
    """Return what tells the photos, their labels and what is done to them from any others."""
    told: JsonObject = {
        "photos": [item.digest for item in photos.items], "labels": photos.labels.tolist(),
        "amounts": {name: list(each.amounts) for name, each in CORRUPTIONS.items()},
    }
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:32]

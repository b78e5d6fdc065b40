"""All figures on labelled photos; the temperature that is fitted on validation photos, kept in the run."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import asdict, dataclass

from core.errors import BadInput
from core.files import JsonObject
from core.i18n import _
from core.insight.confidence import (
    BINS,
    COLDEST,
    HOTTEST,
    Calibration,
    calibration,
    fitted_temperature,
    loss_at,
)
from core.insight.metrics import Evaluation, Share, evaluate
from core.insight.predictions import Predictions
from core.insight.ranking import ClassRanking, Ranking, ranking
from core.insight.rates import ClassRates, Estimate, Rates, rates
from core.jobs import Progress, no_progress
from core.runs import studied
from core.runs.folder import RunFolder
from core.runs.work import evaluation_of, measure
from core.studies.predicting import predictions
from core.studies.target import ALL, Target, own_dataset
from core.workspace import Workspace

TEMPERATURE = "temperature"


@dataclass(frozen=True)
class Figures:
    """What is measured on labelled photos.

    Attributes:
        rates: Accuracy and what else is counted.
        ranking: ROC and precision-recall by class.
        calibration: How far the model's sureness holds.
    """

    rates: Rates
    ranking: Ranking
    calibration: Calibration

    def to_json(self) -> JsonObject:
        """Return it as a JSON object, the curves left out; what is not available is ``null``."""
        return {
            "images": self.rates.images,
            "accuracy": _share(self.rates.accuracy),
            "balanced_accuracy": asdict(self.rates.balanced),
            "macro_f1": asdict(self.rates.macro_f1),
            "macro_auc": self.ranking.auc,
            "macro_average_precision": self.ranking.average_precision,
            "by_class": [
                _class(one, other)
                for one, other in zip(self.rates.by_class, self.ranking.by_class, strict=True)
            ],
            "confusion": [list(row) for row in self.rates.confusion],
            "calibration": {"bins": BINS, "error": self.calibration.error, "loss": self.calibration.loss},
        }


@dataclass(frozen=True)
class Temperature:
    """A temperature that was fitted on validation photos.

    Attributes:
        value: What logits are divided by, above 0.
        images: On how many photos it was fitted.
        loss_before: The mean cross-entropy of these in nats as the model says it.
        loss_after: The same at the temperature.
    """

    value: float
    images: int
    loss_before: float
    loss_after: float


def figures(found: Predictions) -> Figures:
    """Return what is measured on labelled photos; raises BadInput where there is none."""
    confusion = evaluate(found.labels.tolist(), found.said.tolist(), found.classes, 0).confusion
    return Figures(rates(found.classes, confusion), ranking(found), calibration(found))


def evaluated(workspace: Workspace, folder: RunFolder, found: Predictions) -> Evaluation:
    """Return accuracy and what is mixed up, beside what always naming the run's commonest class would get.

    Raises:
        BadInput: There is no photo.
        NotFound: The dataset is gone.
    """
    learned = Counter(item.label for item in own_dataset(workspace, folder).of_split("train"))
    there = Counter(found.labels.tolist())
    # As for the test photos: of classes that are equally frequent the one that is the harder to beat.
    commonest = max(learned, key=lambda label: (learned[label], there[label]), default=0)
    return evaluate(found.labels.tolist(), found.said.tolist(), found.classes, commonest)


def is_own_test(folder: RunFolder, target: Target) -> bool:
    """Tell whether a target is the test photos that the run is measured on in the end."""
    return target.split == "test" and target.dataset in ("", folder.plan().dataset)


def shows_own_test(workspace: Workspace, folder: RunFolder, target: Target) -> bool:
    """Tell whether the test photos that a run is measured on in the end are among those of a target."""
    own = target.dataset in ("", folder.plan().dataset)
    return own and target.split in ("test", ALL) and bool(own_dataset(workspace, folder).of_split("test"))


def looked(
    workspace: Workspace, folder: RunFolder, target: Target, progress: Progress = no_progress
) -> Predictions:
    """Return what a run's model says of the photos of a target; its own test photos are measured with it.

    A first look at the run's own test photos, by themselves or among all of its dataset, goes into its
    report, and is counted there. What it said of them is asked for again, and not counted again, where it
    was not kept.

    Raises:
        BadInput: The run has no model or gets another meanwhile, there is no such photo, or one cannot
            be read any more.
        NotFound: The dataset, or the run, is gone.
        Busy: The test photos were not looked at, and the run is being trained.
        Unavailable: The disk is full.
        Stopped: ``progress`` asked for it.
    """
    target = target.checked()
    if evaluation_of(folder) is None and shows_own_test(workspace, folder, target):
        measure(workspace, folder, progress)
    own = is_own_test(folder, target)
    return predictions(workspace, folder, Target("", "test") if own else target, progress)


def fit_temperature(
    workspace: Workspace, folder: RunFolder, progress: Progress = no_progress
) -> Temperature:
    """Fit a temperature on the run's validation photos, and keep it.

    Raises:
        BadInput: The run has no model or gets another meanwhile, or its validation photos do not tell.
        NotFound: The dataset, or the run, is gone.
        Unavailable: The disk is full.
        Stopped: ``progress`` asked for it.
    """
    mark = studied.model_mark(folder)
    found = predictions(workspace, folder, Target("", "validation"), progress)
    value = fitted_temperature(found)
    fitted = Temperature(value, len(found), loss_at(found, 1.0), loss_at(found, value))
    studied.keep_record(folder, TEMPERATURE, asdict(fitted), mark=mark)
    return fitted


def kept_fit(folder: RunFolder) -> Temperature | None:
    """Return the temperature that was fitted for the run's model as it is, or ``None``."""
    found = studied.kept_record(folder, TEMPERATURE)
    if found is None:
        return None
    try:
        fit = Temperature(
            _number(found["value"]), int(_number(found["images"])), _number(found["loss_before"]),
            _number(found["loss_after"]),
        )
    except (KeyError, BadInput):
        return None
    return fit if COLDEST <= fit.value <= HOTTEST and fit.images > 0 else None


def kept_temperature(folder: RunFolder) -> float | None:
    """Return the value of :func:`kept_fit`, for :func:`core.insight.confidence.tempered`."""
    fit = kept_fit(folder)
    return None if fit is None else fit.value


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise BadInput(_("A file of this run is damaged and cannot be read."))
    return float(value)


def _share(given: Share | None) -> JsonObject | None:
    return None if given is None else asdict(given)


def _estimate(given: Estimate | None) -> JsonObject | None:
    return None if given is None else asdict(given)


def _class(one: ClassRates, other: ClassRanking) -> JsonObject:
    return {
        "class": one.name, "images": one.images, "said": one.said, "precision": _share(one.precision),
        "recall": _share(one.recall), "f1": _estimate(one.f1), "auc": _estimate(other.auc),
        "average_precision": _estimate(other.average_precision),
    }

"""What came of runs, as lists and comparisons have it: read once until a file changes."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import partial

from core.errors import ThawError
from core.files import JsonObject
from core.insight import comparison
from core.insight.comparison import Answers
from core.insight.metrics import Evaluation
from core.runs.folder import RunFolder, best
from core.runs.listing import Listed
from core.runs.seen import history_of, once, report_of

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Result:
    """What came of a run; what is not known, or cannot be read, is ``None``.

    Attributes:
        val_accuracy: The validation accuracy of its best epoch, 0 to 1.
        test: Its figures on the test photos.
        seconds: How long it took; not known before it has ended.
        learning: How many parameters learned.
        parameters: How many its model has.
    """

    val_accuracy: float | None = None
    test: Evaluation | None = None
    seconds: float | None = None
    learning: int | None = None
    parameters: int | None = None

    @property
    def share(self) -> float | None:
        """The share of the parameters that learned, 0 to 1."""
        if self.learning is None or self.parameters is None:
            return None
        return self.learning / self.parameters


def result_of(run: Listed) -> Result:
    """Return what came of a run; a damaged file of it says nothing."""
    report = _report(run.folder)
    learning, parameters = _parameters(report.get("parameters"))
    seconds = None if run.status.state.active else run.status.elapsed_s
    return Result(_val_accuracy(run.folder), _test(run.folder, report), seconds, learning, parameters)


def answers_of(run: Listed, test: Evaluation | None) -> Answers | None:
    """Return what a run said of each test photo; ``None`` where it is not known.

    Args:
        run: The run.
        test: Its figures. Answers that are not those of the figures are of another model: the run went
            on, or its best epoch took the place of the last.
    """
    if test is None:
        return None
    read = partial(comparison.answers, run.folder.path, run.plan.dataset)
    try:
        found = once(run.folder.path / comparison.FILE, read)
    except ThawError as error:
        _log.warning("the answers of run %s are passed over: %s", run.id, error)
        return None
    if found is None or (len(found.of), found.right) != (test.accuracy.images, test.accuracy.right):
        return None
    return found


def _report(folder: RunFolder) -> JsonObject:
    try:
        return report_of(folder) or {}
    except ThawError as error:
        _log.warning("the report of run %s is passed over: %s", folder.id, error)
        return {}


def _test(folder: RunFolder, report: JsonObject) -> Evaluation | None:
    given = report.get("test")
    if not given:
        return None
    try:
        return Evaluation.from_json(given)
    except ThawError as error:
        _log.warning("the test figures of run %s are passed over: %s", folder.id, error)
        return None


def _val_accuracy(folder: RunFolder) -> float | None:
    try:
        top = best(history_of(folder))
    except ThawError as error:
        _log.warning("the epochs of run %s are passed over: %s", folder.id, error)
        return None
    return None if top is None else top.val_accuracy


def _parameters(given: object) -> tuple[int, int] | tuple[None, None]:
    """Return how many learned and how many there are, as a report says; it is checked first."""
    if not isinstance(given, dict):
        return None, None
    learning, total = given.get("trainable"), given.get("total")
    if not isinstance(learning, int) or not isinstance(total, int):
        return None, None
    return (learning, total) if 0 <= learning <= total and total > 0 else (None, None)

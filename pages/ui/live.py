"""What changes on the page of a run that goes on, made once for all who watch it.

NOTE: not by fragments that run every second. A run of one takes the processor 10 ms or more, of the one
interpreter that the training has too: with 30 watchers the training of a head was half as fast. The page's
parts ask for this instead, which takes less than 2 ms.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from core.runs import wishes
from core.runs.folder import RunFolder
from core.runs.line import place_in, waiting
from core.runs.listing import Listed, listed
from core.runs.seen import batches_of, history_of
from core.runs.status import State
from core.training.events import BatchRow, EpochRow
from core.workspace import Workspace
from pages.ui.curves import Curves
from pages.ui.live_curves import Phase, curves_data
from pages.ui.run_figures import figures, validation_accuracy
from pages.ui.run_progress import RunFigures, progress_data
from pages.ui.run_strip import strip_data
from pages.ui.stage_map import curve_stages, learning_now, stage_now

ANYWAY_EVERY_S = 60.0
"""Seconds between two runs of a fragment that is drawn anew by what comes from here, where nothing comes."""
FRESH_S = 0.4
MOST_RUNS = 16
WINDOW_S = 2.0
LONGEST_AGAIN_S = 1.1
SHORTEST_WORDS_S = 2.0
_lock = threading.Lock()
_made: dict[str, Live] = {}


@dataclass(frozen=True)
class Live:
    """What is known of a run at a moment.

    Attributes:
        at: When it was made, in seconds of ``time.monotonic``.
        packed: A JSON object, gzipped: ``turn`` (see :func:`turn_of`), ``progress`` (see
            :func:`pages.ui.run_progress.progress_data`), ``curves`` (see
            :func:`pages.ui.live_curves.curves_data`; null before there is a point), ``strip`` (see
            :func:`pages.ui.run_strip.strip_data`), ``again_ms`` and
            ``words_ms`` (see :class:`Pace`).
    """

    at: float
    packed: bytes


class Pace:
    """How often the pages ask, by how many ask: the more, the less often, within what people notice."""

    def __init__(self) -> None:
        self._since = 0.0
        self._asked = 0
        self._watchers = 1.0

    def asked(self, now: float) -> None:
        """Count an asking page, at a moment in seconds; call it on one thread."""
        self._asked += 1
        if now - self._since >= WINDOW_S:
            if now - self._since < 2 * WINDOW_S:
                self._watchers = max(1.0, self._asked * self.again_s / (now - self._since))
            self._since, self._asked = now, 0

    @property
    def again_s(self) -> float:
        """Seconds until a page asks for live data again."""
        return min(LONGEST_AGAIN_S, 1.0 + 0.01 * self._watchers)

    @property
    def words_s(self) -> float:
        """Seconds until a page has its words drawn anew, which costs as much as ten askings."""
        return max(SHORTEST_WORDS_S, self._watchers)

    def to_json(self) -> dict[str, int]:
        """Return both in milliseconds."""
        return {"again_ms": round(1000 * self.again_s), "words_ms": round(1000 * self.words_s)}


pace = Pace()


def live_url(run_id: str) -> str:
    """Return the address under which a run's live data are asked for."""
    return f"/thaw/runs/{run_id}/live.json"


def fresh(run_id: str) -> Live | None:
    """Return what was made less than 0.4 s ago, ``None`` where nothing was."""
    made = _made.get(run_id)
    return made if made is not None and time.monotonic() - made.at < FRESH_S else None


def live(workspace: Workspace, run_id: str) -> Live | None:
    """Return what is known of a run now; ``None`` where it cannot be read or is gone.

    Args:
        workspace: Where the run is.
        run_id: The run.
    """
    with _lock:
        known = fresh(run_id)
        if known is not None:
            return known
        run = next((each for each in listed(workspace) if each.id == run_id), None)
        if run is None:
            return None
        at, queue = time.monotonic(), waiting(workspace)
        shown = shown_figures(run, queue)
        text = json.dumps({
            "turn": turn_of(run, queue), "progress": progress_data(shown), "curves": _curves_data(run),
            "strip": strip_data(run.title, shown, validation_accuracy(run)), **pace.to_json(),
        }, allow_nan=False, separators=(",", ":"))
        made = Live(at, gzip.compress(text.encode(), 1, mtime=0))
        if len(_made) >= MOST_RUNS:
            _made.clear()
        _made[run_id] = made
        return made


def shown_figures(run: Listed, queue: Sequence[str]) -> RunFigures:
    """Return what is known of a run, with the blocks that learn in the stage it is in.

    Args:
        run: The run.
        queue: The runs that wait.
    """
    return replace(figures(run, place_in(queue, run.id)), thawed_blocks=len(learning_now(run)))


def turn_of(run: Listed, queue: Sequence[str]) -> str:
    """Return what the rest of the page depends on: another text means that it has to be drawn anew.

    Args:
        run: The run.
        queue: The runs that wait.
    """
    status, wish = run.status, wishes.asked(run.folder)
    line = queue if status.state is State.QUEUED else ()
    seen = bool(batches_of(run.folder))
    text = repr((
        status.state, status.phase == "extracting", status.cache, status.error, wish, line, seen,
        stage_now(run),
    ))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def curves_of(folder: RunFolder) -> Curves | None:
    """Return a run's measurements as the charts take them; ``None`` before the first."""
    batches = batches_of(folder)
    return _curves(batches, history_of(folder)) if batches else None


def phases_of(run: Listed, series: Curves) -> list[Phase]:
    """Return the stages of a run that have begun, for its curves."""
    return curve_stages(run.plan, series.batch_epoch[-1] if series.batch_epoch else 0.0)


def _curves(batches: tuple[BatchRow, ...], history: tuple[EpochRow, ...]) -> Curves:
    return Curves(
        batch_epoch=[row.position for row in batches],
        batch_loss=[row.loss for row in batches],
        batch_accuracy=[row.accuracy for row in batches],
        epoch=[row.epoch for row in history],
        loss=[row.loss for row in history],
        accuracy=[row.accuracy for row in history],
        val_loss=[row.val_loss for row in history],
        val_accuracy=[row.val_accuracy for row in history],
    )


def _curves_data(run: Listed) -> dict[str, object] | None:
    series = curves_of(run.folder)
    if series is None:
        return None
    return curves_data(
        run.id, series, epochs=run.plan.recipe.epochs, phases=phases_of(run, series))

"""Searches for a learning rate in the background, one at a time, whose curves are remembered."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from core.data.dataset import Dataset
from core.errors import Busy, RunFailed, Stopped, ThawError
from core.i18n import _
from core.priority import step_back
from core.training.plan import Plan, Recipe
from core.training.rate_curve import RateCurve
from core.training.rate_finder import find_rate, swept
from core.turn import Turn
from core.workspace import Workspace

REMEMBERED = 16
_Found = TypeVar("_Found", RateCurve, ThawError)
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RateSearch:
    """How the search stands, and what is known of a plan.

    Attributes:
        active: The plan that is being searched for, whoever asked, or ``None``.
        share: How much of that is done, 0 to 1.
        words: What is being done.
        curve: The curve that was found for the plan asked about, or ``None``.
        error: Why the last search for that plan failed, or ``None``.
        mine: Whether what is being searched for is that plan.
    """

    active: Plan | None = None
    share: float = 0.0
    words: str = ""
    curve: RateCurve | None = None
    error: ThawError | None = None
    mine: bool = False


def what_matters(plan: Plan) -> Plan:
    """Return a plan without what a sweep does not depend on: plans with the same of this share a curve."""
    plan = swept(plan)
    usual, recipe = Recipe(), plan.recipe
    recipe = replace(
        recipe, learning_rate=usual.learning_rate, stage_epochs=usual.stage_epochs,
        head_rate=usual.head_rate, lr_factor=recipe.lr_factor if plan.trainable else usual.lr_factor,
        # NOTE: of the epochs only how many views of a photo they take turns with.
        epochs=recipe.different_views or usual.epochs,
        views=usual.views if recipe.augment == "none" else recipe.views,
    )
    return replace(plan, dataset_title="", history=(), cache=True, test_at_end=True, recipe=recipe)


class RateSearches:
    """Looks for learning rates on a thread of its own.

    NOTE: not while a training runs: both would be slow. Whoever starts a training cancels first, see
    :meth:`core.service.Service.submit`.

    Args:
        workspace: Where frozen activations are kept.
        turn: Waited for before each search: both it and what else takes it would be slow.
    """

    def __init__(self, workspace: Workspace, turn: Turn) -> None:
        self._workspace = workspace
        self._turn = turn
        self._lock = threading.Lock()
        self._now = RateSearch()
        self._curves: dict[Plan, RateCurve] = {}
        self._errors: dict[Plan, ThawError] = {}
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def ask(self, plan: Plan, dataset: Dataset, weights_file: Path | None = None) -> None:
        """Search for a plan's learning rate; asked again meanwhile, it goes on.

        Args:
            plan: A checked plan.
            dataset: What it is carried out on, already limited as the plan says.
            weights_file: The file that the plan's start names, where it names a file or a run.

        Raises:
            Busy: A search for another plan is going on.
        """
        key = what_matters(plan)
        with self._lock:
            if self._now.active is not None:
                if what_matters(self._now.active) == key:
                    return
                raise Busy(
                    _("A learning rate is being looked for already, with other settings."),
                    fix=_("Wait until that is done, or cancel it."),
                )
            self._errors.pop(key, None)
            self._now = RateSearch(active=plan)
            self._stop = threading.Event()
            self._thread = threading.Thread(
                target=self._work, args=(plan, dataset, weights_file, self._stop, self._thread),
                name="thaw-rate", daemon=True,
            )
            self._thread.start()

    def cancel(self, timeout_s: float = 5.0) -> None:
        """Stop searching; what the frozen part has made of photos stays."""
        with self._lock:
            self._stop.set()
            self._now = RateSearch()
            thread = self._thread
        if thread is not None:
            thread.join(timeout_s)

    def snapshot(self, plan: Plan) -> RateSearch:
        """Return how it stands, with what is known of a plan."""
        key = what_matters(plan)
        with self._lock:
            active = self._now.active
            return replace(
                self._now, curve=self._curves.get(key), error=self._errors.get(key),
                mine=active is not None and what_matters(active) == key,
            )

    def _work(
        self, plan: Plan, dataset: Dataset, weights_file: Path | None, stop: threading.Event,
        before: threading.Thread | None,
    ) -> None:
        if before is not None:
            before.join()  # cancelled, and about to leave
        step_back()
        found = self._found(plan, dataset, weights_file, stop)
        from core.training.release import return_memory

        return_memory()
        key = what_matters(plan)
        with self._lock:
            if stop.is_set():
                return
            if isinstance(found, RateCurve):
                _remember(self._curves, key, found)
            elif found is not None:
                _remember(self._errors, key, found)
            self._now = RateSearch()

    def _found(
        self, plan: Plan, dataset: Dataset, weights_file: Path | None, stop: threading.Event
    ) -> RateCurve | ThawError | None:
        """Return the curve, or why there is none; ``None`` where it was stopped."""

        def told(words: str, share: float) -> None:
            with self._lock:
                if not stop.is_set():
                    self._now = RateSearch(active=plan, share=share, words=words)

        try:
            with self._turn.taken(
                _("a search for a learning rate"), stop,
                lambda what: told(_("Waiting for {what} to end").format(what=what), 0.0),
            ):
                return find_rate(plan, dataset, self._workspace, told, stop, weights_file)
        except Stopped:
            return None
        except ThawError as error:
            _log.warning("no learning rate was found: %s", error)
            return error
        except Exception as error:  # noqa: BLE001 - the last stop of a thread: logged whole, shown as an error
            _log.exception("the search for a learning rate broke off")
            return RunFailed(
                _("The search for a learning rate broke off."), given=type(error).__name__,
                fix=_("The server's log tells more."),
            )


def _remember(known: dict[Plan, _Found], key: Plan, found: _Found) -> None:
    """Keep what was found last, and let go of what is the oldest."""
    known.pop(key, None)
    known[key] = found
    while len(known) > REMEMBERED:
        del known[next(iter(known))]

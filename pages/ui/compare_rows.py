"""The runs as the Compare page lists them: what each one is, and which are shown."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache

from core.backbones import catalogue
from core.i18n import _
from core.runs.listing import Listed
from core.runs.results import Result, result_of
from core.runs.status import State
from core.training.counts import what_learns
from core.training.plan import Plan
from core.training.presets import preset_in
from pages.ui.run_words import state_text

MOST_AT_ONCE = 6
NEWEST = 3


@dataclass(frozen=True)
class Row:
    """A run with what came of it.

    Attributes:
        run: The run.
        result: What came of it.
        setting: What learns, and by which recipe where it follows one; in words.
        backbone: The backbone in words.
    """

    run: Listed
    result: Result
    setting: str
    backbone: str

    @property
    def id(self) -> str:
        """The run's id."""
        return self.run.id

    @property
    def state(self) -> str:
        """How it stands, in a word or two."""
        return state_text(self.run.status.state)

    @property
    def of_experiment(self) -> bool:
        """Whether it belongs to an experiment."""
        return bool(self.run.experiment)

    @property
    def words(self) -> str:
        """All its words, for who searches; text from outside among them."""
        told = (self.run.title, self.setting, self.run.plan.dataset_title, self.backbone, self.state)
        return " ".join(told).casefold()


def rows_of(runs: Sequence[Listed]) -> list[Row]:
    """Return a row for each run, in their order."""
    return [
        Row(run, result_of(run), setting_text(run.plan), catalogue.get(run.plan.backbone).title)
        for run in runs
    ]


@lru_cache(maxsize=4096)
def setting_text(plan: Plan) -> str:
    """Say what learns, and by which recipe where a plan follows one to the letter."""
    preset = preset_in(plan)
    learns = what_learns(plan)
    return learns if preset is None else _("{learns} · {recipe}").format(learns=learns, recipe=preset.title)


def shown_of(rows: Sequence[Row], *, dataset: str, words: str, experiments: bool) -> list[Row]:
    """Return the rows that are listed.

    Args:
        rows: All of them.
        dataset: The id of the photos that they learned from; empty for any.
        words: What each has to hold, in any order.
        experiments: Whether the runs of experiments are among them.
    """
    wanted = words.casefold().split()
    return [
        row for row in rows
        if (not dataset or row.run.plan.dataset == dataset)
        and (experiments or not row.of_experiment)
        and all(word in row.words for word in wanted)
    ]


def usual(rows: Sequence[Row]) -> tuple[str, ...]:
    """Return the runs to begin with: the newest few that have finished, all on the same photos."""
    done = [row for row in rows if row.run.status.state is State.FINISHED]
    same = [row for row in done if row.run.plan.dataset == done[0].run.plan.dataset]
    return tuple(row.id for row in same[:NEWEST])


def chosen_of(rows: Sequence[Row], chosen: Collection[str]) -> list[Row]:
    """Return the chosen rows that are still there, in the order of the list."""
    return [row for row in rows if row.id in chosen]


def best_of(rows: Sequence[Row]) -> Row | None:
    """Return the row with the best validation accuracy; ``None`` where none is known."""
    known = [(row.result.val_accuracy, row) for row in rows if row.result.val_accuracy is not None]
    return max(known, key=lambda each: each[0])[1] if known else None

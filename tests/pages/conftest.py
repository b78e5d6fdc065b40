"""A visitor with a workspace of its own; no training is carried out, runs are written by hand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from page_view import BROWSER, HOSTILE, RunMaker, Visitor
from streamlit import config
from streamlit.components.v2.component_manager import BidiComponentManager
from streamlit.runtime.scriptrunner import script_runner

from core import service
from core.data import dataset as datasets
from core.data import previews
from core.data.dataset import Dataset
from core.insight.metrics import evaluate
from core.runs.folder import RunFolder
from core.runs.status import Failure, State
from core.service import Service
from core.training.events import BatchRow, EpochRow
from core.training.plan import Plan
from core.workspace import Workspace
from pages.ui import state

# Every visit begins on the start page; its pictures are made once for all tests.
pictures = cache(previews.preview)


@pytest.fixture
def visitor(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Iterator[Visitor]:
    # AppTest has no cookies: it answers st.context.cookies with a mock.
    monkeypatch.setattr(state, "browser_id", lambda: BROWSER)
    monkeypatch.setattr(previews, "preview", pictures)
    # As on the server: with TensorFlow loaded by an earlier test, clearing up after each run of a page
    # takes most of a second.
    config.set_option("runner.postScriptGC", False)
    monkeypatch.setattr(script_runner, "_clean_problem_modules", lambda: None)
    # Each AppTest would look through every installed package for components; ours are not packages.
    monkeypatch.setattr(
        BidiComponentManager, "discover_and_register_components", lambda *_given, **_named: None
    )
    made = Service(workspace)
    service.install(made)
    yield Visitor(workspace, made)
    service.install(None)
    made.close()


def epochs(count: int, **changes: Any) -> list[EpochRow]:
    """Return epochs that get better one by one."""
    return [
        replace(EpochRow(n, "fit", 1.0 / n, 0.5 + n / 100, 1.2 / n, 0.5 + n / 50, 1e-3, 2.0), **changes)
        for n in range(1, count + 1)
    ]


@pytest.fixture
def make_run(workspace: Workspace, dataset: Dataset) -> RunMaker:
    """Return a function that writes a run folder as a training would have left it."""

    def make(
        how: State = State.FINISHED, *, history: Sequence[EpochRow] | None = None, model: bool | None = None,
        error: Failure | None = None, test: bool = False, of: Dataset = dataset, plan: Plan | None = None,
        **status: Any,
    ) -> RunFolder:
        asked = plan or Plan(of.id, of.title, "efficientnet-lite0")
        folder = RunFolder.create(workspace, asked)
        rows = epochs(2) if history is None else list(history)
        if how is not State.QUEUED and rows:
            folder.write_history(rows)
            folder.append_batch(BatchRow(0.5, 1.0, 0.5))
        found = replace(folder.status(), state=how, started=folder.status().created, **status)
        folder.write_status(found if how.active else replace(found.ending(how, error=error), **status))
        usual = how.has_model and how is not State.FAILED
        if usual if model is None else model:
            folder.model.write_bytes(b"0" * 2_000_000)
        if usual:
            folder.write_report({"version": 1, "test": _figures(of) if test else None})
        return folder

    return make


def _figures(of: Dataset) -> dict[str, object]:
    """The test photos of a dataset, all said to be of the first class."""
    truth = [item.label for item in of.of_split("test")]
    return evaluate(truth, [0] * len(truth), of.classes, 0).to_json()


@pytest.fixture
def hostile(workspace: Workspace, dataset: Dataset) -> Dataset:
    """A dataset in which every name from outside tries to be more than text."""
    made = replace(
        dataset, title=HOSTILE, classes=(HOSTILE, HOSTILE + " too"),
        refused=(datasets.Refused(HOSTILE, "Not an image."),),
        duplicates=(datasets.Duplicate(HOSTILE, HOSTILE),),
        problems=(datasets.Problem("warning", HOSTILE, HOSTILE),),
    )
    datasets.save(made, made.folder)
    return datasets.load(made.folder)

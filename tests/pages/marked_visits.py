"""The pages in the states that show different texts, drawn one after another."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from faked_experiments import ended, faked
from page_view import BROWSER, Visitor
from streamlit.components.v2.component_manager import BidiComponentManager
from streamlit.testing.v1 import AppTest

from core import bin as bins
from core import service
from core.data import dataset as datasets
from core.data.dataset import Dataset
from core.data.intake import take_in
from core.errors import BadInput
from core.experiments import design
from core.folders import remove_whole
from core.insight.metrics import evaluate
from core.runs.about import About, write_about
from core.runs.folder import RunFolder
from core.runs.status import Failure, State
from core.service import Service
from core.training.events import BatchRow, CacheUse, EpochRow
from core.training.plan import Plan, Recipe
from core.workspace import Workspace
from pages.ui import state
from tests.conftest import make_photos

ROWS = [EpochRow(n, "fit", 1 / n, 0.5, 1 / n, 0.5 + n / 50, 1e-3, 2.0) for n in (1, 2)]
UNSURE = [replace(each, val_accuracy=None, val_loss=None) for each in ROWS]


def visits(folder: Path) -> Iterator[tuple[str, AppTest]]:
    workspace = Workspace.open(folder / "workspace")
    found = Service(workspace)
    service.install(found)
    BidiComponentManager.discover_and_register_components = _nothing  # type: ignore[assignment]
    state.browser_id = lambda: BROWSER  # type: ignore[assignment]
    visitor = Visitor(workspace, found)
    yield from _closed(visitor)
    dataset = take_in(make_photos(folder / "colours"), workspace)
    yield from _data(visitor, dataset)
    yield "model", visitor.open("model", dataset=dataset.id, dataset_title=dataset.title)
    yield from _train(visitor, dataset)
    yield from _runs(visitor, dataset)
    yield from _models(visitor, dataset)
    yield from _experiments(visitor, dataset)
    found.close()


def _nothing(*_given: object, **_named: object) -> None:
    """No installed package is searched for components: ours are not packages."""


def _closed(visitor: Visitor) -> Iterator[tuple[str, AppTest]]:
    for name in (
        "start", "data", "model", "train", "evaluate", "predict", "compare", "experiments", "workspace",
    ):
        yield f"{name}, first visit", visitor.open(name)
    at = visitor.open("data")
    at.button[0].click().run()
    yield "data, no path", at


def _data(visitor: Visitor, dataset: Dataset) -> Iterator[tuple[str, AppTest]]:
    yield "data, earlier ones", visitor.open("data")
    yield "data", visitor.open("data", dataset=dataset.id)
    left_out = replace(
        dataset, refused=(datasets.Refused("outside", "‹why›"),),
        duplicates=(datasets.Duplicate("outside", "outside"),),
        ignored=(datasets.Ignored("outside", "‹why›"),),
    )
    datasets.save(left_out, dataset.folder)
    yield "data, files left out", visitor.open("data")
    go_on = threading.Event()

    def fail(_progress: object) -> Dataset:
        go_on.wait(60)
        raise BadInput("‹what›", given="outside", fix="‹fix›")

    visitor.open("data", dataset="", job=visitor.service.jobs.submit("outside", fail))
    yield "data, an intake", visitor.open("data")
    go_on.set()
    visitor.wait_for_job()
    yield "data, a failed intake", visitor.open("data")


def _train(visitor: Visitor, dataset: Dataset) -> Iterator[tuple[str, AppTest]]:
    yield "train", visitor.open("train", dataset=dataset.id, dataset_title=dataset.title, job="")
    yield "train, advice and preview", visitor.open(
        "train", trainable=("top",), recipe=Recipe(augment="light")
    )
    yield "train, textbook way", visitor.open("train", cache=False)
    at = visitor.open("train", trainable=(), cache=True)
    next(each for each in at.button if "Start" in each.label).click().run()
    yield "train, queued", at


def _runs(visitor: Visitor, dataset: Dataset) -> Iterator[tuple[str, AppTest]]:
    working = {"epochs": 10, "epoch": 1, "step": 2, "steps": 4, "eta_s": 5000.0, "images_per_s": 1.0}
    first_look = {"phase": "extracting", "extracted": 2, "to_extract": 9, "images_per_s": 2.0}
    use = CacheUse("block6", 2, 3, 10**9, warning="‹why›", compared_s=500.0)
    cases: tuple[tuple[State, dict[str, object]], ...] = (
        (State.PREPARING, {"phase": "building"}), (State.PREPARING, first_look),
        (State.TRAINING, {**working, "phase": "training", "saved_s": 9.0, "cache": use}),
        (State.STOPPED, {"epoch": 1, "saved_s": 9.0, "cache": replace(use, compared_s=None)}),
        (State.STOPPED, {"cache": use}), (State.STOPPED, {"cache": CacheUse(None, reason="‹why›")}),
        (State.TRAINING, {"phase": "training", **working}),
        (State.STOPPED, {"epoch": 1}), (State.FAILED, {"error": Failure("‹what›", "outside", "‹fix›")}),
        (State.INTERRUPTED, {}), (State.PAUSED, {"epoch": 2}),
    )
    for number, (how, known) in enumerate(cases):
        run = _run(visitor, dataset, how, **known)
        yield f"train, {how.value}, {number}", visitor.open("train", run=run.id)
        if how in (State.PREPARING, State.TRAINING):
            yield f"start, strip, {number}", visitor.open("start")
        run.write_status(replace(run.status(), state=State.INTERRUPTED))


def _models(visitor: Visitor, dataset: Dataset) -> Iterator[tuple[str, AppTest]]:
    for how, rows in ((State.STOPPED, []), (State.STOPPED, UNSURE), (State.FINISHED, ROWS)):
        run = _run(visitor, dataset, how, rows=rows)
        run.model.write_bytes(b"0" * 2_000_000)
        yield f"train, {how.value}, {len(rows)} epochs", visitor.open("train", run=run.id)
    yield "evaluate, not measured", visitor.open("evaluate")
    run.write_report({"test": evaluate([0, 1], [0, 0], dataset.classes, 0).to_json()})
    yield "evaluate", visitor.open("evaluate")
    yield "compare", visitor.open("compare")
    yield "predict", visitor.open("predict")
    at = visitor.open("predict")
    at.toggle[0].set_value(True).run()
    yield "predict, camera", at
    yield "start, with a run", visitor.open("start")
    other = _run(visitor, dataset, State.INTERRUPTED)
    write_about(other, About(99, "outside", "f" * 32))
    yield "start, interrupted by another", visitor.open("start")
    bins.delete_run(visitor.workspace, run.id)
    yield "workspace", visitor.open("workspace")


def _experiments(visitor: Visitor, dataset: Dataset) -> Iterator[tuple[str, AppTest]]:
    workspace, plan = visitor.workspace, Plan(dataset.id, dataset.title, "efficientnet-lite0")
    yield "experiments, none yet", visitor.open("experiments")
    base = _run(visitor, dataset, State.FINISHED)
    ended(base, 0.9)
    names = ("efficientnet-lite0", "efficientnet-lite1")
    for made, in_full in (
        (design.data_size(plan, dataset, seeds=2), None), (design.blocks(plan, dataset), None),
        (design.seeds(plan, dataset, seeds=3), None), (design.controls(workspace, base.id), None),
        (design.backbones(plan, dataset, names=names), lambda _role: 0.8),
    ):
        found = faked(workspace, made, lambda planned: 0.5 + planned.seed % 3 / 10, in_full=in_full)
        yield f"experiments, {made.kind}", visitor.open("experiments")
        remove_whole(workspace.experiments / found.id)
    faked(workspace, made, lambda _planned: State.FAILED, by="f" * 32)
    yield "experiments, nothing came of it", visitor.open("experiments")
    faked(workspace, made, lambda _planned: State.QUEUED, by="f" * 32)
    yield "experiments, going on", visitor.open("experiments")


def _run(
    visitor: Visitor, dataset: Dataset, how: State, rows: list[EpochRow] = ROWS, **known: object
) -> RunFolder:
    plan = Plan(dataset.id, dataset.title, "efficientnet-lite0")
    run = RunFolder.create(visitor.workspace, plan)
    run.write_history(rows)
    run.append_batch(BatchRow(0.5, 1.0, 0.5))
    status = replace(run.status(), state=how, started=run.status().created, **known)  # type: ignore[arg-type]
    run.write_status(status)
    return run

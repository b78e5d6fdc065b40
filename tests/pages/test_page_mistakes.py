from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from page_view import PATIENCE_S, RunMaker, Visitor, calm, component, components, labels, page, press, words
from streamlit.testing.v1 import AppTest

from core.data import dataset as datasets
from core.data import marks
from core.data.dataset import Dataset
from core.data.intake import take_in
from core.data.marks import BAD, KEEP, WRONG, Mark, marks_of, set_mark
from core.insight.predictions import Predictions
from core.jobs import Progress
from core.runs.about import about_of
from core.runs.folder import RunFolder
from core.runs.status import State
from core.runs.studied import keep_predictions
from core.studies import asking, evaluating
from core.studies.asking import look_kind
from core.studies.target import Target
from core.workspace import Workspace
from pages.ui import evaluate_mistakes, mistake_cards
from tests.conftest import make_photos

TEST_PHOTOS = 6


@pytest.fixture
def dataset(workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Dataset:
    """40 photos in two classes, 6 of them for the test and 6 for validation; four fill a page."""
    monkeypatch.setattr(evaluate_mistakes, "A_PAGE", 4)
    return take_in(make_photos(tmp_path / "Colours", 20), workspace)


def say(run: RunFolder, dataset: Dataset, split: str = "test", wrong: int = 3) -> Predictions:
    """Let a run have said something of a split, wrongly of its first photos, less and less sure."""
    items = dataset.of_split(split)
    labels = np.asarray([item.label for item in items], dtype=np.int32)
    sure = np.linspace(0.99, 0.6, len(items), dtype=np.float32)
    of_truth = np.where(np.arange(len(items)) < wrong, 1 - sure, sure)
    chances = np.stack([of_truth, 1 - of_truth], axis=1)
    chances[labels == 1] = chances[labels == 1][:, ::-1]
    found = Predictions(dataset.classes, tuple(item.path for item in items), labels, chances)
    keep_predictions(run, f"own-{split}", found)
    return found


def looked_at(visitor: Visitor, split: str = "test") -> AppTest:
    at = visitor.open("evaluate")
    at.session_state["evaluate_view"] = "mistakes"
    at.session_state["mistakes-target"] = split
    return calm(at.run())


def drawn(at: AppTest, dataset: Dataset) -> dict[str, Any]:
    return component(at, f"mistake-cards-{dataset.id}")


def wait_for(visitor: Visitor, run: RunFolder, kind: str) -> None:
    for _each in range(PATIENCE_S * 100):
        now = asking.latest(visitor.service.studies, run.id, kind)
        if now is not None and now.state != asking.RUNNING:
            return
        time.sleep(0.01)
    raise AssertionError("the study did not end")


def test_the_hardest_photos_come_first_with_what_was_said_and_how_sure(
    visitor: Visitor, dataset: Dataset, make_run: RunMaker
) -> None:
    say(make_run(test=True), dataset)
    at = looked_at(visitor)
    shown = drawn(at, dataset)["photos"]
    items = dataset.of_split("test")
    assert [each["image"] for each in shown[:3]] == [item.path for item in items[:3]]
    truth, other = dataset.classes[items[0].label], dataset.classes[1 - items[0].label]
    assert shown[0]["label"] == f"said {other}, 99%, is {truth}"
    assert dataset.classes[shown[0]["instead"]] == other
    at_index = dataset.items.index(items[0])
    assert f"/thaw/datasets/{dataset.id}/thumb/{at_index}?" in shown[0]["thumb"]
    assert "**3** of 6 test photos are said to be of another class than their label" in words(at)
    assert len(shown) == 3
    at = calm(at.toggle(key="mistakes-only").set_value(False).run())
    assert "1–4 of 6 photos" in words(at)


def test_the_second_page_has_the_rest(visitor: Visitor, dataset: Dataset, make_run: RunMaker) -> None:
    run = make_run(test=True)
    found = say(run, dataset)
    at = looked_at(visitor)
    at.session_state["mistakes-only"] = False
    at.session_state[f"mistakes-page-{run.id}-own-test-False--1--1"] = 2
    at = calm(at.run())
    assert "5–6 of 6 photos" in words(at)
    photos = [each["image"] for each in drawn(at, dataset)["photos"]]
    hardest = sorted(range(TEST_PHOTOS), key=lambda place: -found.loss[place])
    assert photos == [found.images[place] for place in hardest[4:]]


def test_filters_leave_mistakes_one_label_and_one_answer(
    visitor: Visitor, dataset: Dataset, make_run: RunMaker
) -> None:
    found = say(make_run(test=True), dataset)
    at = looked_at(visitor)
    assert len(drawn(at, dataset)["photos"]) == 3
    truth = int(found.labels[0])
    label, said = [box for box in at.selectbox if box.label in ("Labelled", "Said")]
    at = calm(label.set_value(truth).run())
    alike = int((found.labels[:3] == truth).sum())
    assert len(drawn(at, dataset)["photos"]) == alike
    said = next(box for box in at.selectbox if box.label == "Said")
    at = calm(said.set_value(truth).run())
    assert components(at) == set()
    assert "There is no such photo." in words(at)


def test_a_whole_photo_says_how_likely_its_own_class_is_held() -> None:
    chances = np.asarray([0.5, 0.3, 0.15, 0.05], np.float32)
    assert evaluate_mistakes._told(chances, 3) == [0, 1, 2, 3]
    assert evaluate_mistakes._told(chances, 1) == [0, 1, 2]


def test_another_split_that_was_not_looked_at_offers_to_look(
    visitor: Visitor, dataset: Dataset, make_run: RunMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(test=True)
    say(run, dataset)
    at = looked_at(visitor, "validation")
    assert "Run 1 has to look at these 6 photos first." in words(at)
    asked: list[str] = []

    def looked(_workspace: object, folder: RunFolder, target: Any, progress: Any) -> None:
        progress("Looking at the photos", 0, 6)
        asked.append(target.split)
        say(folder, dataset, target.split)

    monkeypatch.setattr(evaluating, "looked", looked)
    press(at, "Look at the photos")
    wait_for(visitor, run, look_kind(Target("", "validation")))
    at = calm(at.run())
    assert asked == ["validation"]
    assert "**3** of 6 validation photos" in words(at)


def test_photos_that_are_no_test_photos_are_offered_first(
    visitor: Visitor, dataset: Dataset, make_run: RunMaker
) -> None:
    say(make_run(test=True), dataset, "validation")
    at = visitor.open("evaluate")
    at.session_state["evaluate_view"] = "mistakes"
    assert "6 validation photos are said to be of another class" in words(calm(at.run()))


def test_the_first_look_at_the_test_photos_is_a_measurement_with_progress_to_be_cancelled(
    visitor: Visitor, dataset: Dataset, make_run: RunMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run()
    go_on = threading.Event()

    def looked(_workspace: object, _folder: RunFolder, target: Target, progress: Progress) -> None:
        assert target == Target()
        while not go_on.wait(0.01):
            progress("Looking at the photos", 3, 6)

    monkeypatch.setattr(evaluating, "looked", looked)
    at = looked_at(visitor)
    assert "The test photos have not been looked at for Run 1 yet." in words(at)
    press(at, "Measure on the test photos")
    # Other views show the same look, and do not begin it again.
    at.session_state["evaluate_view"] = "heatmaps"
    assert "Cancel" in labels(calm(at.run()))
    at.session_state["evaluate_view"] = "result"
    press(calm(at.run()), "Cancel")
    wait_for(visitor, run, look_kind(Target()))
    go_on.set()
    assert [each.state for each in visitor.service.studies.snapshots()] == ["cancelled"]


def test_marks_that_are_there_are_shown_on_the_photos(
    visitor: Visitor, dataset: Dataset, make_run: RunMaker
) -> None:
    say(make_run(test=True), dataset)
    first, second, third = dataset.of_split("test")[:3]
    set_mark(dataset, first.path, Mark(WRONG, dataset.classes[1 - first.label]))
    set_mark(dataset, second.path, Mark(BAD))
    set_mark(dataset, third.path, Mark(KEEP))
    at = looked_at(visitor)
    assert drawn(at, dataset)["marks"] == {
        first.path: [WRONG, 1 - first.label], second.path: [BAD, -1], third.path: [KEEP, -1]}
    text = words(at)
    assert "1 wrong label · 1 bad photo · 1 to keep" in text
    assert "2 of them are test photos" in text
    assert "Only test photos are marked" in text
    assert "make the new accuracy look better than it is" in text


def test_marks_that_only_keep_offer_no_version(
    visitor: Visitor, dataset: Dataset, make_run: RunMaker
) -> None:
    say(make_run(test=True), dataset)
    set_mark(dataset, dataset.items[0].path, Mark(KEEP))
    at = looked_at(visitor)
    assert "1 to keep" in words(at)
    assert not [label for label in labels(at) if "version" in label]


def test_without_marks_nothing_is_offered(visitor: Visitor, dataset: Dataset, make_run: RunMaker) -> None:
    say(make_run(test=True), dataset)
    text = words(looked_at(visitor))
    assert "What you marked" not in text
    assert "nothing changes before you make a new version" in text


def test_what_is_marked_is_said_above_the_photos_with_a_way_to_what_follows(
    visitor: Visitor, dataset: Dataset, make_run: RunMaker
) -> None:
    say(make_run(test=True), dataset)
    set_mark(dataset, dataset.of_split("train")[0].path, Mark(BAD))
    at = looked_at(visitor)
    (place,) = (at.markdown.values.index(each) for each in at.markdown.values if "You marked 1 bad" in each)
    assert "(#what-you-marked)" in at.markdown.values[place]
    assert next(each for each in at.subheader if each.value == "What you marked").anchor == "what-you-marked"


def test_one_press_makes_the_version_and_puts_the_plan_in_line(
    visitor: Visitor, dataset: Dataset, make_run: RunMaker
) -> None:
    run = make_run(test=True)
    say(run, dataset)
    set_mark(dataset, dataset.of_split("train")[0].path, Mark(BAD))
    at = looked_at(visitor)
    assert "test photo, so" not in words(at)
    assert "Only test photos are marked" not in words(at)
    assert "better than it is" not in words(at)
    at = press(at, "Train again on the new version")
    wait_for(visitor, run, "retrain")
    if page(at) != "Train":  # it may have been quick enough for the page that the press has drawn
        at = calm(at.run())
    assert page(at) == "Train"
    again = RunFolder.open(visitor.workspace, visitor.draft.run)
    assert again.status().state is State.QUEUED
    assert about_of(again).name == "Run 1, version 2"
    version = datasets.load(visitor.workspace.dataset_dir(again.plan().dataset))
    assert len(version.items) == len(dataset.items) - 1
    assert again.plan().recipe == run.plan().recipe


def test_the_version_alone_is_made_once_and_can_be_looked_at(
    visitor: Visitor, dataset: Dataset, make_run: RunMaker
) -> None:
    run = make_run(test=True)
    say(run, dataset)
    set_mark(dataset, dataset.of_split("train")[0].path, Mark(BAD))
    press(looked_at(visitor), "Only make the version")
    wait_for(visitor, run, "version")
    at = looked_at(visitor)
    assert "These marks are in “Colours (version 2)”." in words(at)
    assert "Only make the version" not in labels(at)
    assert page(press(at, "See the version")) == "Data"
    assert visitor.draft.dataset_title == "Colours (version 2)"


def test_marks_that_leave_too_little_say_so(visitor: Visitor, dataset: Dataset, make_run: RunMaker) -> None:
    run = make_run(test=True)
    say(run, dataset)
    marks.keep_all(dataset.folder, {item.path: Mark(BAD) for item in dataset.of_split("validation")})
    press(looked_at(visitor), "Only make the version")
    wait_for(visitor, run, "version")
    at = looked_at(visitor)
    assert "With these marks too little would be left to train on" in words(at)
    assert "With these marks too little" not in words(press(at, "Close"))
    press(at, "Only make the version")
    wait_for(visitor, run, "version")
    assert "With these marks too little would be left to train on" in words(calm(at.run()))


def told(dataset: Dataset, *rows: object) -> dict[str, object]:
    return {"of": dataset.id, "marks": list(rows)}


def test_marks_that_a_browser_tells_are_kept_and_taken_away(dataset: Dataset) -> None:
    item = dataset.items[0]
    mistake_cards._keep(dataset, told(dataset, [item.path, [WRONG, 1 - item.label]]))
    assert marks_of(dataset.folder) == {item.path: Mark(WRONG, dataset.classes[1 - item.label])}
    mistake_cards._keep(dataset, told(dataset, [item.path, None], [dataset.items[1].path, [BAD, -1]]))
    assert marks_of(dataset.folder) == {dataset.items[1].path: Mark(BAD)}


@pytest.mark.parametrize(
    "row",
    [
        None, [], ["images/000000.png"], ["images/000000.png", "bad image"], ["../x", ["bad image", -1]],
        ["images/000000.png", ["wrong label", 99]], ["images/000000.png", ["wrong label", "1"]],
        ["images/000000.png", ["wrong label", -1]], ["images/000000.png", ["nonsense", -1]], [{}, [[], {}]],
    ],
)
def test_nonsense_from_a_browser_marks_nothing(dataset: Dataset, row: object) -> None:
    mistake_cards._keep(dataset, told(dataset, row))
    assert marks_of(dataset.folder) == {}


def test_marks_of_another_dataset_are_passed_over(dataset: Dataset) -> None:
    row = [dataset.items[0].path, [BAD, -1]]
    for given in ({"of": "another", "marks": [row]}, {"marks": [row]}, [row], None, {"of": dataset.id}):
        mistake_cards._keep(dataset, given)
    assert marks_of(dataset.folder) == {}


def test_names_from_outside_are_shown_as_they_are(
    visitor: Visitor, hostile: Dataset, make_run: RunMaker
) -> None:
    say(make_run(test=True, of=hostile), hostile)
    set_mark(hostile, hostile.of_split("train")[0].path, Mark(BAD))
    at = looked_at(visitor)
    assert all(each["said"][1][0].startswith("![pic]") for each in drawn(at, hostile)["photos"])
    assert "![pic](http:evil.test)" in words(at)

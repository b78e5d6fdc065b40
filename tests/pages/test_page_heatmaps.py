from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from page_view import (
    PATIENCE_S,
    RunMaker,
    Visitor,
    calm,
    html_texts,
    labels,
    markdown_texts,
    press,
    words,
)
from streamlit.testing.v1 import AppTest

from core.data.dataset import Dataset
from core.data.intake import take_in
from core.errors import BadInput
from core.insight.heatmap import SAID
from core.insight.predictions import Predictions
from core.jobs import Jobs
from core.runs.folder import RunFolder
from core.runs.listing import Listed
from core.runs.studied import keep_predictions
from core.studies import asking, evaluating
from core.workspace import Workspace
from pages.ui import evaluate_heatmaps
from pages.ui.heatmap_pictures import Explained, Unlearned
from tests.conftest import make_photos

PIXEL = b"\xff\xd8pixel"
TEST_PHOTOS = 9


class Looks:
    """Stands in for the real maps: says the first class of every photo, and notes what it was asked.

    While ``may_go_on`` is not set, no second map is drawn.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[tuple[str, str, int]] = []
        self.compared: list[int] = []
        self.fails: set[str] = set()
        self.may_go_on = threading.Event()
        self.may_go_on.set()
        self.own: dict[tuple[str, str, int], Explained] = {}
        self.others: dict[tuple[str, str, int], Unlearned] = {}
        for name in ("explained", "unlearned"):
            monkeypatch.setattr(evaluate_heatmaps, name, getattr(self, name))
        monkeypatch.setattr(evaluate_heatmaps, "kept_explained", lambda _run, *key: self.own.get(key))
        monkeypatch.setattr(evaluate_heatmaps, "kept_unlearned", lambda _run, *key: self.others.get(key))

    def explained(self, _run: Listed, source: Path, digest: str, block: str, wanted: int) -> Explained:
        if digest in self.fails:
            raise BadInput("This photo cannot be read.", given=source.name)
        if (digest, block, wanted) not in self.own:
            if self.asked:
                assert self.may_go_on.wait(PATIENCE_S)
            self.asked.append((digest, block, wanted))
            self.own[digest, block, wanted] = Explained(
                PIXEL, PIXEL, 0 if wanted == SAID else wanted, (0.9, 0.1), np.ones((2, 2), np.float32))
        return self.own[digest, block, wanted]

    def unlearned(
        self, _run: Listed, _source: Path, digest: str, block: str, own: Explained, between: Any
    ) -> Unlearned:
        between()
        self.compared.append(own.chosen)
        self.others[digest, block, own.chosen] = Unlearned(PIXEL, (0.1, 0.2))
        return self.others[digest, block, own.chosen]


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> Looks:
    return Looks(monkeypatch)


@pytest.fixture
def dataset(workspace: Workspace, tmp_path: Path) -> Dataset:
    """60 photos in two classes, 9 of them for the test."""
    return take_in(make_photos(tmp_path / "Colours", 30), workspace)


def say(run: RunFolder, dataset: Dataset) -> list[str]:
    """Let a run have said something of the test photos; return their digests, the hardest first."""
    items = dataset.of_split("test")
    assert len(items) >= evaluate_heatmaps.A_PAGE
    of_truth = np.linspace(0.95, 0.05, len(items), dtype=np.float32)
    truth = np.asarray([item.label for item in items], dtype=np.int32)
    chances = np.stack([np.where(truth == 0, of_truth, 1 - of_truth),
                        np.where(truth == 1, of_truth, 1 - of_truth)], axis=1)
    keep_predictions(run, "own-test", Predictions(
        dataset.classes, tuple(item.path for item in items), truth, chances))
    return [item.digest for item in reversed(items)]


def looked_at(visitor: Visitor) -> AppTest:
    at = visitor.open("evaluate")
    at.session_state["evaluate_view"] = "heatmaps"
    return calm(at.run())


def ended(jobs: Jobs) -> None:
    """Wait until all that goes on has ended."""
    for _each in range(PATIENCE_S * 100):
        if all(each.state != asking.RUNNING for each in jobs.snapshots()):
            return
        time.sleep(0.01)
    raise AssertionError("the work did not end")


def progress_texts(at: AppTest) -> list[str]:
    return [each.proto.text.replace("\\", "") for each in at.get("progress")]


def box(at: AppTest, label: str) -> Any:
    return next(each for each in at.selectbox if each.label == label)


def test_the_hardest_photos_come_first_each_beside_its_map_by_the_last_block(
    visitor: Visitor, dataset: Dataset, make_run: RunMaker, looks: Looks
) -> None:
    hardest = say(make_run(test=True), dataset)
    at = looked_at(visitor)
    assert looks.asked == [(each, "top", SAID) for each in hardest[:6]]
    pictures = [each for each in html_texts(at) if "<figure" in each]
    assert len(pictures) == 6
    assert all(each.count("<img") == 2 for each in pictures)
    assert "Said blue (90%)" in words(at)
    assert f"1 to 6 of {len(hardest)} photos" in words(at)
    assert "a map does not tell whether the answer is right" in words(at)


def test_order_block_and_class_are_chosen(
    visitor: Visitor, dataset: Dataset, make_run: RunMaker, looks: Looks
) -> None:
    hardest = say(make_run(test=True), dataset)
    at = looked_at(visitor)
    looks.asked.clear()
    box(at, "Order").set_value("easy")
    box(at, "Block").set_value("block3")
    box(at, "For which class").set_value(1)
    calm(at.run())
    assert looks.asked == [(each, "block3", 1) for each in hardest[::-1][:6]]
    assert "The map is for red (10%)." in words(at)
    looks.asked.clear()
    at = calm(box(at, "For which class").set_value(evaluate_heatmaps.IS).run())
    of = {item.digest: item.label for item in dataset.items}
    # Those for the second class have been drawn just now.
    assert looks.asked == [(each, "block3", 0) for each in hardest[::-1][:6] if of[each] == 0]
    assert len([each for each in html_texts(at) if "<figure" in each]) == 6


def test_the_next_photos_are_one_press_away_and_the_first_ones_too(
    visitor: Visitor, dataset: Dataset, make_run: RunMaker, looks: Looks
) -> None:
    hardest = say(make_run(test=True), dataset)
    at = looked_at(visitor)
    looks.asked.clear()
    at = press(at, "Next")
    assert [digest for digest, _block, _wanted in looks.asked] == hardest[6:]
    assert f"7 to {len(hardest)} of {len(hardest)} photos" in words(at)
    assert "1 to 6" in words(press(at, "Earlier"))


def test_the_sanity_check_compares_the_same_class_and_says_what_it_shows(
    visitor: Visitor, dataset: Dataset, make_run: RunMaker, looks: Looks
) -> None:
    say(make_run(test=True), dataset)
    at = looked_at(visitor)
    assert looks.compared == []
    at = calm(at.toggle(key="heatmap-random").set_value(True).run())
    assert looks.compared == [0] * 6
    assert all(each.count("<img") == 3 for each in html_texts(at) if "<figure" in each)
    assert "The maps change when the head has learned nothing" in words(at)
    assert "0.15 in the middle, from 0.10 to 0.20" in words(at)


def test_what_takes_longer_goes_on_beside_the_page_photo_by_photo_and_can_be_cancelled(
    visitor: Visitor, dataset: Dataset, make_run: RunMaker, looks: Looks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluate_heatmaps, "WAIT_S", 0.0)
    looks.may_go_on.clear()
    jobs = visitor.service.studies
    say(make_run(test=True), dataset)
    at = looked_at(visitor)
    (job,) = jobs.snapshots()
    while (now := jobs.snapshot(job.id)) is not None and not now.done:
        time.sleep(0.01)
    at = calm(at.run())
    assert len([each for each in html_texts(at) if "<figure" in each]) == 1
    assert "Finding where it looks: 1 of 6" in progress_texts(at)
    at = press(at, "Cancel")
    looks.may_go_on.set()
    ended(jobs)
    at = calm(at.run())
    assert len(looks.asked) == 2
    assert [each.id for each in jobs.snapshots()] == [job.id], "what was cancelled is not begun again"
    at = press(at, "Find where it looks")
    ended(jobs)
    at = calm(at.run())
    assert len(looks.asked) == 6
    assert "Find where it looks" not in labels(at)


def test_a_page_of_what_was_drawn_begins_nothing(
    visitor: Visitor, dataset: Dataset, make_run: RunMaker, looks: Looks
) -> None:
    say(make_run(test=True), dataset)
    at = looked_at(visitor)
    begun = len(visitor.service.studies.snapshots())
    calm(at.run())
    assert len(visitor.service.studies.snapshots()) == begun == 1


def test_a_photo_that_is_gone_is_said_in_its_place_and_the_others_are_shown(
    visitor: Visitor, dataset: Dataset, make_run: RunMaker, looks: Looks
) -> None:
    looks.fails.add(say(make_run(test=True), dataset)[1])
    at = looked_at(visitor)
    assert [r"This photo cannot be read\." in each.value for each in at.error] == [True]
    assert len([each for each in html_texts(at) if "<figure" in each]) == 5


def test_where_it_is_not_known_what_was_said_one_press_finds_out(
    visitor: Visitor, dataset: Dataset, make_run: RunMaker, looks: Looks, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run()
    monkeypatch.setattr(evaluating, "looked", lambda *_given: say(run, dataset))
    at = looked_at(visitor)
    assert "What Run 1 says of these photos is not known yet." in words(at)
    assert looks.asked == []
    press(at, "Look at the photos")
    ended(visitor.service.studies)
    calm(at.run())
    assert len(looks.asked) >= 6


def test_names_of_classes_are_text(
    visitor: Visitor, hostile: Dataset, make_run: RunMaker, looks: Looks
) -> None:
    say(make_run(of=hostile, test=True), hostile)
    at = visitor.open("evaluate", dataset=hostile.id)
    at.session_state["evaluate_view"] = "heatmaps"
    at = calm(at.run())
    assert "<img src=x" not in "".join(html_texts(at))
    assert [text for _field, text in markdown_texts(at) if "![" in text] == []
    assert labels(at)

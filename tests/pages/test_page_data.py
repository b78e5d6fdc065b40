from __future__ import annotations

import re
import shutil
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from page_view import (
    BROWSER,
    PATIENCE_S,
    RunMaker,
    Visitor,
    blocks,
    calm,
    chart,
    component,
    components,
    html_texts,
    labels,
    markdown_texts,
    page,
    press,
    words,
)

from core import drafts
from core.data import dataset as datasets
from core.data.dataset import Dataset
from core.data.marks import BAD, WRONG, Mark
from core.data.version import new_version
from core.drafts import Draft
from core.errors import BadInput, RunFailed
from core.workspace import Workspace

UNESCAPED = re.compile(r"(?<!\\)(!\[|<img|:red\[|\$x|\*\*b|`c)")


def expanders(at: object) -> list[str]:
    return [each.label for each in blocks(at) if each.type == "expander"]  # type: ignore[attr-defined,arg-type]


def test_without_photos_there_are_the_ways_in_and_nothing_else(visitor: Visitor) -> None:
    at = visitor.open("data")
    assert page(at) == "Data"
    assert components(at) == {"photos"}
    assert [tab.label for tab in at.tabs] == ["From this browser", "From a path", "Samples"]
    assert labels(at) == ["Take it in", "Use", "Use", "Use"]
    assert "218 MB" in words(at)


def test_a_path_is_taken_in_and_shown(visitor: Visitor, photos: Path) -> None:
    at = visitor.open("data")
    at.text_input[0].set_value(f' "{photos}" ')
    press(at, "Take it in")
    visitor.wait_for_job()
    calm(at.run())
    assert "Continue to Model" in labels(at)
    assert len(datasets.summaries(visitor.workspace)) == 1
    assert visitor.draft.job == ""


@pytest.mark.parametrize("given", ["", "   ", "~nobody-of-this-name/x"])
def test_what_is_no_path_is_said_in_place(visitor: Visitor, given: str) -> None:
    at = visitor.open("data")
    at.text_input[0].set_value(given)
    press(at, "Take it in")
    assert [each.value.split("**")[1] for each in at.error] == [r"This is not a path\."]
    assert "Use" in labels(at)


def test_a_path_that_does_not_exist_leaves_the_ways_in_open(visitor: Visitor, tmp_path: Path) -> None:
    at = visitor.open("data")
    at.text_input[0].set_value(str(tmp_path / "gone"))
    press(at, "Take it in")
    visitor.wait_for_job()
    calm(at.run())
    assert len(at.error) == 1
    assert "gone" in at.error[0].value
    assert "Take it in" in labels(at)


def test_a_failed_intake_says_what_with_what_and_what_to_do(visitor: Visitor) -> None:
    def fail(_progress: object) -> Dataset:
        raise BadInput("The zip is *broken*.", given="![x](http:evil).zip", fix="Pack it again.")

    job = visitor.service.jobs.submit("photos.zip", fail)
    at_first = visitor.open("data", job=job)
    visitor.wait_for_job()
    said = calm(at_first.run()).error[0].value
    assert r"The zip is \*broken\*\." in said
    assert r"\!\[x\]\(http\:evil\)\.zip" in said
    assert r"Pack it again\." in said
    assert components(at_first) == {"photos"}


def test_an_unforeseen_failure_of_an_intake_shows_no_trace(visitor: Visitor) -> None:
    def fail(_progress: object) -> Dataset:
        raise KeyError("/home/me/secret")

    job = visitor.service.jobs.submit("photos.zip", fail)
    at = visitor.open("data", job=job)
    visitor.wait_for_job()
    calm(at.run())
    assert len(at.error) == 1
    assert "secret" not in words(at)
    assert RunFailed.__name__ not in words(at)


def test_a_running_intake_shows_how_far_it_is_and_can_be_cancelled(visitor: Visitor) -> None:
    told, go_on = threading.Event(), threading.Event()

    def work(progress: datasets.Iterable[object]) -> Dataset:
        progress("checking", 1200, 5000)  # type: ignore[operator]
        told.set()
        assert go_on.wait(PATIENCE_S)
        progress("checking", 1201, 5000)  # type: ignore[operator]
        raise AssertionError("a cancelled job went on")

    job = visitor.service.jobs.submit("[x](y)", work)  # type: ignore[arg-type]
    assert told.wait(PATIENCE_S)
    at = visitor.open("data", job=job)
    assert "Checking images: 1,200 of 5,000" in words(at)
    assert r"**\[x\]\(y\)**" in [each.value for each in at.markdown]
    assert components(at) == set()
    press(at, "Cancel")
    go_on.set()
    visitor.wait_for_job()
    calm(at.run())
    assert "Nothing of it was kept" in words(at)
    assert "Take it in" in labels(at)


def test_a_job_that_is_forgotten_leaves_the_ways_in(visitor: Visitor) -> None:
    at = visitor.open("data", job="0123456789abcdef")
    assert "Take it in" in labels(at)
    assert not at.error


def test_a_dataset_is_shown_in_figures_by_class_and_in_pictures(visitor: Visitor, dataset: Dataset) -> None:
    at = visitor.open("data", dataset=dataset.id)
    assert "16 photos 2 classes 12 to learn from 2 to validate 2 to test, kept aside" in words(at)
    bars = chart(at, "class-counts")["data"]
    assert {bar["name"]: bar["x"] for bar in bars} == {
        "Training": [6, 6], "Validation": [1, 1], "Test": [1, 1],
    }
    pictures = "".join(html_texts(at)).count(f'src="/thaw/datasets/{dataset.id}/thumb/')
    assert pictures == len(dataset.items)
    assert dataset.problems[0].message in words(at)


def test_only_one_classes_examples_are_shown_on_request(visitor: Visitor, dataset: Dataset) -> None:
    at = visitor.open("data", dataset=dataset.id)
    at.button_group[0].set_value(1).run()
    shown = "".join(html_texts(calm(at)))
    assert shown.count("/thumb/") == sum(item.label == 1 for item in dataset.items)
    assert 'alt="blue"' not in shown


@pytest.mark.parametrize("classes", [("All", "other"), ("x" * 30 + " front", "x" * 30 + " back")])
def test_classes_whose_pills_read_the_same_are_told_apart(
    visitor: Visitor, dataset: Dataset, classes: tuple[str, str]
) -> None:
    datasets.save(replace(dataset, classes=classes), dataset.folder)
    at = visitor.open("data", dataset=dataset.id)
    for pill, seen in ((0, {classes[0]}), (1, {classes[1]}), (-1, set(classes))):
        at.button_group[0].set_value(pill).run()
        shown = "".join(html_texts(calm(at)))
        assert {name for name in classes if f'alt="{name}"' in shown} == seen


def test_shuffle_shows_the_examples_in_another_order(visitor: Visitor, dataset: Dataset) -> None:
    at = visitor.open("data", dataset=dataset.id)
    before = [each for each in html_texts(at) if "/thumb/" in each]
    after = [each for each in html_texts(press(at, "Shuffle")) if "/thumb/" in each]
    assert before != after


def test_continue_leads_to_model_and_the_short_way_to_train(visitor: Visitor, dataset: Dataset) -> None:
    assert page(press(visitor.open("data", dataset=dataset.id), "Continue to Model")) == "Model"
    assert page(press(visitor.open("data"), "Skip to Train")) == "Train"


def test_photos_that_cannot_be_trained_on_say_so_and_lead_nowhere(
    visitor: Visitor, dataset: Dataset
) -> None:
    bad = replace(dataset, problems=(datasets.Problem("error", "One class.", "Add another."),))
    datasets.save(bad, bad.folder)
    at = visitor.open("data", dataset=dataset.id)
    assert "One class. Add another." in words(at)
    assert "Continue to Model" not in labels(at)
    assert next(b.proto.expanded for b in blocks(at) if b.type == "expander" and "other" in b.label)


def test_what_was_left_out_is_listed_with_its_reason(visitor: Visitor, dataset: Dataset) -> None:
    made = replace(
        dataset,
        refused=(datasets.Refused("red/a.jpg", "The file is cut off."), datasets.Refused("b.jpg", "Empty.")),
        duplicates=(datasets.Duplicate("red/c.jpg", "red/d.jpg"),),
        ignored=(datasets.Ignored("Thumbs.db", "Not a photo."),),
    )
    datasets.save(made, made.folder)
    at = visitor.open("data", dataset=dataset.id)
    assert expanders(at)[:3] == [
        "Files that cannot be used (2)", "Exact duplicates that are left out (1)",
        "Files that were passed over (1)",
    ]
    assert [frame.value.to_numpy().tolist() for frame in at.dataframe] == [
        [["red/a.jpg", "The file is cut off."], ["b.jpg", "Empty."]],
        [["red/c.jpg", "red/d.jpg"]],
        [["Thumbs.db", "Not a photo."]],
    ]


def test_nothing_left_out_is_no_empty_list(visitor: Visitor, dataset: Dataset) -> None:
    at = visitor.open("data", dataset=dataset.id)
    assert expanders(at) == ["Choose other photos"]


def test_names_from_outside_are_text_in_every_element(visitor: Visitor, hostile: Dataset) -> None:
    at = visitor.open("data", dataset=hostile.id)
    assert [text for _field, text in markdown_texts(at) if UNESCAPED.search(text)] == []
    for piece in html_texts(at):
        assert "<img src=x" not in piece
        assert "<b>pic" not in piece
    assert any("&lt;img src=x onerror=alert(1)&gt;" in piece for piece in html_texts(at))
    for bar in chart(at, "class-counts")["data"]:
        assert all("<" not in name for name in bar["customdata"])


def test_an_earlier_dataset_can_be_used_again(visitor: Visitor, dataset: Dataset) -> None:
    at = visitor.open("data")
    assert at.tabs[3].label == "Earlier ones"
    assert "16 photos" in at.selectbox[0].options[0]
    press(at, "Use this one")
    assert visitor.draft.dataset == dataset.id
    assert "Continue to Model" in labels(at)


def test_of_two_earlier_datasets_with_the_same_title_the_chosen_one_is_used(
    visitor: Visitor, dataset: Dataset
) -> None:
    twin = dataset.folder.with_name(dataset.id + "-2")
    shutil.copytree(dataset.folder, twin)
    for each in (dataset.id, twin.name):
        at = visitor.open("data", dataset="")
        at.selectbox[0].set_value(each)
        press(at, "Use this one")
        assert visitor.draft.dataset == each


def test_a_chosen_dataset_that_is_gone_asks_for_photos_again(visitor: Visitor) -> None:
    at = visitor.open("data", dataset="20260101-000000-gone")
    assert "Take it in" in labels(at)


def test_the_drop_area_forgets_what_was_taken(visitor: Visitor, workspace: Workspace) -> None:
    at = visitor.open("data")
    assert component(at, "photos")["taken"] is None
    at.session_state["upload_taken"] = "an-upload"
    assert component(at.run(), "photos")["taken"] == "an-upload"


def test_the_journey_is_not_lost_by_choosing_other_photos(
    visitor: Visitor, dataset: Dataset, make_run: RunMaker
) -> None:
    run = make_run()
    at = visitor.open("data", dataset=dataset.id, run=run.id, trainable=("top",))
    press(at, "Shuffle")
    assert visitor.draft.run == run.id
    assert visitor.draft.trainable == ("top",)


def test_a_version_says_what_was_changed_and_that_the_old_one_stays(
    visitor: Visitor, dataset: Dataset
) -> None:
    bad, wrong = dataset.of_split("train")[:2]
    other = dataset.classes[1 - wrong.label]
    marked = {bad.path: Mark(BAD), wrong.path: Mark(WRONG, other)}
    made = new_version(visitor.workspace, dataset, marked)
    drafts.save(visitor.workspace, BROWSER, Draft(dataset=made.id, dataset_title=made.title))
    said = words(visitor.open("data"))
    assert f"Version 2 of “{dataset.title}”: 1 photo has another class, 1 was left out" in said

from __future__ import annotations

import threading

import pytest
from page_view import (
    BROWSER,
    PATIENCE_S,
    RunMaker,
    Visitor,
    calm,
    component,
    components,
    html_texts,
    labels,
    page,
    press,
    words,
)

from core import people
from core.data.dataset import Dataset
from core.data.samples import SAMPLES
from core.runs.status import State


def test_at_first_there_are_a_sample_ones_own_photos_and_another_sample(visitor: Visitor) -> None:
    at = visitor.open()
    assert labels(at) == ["Use the sample", "Choose photos", "Use the fabric"]
    assert f"{SAMPLES['digits'].images:,} scans" in words(at)
    assert f"{SAMPLES['textile'].images:,} pictures" in words(at)


def test_the_samples_are_shown_in_pictures_from_this_computer(visitor: Visitor) -> None:
    shown = "".join(html_texts(visitor.open()))
    assert shown.count('<img src="data:image/jpeg;base64,') == 8
    assert "http" not in shown


def test_a_sample_begins_at_once_and_leads_to_the_data_page(
    visitor: Visitor, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    go_on = threading.Event()

    def take_in(name: str, _workspace: object, _progress: object) -> Dataset:
        asked.append(name)
        assert go_on.wait(PATIENCE_S)
        return dataset

    monkeypatch.setattr("core.data.samples.take_in_sample", take_in)
    at = press(visitor.open(), "Use the sample")
    assert page(at) == "Data"
    assert labels(at) == ["Cancel"]
    go_on.set()
    visitor.wait_for_job()
    at.run()
    assert "Continue to Model" in labels(at)
    assert visitor.draft.dataset == dataset.id
    assert asked == ["digits"]


def test_ones_own_photos_lead_to_the_ways_in_and_the_present_ones_are_kept(
    visitor: Visitor, dataset: Dataset
) -> None:
    at = press(visitor.open(dataset=dataset.id), "Choose photos")
    assert page(at) == "Data"
    assert "photos" in components(at)
    assert visitor.draft.dataset == dataset.id
    assert "Photos by class" in words(press(at, "Stay with “colours”"))


def test_the_last_run_takes_the_second_samples_place(visitor: Visitor, make_run: RunMaker) -> None:
    make_run()
    newest = make_run(State.STOPPED)
    at = visitor.open()
    assert labels(at) == ["Use the sample", "Choose photos", "Open Run 2"]
    assert "Go back to your last run" in words(at)
    at = press(at, "Open Run 2")
    assert page(at) == "Train"
    assert visitor.draft.run == newest.id
    assert component(at, "progress")["state"] == "stopped"


def test_a_run_of_photos_with_a_hostile_title_is_shown_letter_by_letter(
    visitor: Visitor, make_run: RunMaker, hostile: Dataset
) -> None:
    make_run(of=hostile)
    said = next(each.value for each in visitor.open().markdown if "epochs planned" in each.value)
    assert r"\!\[pic\]\(http\:evil\.test\)" in said
    assert "![" not in said


def test_what_was_interrupted_is_offered_the_newest_first(visitor: Visitor, make_run: RunMaker) -> None:
    runs = [make_run(State.INTERRUPTED, epoch=3, epochs=10) for _each in range(4)]
    for run in runs:
        run.places.last.write_bytes(b"checkpoint")
    make_run(State.PAUSED)
    at = visitor.open("start")
    assert [each for each in labels(at) if each.startswith("Resume")] == [
        "Resume Run 4", "Resume Run 3", "Resume Run 2"]
    assert "**Run 4** was interrupted. 2 of 10 epochs have ended and are kept." in words(at)
    assert page(press(at, "Resume Run 3")) == "Train"
    assert runs[2].status().state is State.QUEUED
    assert visitor.draft.run == runs[2].id


def test_what_was_interrupted_and_left_is_not_offered_again_and_stays(
    visitor: Visitor, make_run: RunMaker
) -> None:
    run = make_run(State.INTERRUPTED)
    run.places.last.write_bytes(b"checkpoint")
    at = press(visitor.open("start"), "Leave it")
    assert run.status().state is State.STOPPED
    assert not [each for each in labels(at) if each.startswith("Resume")]
    assert "Resume" in labels(visitor.open("train", run=run.id)), "as the help of the button says"


def test_what_was_interrupted_and_has_nothing_to_go_on_from_is_not_offered(
    visitor: Visitor, make_run: RunMaker
) -> None:
    run = make_run(State.INTERRUPTED)
    assert labels(visitor.open("start"))[:-1] == ["Use the sample", "Choose photos"]
    run.places.last.write_bytes(b"checkpoint")
    assert labels(visitor.open("start"))[:2] == ["Resume Run 1", "Leave it"]


def test_a_name_is_typed_once_and_kept_for_this_browser(visitor: Visitor) -> None:
    at = visitor.open("start")
    calm(at.text_input(key="your_name_").set_value("Grace [x](y)").run())
    assert people.name_of(visitor.workspace, BROWSER) == "Grace [x](y)"
    assert visitor.open("start").text_input(key="your_name_Grace [x](y)").value == "Grace [x](y)"

from __future__ import annotations

import base64
import csv
import gc
import io
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import streamlit as st
from numpy.typing import NDArray
from page_view import (
    HOSTILE,
    PATIENCE_S,
    RunMaker,
    Visitor,
    calm,
    html_texts,
    labels,
    markdown_texts,
    page,
    press,
    words,
)
from PIL import Image
from streamlit.testing.v1 import AppTest

from core.data.dataset import Dataset
from core.data.gather import Gathered
from core.errors import BadInput
from core.insight import answering
from core.insight import predict as insight
from core.insight.predict import Loaded
from core.insight.predictions import Predictions
from core.jobs import Progress
from core.runs import studied
from core.runs.folder import RunFolder
from core.runs.status import State
from core.studies.embed import Embeddings
from core.studies.looks_like import Alike
from core.training.plan import Plan
from core.workspace import Workspace
from pages.ui import predict_answers, predict_detail, predict_pile, predict_table, predict_ways

CLASSES = ("blue", "<b>![red](x)</b>")


def picture(red: int = 50, form: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (60, 40), (red, 40, 40)).save(buffer, form)
    return buffer.getvalue()


class Oracle:
    """Stands in for a network: says "blue" with 75 %, or less the redder a photo is, and counts photos."""

    def __init__(self) -> None:
        self.asked = 0
        self.files: list[Path] = []

    def __call__(self, images: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        assert images.shape[1:] == (24, 24, 3)
        self.asked += len(images)
        blue = np.where(images[..., 0].mean(axis=(1, 2)) > 128, 0.25, 0.75).astype(np.float32)
        return [np.stack([blue, 1 - blue], axis=1)]


@pytest.fixture
def oracle(monkeypatch: pytest.MonkeyPatch) -> Iterator[Oracle]:
    made = Oracle()
    known: dict[Path, Loaded] = {}

    def loaded(path: Path) -> Loaded:
        made.files.append(path)
        return known.setdefault(path, Loaded(object(), CLASSES, 24))

    monkeypatch.setattr(insight, "loaded", loaded)
    monkeypatch.setattr(answering, "network", lambda _model: made)
    monkeypatch.setattr(answering, "let_go", lambda _network: None)
    yield made
    answering._kept.clear()


def give(at: AppTest, *photos: tuple[str, bytes]) -> AppTest:
    at.file_uploader[0].set_value([(name, content, "image/png") for name, content in photos])
    return calm(at.run(timeout=PATIENCE_S))


def bars(at: AppTest) -> list[str]:
    return [each for each in html_texts(at) if "thaw-bars" in each]


def table(at: AppTest) -> list[dict[str, Any]]:
    (frame,) = at.dataframe
    return list(frame.value.to_dict("records"))


@pytest.fixture
def saved(monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[dict[str, str]]]:
    """Return a function that returns the rows of the file which the page offered last."""
    offered: list[Callable[[], bytes]] = []

    def download_button(label: str, data: Callable[[], bytes], *given: Any, **named: Any) -> bool:
        offered.append(data)
        return real(label, data, *given, **named)

    real = st.download_button
    monkeypatch.setattr(st, "download_button", download_button)
    return lambda: list(csv.DictReader(io.StringIO(offered[-1]().decode("utf-8-sig"))))


def test_without_a_model_the_page_is_closed_with_one_way_to_open_it(visitor: Visitor) -> None:
    at = visitor.open("predict")
    assert labels(at) == ["Go to Data"]
    assert not at.file_uploader
    assert page(press(at, "Go to Data")) == "Data"


def test_the_page_leads_on_to_where_the_model_is_taken_away(visitor: Visitor, make_run: RunMaker) -> None:
    make_run()
    assert page(press(visitor.open("predict"), "Take the model away")) == "Take away"


def test_the_line_for_programs_names_this_run(visitor: Visitor, make_run: RunMaker) -> None:
    run = make_run()
    (line,) = [each.value for each in visitor.open("predict").code]
    assert f"/api/runs/{run.id}/predict?" in line
    assert re.match(r'curl -F file=@photo\.jpg "http://[a-z0-9.]+:\d+/api', line)


def test_one_photo_is_answered_with_bars_the_likeliest_first(
    visitor: Visitor, make_run: RunMaker, oracle: Oracle
) -> None:
    run = make_run()
    at = give(visitor.open("predict"), ("one.png", picture()))
    (shown,) = bars(at)
    assert shown.index("blue") < shown.index("red")
    assert "75.0%" in shown
    assert "width:75.0%" in shown
    assert not at.dataframe
    assert oracle.files == [run.model]
    pictures = [each for each in html_texts(at) if "thaw-thumbs" in each]
    assert "one.png" in pictures[0]
    content = re.search(r'base64,([^"]+)"', pictures[0])
    assert content is not None
    assert Image.open(io.BytesIO(base64.b64decode(content[1]))).format == "JPEG"


def test_several_photos_are_answered_in_a_table(
    visitor: Visitor, make_run: RunMaker, oracle: Oracle
) -> None:
    make_run()
    at = give(visitor.open("predict"), ("one.png", picture()), ("two.png", picture(250)))
    rows = table(at)
    assert [(row["file"], row["says"], row["sure"]) for row in rows] == [
        ("one.png", "blue", 75.0), ("two.png", CLASSES[1], 75.0)]
    assert [(row["second"], row["second_sure"]) for row in rows] == [(CLASSES[1], 25.0), ("blue", 25.0)]
    assert all(row["picture"].startswith("data:image/jpeg;base64,") for row in rows)
    assert len(bars(at)) == 1


def test_photos_come_on_top_of_each_other_until_they_are_removed(
    visitor: Visitor, make_run: RunMaker, oracle: Oracle
) -> None:
    make_run()
    at = give(visitor.open("predict"), ("one.png", picture()))
    at = give(at, ("two.png", picture()))
    assert [row["file"] for row in table(at)] == ["one.png", "two.png"]
    at = press(at, "Remove all")
    assert bars(at) == []
    assert not at.dataframe


def test_what_was_said_of_a_removed_photo_is_not_said_of_a_new_one(
    visitor: Visitor, make_run: RunMaker, oracle: Oracle, saved: Callable[[], list[dict[str, str]]]
) -> None:
    make_run()
    at = give(visitor.open("predict"), ("one.png", picture()), ("two.png", picture()))
    at = press(at, "Remove all")
    at = give(at, ("three.png", picture(250)), ("four.png", picture()))
    assert oracle.asked == 4
    assert [(row["file"], row["says"]) for row in table(at)] == [
        ("three.png", CLASSES[1]), ("four.png", "blue")]
    assert [row["says"] for row in saved()] == [CLASSES[1], "blue"]
    assert len(at.session_state["predict_said"].said) == 2


def test_a_photo_that_has_changed_in_its_folder_is_looked_at_anew(
    visitor: Visitor, make_run: RunMaker, oracle: Oracle, tmp_path: Path
) -> None:
    make_run()
    folder = tmp_path / "new"
    folder.mkdir()
    for name in ("one.png", "two.png"):
        (folder / name).write_bytes(picture())
    at = visitor.open("predict")
    for says in ("blue", CLASSES[1]):
        at.text_input[0].set_value(str(folder))
        at = wait(press(at, "Look at them"))
        assert [row["says"] for row in table(at)] == [says, "blue"]
        (folder / "one.png").write_bytes(picture(250))
    assert oracle.asked == 3


def test_what_the_browser_sent_is_not_kept_in_memory(
    visitor: Visitor, make_run: RunMaker, oracle: Oracle
) -> None:
    make_run()
    at = give(visitor.open("predict"), ("one.png", picture()))
    assert at.file_uploader[0].value in ([], None)
    (photo,) = at.session_state["predict_pile"].photos.values()
    assert photo.file.read_bytes() == picture()


def test_a_file_that_is_no_picture_is_named_and_the_others_are_answered(
    visitor: Visitor, make_run: RunMaker, oracle: Oracle
) -> None:
    make_run()
    at = give(visitor.open("predict"), ("bad.png", b"no picture"), ("two.png", picture()))
    assert [each.value.count(r"bad\.png") for each in at.error] == [1]
    bad, good = table(at)
    assert (bad["file"], bad["says"], good["says"]) == ("bad.png", "", "blue")
    assert "not an image" in bad["note"]
    assert len(bars(at)) == 1


def test_of_many_files_that_are_no_pictures_the_number_is_said(
    visitor: Visitor, make_run: RunMaker, oracle: Oracle
) -> None:
    make_run()
    at = give(visitor.open("predict"), *[(f"{n}.png", b"no picture") for n in range(5)])
    assert not at.error
    assert "5 files" in at.warning[0].value


def test_the_model_is_asked_once_for_the_same_photos(
    visitor: Visitor, make_run: RunMaker, oracle: Oracle
) -> None:
    make_run()
    at = give(visitor.open("predict"), ("one.png", picture()))
    calm(at.run())
    assert oracle.asked == 1
    assert give(at, ("two.png", picture())).dataframe
    assert oracle.asked == 2


def test_another_run_is_asked_anew(visitor: Visitor, make_run: RunMaker, oracle: Oracle) -> None:
    first, second = make_run(), make_run()
    second.model.write_bytes(b"another model")
    at = give(visitor.open("predict", run=first.id), ("one.png", picture()))
    at.selectbox(key="look_at").select(second.id)
    calm(at.run())
    assert oracle.asked == 2
    assert set(oracle.files) == {first.model, second.model}


def test_a_training_photo_of_one_run_is_none_of_a_run_on_another_dataset(
    visitor: Visitor, make_run: RunMaker, oracle: Oracle
) -> None:
    own, other = make_run(), make_run(plan=Plan("another", "another", "efficientnet-lite0"))
    at = wait(press(visitor.open("predict", run=own.id), "Look at these"))
    assert any(row["note"] for row in table(at))
    at.selectbox(key="look_at").select(other.id)
    assert "note" not in table(calm(at.run()))[0]


def test_names_of_files_and_classes_are_text(
    visitor: Visitor, make_run: RunMaker, oracle: Oracle
) -> None:
    make_run()
    at = give(visitor.open("predict"), ("<img src=x>.png", picture(250)), (HOSTILE, b"no picture"))
    shown = "".join(html_texts(at))
    assert "<b>![red]" not in shown
    assert "&lt;b&gt;![red](x)&lt;/b&gt;" in shown
    assert "<img src=x>" not in shown
    assert "&lt;img src=x&gt;.png" in shown
    assert [text for _field, text in markdown_texts(at) if "![" in text or "<b>" in text] == []


def test_a_model_that_cannot_be_read_is_said_in_place(
    visitor: Visitor, make_run: RunMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def damaged(_path: Path) -> Loaded:
        raise BadInput("The model file cannot be read.", fix="Train again.")

    make_run()
    monkeypatch.setattr(insight, "loaded", damaged)
    at = give(visitor.open("predict"), ("one.png", picture()))
    assert "The model file cannot be read" in at.error[0].value
    assert "Take the model away" in labels(at)


def test_the_camera_is_off_until_it_is_asked_for(
    visitor: Visitor, make_run: RunMaker, oracle: Oracle
) -> None:
    make_run(State.STOPPED)
    at = visitor.open("predict")
    assert not at.camera_input
    calm(at.toggle[0].set_value(True).run())
    assert len(at.camera_input) == 1
    at.camera_input[0].set_value(("shot.jpg", picture(form="JPEG"), "image/jpeg"))
    calm(at.run())
    assert len(bars(at)) == 1
    assert bars(press(at, "Remove all")) == []


def test_the_run_that_answers_is_named(visitor: Visitor, make_run: RunMaker) -> None:
    make_run(State.FAILED)
    make_run()
    assert "Show Run 2 photos that it has not seen." in words(visitor.open("predict"))


def test_a_folder_of_this_computer_is_looked_at_where_it_is(
    visitor: Visitor, make_run: RunMaker, oracle: Oracle, photos: Path
) -> None:
    make_run()
    at = visitor.open("predict")
    at.text_input[0].set_value(str(photos / "blue"))
    at = wait(press(at, "Look at them"))
    assert [row["file"] for row in table(at)] == [f"blue{n:03}.png" for n in range(8)]


@pytest.mark.parametrize("path", ["", "~no-such-user/x", "a\0b"])
def test_what_is_no_path_is_said(
    visitor: Visitor, make_run: RunMaker, oracle: Oracle, path: str
) -> None:
    make_run()
    at = visitor.open("predict")
    at.text_input[0].set_value(path)
    at = press(at, "Look at them")
    assert "This is not a path" in at.error[0].value
    assert not at.dataframe


def test_a_folder_that_is_not_there_is_said_until_there_is_another(
    visitor: Visitor, make_run: RunMaker, oracle: Oracle, photos: Path
) -> None:
    make_run()
    at = visitor.open("predict")
    at.text_input[0].set_value("/nowhere/at/all")
    at = wait(wait(press(at, "Look at them")))
    assert "The folder cannot be read" in at.error[0].value
    at.text_input[0].set_value(str(photos / "blue"))
    at = wait(press(at, "Look at them"))
    assert not at.error
    assert at.dataframe


def test_photos_of_a_dataset_carry_their_class_and_whether_the_run_learned_from_them(
    visitor: Visitor, make_run: RunMaker, oracle: Oracle, dataset: Dataset
) -> None:
    make_run()
    at = press(visitor.open("predict"), "Look at these")
    rows = table(wait(at))
    assert [row["is"] for row in rows] == [dataset.classes[item.label] for item in dataset.items]
    assert [bool(row["note"]) for row in rows] == [item.split == "train" for item in dataset.items]
    assert rows[3]["picture"] == f"/thaw/datasets/{dataset.id}/thumb/3?edge=96"


def test_more_photos_than_can_be_shown_are_left_out_and_counted(
    visitor: Visitor, make_run: RunMaker, oracle: Oracle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(predict_pile, "MOST", 5)
    make_run()
    at = wait(press(visitor.open("predict"), "Look at these"))
    assert len(table(at)) == 5
    assert "11 more were left out: 5 are looked at at once." in words(at)


def ended() -> None:
    """Wait until nothing is done in the background."""
    from core import service

    until = time.monotonic() + PATIENCE_S
    while any(each.state == "running" for each in service.current().studies.snapshots()):
        assert time.monotonic() < until, "the study did not end"
        time.sleep(0.01)


def wait(at: AppTest) -> AppTest:
    """Wait until nothing is done in the background, and draw the page anew."""
    ended()
    return calm(at.run())


@pytest.fixture
def in_background(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let more than two photos be many."""
    monkeypatch.setattr(predict_answers, "AT_ONCE", 2)


@pytest.mark.usefixtures("in_background")
def test_many_photos_are_looked_at_in_the_background(
    visitor: Visitor, make_run: RunMaker, oracle: Oracle
) -> None:
    make_run()
    at = give(visitor.open("predict"), *[(f"{n}.png", picture()) for n in range(40)])
    at = wait(at)
    assert [row["file"] for row in table(at)] == [f"{n}.png" for n in range(40)]
    assert oracle.asked == 40
    assert not any(each.startswith("Look at the other") for each in labels(at))


@pytest.mark.usefixtures("in_background")
def test_what_was_said_before_a_cancel_stays_and_the_rest_can_be_asked_for(
    visitor: Visitor, make_run: RunMaker, oracle: Oracle, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_run()
    first = Oracle.__call__

    def cancelled(self: Oracle, images: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        studies = visitor.service.studies
        studies.cancel(studies.snapshots()[-1].id)
        return first(self, images)

    monkeypatch.setattr(Oracle, "__call__", cancelled)
    at = wait(give(visitor.open("predict"), *[(f"{n}.png", picture()) for n in range(40)]))
    assert len(table(at)) == 16
    monkeypatch.setattr(Oracle, "__call__", first)
    at = wait(press(at, "Look at the other 24 photos"))
    assert len(table(at)) == 40
    assert oracle.asked == 40


@pytest.mark.usefixtures("in_background")
def test_what_goes_on_for_photos_that_are_removed_ends(
    visitor: Visitor, make_run: RunMaker, oracle: Oracle, monkeypatch: pytest.MonkeyPatch
) -> None:
    removed = threading.Event()
    first = Oracle.__call__

    def waiting(self: Oracle, images: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        assert removed.wait(PATIENCE_S)
        return first(self, images)

    monkeypatch.setattr(Oracle, "__call__", waiting)
    make_run()
    at = give(visitor.open("predict"), *[(f"{n}.png", picture()) for n in range(40)])
    at = press(at, "Remove all")
    removed.set()
    wait(at)
    assert [each.state for each in visitor.service.studies.snapshots()] == ["cancelled"]
    assert oracle.asked < 40


@pytest.mark.usefixtures("in_background")
@pytest.mark.parametrize("leave", ["another run", "a closed tab"])
def test_what_goes_on_for_a_run_or_a_tab_that_was_left_ends(
    visitor: Visitor, make_run: RunMaker, oracle: Oracle, monkeypatch: pytest.MonkeyPatch, leave: str
) -> None:
    left = threading.Event()
    first = Oracle.__call__

    def waiting(self: Oracle, images: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        assert left.wait(PATIENCE_S)
        return first(self, images)

    monkeypatch.setattr(Oracle, "__call__", waiting)
    run, other = make_run(), make_run()
    at = give(visitor.open("predict", run=run.id), *[(f"{n}.png", picture()) for n in range(40)])
    if leave == "another run":
        at.selectbox(key="look_at").select(other.id)
        at = calm(at.run())
    else:
        del at.session_state["predict_pile"]
    gc.collect()
    left.set()
    ended()
    states = [each.state for each in visitor.service.studies.snapshots()]
    assert states == (["cancelled", "done"] if leave == "another run" else ["cancelled"])


def test_a_folder_is_looked_through_in_the_background_and_that_can_be_cancelled(
    visitor: Visitor, make_run: RunMaker, oracle: Oracle, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cancelled = threading.Event()
    first = predict_ways.from_folder

    def slow(folder: Path, leave_out: Path, progress: Progress) -> Gathered:
        assert cancelled.wait(PATIENCE_S)
        return first(folder, leave_out, progress)

    monkeypatch.setattr(predict_ways, "from_folder", slow)
    make_run()
    at = visitor.open("predict")
    at.text_input[0].set_value(str(photos / "blue"))
    at = press(at, "Look at them")
    assert "Look at them" not in labels(at)
    at = press(at, "Cancel")
    cancelled.set()
    at = wait(at)
    assert not at.dataframe
    assert not at.error
    assert "Look at them" in labels(at)


def test_many_photos_from_outside_are_a_table_without_their_pictures(
    visitor: Visitor, make_run: RunMaker, oracle: Oracle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(predict_table, "MOST_PICTURES", 2)
    make_run()
    at = give(visitor.open("predict"), *[(f"{n}.png", picture()) for n in range(2)])
    assert all(row["picture"] for row in table(at))
    at = give(at, ("2.png", picture()))
    assert "picture" not in table(at)[0]
    assert "shows no pictures" in words(at)


def test_without_photos_a_damaged_model_leaves_the_page_with_its_way_to_another_run(
    visitor: Visitor, make_run: RunMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def damaged(_folder: RunFolder) -> str:
        raise BadInput("The model file cannot be read.")

    make_run()
    make_run()
    monkeypatch.setattr(predict_answers, "model_mark", damaged)
    at = visitor.open("predict")
    assert not at.error
    assert at.selectbox(key="look_at")
    assert "The model file cannot be read" in give(at, ("one.png", picture())).error[0].value


def test_under_the_threshold_no_class_is_named_not_in_the_file_either(
    visitor: Visitor, make_run: RunMaker, oracle: Oracle, saved: Callable[[], list[dict[str, str]]]
) -> None:
    make_run()
    at = give(visitor.open("predict"), ("one.png", picture()), ("two.png", picture()))
    assert "At 0 every photo gets a class" in words(at)
    calm(at.slider[0].set_value(0.8).run())
    for row in table(at):
        assert (row["says"], row["second"], row["sure"]) == ("not sure", "", 75.0)
    assert "Not sure. No class reaches 0.80." in words(at).replace("*", "")
    assert {(row["says"], row["second"]) for row in saved()} == {("not sure", "")}
    assert {row["note"] for row in saved()} == {"blue or <b>![red](x)</b>?"}
    assert "threshold=0.8\"" in at.code[0].value
    calm(at.slider[0].set_value(0.75).run())
    assert [row["says"] for row in table(at)] == ["blue", "blue"]


def test_the_file_holds_what_the_table_says_and_no_formula(
    visitor: Visitor, make_run: RunMaker, oracle: Oracle, saved: Callable[[], list[dict[str, str]]]
) -> None:
    make_run()
    names = ["=cmd|x.png", "+1.png", "-1.png", "@a.png", " =b.png", "a,b\"c.png"]
    give(visitor.open("predict"), *[(name, picture()) for name in names], ("bad.png", b"x"))
    rows = saved()
    assert [row["file"] for row in rows] == [
        "'=cmd|x.png", "'+1.png", "'-1.png", "'@a.png", "'=b.png", 'a,b"c.png', "bad.png"]
    assert rows[0]["says"] == "blue"
    assert float(rows[0]["how sure"]) == 0.75
    assert rows[0]["second"] == CLASSES[1]
    assert rows[-1]["how sure"] == ""
    assert "not an image" in rows[-1]["note"]


def keep_validation(run: RunFolder, dataset: Dataset, sure: Sequence[float]) -> None:
    """Keep what a model says of the validation photos: always the right class, more or less surely."""
    items = dataset.of_split("validation")
    labels = np.array([item.label for item in items], np.int32)
    chances = np.full((len(items), 2), 0.0, np.float32)
    for at, (label, probability) in enumerate(zip(labels, sure, strict=True)):
        chances[at, label], chances[at, 1 - label] = probability, 1 - probability
    studied.keep_predictions(run, "own-validation", Predictions(
        dataset.classes, tuple(item.path for item in items), labels, chances))


def test_a_threshold_says_what_it_means_on_the_validation_photos(
    visitor: Visitor, make_run: RunMaker, oracle: Oracle, dataset: Dataset
) -> None:
    run = make_run()
    keep_validation(run, dataset, [0.9, 0.6])
    at = give(visitor.open("predict"), ("one.png", picture()))
    calm(at.slider[0].set_value(0.8).run())
    assert ("At 0.80 it answers 50.0% of the 2 validation photos; of these 100.0% are right (95% interval "
            "20.7% to 100.0%).") in words(at)
    calm(at.slider[0].set_value(0.95).run())
    assert "At 0.95 it answers 0.0% of the 2 validation photos." in words(at)


def test_where_the_validation_photos_were_not_looked_at_one_button_does_it(
    visitor: Visitor, make_run: RunMaker, oracle: Oracle, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run()

    def measured(*_given: Any) -> None:
        keep_validation(run, dataset, [0.9, 0.6])

    monkeypatch.setattr("core.studies.predicting.predictions", measured)
    at = give(visitor.open("predict"), ("one.png", picture()))
    assert "Measure on the validation photos" not in labels(at)
    calm(at.slider[0].set_value(0.8).run())
    assert "has not been measured yet" in words(at)
    at = wait(press(at, "Measure on the validation photos"))
    assert "it answers 50.0%" in words(at)


def test_without_its_dataset_a_run_answers_and_says_what_is_not_available(
    visitor: Visitor, make_run: RunMaker, oracle: Oracle, dataset: Dataset, workspace: Workspace
) -> None:
    run = make_run()
    dataset.folder.rename(workspace.cache / "away")
    at = give(visitor.open("predict", run=run.id), ("one.png", picture()))
    calm(at.slider[0].set_value(0.5).run())
    assert len(bars(at)) == 1
    assert (
        "on validation photos is not available. The photos that this run learned from are not in this "
        "workspace." in words(at))


def test_calibrated_probabilities_are_offered_where_there_are_any(
    visitor: Visitor, make_run: RunMaker, oracle: Oracle
) -> None:
    run = make_run()
    at = give(visitor.open("predict"), ("one.png", picture()))
    assert "Calibrated probabilities" not in [each.label for each in at.toggle]
    studied.keep_record(
        run, "temperature", {"value": 2.0, "images": 9, "loss_before": 1.0, "loss_after": 0.9})
    calm(at.run())
    (switch,) = [each for each in at.toggle if each.label == "Calibrated probabilities"]
    assert "75.0%" in bars(at)[0]
    calm(switch.set_value(True).run())
    assert "63.4%" in bars(at)[0]
    assert oracle.asked == 1


def test_the_training_photos_it_looks_like_stand_beside_the_answer(
    visitor: Visitor, make_run: RunMaker, oracle: Oracle, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    def find(images: Sequence[NDArray[np.uint8]], k: int) -> list[list[Alike]]:
        assert images[0].shape == (24, 24, 3)
        return [[Alike(dataset.items[5], 5, "blue", 0.987), Alike(dataset.items[9], 9, CLASSES[1], 0.5)]]

    make_run()
    monkeypatch.setattr(predict_detail, "looks_like", lambda *_given: find)
    at = give(visitor.open("predict"), ("one.png", picture()))
    (shown,) = [each for each in html_texts(at) if f"{dataset.id}/thumb/" in each]
    assert shown.index("/thumb/5?") < shown.index("/thumb/9?")
    assert "<b>blue</b> · 0.99" in shown
    assert "&lt;b&gt;![red](x)&lt;/b&gt; · 0.50" in shown


def test_where_the_features_are_not_computed_one_button_computes_them(
    visitor: Visitor, make_run: RunMaker, oracle: Oracle, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def embeddings(_workspace: Workspace, _folder: RunFolder, when: str, _progress: Any) -> Embeddings:
        asked.append(when)
        return Embeddings((), np.empty((0, 1), np.float32), np.empty((0, 2), np.float32))

    make_run()
    monkeypatch.setattr(predict_detail, "embeddings", embeddings)
    at = give(visitor.open("predict"), ("one.png", picture()))
    wait(press(at, "Compute them"))
    assert asked == ["trained"]


def test_where_it_looks_is_shown_of_the_photo_as_it_was_sent(
    visitor: Visitor, make_run: RunMaker, oracle: Oracle, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[tuple[str, bytes]] = []
    monkeypatch.setattr(
        predict_detail, "heatmap_panel", lambda run, image, _key, _how: shown.append((run.id, image)))
    run = make_run()
    give(visitor.open("predict"), ("one.png", picture()))
    assert shown == [(run.id, picture())]

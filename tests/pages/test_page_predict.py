from __future__ import annotations

import base64
import io
import re
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from page_view import (
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
from starlette.routing import Route

from core.errors import BadInput
from core.insight import predict as insight
from core.insight.predict import Loaded
from core.runs.status import State
from pages.web.routes import routes


def picture(form: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (60, 40), (200, 40, 40)).save(buffer, form)
    return buffer.getvalue()


class Oracle:
    """Stands in for a Keras model: says "blue" with 75 %, and counts what it was asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.files: list[Path] = []

    def predict_on_batch(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        assert images.shape[1:] == (24, 24, 3)
        self.asked += len(images)
        return np.tile(np.array([0.75, 0.25], np.float32), (len(images), 1))


@pytest.fixture
def oracle(monkeypatch: pytest.MonkeyPatch) -> Oracle:
    made = Oracle()

    def loaded(path: Path) -> Loaded:
        made.files.append(path)
        return Loaded(made, ("blue", "<b>![red](x)</b>"), 24)

    monkeypatch.setattr(insight, "loaded", loaded)
    return made


def test_without_a_model_the_page_is_closed_with_one_way_to_open_it(visitor: Visitor) -> None:
    at = visitor.open("predict")
    assert labels(at) == ["Go to Data"]
    assert not at.file_uploader
    assert page(press(at, "Go to Data")) == "Data"


def test_the_model_can_be_taken_away(visitor: Visitor, make_run: RunMaker) -> None:
    run = make_run()
    at = visitor.open("predict")
    link = at.link_button[0]
    assert link.label == "Download model.keras (2 MB)"
    assert link.url == f"/thaw/runs/{run.id}/model.keras"
    served = [each for each in routes() if isinstance(each, Route) and "model.keras" in each.path]
    assert served[0].path_regex.match(link.url)


def test_the_code_shown_reads_a_model_in_plain_keras_and_compiles(
    visitor: Visitor, make_run: RunMaker
) -> None:
    make_run()
    code = visitor.open("predict").code[0].value
    compile(code, "usage", "exec")
    imported = re.findall(r"^(?:import|from) (.+?)(?: import.*| as .*)?$", code, re.M)
    assert imported == ["json, zipfile", "keras", "numpy", "PIL"]


def test_each_photo_is_answered_with_bars_the_likeliest_first(
    visitor: Visitor, make_run: RunMaker, oracle: Oracle
) -> None:
    run = make_run()
    at = visitor.open("predict")
    at.file_uploader[0].set_value([("one.png", picture(), "image/png"), ("two.png", picture(), "image/png")])
    calm(at.run(timeout=PATIENCE_S))
    bars = [each for each in html_texts(at) if "thaw-bars" in each]
    assert len(bars) == 2
    assert bars[0].index("blue") < bars[0].index("red")
    assert "75.0%" in bars[0]
    assert "width:75.0%" in bars[0]
    assert oracle.files == [run.model]
    pictures = [each for each in html_texts(at) if "thaw-thumbs" in each]
    assert "one.png" in pictures[0]
    content = re.search(r'base64,([^"]+)"', pictures[0])
    assert content is not None
    assert Image.open(io.BytesIO(base64.b64decode(content[1]))).format == "JPEG"


def test_a_file_that_is_no_picture_is_named_and_the_others_are_answered(
    visitor: Visitor, make_run: RunMaker, oracle: Oracle
) -> None:
    make_run()
    at = visitor.open("predict")
    given = [("bad.png", b"no picture", "image/png"), ("two.png", picture(), "image/png")]
    at.file_uploader[0].set_value(given)
    calm(at.run())
    assert [each.value.count(r"bad\.png") for each in at.error] == [1]
    assert len([each for each in html_texts(at) if "thaw-bars" in each]) == 1


def test_the_model_is_asked_once_for_the_same_photos(
    visitor: Visitor, make_run: RunMaker, oracle: Oracle
) -> None:
    make_run()
    at = visitor.open("predict")
    at.file_uploader[0].set_value([("one.png", picture(), "image/png")])
    calm(at.run().run())
    assert oracle.asked == 1


def test_names_of_files_and_classes_are_text(
    visitor: Visitor, make_run: RunMaker, oracle: Oracle
) -> None:
    make_run()
    at = visitor.open("predict")
    at.file_uploader[0].set_value([("<img src=x>.png", picture(), "image/png")])
    calm(at.run())
    shown = "".join(html_texts(at))
    assert "<b>![red]" not in shown
    assert "&lt;b&gt;![red](x)&lt;/b&gt;" in shown
    assert "<img src=x>" not in shown
    assert "&lt;img src=x&gt;.png" in shown
    assert [text for _field, text in markdown_texts(at) if "![" in text] == []


def test_a_model_that_cannot_be_read_is_said_in_place(
    visitor: Visitor, make_run: RunMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def damaged(_path: Path) -> Loaded:
        raise BadInput("The model file cannot be read.", fix="Train again.")

    make_run()
    monkeypatch.setattr(insight, "loaded", damaged)
    at = visitor.open("predict")
    at.file_uploader[0].set_value([("one.png", picture(), "image/png")])
    calm(at.run())
    assert "The model file cannot be read" in at.error[0].value
    assert at.link_button


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
    assert len([each for each in html_texts(at) if "thaw-bars" in each]) == 1


def test_the_run_that_answers_is_named(visitor: Visitor, make_run: RunMaker) -> None:
    make_run(State.FAILED)
    make_run()
    assert "Show Run 2 photos that it has not seen." in words(visitor.open("predict"))

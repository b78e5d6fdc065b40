from __future__ import annotations

import io
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from core.errors import BadInput, ThawError
from core.insight import predict as insight
from core.insight.predict import Answer, Loaded, loaded, predict, probabilities


class Model:
    """Stands in for a Keras model: the mean red is the chance of the first class."""

    def __init__(self) -> None:
        self.batches: list[int] = []

    def predict_on_batch(self, images: np.ndarray) -> np.ndarray:
        assert images.dtype == np.uint8
        self.batches.append(len(images))
        red = images[..., 0].mean(axis=(1, 2)).astype(np.float32) / 255
        return np.stack([red, (1 - red) * 0.75, (1 - red) * 0.25], axis=1)


@pytest.fixture
def model() -> Loaded:
    return Loaded(Model(), ("red", "green", "blue"), 16)


def photo(red: int) -> io.BytesIO:
    buffer = io.BytesIO()
    Image.new("RGB", (20, 30), (red, 0, 0)).save(buffer, "PNG")
    return io.BytesIO(buffer.getvalue())


def test_the_likeliest_classes_come_first(model: Loaded) -> None:
    assert predict(model, [photo(255)]) == [[Answer("red", 1.0), Answer("green", 0.0), Answer("blue", 0.0)]]
    first = predict(model, [photo(51)])[0]
    assert not isinstance(first, ThawError)
    assert [each.name for each in first] == ["green", "red", "blue"]
    assert [each.probability for each in first] == [
        pytest.approx(0.6), pytest.approx(0.2), pytest.approx(0.2),
    ]


def test_only_as_many_classes_as_asked_for_are_returned(model: Loaded) -> None:
    assert [len(each) for each in predict(model, [photo(0), photo(255)], top=2)] == [2, 2]  # type: ignore[arg-type]


def test_a_file_that_is_no_image_is_answered_with_its_error_and_the_others_in_place(
    model: Loaded, tmp_path: Path
) -> None:
    path = tmp_path / "red.png"
    path.write_bytes(photo(255).getvalue())
    answers = predict(model, [photo(0), io.BytesIO(b"no picture"), path, tmp_path / "none.png"], top=1)
    assert answers[0] == [Answer("green", 0.75)]
    assert isinstance(answers[1], BadInput)
    assert answers[2] == [Answer("red", 1.0)]
    assert isinstance(answers[3], BadInput)


def test_nothing_but_bad_files_never_asks_the_model(model: Loaded) -> None:
    assert isinstance(predict(model, [io.BytesIO(b"")])[0], BadInput)
    assert model.keras.batches == []
    assert predict(model, []) == []


def test_many_photos_are_asked_in_batches_and_answered_in_order(model: Loaded) -> None:
    images = [np.full((16, 16, 3), value, np.uint8) for value in range(70)]
    answers = probabilities(model, images)
    assert model.keras.batches == [32, 32, 6]
    np.testing.assert_allclose(answers[:, 0], np.arange(70) / 255, atol=1e-6)


def test_no_photo_is_an_answer_of_no_rows(model: Loaded) -> None:
    assert probabilities(model, []).shape == (0, 3)


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Model files whose loading is only counted."""
    from core.training import model as models

    read: list[str] = []

    class Shape:
        input_shape = (None, 24, 24, 3)

    def load_model(path: Path) -> tuple[Any, tuple[str, ...]]:
        if not path.exists():
            raise BadInput("The model file cannot be read.")
        read.append(path.stem)
        return Shape(), ("a", "b")

    monkeypatch.setattr(models, "load_model", load_model)
    insight._models.clear()
    yield read
    insight._models.clear()


def test_a_model_is_loaded_once_and_the_last_two_stay(tmp_path: Path, files: list[str]) -> None:
    paths = [tmp_path / f"{name}.keras" for name in "abc"]
    for path in paths:
        path.write_bytes(b"model")
    first = loaded(paths[0])
    assert first.size == 24
    assert loaded(paths[0]) is first
    loaded(paths[1])
    assert loaded(paths[0]) is first
    loaded(paths[2])
    assert loaded(paths[0]) is first
    assert files == ["a", "b", "c"]
    loaded(paths[1])
    assert files == ["a", "b", "c", "b"]


def test_a_loaded_model_is_there_while_another_is_being_loaded(
    tmp_path: Path, files: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from core.training import model as models

    begun, go_on = threading.Event(), threading.Event()
    first = models.load_model

    def slow(path: Path) -> Any:
        begun.set()
        assert go_on.wait(60)
        return first(path)

    one, other = tmp_path / "one.keras", tmp_path / "other.keras"
    for path in (one, other):
        path.write_bytes(b"model")
    loaded(one)
    monkeypatch.setattr(models, "load_model", slow)
    loading = [threading.Thread(target=loaded, args=(other,)) for _each in range(2)]
    for each in loading:
        each.start()
    assert begun.wait(60)
    asking = threading.Thread(target=loaded, args=(one,))
    asking.start()
    asking.join(60)
    assert not asking.is_alive()
    go_on.set()
    for each in loading:
        each.join()
    assert files == ["one", "other"]


def test_a_model_file_that_was_replaced_is_loaded_anew(tmp_path: Path, files: list[str]) -> None:
    import os

    path = tmp_path / "a.keras"
    path.write_bytes(b"model")
    os.utime(path, (1, 1))
    first = loaded(path)
    os.utime(path, (2, 2))
    assert loaded(path) is not first


def test_a_missing_model_is_bad_input_and_not_remembered(tmp_path: Path, files: list[str]) -> None:
    path = tmp_path / "a.keras"
    for _each in range(2):
        with pytest.raises(BadInput):
            loaded(path)
    path.write_bytes(b"model")
    assert loaded(path).classes == ("a", "b")


@pytest.mark.slow
def test_a_trained_model_tells_the_photos_apart_by_file_and_by_upload_alike(trained: Any) -> None:
    model = loaded(trained.run.model)
    assert (model.classes, model.size) == (("blue", "red"), 224)
    paths = [trained.photos / "blue" / "blue000.png", trained.photos / "red" / "red000.png"]
    answers = predict(model, paths)
    uploads = predict(model, [io.BytesIO(path.read_bytes()) for path in paths])
    assert answers == uploads
    for found in answers:
        assert not isinstance(found, ThawError)
        assert sum(each.probability for each in found) == pytest.approx(1, abs=1e-5)

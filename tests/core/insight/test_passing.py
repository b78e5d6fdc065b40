from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from core.errors import BadInput, Stopped
from core.insight.passing import BATCH, Images, answers, passed

COUNT = 2 * BATCH + 3


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    made = [tmp_path / f"{at:03}.png" for at in range(COUNT)]
    for at, path in enumerate(made):
        Image.new("RGB", (8, 8), (at, at, at)).save(path)
    return made


def means(images: Images) -> list[np.ndarray]:
    return [images.mean(axis=(1, 2, 3)), images[:, 0, 0]]


def test_every_photo_passes_once_and_in_order(files: list[Path]) -> None:
    average, corner = passed(means, files, 4)
    assert average.tolist() == list(range(COUNT))
    assert corner.shape == (COUNT, 3)


def test_progress_goes_from_none_to_all(files: list[Path]) -> None:
    told: list[tuple[str, int, int | None]] = []
    passed(means, files, 4, lambda *each: told.append(each), "Looking")
    assert told == [("Looking", done, COUNT) for done in (0, BATCH, 2 * BATCH, COUNT)]


def test_a_change_sees_every_photo_with_its_number(files: list[Path]) -> None:
    def brighter(image: Images, at: int) -> Images:
        return image + np.uint8(at)

    average, _corner = passed(means, files, 4, change=brighter)
    assert average.tolist() == [2 * at for at in range(COUNT)]


def test_a_stop_between_two_batches_goes_through(files: list[Path]) -> None:
    seen: list[int] = []

    def network(images: Images) -> list[np.ndarray]:
        seen.append(len(images))
        return means(images)

    def progress(_phase: str, done: int, _total: int | None) -> None:
        if done:
            raise Stopped("It was cancelled.")

    with pytest.raises(Stopped):
        passed(network, files, 4, progress)
    assert seen == [BATCH]


def test_a_photo_that_is_gone_is_named(files: list[Path]) -> None:
    files[-1].unlink()
    with pytest.raises(BadInput, match=files[-1].name):
        passed(means, files, 4)


@pytest.mark.parametrize("worst", [0.5, np.nan, np.inf])
def test_what_a_model_answers_has_to_be_numbers(
    files: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, worst: float
) -> None:
    def predict_on_batch(images: Images) -> np.ndarray:
        corner = images[:, 0, 0, 0]
        return np.where(corner[:, np.newaxis] == COUNT - 1, worst, [[0.25, 0.75]])

    model = SimpleNamespace(keras=SimpleNamespace(predict_on_batch=predict_on_batch), size=4)
    monkeypatch.setattr("core.insight.predict.loaded", lambda _path: model)
    if np.isfinite(worst):
        found = answers(tmp_path / "model.keras", files)
        assert found.tolist() == [[0.25, 0.75]] * (COUNT - 1) + [[0.5, 0.5]]
    else:
        with pytest.raises(BadInput, match="finite numbers"):
            answers(tmp_path / "model.keras", files)

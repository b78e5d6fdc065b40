from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.errors import BadInput, Stopped
from core.export.formats import FORMATS
from core.export.verify import MADE_UP, TIMED, Chances, Images, Seen, Verified, verify

KERAS = FORMATS["litert"]
IMAGES = np.arange(20 * 12, dtype=np.uint8).reshape(20, 2, 2, 3)
LABELS = np.asarray([0] * 15 + [1] * 5, np.int32)
Ask = Callable[[Images], Chances]


def saying(*rows: tuple[float, float]) -> Ask:
    """Return a model that says these of the first images, told apart by their first pixel, then the last."""
    def ask(images: Images) -> Chances:
        places = [int(each[0, 0, 0]) // 12 for each in images]
        return np.asarray([rows[min(place, len(rows) - 1)] for place in places], np.float32)

    return ask


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "model.tflite"
    path.write_bytes(b"0" * 1234)
    return path


def compared(file: Path, ask: Ask, keras: Ask, seen: Seen | None = None) -> Verified:
    return verify(KERAS, ask, keras, seen or Seen(IMAGES, "test", LABELS), file)


def test_the_same_answers_agree_and_count_who_is_right(file: Path) -> None:
    found = compared(file, saying((0.75, 0.25)), saying((0.75, 0.25)))
    assert found.agrees
    assert (found.split, found.images, found.same, found.difference) == ("test", 20, 20, 0.0)
    assert (found.right, found.keras_right) == (15, 15)
    assert found.bytes == 1234


def test_one_photo_that_gets_another_class_is_seen_and_too_much_of_a_difference(file: Path) -> None:
    found = compared(file, saying((0.25, 0.75), (0.75, 0.25)), saying((0.75, 0.25)))
    assert (found.same, found.right, found.keras_right) == (19, 14, 15)
    assert found.difference == pytest.approx(0.5)
    assert not found.agrees


def test_what_is_no_number_is_as_far_off_as_can_be(file: Path) -> None:
    found = compared(file, saying((float("nan"), float("nan"))), saying((0.75, 0.25)))
    assert found.difference == 1.0
    assert not found.agrees


def test_where_nothing_is_known_of_the_pictures_nothing_is_right_or_wrong(file: Path) -> None:
    found = compared(file, saying((1, 0)), saying((1, 0)), Seen(IMAGES, "made-up", None))
    assert (found.right, found.keras_right) == (None, None)


def test_on_noise_a_form_never_agrees_but_may_differ(file: Path) -> None:
    noise = Seen(IMAGES, MADE_UP, None)
    assert compared(file, saying((1, 0)), saying((1, 0)), noise).agrees is None
    assert compared(file, saying((float("nan"), 0)), saying((1, 0)), noise).agrees is False


def test_both_are_timed_in_turns_one_photo_by_itself(file: Path) -> None:
    asked: list[tuple[str, int]] = []

    def noting(name: str) -> Ask:
        def ask(images: Images) -> Chances:
            asked.append((name, len(images)))
            return np.ones((len(images), 2), np.float32)

        return ask

    compared(file, noting("one"), noting("other"))
    single = [name for name, images in asked if images == 1]
    assert len(single) >= 2 * TIMED
    assert single == ["one", "other"] * (len(single) // 2)


def test_a_comparison_can_be_left(file: Path) -> None:
    def leave(_phase: str, _done: int, _total: int | None) -> None:
        raise Stopped("It was cancelled.")

    with pytest.raises(Stopped):
        verify(KERAS, saying((1, 0)), saying((1, 0)), Seen(IMAGES, "test", None), file, leave)


def test_a_folder_is_as_large_as_its_files(tmp_path: Path) -> None:
    (tmp_path / "made" / "inside").mkdir(parents=True)
    (tmp_path / "made" / "one").write_bytes(b"12345")
    (tmp_path / "made" / "inside" / "two").write_bytes(b"123")
    assert compared(tmp_path / "made", saying((1, 0)), saying((1, 0))).bytes == 8


KNOWN = Verified("test", 20, 19, 0.5, 14, 15, 0.01, 0.02, 1234, False)


def test_what_was_found_is_read_back() -> None:
    assert Verified.from_json(KNOWN.to_json()) == KNOWN
    unknown = replace(KNOWN, right=None, keras_right=None, agrees=None)
    assert Verified.from_json(unknown.to_json()) == unknown


@pytest.mark.parametrize("change", [
    {"same": 21}, {"images": 0}, {"difference": float("nan")}, {"bytes": "large"}, {"other": 1},
    {"right": -1}, {"agrees": "yes"},
])
def test_what_cannot_be_is_not_read(change: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        Verified.from_json({**KNOWN.to_json(), **change})
